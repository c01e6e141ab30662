"""What an event log asks of the database that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from sqlflow.core.relation import Relation
from sqlflow.core.value import Value
from sqlflow.dialect.spec import DialectSpec


class TroubleKind(StrEnum):
    """Why a call failed.

    Another one was in the way, the connection was lost, the data can't be read, or it can't be reached.
    """

    BUSY = "busy"
    LOST = "lost"
    DAMAGED = "damaged"
    GONE = "gone"


class Trouble(NamedTuple):
    """A failed call in the database's words, without any secret."""

    kind: TroubleKind
    message: str


class Database(Protocol):
    """One connection, used by one thread at a time. Errors are the driver's own; `trouble` reads them."""

    @property
    def spec(self) -> DialectSpec:
        """The dialect: its quotes, its types."""
        ...

    @property
    def where(self) -> str:
        """Names the place for the user."""
        ...

    @property
    def advice(self) -> str:
        """What the user can do where it can't be reached or written."""
        ...

    def relation(self, name: str) -> Relation:
        """Gives the full name of one of the log's tables."""
        ...

    def tables(self) -> frozenset[str]:
        """Gives the names of the tables that are there."""
        ...

    def make_room(self) -> None:
        """Makes the schema that the tables lie in, where there are such; called in a transaction."""
        ...

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> None:
        """Runs a statement; parameters stand in it as `$1`, `$2`."""
        ...

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[object, ...]]:
        """Runs a query and reads it to the end."""
        ...

    def begin(self) -> None:
        """Begins a transaction that writes."""
        ...

    def commit(self) -> None:
        """Commits."""
        ...

    def rollback(self) -> None:
        """Rolls back; does nothing where no transaction is open."""
        ...

    def back_up(self, label: str) -> str:
        """Copies the events aside, outside of a transaction; gives the name of the copy."""
        ...

    def trouble(self, error: Exception) -> Trouble:
        """Reads an error that one of these calls raised."""
        ...

    def reopen(self) -> None:
        """Goes on over another connection, in the place of one that was lost."""
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...
