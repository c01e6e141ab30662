"""The names of types that a form leaves to the tree: what is one type there is one to the engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import duckdb
import psycopg
import pytest
import sqlglot
from sqlglot import exp

from sqlflow.bind.canonical.words import TYPE_WORDS
from tests.servers import NoServerError, postgres_server, skip_or_fail

_NAMES = sorted((TYPE_WORDS - {"PRECISION"}) | {"DOUBLE PRECISION"})


def _confused(dialect: str, names: Iterable[str], real: Callable[[str], str]) -> dict[str, set[str]]:
    """Gives the types that one tree stands for, where these are several."""
    found: dict[str, set[str]] = {}
    for name in names:
        cast = sqlglot.parse_one(f"select cast(x as {name})", dialect=dialect).find(exp.Cast)
        assert cast is not None
        found.setdefault(repr(cast.args["to"]), set()).add(real(name))
    return {tree: types for tree, types in found.items() if len(types) > 1}


def test_duckdb() -> None:
    connection = duckdb.connect()

    def real(name: str) -> str:
        row = connection.execute(f"select typeof(cast(null as {name}))").fetchone()
        assert row is not None
        return str(row[0])

    assert _confused("duckdb", _NAMES, real) == {}


def test_postgres() -> None:
    # The others are no types there.
    names = [name for name in _NAMES if name not in ("BLOB", "DOUBLE", "HUGEINT", "TINYINT")]
    try:
        with postgres_server() as server, psycopg.connect(**server.settings("postgres")) as connection:

            def real(name: str) -> str:
                asked = f"select pg_typeof(cast(null as {name}))::text"
                row = connection.execute(asked.encode()).fetchone()
                assert row is not None
                return str(row[0])

            confused = _confused("postgres", names, real)
    except NoServerError as error:
        skip_or_fail(error)
    assert confused == {}


@pytest.mark.parametrize("word", ["FLOAT", "REAL", "CHAR"])
def test_names_that_are_confused_are_left_out(word: str) -> None:
    assert word not in TYPE_WORDS
