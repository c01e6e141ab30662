"""What the dialect writes, read by the engines themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlflow.dialect.names import fold, literal, quote, same_name
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.specs import DUCKDB, POSTGRES
from tests.servers import PostgresServer


class Engine(Protocol):
    spec: DialectSpec

    def rows(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]: ...


class DuckDBEngine:
    spec = DUCKDB

    def __init__(self) -> None:
        import duckdb

        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def rows(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        result = self.connection.execute(sql)
        return [column[0] for column in result.description or ()], result.fetchall()


class PostgresEngine:
    spec = POSTGRES

    def __init__(self, server: PostgresServer) -> None:
        import psycopg

        self.connection = psycopg.connect(autocommit=True, **server.settings("postgres"))
        self.connection.execute("SET TimeZone = 'UTC'")

    def rows(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        cursor = self.connection.execute(sql.encode())
        return [
            column.name for column in cursor.description or ()
        ], cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = (
        DuckDBEngine() if request.param == "duckdb" else PostgresEngine(request.getfixturevalue("postgres"))
    )
    yield made
    made.connection.close()


on_engine = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60)
tricky = st.text("'\"\\;-/*$%?\n\r\t ab{}", max_size=40)


@on_engine
@given(text=texts | tricky)
def test_any_text_comes_back_from_its_literal(engine: Engine, text: str) -> None:
    assert engine.rows(f"SELECT {literal(engine.spec, text)}")[1] == [(text,)]


@on_engine
@given(name=(texts | tricky).filter(lambda name: 0 < len(name.encode()) <= 63))
def test_any_name_comes_back_from_its_identifier(engine: Engine, name: str) -> None:
    assert engine.rows(f"SELECT 1 AS {quote(engine.spec, name)}")[0] == [name]


@on_engine
@given(value=st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, width=64) | st.booleans())
def test_any_number_comes_back_from_its_literal(engine: Engine, value: float) -> None:
    (found,) = engine.rows(f"SELECT {literal(engine.spec, value)}")[1][0]
    assert isinstance(found, bool) == isinstance(value, bool)
    assert (float(found) if isinstance(value, float) else int(found)) == value


@on_engine
@given(
    value=st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**20), max_value=10**20)
)
def test_any_decimal_comes_back_from_its_literal(engine: Engine, value: Decimal) -> None:
    assert engine.rows(f"SELECT {literal(engine.spec, value)}")[1] == [(value,)]


@on_engine
@given(value=st.dates() | st.datetimes() | st.datetimes(timezones=st.just(UTC)))
def test_any_time_comes_back_from_its_literal(engine: Engine, value: date | datetime) -> None:
    (found,) = engine.rows(f"SELECT {literal(engine.spec, value)}")[1][0]
    assert type(found) is type(value)
    assert found == value


def test_not_a_number_comes_back(engine: Engine) -> None:
    (found,) = engine.rows(f"SELECT {literal(engine.spec, float('nan'))}")[1][0]
    assert found != found


@pytest.mark.parametrize("written", ["plain", "Mixed", "mIXED"])
def test_folding_is_the_engines(engine: Engine, written: str) -> None:
    spec = engine.spec
    (stored,) = engine.rows(f"SELECT 1 AS {written}")[0]
    assert stored == fold(spec, written)
    source = f"(SELECT 1 AS {quote(spec, 'mixed')}) AS q"
    if same_name(spec, fold(spec, written), "mixed"):
        assert engine.rows(f"SELECT {written} FROM {source}")[1] == [(1,)]
    else:
        with pytest.raises(Exception, match=f"(?i){written}"):
            engine.rows(f"SELECT {written} FROM {source}")
