"""Queries over a few tables, read for their forms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sqlflow.bind.canonical.changes import Difference
from sqlflow.bind.canonical.differences import differences
from sqlflow.bind.forms import KeptQuery, read_kept
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.schema import parse_type
from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.dialect.specs import SPECS

_TABLES: Mapping[str, Mapping[str, str]] = {
    "t": {"a": "INTEGER", "b": "INTEGER", "c": "VARCHAR", "d": "DATE", "j": "JSON", "f": "BOOLEAN"},
    "u": {"a": "INTEGER", "e": "INTEGER", "g": "VARCHAR", "k": "DOUBLE"},
}
_POSTGRES = {"VARCHAR": "text", "DOUBLE": "double precision"}


@cache
def _rules(dialect: str) -> TypeRules | None:
    return load_rules(SPECS[dialect])


def _table(name: str, columns: Mapping[str, str], dialect: str) -> Table:
    written = {c: _POSTGRES.get(k, k.lower()) if dialect == "postgres" else k for c, k in columns.items()}
    return Table(
        columns=tuple(
            Column(name=c, value=Value(type=parse_type(k), sources=frozenset({ColumnRef(name, c)})))
            for c, k in written.items()
        )
    )


def read(sql: str, dialect: str = "duckdb", **more: Mapping[str, str]) -> KeptQuery:
    """Reads a query over `t` and `u`, or tables of other columns; every other table is open."""
    found = read_or_none(sql, dialect, **more)
    assert found is not None
    return found


def read_or_none(sql: str, dialect: str = "duckdb", **more: Mapping[str, str]) -> KeptQuery | None:
    """Reads a query that may be none."""
    tables = {name: _table(name, columns, dialect) for name, columns in {**_TABLES, **more}.items()}
    return read_kept(sql, SPECS[dialect], _rules(dialect), tables)


def form(sql: str, dialect: str = "duckdb") -> str:
    """Gives a query's form."""
    return read(sql, dialect).form


def between(old: str, new: str, dialect: str = "duckdb") -> tuple[Difference, ...]:
    """Gives what differs between two queries."""
    return differences(read(old, dialect).outline, read(new, dialect).outline)
