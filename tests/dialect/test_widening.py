"""Which types hold the values of which others, and that the engines agree."""

from __future__ import annotations

import duckdb
import pytest

from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.specs import DUCKDB, POSTGRES
from sqlflow.dialect.widening import holds
from tests.servers import PostgresServer

WIDER = {
    "duckdb": [
        ("TINYINT", "HUGEINT"), ("INTEGER", "BIGINT"), ("UTINYINT", "UBIGINT"), ("FLOAT", "DOUBLE"),
        ("DATE", "TIMESTAMP"), ("DECIMAL(5,2)", "DECIMAL(7,2)"), ("DECIMAL(5,2)", "DECIMAL(8,4)"),
    ],
    "postgres": [
        ("smallint", "bigint"), ("integer", "numeric"), ("real", "double precision"),
        ("date", "timestamp without time zone"), ("numeric(5,2)", "numeric"),
        ("character varying(3)", "character varying(5)"), ("character varying(3)", "character varying"),
        ("character varying(3)", "text"),
    ],
}  # fmt: skip
NEITHER = [
    (DUCKDB, "BIGINT", "DOUBLE"),
    (DUCKDB, "INTEGER", "VARCHAR"),
    (DUCKDB, "DECIMAL(5,2)", "DECIMAL(5,3)"),
    (DUCKDB, "DATE", "TIMESTAMP WITH TIME ZONE"),
    (DUCKDB, "STRUCT(a INTEGER)", "STRUCT(b INTEGER)"),
    (DUCKDB, "ENUM('a')", "ENUM('b')"),
    (POSTGRES, "bigint", "numeric(3,0)"),
    (POSTGRES, "character varying(3)", "integer"),
]
# A value that needs all that the narrower type has.
LARGEST = {
    "TINYINT": "-128", "INTEGER": "-2147483648", "UTINYINT": "255", "FLOAT": "1.17549435e-38",
    "DATE": "9999-12-31", "DECIMAL": "-999.99", "SMALLINT": "-32768", "REAL": "1.17549435e-38",
    "NUMERIC": "-999.99", "CHARACTER VARYING": "äöü",
}  # fmt: skip


@pytest.mark.parametrize(("narrow", "wide"), WIDER["duckdb"])
def test_on_duckdb(narrow: str, wide: str) -> None:
    assert holds(DUCKDB, wide, narrow) and not holds(DUCKDB, narrow, wide)
    value = LARGEST[narrow.partition("(")[0].upper()]
    connection = duckdb.connect()
    connection.execute(f"create table t as select cast('{value}' as {narrow}) as x")
    connection.execute(f"alter table t alter column x type {wide}")
    assert connection.execute(f"select x = cast('{value}' as {narrow}) from t").fetchone() == (True,)


@pytest.mark.parametrize(("narrow", "wide"), WIDER["postgres"])
def test_on_postgres(postgres: PostgresServer, narrow: str, wide: str) -> None:
    assert holds(POSTGRES, wide, narrow) and not holds(POSTGRES, narrow, wide)
    value = LARGEST[narrow.partition("(")[0].upper()]
    same = postgres.execute(
        "drop table if exists widened",
        f"create table widened as select cast('{value}' as {narrow}) as x",
        f"alter table widened alter column x type {wide}",
        f"select x = cast('{value}' as {narrow}) from widened",
    )
    assert same == (True,)


@pytest.mark.parametrize(("spec", "left", "right"), NEITHER)
def test_neither_holds_the_other(spec: DialectSpec, left: str, right: str) -> None:
    assert not holds(spec, left, right) and not holds(spec, right, left)


def test_a_type_holds_itself_and_what_has_no_name_holds_nothing_else() -> None:
    for kind in ("INTEGER", "STRUCT(a INTEGER)", "ENUM('a', 'b')", '"char"'):
        assert holds(DUCKDB, kind, kind)
    assert not holds(DUCKDB, "INTEGER", "geometry(Point, 4326)")
