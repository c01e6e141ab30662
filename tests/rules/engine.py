"""Asks DuckDB which type an expression has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlflow.core.schema import SqlType, parse_type

_BATCH = 200


class DuckDB:
    """A connection with one empty table `t`, whose columns have the types that are asked about."""

    def __init__(self, columns: Sequence[tuple[str, str]]) -> None:
        import duckdb

        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        names = ", ".join(f"{name} {kind}" for name, kind in columns)
        self._connection.execute(f"CREATE TABLE t ({names})")
        self.asked = 0

    def rows(self, query: str) -> list[Any]:
        """Runs a query."""
        return self._connection.execute(query).fetchall()

    def run(self, query: str) -> str:
        """Runs a query; gives the engine's complaint, or nothing."""
        import duckdb

        try:
            self._connection.execute(query).fetchall()
        except duckdb.Error as error:
            return str(error)
        return ""

    def query(self, query: str) -> tuple[SqlType, ...] | str:
        """Gives the types of a query's columns, or the engine's complaint."""
        import duckdb

        try:
            rows = self._connection.execute(f"DESCRIBE {query}").fetchall()
        except duckdb.Error as error:
            return str(error)
        return tuple(_type(row[1]) for row in rows)

    def types(self, expressions: Sequence[str], tail: str = " FROM t") -> list[SqlType | str]:
        """Gives each expression's type, or the engine's complaint where it takes it not."""
        found: list[SqlType | str] = []
        for start in range(0, len(expressions), _BATCH):
            found += self._batch(expressions[start : start + _BATCH], tail)
        self.asked += len(expressions)
        return found

    def _batch(self, expressions: Sequence[str], tail: str) -> list[SqlType | str]:
        answer = self.query(f"SELECT {', '.join(expressions)}{tail}")
        if not isinstance(answer, str) and len(answer) == len(expressions):
            return list(answer)
        if len(expressions) == 1:
            return [answer if isinstance(answer, str) else "not one column"]
        middle = len(expressions) // 2
        return self._batch(expressions[:middle], tail) + self._batch(expressions[middle:], tail)


def _type(text: str) -> SqlType:
    kind = parse_type(text)
    if kind is None or str(kind) != text:
        raise AssertionError(f"a type that is not read: {text}")
    return kind
