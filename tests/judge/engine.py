"""DuckDB as the judge: what it says of a query over empty tables of a schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import duckdb

from tests.judge.subject import Tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_IDENTIFIER = re.compile(r'"(?:[^"]|"")+"|[^\W\d]\w*')


def quoted(name: str) -> str:
    """Quotes an identifier."""
    return '"' + name.replace('"', '""') + '"'


def connect() -> DuckDBPyConnection:
    """Opens a database in memory that answers the same question in the same way each time."""
    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})


class Engine:
    """Empty tables of a schema, and what DuckDB says about queries over them."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.connection = connect()
        self._canonical: dict[str, str | None] = {}
        for table, columns in tables.items():
            self.connection.execute(create_table(table, columns))

    def describe(self, sql: str) -> tuple[tuple[str, str], ...] | None:
        """Gives name and type of each output column, or None where the query is not valid."""
        try:
            rows = self.connection.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error:
            return None
        return tuple((row[0], row[1]) for row in rows)

    def why_invalid(self, sql: str) -> str:
        """Gives the engine's message about a query, empty where it is valid."""
        try:
            self.connection.execute(f"DESCRIBE {sql}")
        except duckdb.Error as error:
            return str(error).splitlines()[0]
        return ""

    def canonical(self, text: str) -> str | None:
        """Gives a type in the engine's own spelling, or None where it knows no such type."""
        if text not in self._canonical:
            try:
                row = self.connection.execute(f"SELECT typeof(CAST(NULL AS {text}))").fetchone()
            except duckdb.Error:
                row = None
            self._canonical[text] = row[0] if row else None
        return self._canonical[text]


def same_type(engine: Engine, said: str, described: str) -> bool:
    """Compares a type with one that DESCRIBE gave, spelling aside."""
    return said == described or engine.canonical(said) in (described, engine.canonical(described))


def create_table(table: str, columns: Iterable[tuple[str, str, bool]], schema: str = "main") -> str:
    """Gives the statement that makes an empty table."""
    parts = [f"{quoted(name)} {kind}{' NOT NULL' if not_null else ''}" for name, kind, not_null in columns]
    return f"CREATE TABLE {schema}.{quoted(table)} ({', '.join(parts)})"


def written_names(sql: str, tables: Tables) -> frozenset[str]:
    """Gives the names that a query writes or takes from its tables, in lower case.

    A name that is only ever followed by an opening bracket is a function's. Fields of structs are names of
    the tables that they lie in. Every other name of an output column is one that the engine makes up.
    """
    names: set[str] = set()
    text = re.sub(r"'(?:[^']|'')*'", "''", sql)
    for match in _IDENTIFIER.finditer(text):
        if not text[match.end() :].lstrip().startswith("("):
            names.add(_plain(match[0]))
    for columns in tables.values():
        for name, kind, _ in columns:
            names.add(name.lower())
            names.update(_plain(word[0]) for word in _IDENTIFIER.finditer(kind))
    return frozenset(names)


def _plain(word: str) -> str:
    return (word[1:-1].replace('""', '"') if word.startswith('"') else word).lower()
