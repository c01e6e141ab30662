"""An adapter as someone else would write it: SQLite, by the standard library."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from sqlflow.adapter.protocol import Failure, FailureKind, Setting
from sqlflow.core.relation import (
    Column,
    Comments,
    Grant,
    Relation,
    RelationKind,
    ViewDefinition,
    ViewReader,
)
from sqlflow.core.value import Value
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec, Folding

SQLITE = DialectSpec(
    name="sqlite",
    folding=Folding.INSENSITIVE,
    max_identifier=255,
    views_bind_by_name=True,
    merge=False,
    arrow_types={
        "int8": "INTEGER",
        "int16": "INTEGER",
        "int32": "INTEGER",
        "int64": "INTEGER",
        "float": "REAL",
        "double": "REAL",
        "string": "TEXT",
        "binary": "BLOB",
        "null": "TEXT",
    },
)

_ARROW = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string(), "BLOB": pa.binary()}


class FailedBefore(Exception):
    pass


class ToySession:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._failed = False

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int | None:
        cursor = self._run(sql, parameters)
        cursor.fetchall()
        return (
            cursor.rowcount
            if cursor.rowcount >= 0 and re.match(r"\s*(INSERT|UPDATE|DELETE)\b", sql)
            else None
        )

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> pa.Table:
        try:
            cursor = self._run(sql, parameters)
            rows = cursor.fetchall()
        except sqlite3.Error:
            self._failed = self._connection.in_transaction
            raise
        names = [column[0] for column in cursor.description or ()]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.Table.from_arrays([pa.array(values) for values in columns], names=names)

    def load(self, relation: Relation, rows: pa.Table) -> int:
        names = ", ".join(quote(SQLITE, name) for name in rows.column_names)
        marks = ", ".join("?" * rows.num_columns)
        sql = f"INSERT INTO {relation_sql(SQLITE, relation)} ({names}) VALUES ({marks})"
        values = [tuple(row.values()) for row in rows.to_pylist()]
        alone = not self._connection.in_transaction
        try:
            if alone:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(sql, values)
            if alone:
                self._connection.execute("COMMIT")
        except sqlite3.Error:
            if alone:
                self._connection.rollback()
            self._failed = self._connection.in_transaction
            raise
        return len(values)

    def describe(self, sql: str) -> tuple[Column, ...]:
        cursor = self._run(f"SELECT * FROM (\n{sql}\n) LIMIT 0", ())
        return tuple(Column(column[0], "ANY") for column in cursor.description or ())

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        if relation.schema not in (None, "main"):
            return None
        rows = self._run("SELECT name, type FROM pragma_table_info($1)", (relation.identifier,)).fetchall()
        return tuple(Column(name, kind or "ANY") for name, kind in rows) or None

    def nullable(self, relation: Relation) -> Mapping[str, bool]:
        sql = (
            'SELECT name, NOT "notnull" FROM pragma_table_info($1) WHERE EXISTS '
            "(SELECT 1 FROM main.sqlite_schema WHERE name = $1 AND type = 'table')"
        )
        return {name: bool(can_be) for name, can_be in self._run(sql, (relation.identifier,)).fetchall()}

    def relations(self, database: str | None, schema: str) -> Mapping[str, RelationKind]:
        if schema != "main":
            return {}
        rows = self._run("SELECT name, type FROM main.sqlite_schema WHERE type IN ('table', 'view')", ())
        return {name: RelationKind(kind) for name, kind in rows.fetchall()}

    def dependents(self, relation: Relation) -> tuple[ViewDefinition, ...]:
        return ()

    def readers(self, relations: Sequence[Relation]) -> tuple[ViewReader, ...]:
        return ()

    def comments(self, relation: Relation) -> Comments:
        return Comments(None, {})

    def grants(self, relation: Relation) -> tuple[Grant, ...]:
        return ()

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._failed = False

    def commit(self) -> None:
        if self._failed:
            self.rollback()
            raise FailedBefore("a statement had failed")
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        self._failed = False
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def cancel(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        self.rollback()
        self._connection.close()

    def _run(self, sql: str, parameters: Sequence[Value]) -> sqlite3.Cursor:
        bound: dict[str, Any] = {str(number): value for number, value in enumerate(parameters, 1)}
        try:
            return self._connection.execute(sql, bound)
        except sqlite3.Error:
            self._failed = self._connection.in_transaction
            raise


class ToyWarehouse:
    def __init__(self, path: str) -> None:
        self._path = path
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.close()

    def session(self) -> ToySession:
        return ToySession(self._path)

    def close(self) -> None:
        pass


class ToyAdapter:
    name = "toy"
    spec = SQLITE
    settings = (Setting(name="file", type=str, required=True),)

    def open(self, settings: Mapping[str, Value], root: str) -> ToyWarehouse:
        return ToyWarehouse(os.path.join(root, str(settings["file"])))

    def offline(self, files: Sequence[str] = ()) -> None:
        return None

    def classify(self, error: BaseException) -> Failure:
        message = str(error)
        patterns = (
            (FailureKind.CANCELLED, "interrupted"),
            (FailureKind.SYNTAX, "syntax error|incomplete input|unrecognized token"),
            (FailureKind.MISSING, "no such|has no column named"),
            (FailureKind.CONSTRAINT, "constraint failed"),
            (FailureKind.DATA, "malformed|overflow|datatype mismatch"),
            (FailureKind.TRANSIENT, "locked|busy"),
        )
        kinds = (kind for kind, pattern in patterns if re.search(pattern, message))
        return Failure(kind=next(kinds, FailureKind.OTHER), message=message)


ADAPTER = ToyAdapter()
