"""Sessions on a PostgreSQL server."""

from __future__ import annotations

import json
import selectors
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar, cast

import psycopg
from psycopg import pq
from psycopg.types.json import Jsonb

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
from sqlflow.dialect.names import fold, quote, relation_sql
from sqlflow.dialect.specs import POSTGRES
from sqlflow_postgres import catalog
from sqlflow_postgres.errors import (
    CancelledError,
    PoisonedTransactionError,
    UnknownColumnError,
    UnknownTableError,
    without_secret,
)

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

# Results are read as text: these decide how it is written.
_SESSION_SETTINGS = (
    "SET SESSION DateStyle = 'ISO, YMD'; SET SESSION IntervalStyle = 'postgres'; "
    "SET SESSION TimeZone = 'UTC'; SET SESSION bytea_output = 'hex'; SET SESSION extra_float_digits = 1; "
    "SET SESSION standard_conforming_strings = on"
)

_CANCEL_SECONDS = 5.0


def open_warehouse(settings: Mapping[str, Value]) -> PostgresWarehouse:
    """Connects to a server, to find out at once whether that works."""
    warehouse = PostgresWarehouse(settings)
    warehouse.keep(warehouse.connect())
    return warehouse


class PostgresWarehouse:
    """A server, by the settings to connect to it."""

    def __init__(self, settings: Mapping[str, Value]) -> None:
        self._settings = settings
        self._spare: Connection | None = None
        self._lock = Lock()

    def connect(self) -> Connection:
        """Opens a connection; raises psycopg's error without the password in it."""
        from sqlflow_postgres.fetch import read_as_text

        given = {key: value for key, value in self._settings.items() if value is not None}
        search_path = given.pop("search_path", None)
        secret = given.get("password")
        try:
            connection = psycopg.connect(
                autocommit=True,
                prepare_threshold=None,
                cursor_factory=psycopg.RawCursor,
                client_encoding="utf8",
                **cast("dict[str, Any]", given),
            )
        except psycopg.Error as error:
            raise without_secret(error, None if secret is None else str(secret)) from None
        connection.execute(_SESSION_SETTINGS)
        if search_path is not None:
            connection.execute("SELECT pg_catalog.set_config('search_path', $1, false)", [str(search_path)])
        read_as_text(connection)
        return connection

    def keep(self, connection: Connection) -> None:
        """Keeps a connection for the next session."""
        self._spare = connection

    def session(self) -> PostgresSession:
        """Opens a session: a connection of its own."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None and spare.closed:
            spare = None
        return PostgresSession(spare or self.connect())

    def close(self) -> None:
        """Closes the connection that no session took."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.close()


class PostgresSession:
    """One connection to a server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failed = False
        self._cancelled = False

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int | None:
        """Runs one statement; gives the number of rows it changed, None where the server doesn't say."""
        return self._run(lambda: self._execute(sql, parameters))

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> pyarrow.Table:
        """Runs a query and reads it to the end."""
        from sqlflow_postgres.fetch import read_table

        return self._run(lambda: read_table(self._cursor(sql, parameters)))

    def load(self, relation: Relation, rows: pyarrow.Table) -> int:
        """Appends rows to a table that is there by COPY, columns matched by name; gives their number."""
        return self._run(lambda: self._load(relation, rows))

    def describe(self, sql: str) -> tuple[Column, ...]:
        """Gives the columns that a query would have: those of a prepared statement, which is not run."""
        return self._run(lambda: self._describe(sql))

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        """Gives the columns of a table or view in order, or None where there is none of that name."""
        asked = (catalog.local_name(relation), relation.database)
        rows = self._rows(catalog.COLUMNS, asked)
        if not rows:
            return None
        return tuple(Column(name=name, type=kind) for name, kind in rows if name is not None)

    def nullable(self, relation: Relation) -> Mapping[str, bool]:
        """Says of a table's columns whether they may hold NULL; nothing of a view's or a foreign table's."""
        return dict(self._rows(catalog.NULLABLE, (catalog.local_name(relation), relation.database)))

    def relations(self, database: str | None, schema: str) -> Mapping[str, RelationKind]:
        """Gives what stands in a schema by its name as stored; empty where there is no such schema."""
        return {
            name: catalog.relation_kind(letter)
            for name, letter in self._rows(catalog.RELATIONS, (schema, database))
        }

    def dependents(self, relation: Relation) -> tuple[ViewDefinition, ...]:
        """Gives the views that read a relation, directly or through others, each after those it reads."""
        return tuple(
            ViewDefinition(Relation(None, schema, name), query.strip().removesuffix(";"), options, stored)
            for schema, name, query, options, stored in self._rows(
                catalog.DEPENDENTS, (catalog.local_name(relation),)
            )
        )

    def readers(self, relations: Sequence[Relation]) -> tuple[ViewReader, ...]:
        """Gives the views that read any of these, directly or through others, once for each they read."""
        names = json.dumps([catalog.local_name(relation) for relation in relations])
        return tuple(
            ViewReader(Relation(None, schema, view), Relation(None, read_schema, read), stored, replaceable)
            for schema, view, read_schema, read, stored, replaceable in self._rows(catalog.READERS, (names,))
        )

    def comments(self, relation: Relation) -> Comments:
        """Gives the comments on a table or view and on each of its columns."""
        rows = self._rows(catalog.COMMENTS, (catalog.local_name(relation),))
        own = [comment for name, comment in rows if name is None]
        return Comments(own[0] if own else None, {name: text for name, text in rows if name is not None})

    def grants(self, relation: Relation) -> tuple[Grant, ...]:
        """Gives what is granted on a relation and on its columns to others than its owner."""
        return tuple(
            Grant(privilege=privilege, grantee=role, column=column, grantable=grantable)
            for column, privilege, role, grantable in self._rows(
                catalog.GRANTS, (catalog.local_name(relation),)
            )
        )

    def begin(self) -> None:
        """Begins a transaction."""
        self._execute("BEGIN", ())
        self._failed = False

    def commit(self) -> None:
        """Commits; where a statement had failed, rolls back and raises."""
        if self._failed:
            self.rollback()
            raise PoisonedTransactionError("nothing was committed: a statement of the transaction had failed")
        self._execute("COMMIT", ())

    def rollback(self) -> None:
        """Rolls back; does nothing where no transaction is open."""
        self._failed = False
        if self._in_transaction:
            self._execute("ROLLBACK", ())

    def cancel(self) -> None:
        """Asks the server to cancel what runs; does nothing after the session has ended."""
        self._cancelled = True
        if not self._connection.closed:
            self._connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def close(self) -> None:
        """Ends the session; the server rolls an open transaction back."""
        self._connection.close()

    @property
    def _in_transaction(self) -> bool:
        status = self._connection.info.transaction_status
        return status not in (pq.TransactionStatus.IDLE, pq.TransactionStatus.UNKNOWN)

    def _run(self, call: Callable[[], T]) -> T:
        """Makes a call, and notes when it fails inside a transaction."""
        self._cancelled = False
        try:
            return call()
        except BaseException:
            # A lost connection took its transaction along: COMMIT has to fail all the same.
            self._failed = self._in_transaction or self._connection.closed
            raise

    def _cursor(self, sql: str, parameters: Sequence[Value]) -> psycopg.Cursor[tuple[Any, ...]]:
        if self._cancelled:
            raise CancelledError("the statement was cancelled")
        # psycopg asks for literals, to keep values out of statements: here they come as parameters.
        return self._connection.execute(
            cast("LiteralString", sql), [_bound(value) for value in parameters] or None
        )

    def _rows(self, sql: str, parameters: Sequence[Value]) -> list[tuple[Any, ...]]:
        return self._run(lambda: self._cursor(sql, parameters).fetchall())

    def _execute(self, sql: str, parameters: Sequence[Value]) -> int | None:
        with self._cursor(sql, parameters) as cursor:
            if cursor.statusmessage == "ROLLBACK":
                # Back to a savepoint: what failed after it is undone.
                self._failed = False
            # What SELECT gives is not changed; CREATE TABLE AS says SELECT too, but has no result.
            is_query = cursor.description is not None and (cursor.statusmessage or "").startswith("SELECT")
            return None if is_query or cursor.rowcount < 0 else cursor.rowcount

    def _load(self, relation: Relation, rows: pyarrow.Table) -> int:
        from sqlflow_postgres.load import copy_lines

        found = self.columns(relation)
        if found is None:
            raise UnknownTableError(f"table {relation} does not exist")
        types = {column.name: column.type for column in found}
        names = [_column_name(name, types, relation) for name in rows.column_names]
        listed = ", ".join(quote(POSTGRES, name) for name in names)
        sql = f"COPY {relation_sql(POSTGRES, relation)} ({listed}) FROM STDIN"
        with self._connection.cursor() as cursor:
            with cursor.copy(cast("LiteralString", sql)) as copy:
                for block in copy_lines(rows, [types[name] for name in names]):
                    copy.write(block)
            return cursor.rowcount

    def _describe(self, sql: str) -> tuple[Column, ...]:
        connection = self._connection.pgconn
        connection.send_prepare(b"", sql.encode())
        _finish(connection)
        connection.send_describe_prepared(b"")
        result = _finish(connection)
        names = [(result.fname(i) or b"").decode() for i in range(result.nfields)]
        oids = ",".join(str(result.ftype(i)) for i in range(result.nfields))
        modifiers = ",".join(str(result.fmod(i)) for i in range(result.nfields))
        types = self._rows(catalog.FORMAT_TYPES, (f"{{{oids}}}", f"{{{modifiers}}}"))
        return tuple(Column(name=name, type=kind) for name, (kind,) in zip(names, types, strict=True))


def _finish(connection: pq.abc.PGconn) -> pq.abc.PGresult:
    """Waits for the answer to what was sent, other threads running on; raises the server's error."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while connection.flush():
            selector.select()
            connection.consume_input()
        selector.modify(connection.socket, selectors.EVENT_READ)
        last: pq.abc.PGresult | None = None
        while True:
            while connection.is_busy():
                selector.select()
                connection.consume_input()
            result = connection.get_result()
            if result is None:
                break
            last = result
    if last is None or last.status != pq.ExecStatus.COMMAND_OK:
        if last is None:
            raise psycopg.OperationalError("the connection was lost")
        raise psycopg.errors.error_from_result(last, encoding="utf-8")
    return last


def _bound(value: Value) -> object:
    """Gives a value in the form that psycopg sends: a list as an array, a mapping as JSON."""
    plain = thaw(value)
    return Jsonb(plain) if isinstance(plain, dict) else plain


def _column_name(name: str, types: Mapping[str, str], relation: Relation) -> str:
    """Finds a column by its name as stored, or as the name would be stored unquoted."""
    for candidate in (name, fold(POSTGRES, name)):
        if candidate in types:
            return candidate
    raise UnknownColumnError(f"table {relation} has no column {name}")
