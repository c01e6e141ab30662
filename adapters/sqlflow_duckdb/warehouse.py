"""Sessions on a DuckDB database."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import duckdb

from sqlflow.core.relation import (
    Column,
    Comments,
    Grant,
    Relation,
    RelationKind,
    ViewDefinition,
    ViewReader,
)
from sqlflow.core.value import Value, thaw
from sqlflow.dialect.names import relation_sql
from sqlflow.dialect.specs import DUCKDB
from sqlflow_duckdb.errors import (
    CancelledError,
    PoisonedTransactionError,
    is_missing,
    lacks_place,
    remember_opening,
    remember_place,
)

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")

_MEMORY = ":memory:"
_ROWS = "sqlflow rows to load"

# Set for the session, not in the configuration: a file that this process has open with another
# configuration could not be opened again.
SESSION_SETTINGS = (
    "SET SESSION errors_as_json = true",
    "SET SESSION TimeZone = 'UTC'",
    # Else a table name that is not there is looked up among the variables of the calling Python code.
    "SET SESSION python_enable_replacements = false",
)

_EXPLAIN = "EXPLAIN "
_DESCRIBE = "DESCRIBE "

_NULLABLE = """
    SELECT c.column_name, c.is_nullable
    FROM duckdb_columns() AS c
    -- Of a view every column is said to be nullable, which means nothing.
    JOIN duckdb_tables() AS t ON t.database_oid = c.database_oid AND t.table_oid = c.table_oid
    WHERE c.database_name = coalesce($1, current_database())
      AND lower(c.schema_name) = lower(coalesce($2, current_schema()))
      AND lower(c.table_name) = lower($3)
"""

# The first row is that of the relation itself.
_COMMENTS = """
    SELECT NULL AS column_name, comment, -1 AS place
    FROM (
        SELECT database_name, schema_name, table_name, comment FROM duckdb_tables()
        UNION ALL SELECT database_name, schema_name, view_name, comment FROM duckdb_views()
    ) AS r
    WHERE database_name = coalesce($1, current_database())
      AND lower(schema_name) = lower(coalesce($2, current_schema())) AND lower(table_name) = lower($3)
    UNION ALL
    SELECT column_name, comment, column_index
    FROM duckdb_columns()
    WHERE database_name = coalesce($1, current_database())
      AND lower(schema_name) = lower(coalesce($2, current_schema())) AND lower(table_name) = lower($3)
    ORDER BY place
"""

_RELATIONS = """
    SELECT table_name, table_type
    FROM information_schema.tables
    WHERE table_catalog = coalesce(?, current_database()) AND lower(table_schema) = lower(?)
    ORDER BY table_name
"""


def open_warehouse(*, path: str | None, read_only: bool, root: str) -> DuckDBWarehouse:
    """Opens a database file, or a database in memory without a path; relative paths start at `root`."""
    # One in memory has nothing to protect, and DuckDB opens none without the right to write.
    place = _MEMORY if path is None or path == _MEMORY else os.path.join(root, path)
    try:
        return DuckDBWarehouse(duckdb.connect(place, read_only=read_only and place != _MEMORY))
    except duckdb.Error as error:
        remember_opening(error)
        raise


class DuckDBWarehouse:
    """An open database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def session(self) -> DuckDBSession:
        """Opens a session of its own on the database."""
        cursor = self._connection.cursor()
        for setting in SESSION_SETTINGS:
            cursor.execute(setting)
        return DuckDBSession(cursor)

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()


class DuckDBSession:
    """One cursor of a database."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._in_transaction = False
        self._failed = False
        self._cancelled = False
        self._closed = False

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int | None:
        """Runs one statement; gives the number of rows it changed, None where DuckDB doesn't say."""
        return self._run(lambda: self._execute(sql, parameters))

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> pyarrow.Table:
        """Runs a query and reads it to the end."""
        return self._run(lambda: self._fetch(sql, parameters))

    def load(self, relation: Relation, rows: pyarrow.Table) -> int:
        """Appends rows to a table that is there, columns matched by name; gives their number."""
        return self._run(lambda: self._load(relation, rows))

    def describe(self, sql: str) -> tuple[Column, ...]:
        """Gives the columns that a query would have, without running it."""
        return self._run(lambda: _columns(self._located(sql, prefix=_DESCRIBE)))

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        """Gives the columns of a table or view in order, or None where there is none of that name."""
        try:
            return _columns(self._relation(relation_sql(DUCKDB, relation), prefix=_DESCRIBE))
        except duckdb.CatalogException as error:
            # A view on a table that is gone fails in the same way.
            if is_missing(error) and not self._is_there(relation):
                return None
            self._failed = self._in_transaction
            raise

    def nullable(self, relation: Relation) -> Mapping[str, bool]:
        """Says of a table's columns whether they may hold NULL; nothing of a view's."""
        return dict(self._run(lambda: self._cursor.execute(_NULLABLE, list(relation)).fetchall()))

    def relations(self, database: str | None, schema: str) -> Mapping[str, RelationKind]:
        """Gives what stands in a schema by its name as stored; empty where there is no such schema."""
        kinds = {"BASE TABLE": RelationKind.TABLE, "VIEW": RelationKind.VIEW}
        rows = self._run(lambda: self._cursor.execute(_RELATIONS, [database, schema]).fetchall())
        return {str(name): kinds.get(kind, RelationKind.OTHER) for name, kind in rows}

    def dependents(self, relation: Relation) -> tuple[ViewDefinition, ...]:
        """Gives nothing: views bind by name."""
        return ()

    def readers(self, relations: Sequence[Relation]) -> tuple[ViewReader, ...]:
        """Gives nothing: views bind by name."""
        return ()

    def comments(self, relation: Relation) -> Comments:
        """Gives the comments on a table or view and on each of its columns."""
        rows = self._run(lambda: self._cursor.execute(_COMMENTS, list(relation)).fetchall())
        own = [comment for name, comment, _ in rows if name is None]
        columns = {str(name): comment for name, comment, _ in rows if name is not None}
        return Comments(own[0] if own else None, columns)

    def grants(self, relation: Relation) -> tuple[Grant, ...]:
        """Gives nothing: there are no grants."""
        return ()

    def begin(self) -> None:
        """Begins a transaction."""
        self._execute("BEGIN TRANSACTION", ())
        self._in_transaction, self._failed = True, False

    def commit(self) -> None:
        """Commits; where a statement had failed, rolls back and raises."""
        if self._failed:
            self.rollback()
            raise PoisonedTransactionError("nothing was committed: a statement of the transaction had failed")
        try:
            self._execute("COMMIT", ())
        finally:
            self._in_transaction = False

    def rollback(self) -> None:
        """Rolls back; does nothing where no transaction is open."""
        if self._in_transaction:
            self._in_transaction, self._failed = False, False
            self._cursor.execute("ROLLBACK")
            self._forget_rows()

    def cancel(self) -> None:
        """Interrupts what runs; does nothing after the session has ended."""
        self._cancelled = True
        with contextlib.suppress(duckdb.ConnectionException):
            self._cursor.interrupt()

    def close(self) -> None:
        """Ends the session; an open transaction is rolled back."""
        if not self._closed:
            self._closed = True
            self.rollback()
            self._cursor.close()

    def _run(self, call: Callable[[], T]) -> T:
        """Makes a call, and notes when it fails inside a transaction."""
        self._cancelled = False
        try:
            return call()
        except BaseException:
            self._failed = self._in_transaction
            raise

    def _check_cancelled(self) -> None:
        """Raises where `cancel` came before the statement that it was meant for began."""
        if self._cancelled:
            raise CancelledError("the statement was cancelled")

    def _execute(self, sql: str, parameters: Sequence[Value]) -> int | None:
        cursor = self._cursor
        try:
            cursor.execute(sql, _bound(parameters)) if parameters else cursor.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall() if names == ["Count"] else _drain(cursor)
        except duckdb.Error as error:
            remember_place(error, sql)
            raise
        if len(rows) == 1 and isinstance(rows[0][0], int) and not self._is_query(sql):
            return rows[0][0]
        return None

    def _is_query(self, sql: str) -> bool:
        """Says whether the last statement is a SELECT, whose result is no count of changed rows."""
        return self._cursor.extract_statements(sql)[-1].type == duckdb.StatementType.SELECT

    def _fetch(self, sql: str, parameters: Sequence[Value]) -> pyarrow.Table:
        import pyarrow as pa

        result = self._located(sql, parameters)
        if result is None:
            return pa.table({})
        self._check_cancelled()
        try:
            return result.to_arrow_table()
        except duckdb.Error as error:
            remember_place(error, sql)
            raise

    def _relation(
        self, sql: str, parameters: Sequence[Value] = (), prefix: str = ""
    ) -> duckdb.DuckDBPyRelation | None:
        """Reads a query; its result can be had as Arrow without a copy through Python."""
        bound = _bound(parameters)
        try:
            return self._cursor.sql(prefix + sql, params=bound) if bound else self._cursor.sql(prefix + sql)
        except duckdb.Error as error:
            remember_place(error, prefix + sql, len(prefix))
            raise

    def _located(
        self, sql: str, parameters: Sequence[Value] = (), prefix: str = ""
    ) -> duckdb.DuckDBPyRelation | None:
        """Reads a query of the user's; an error that has no place gets the one that EXPLAIN finds for it."""
        try:
            return self._relation(sql, parameters, prefix)
        except duckdb.Error as error:
            if lacks_place(error):
                try:
                    self._cursor.execute(_EXPLAIN + sql, _bound(parameters))
                except duckdb.Error as explained:
                    remember_place(error, _EXPLAIN + sql, len(_EXPLAIN), told_by=explained)
            raise

    def _load(self, relation: Relation, rows: pyarrow.Table) -> int:
        from sqlflow_duckdb.rows import storable

        self._cursor.register(_ROWS, storable(rows))
        try:
            self._check_cancelled()
            sql = f'INSERT INTO {relation_sql(DUCKDB, relation)} BY NAME SELECT * FROM "{_ROWS}"'
            return self._execute(sql, ()) or 0
        finally:
            self._forget_rows()

    def _forget_rows(self) -> None:
        """Lets go of rows that were loaded; in a failed transaction only its rollback can."""
        if not self._failed:
            with contextlib.suppress(duckdb.TransactionException):
                self._cursor.unregister(_ROWS)

    def _is_there(self, relation: Relation) -> bool:
        """Says whether the catalog has a table or view of that name."""
        schema = DUCKDB.default_schema if relation.schema is None else relation.schema
        wanted = relation.identifier.lower()
        return any(name.lower() == wanted for name in self.relations(relation.database, schema))


def _bound(parameters: Sequence[Value]) -> list[object]:
    return [thaw(value) for value in parameters]


def _columns(described: duckdb.DuckDBPyRelation | None) -> tuple[Column, ...]:
    """Reads the result of DESCRIBE."""
    rows = [] if described is None else described.fetchall()
    return tuple(Column(name=row[0], type=row[1]) for row in rows)


def _drain(cursor: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Reads a result to its end and drops it: an open one would block the session."""
    while cursor.fetchmany(10_000):
        pass
    return []
