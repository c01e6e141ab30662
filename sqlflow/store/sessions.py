"""An engine that an adapter reaches, as the database of an event log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from sqlflow.adapter.protocol import Adapter, FailureKind, Warehouse
from sqlflow.core.relation import Relation
from sqlflow.core.value import Value
from sqlflow.dialect.names import name_key, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.statements import create_schema, create_table_as
from sqlflow.store.database import Trouble, TroubleKind

SCHEMA = "_sqlflow"
# The tables that are copied aside.
_EVENTS = "events"


class SessionDatabase:
    """A session of its own on a warehouse, which is closed with it."""

    def __init__(self, adapter: Adapter, warehouse: Warehouse, database: str | None, where: str) -> None:
        self._adapter = adapter
        self._warehouse = warehouse
        self._database = database
        self._where = where
        self._session = warehouse.session()

    @property
    def spec(self) -> DialectSpec:
        """The engine's dialect."""
        return self._adapter.spec

    @property
    def where(self) -> str:
        """What the user calls the place."""
        return self._where

    @property
    def advice(self) -> str:
        """An engine needs the right to make a schema, or to use the one that was made for it."""
        return f"let its user make the schema `{SCHEMA}`, and tables in it, or name another place in `state:`"

    def relation(self, name: str) -> Relation:
        """Gives the name in the schema that sqlflow has for itself."""
        return Relation(self._database, SCHEMA, name)

    def tables(self) -> frozenset[str]:
        """Gives the names of the tables that are there."""
        found = self._session.relations(self._database, SCHEMA)
        return frozenset(name_key(self.spec, name) for name in found)

    def make_room(self) -> None:
        """Makes the schema. One that holds something is there: making it again could want a right."""
        if not self.tables():
            self._session.execute(create_schema(self.spec, self._database, SCHEMA))

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> None:
        """Runs a statement."""
        self._session.execute(sql, parameters)

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[object, ...]]:
        """Runs a query and reads it to the end."""
        columns = [column.to_pylist() for column in self._session.fetch(sql, parameters).columns]
        return list(zip(*columns, strict=True))

    def begin(self) -> None:
        """Begins a transaction."""
        self._session.begin()

    def commit(self) -> None:
        """Commits."""
        self._session.commit()

    def rollback(self) -> None:
        """Rolls back."""
        self._session.rollback()

    def back_up(self, label: str) -> str:
        """Copies the events into a table beside theirs."""
        copy = self.relation(f"{_EVENTS}_{label}_{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
        events = relation_sql(self.spec, self.relation(_EVENTS))
        self._session.execute(f"{create_table_as(self.spec, copy)}SELECT * FROM {events}")
        return f"table {copy}"

    def trouble(self, error: Exception) -> Trouble:
        """Reads an error of the engine's driver."""
        failure = self._adapter.classify(error)
        # A key of the log's own tables is only ever broken by another process that was first.
        busy = failure.kind in (FailureKind.TRANSIENT, FailureKind.CONSTRAINT)
        lost = failure.kind is FailureKind.CONNECTION
        kind = TroubleKind.BUSY if busy else TroubleKind.LOST if lost else TroubleKind.GONE
        return Trouble(kind, failure.message.partition("\n")[0])

    def reopen(self) -> None:
        """Opens another session."""
        session = self._warehouse.session()
        with suppress(Exception):
            self._session.close()
        self._session = session

    def close(self) -> None:
        """Closes the session and the warehouse."""
        self._session.close()
        self._warehouse.close()
