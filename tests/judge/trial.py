"""One query over data that is made for it, and what a change of the data does to its result."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from tests.judge.data import Filling, Shape, draw, some, view, wild
from tests.judge.engine import connect, create_table, quoted
from tests.judge.subject import Tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SECONDS = 5.0
_FLOATS = ("DOUBLE", "FLOAT")


class Result(NamedTuple):
    """A result without its order: how many rows, a digest of each column's values and one of whole rows.

    `nulls` counts the NULLs of each column. Fractions that are not exact are digested to six digits, since
    adding in another order changes the last ones.
    """

    rows: int
    nulls: tuple[int, ...]
    columns: tuple[object, ...]
    whole: object


class BaseColumn(NamedTuple):
    """A column of a table that a query reads; `named` where the query's text has its name."""

    table: str
    name: str
    kind: str
    not_null: bool
    named: bool


class Trial:
    """Tables filled for one query, seen through views."""

    def __init__(
        self, tables: Tables, sql: str, shape: Shape, connection: DuckDBPyConnection | None = None
    ) -> None:
        self.sql = sql
        self.tables = tables
        self._connection = connection or world(tables)
        self._filling = Filling(tables, sql, shape)
        words = set(re.findall(r"\w+", sql.lower()))
        self.used = tuple(table for table in tables if table.lower() in words)
        self.kinds = tuple(row[1] for row in self._connection.execute(f"DESCRIBE {sql}").fetchall())

    def fill(self, seed: int) -> None:
        """Fills the tables that the query reads."""
        for table in self.used:
            self._connection.execute(self._filling.statement(table, seed))
            self.restore(table)

    def restore(self, table: str) -> None:
        """Shows a table as it was filled."""
        self._connection.execute(view(self.tables, table))

    def replace(self, table: str, column: str, expression: str) -> None:
        """Shows a table with other values in one column."""
        self._connection.execute(view(self.tables, table, {column: expression}))

    def limit(self, table: str, condition: str) -> None:
        """Shows those rows of a table that meet a condition on `__i`."""
        self._connection.execute(view(self.tables, table, tail=f" WHERE {condition}"))

    def turn(self) -> None:
        """Shows all tables with their rows in the opposite order."""
        for table in self.used:
            self._connection.execute(view(self.tables, table, tail=" ORDER BY __i DESC"))

    def result(self) -> Result | None:
        """Runs the query; None where it fails on this data or takes too long."""
        timer = threading.Timer(_SECONDS, self._connection.interrupt)
        timer.start()
        try:
            row = self._connection.execute(self._digest()).fetchone()
        except duckdb.Error:
            return None
        finally:
            timer.cancel()
        assert row is not None
        count = len(self.kinds)
        return Result(row[0], row[2 : 2 + count], row[2 + count :], row[1])

    def together(self, columns: Collection[int]) -> object:
        """Gives a digest of some columns of the result, row by row; None where it fails."""
        names, exact = self._names()
        listed = ", ".join(exact[k] for k in columns)
        sql = f"SELECT sum(hash({listed})), count(*) FROM ({self.sql}) AS result({', '.join(names)})"
        try:
            return self._connection.execute(sql).fetchone()
        except duckdb.Error:
            return None

    def _names(self) -> tuple[list[str], list[str]]:
        """Names for the result's columns, and the expressions by which they are compared."""
        names = [f"c{i}" for i in range(len(self.kinds))]
        exact = [
            f"printf('%.5e', {n})" if k in _FLOATS else n for n, k in zip(names, self.kinds, strict=True)
        ]
        return names, exact

    def _digest(self) -> str:
        names, exact = self._names()
        nulls = [f"count(*) - count({n})" for n in names]
        digests = [f"sum(hash({e}))" for e in exact]
        listed = ", ".join(["count(*)", f"sum(hash({', '.join(exact)}))", *nulls, *digests])
        return f"SELECT {listed} FROM ({self.sql}) AS result({', '.join(names)})"

    def sources(self) -> tuple[BaseColumn, ...]:
        """Gives the columns of the tables that the query reads, in the order of the schema."""
        words = set(re.findall(r"\w+", self.sql.lower()))
        return tuple(
            BaseColumn(table, name, kind, not_null, name.lower() in words)
            for table in self.used
            for name, kind, not_null in self.tables[table]
        )

    def replace_all(self, columns: Collection[BaseColumn], seed: int) -> None:
        """Shows columns of one table with values that are all drawn anew."""
        changed = {column.name: next(self.changes(column, seed)) for column in columns}
        table = next(iter(columns)).table
        self._connection.execute(view(self.tables, table, changed))

    def changes(self, column: BaseColumn, seed: int) -> Iterator[str]:
        """Gives expressions for other values of a column: drawn anew in all rows and in some, values that
        there were none of, NULLs where they are allowed; a key is moved to other rows."""
        table, name, kind, not_null, _ = column
        salt = f"{seed}.{table}.{name}.again"
        old = quoted(name)
        values = self._filling.pool(table, name, kind)
        if self._filling.is_key(table, name) and not kind.startswith("VARCHAR"):
            count = self._filling.rows(table, seed)
            yield f"CAST(1 + (__i + 5) % {count} AS {kind})"
        else:
            yield draw(values, kind, salt)
            yield some(draw(values, kind, salt), old, salt + ".some", 40)
        yield some(draw(wild(kind), kind, salt), old, salt + ".wild", 35)
        if not not_null:
            yield some("NULL", old, salt + ".null", 50)
        yield some(draw(values, kind, salt + "2"), old, salt + ".few", 15)
        yield draw(wild(kind), kind, salt)
        yield from self._shifted(column)
        yield some(draw(wild(kind), kind, salt + "3"), old, salt + ".one", 8)

    def _shifted(self, column: BaseColumn) -> Iterator[str]:
        """Gives a number or a day moved by a little more than what the query compares it with."""
        numbers = [int(float(text)) + 1 for text in self._filling.numbers(column.name)[:4]] or [3]
        if column.kind != "DATE" and not re.fullmatch(r"\w*INT|INTEGER|DECIMAL.*|DOUBLE|FLOAT", column.kind):
            return
        old = quoted(column.name)
        for number in numbers:
            for sign in "-+":
                yield f"coalesce(TRY_CAST({old} {sign} {number} AS {column.kind}), {old})"


def world(tables: Tables) -> DuckDBPyConnection:
    """Opens a database in which every table is an empty one below a view."""
    connection = connect()
    connection.execute("CREATE SCHEMA base")
    # A subquery that should give one row gives several where the data is made up.
    connection.execute("SET scalar_subquery_error_on_multiple_rows = false")
    for table, columns in tables.items():
        connection.execute(create_table(table, [*columns, ("__i", "BIGINT", False)], "base"))
        connection.execute(view(tables, table))
    return connection


_LIMITED = re.compile(r"\border\s+by\b((?:(?!\border\s+by\b).)*?)(\blimit\s+\d+\s*)$", re.I | re.S)


def totally_ordered(sql: str, columns: int) -> str:
    """Adds all output columns to the ORDER BY before a LIMIT at the end, so that no tie is cut in two."""
    match = _LIMITED.search(sql)
    if match is None or not _closed(match[1]):
        return sql
    places = ", ".join(str(i + 1) for i in range(columns))
    return f"{sql[: match.start(2)].rstrip()}, {places} {match[2]}"


def _closed(text: str) -> bool:
    """Whether a text closes no bracket that it has not opened."""
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return True
