"""What an engine must offer to run a plan.

An adapter is a package with an entry point in the group `sqlflow.adapters` that names an `Adapter`. It
imports its driver in `open`, never at import. It holds no SQL but what its engine's catalog is asked with:
statements come from `sqlflow.dialect` and `sqlflow.materialize`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

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
from sqlflow.dialect.spec import DialectSpec

if TYPE_CHECKING:
    import pyarrow


# The setting, where an adapter has it, that takes a connection the right to write: what only looks sets it.
READ_ONLY = "read_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A key of a target's settings in `sqlflow.yml`. A secret's value is never shown anywhere.

    `{project}` in a default stands for the project's name. It `locates` where another value leads to another
    warehouse, of which nothing can be read over the same connection.
    """

    name: str
    type: type[str] | type[int] | type[float] | type[bool]
    required: bool = False
    secret: bool = False
    locates: bool = False
    default: str | int | float | bool | None = None
    description: str = ""


class FailureKind(StrEnum):
    """Why a statement failed, as far as it decides what to do next."""

    SYNTAX = "syntax"
    MISSING = "missing"
    DATA = "data"
    CONSTRAINT = "constraint"
    DEPENDENTS = "dependents"
    PERMISSION = "permission"
    CONNECTION = "connection"
    TRANSIENT = "transient"
    CANCELLED = "cancelled"
    OTHER = "other"

    @property
    def passes(self) -> bool:
        """Whether the same statement may succeed a moment later, over another connection if need be."""
        return self in (FailureKind.TRANSIENT, FailureKind.CONNECTION)

    @property
    def is_of_all(self) -> bool:
        """Whether the next statement would fail in the same way, whatever it is."""
        return self.passes or self is FailureKind.CANCELLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed statement in the engine's words. `offset` counts characters of the statement from 0."""

    kind: FailureKind
    message: str
    offset: int | None = None
    code: str | None = None
    hint: str | None = None


class DriverMissingError(Exception):
    """Raised by `Adapter.open` when the driver's package is not installed."""

    def __init__(self, package: str, install: str) -> None:
        self.package = package
        self.install = install
        super().__init__(f"the package {package} is not installed; {install}")


class Session(Protocol):
    """One connection, used by one thread at a time; only `cancel` may be called from another.

    Errors are the driver's own; `Adapter.classify` reads them. After a failed statement inside a
    transaction, nothing but `rollback` may follow. Where the dialect has no transactions, none is begun, and
    each statement is done as a whole or not at all.
    """

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int | None:
        """Runs one statement; gives the number of rows it changed, None where the engine doesn't say.

        `parameters` stand in the statement as `$1`, `$2` and so on.
        """
        ...

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> pyarrow.Table:
        """Runs a query and reads it to the end."""
        ...

    def load(self, relation: Relation, rows: pyarrow.Table) -> int:
        """Appends rows to a table that is there, columns matched by name (folded); gives their number."""
        ...

    def describe(self, sql: str) -> tuple[Column, ...]:
        """Gives the columns that a query would have, without running it."""
        ...

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        """Gives the columns of a table or view in order, or None where there is none of that name."""
        ...

    def nullable(self, relation: Relation) -> Mapping[str, bool]:
        """Says of a table's columns whether they may hold NULL; those that the engine holds to it are False.

        Left out is what the engine does not say, as of the columns of a view.
        """
        ...

    def relations(self, database: str | None, schema: str) -> Mapping[str, RelationKind]:
        """Gives what stands in a schema by its name as stored; empty where there is no such schema."""
        ...

    def dependents(self, relation: Relation) -> tuple[ViewDefinition, ...]:
        """Gives the views that read a relation, directly or through others, each after those it reads.

        Empty on an engine whose views bind by name.
        """
        ...

    def readers(self, relations: Sequence[Relation]) -> tuple[ViewReader, ...]:
        """Gives the views that read any of these, directly or through others, once for each that they read.

        It waits for nobody who changes them. Empty on an engine whose views bind by name.
        """
        ...

    def comments(self, relation: Relation) -> Comments:
        """Gives the comments on a table or view and on each of its columns, of which none is left out.

        Asked only on an engine whose dialect has comments.
        """
        ...

    def grants(self, relation: Relation) -> tuple[Grant, ...]:
        """Gives what is granted on a relation and on its columns, those to one grantee one after the other.

        What its owner may do anyway is left out; empty on an engine without grants.
        """
        ...

    def begin(self) -> None:
        """Begins a transaction."""
        ...

    def commit(self) -> None:
        """Commits; raises where the engine rolled back instead (a statement had failed)."""
        ...

    def rollback(self) -> None:
        """Rolls back; does nothing where no transaction is open."""
        ...

    def cancel(self) -> None:
        """Cancels what runs, from any thread; the running call raises and is classified CANCELLED."""
        ...

    def close(self) -> None:
        """Ends the session; an open transaction is rolled back."""
        ...


class Warehouse(Protocol):
    """An open warehouse, from which each worker takes a session of its own."""

    def session(self) -> Session:
        """Opens a session; may be called from any thread."""
        ...

    def close(self) -> None:
        """Closes what `open` opened; sessions are closed before."""
        ...


class Adapter(Protocol):
    """A kind of warehouse: what a target's `type` names."""

    @property
    def name(self) -> str:
        """The name that `type` has in `sqlflow.yml`."""
        ...

    @property
    def spec(self) -> DialectSpec:
        """The engine's dialect."""
        ...

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The keys that a target of this type may have, beside `type`, `schema`, `database` and `threads`."""
        ...

    def open(self, settings: Mapping[str, Value], root: str) -> Warehouse:
        """Connects.

        `settings` are checked against `self.settings`, defaults filled in; `root` is the project's folder,
        which relative paths start from. Raises DriverMissingError, or the driver's error: one of the kind
        MISSING where who only reads finds no warehouse at all.
        """
        ...

    def offline(self, files: Sequence[str] = ()) -> Warehouse | None:
        """Opens an engine of this kind inside this process, to ask it for types; None where there is none.

        It is empty, has no settings of a target, can read no files but these, by their absolute paths, and
        reaches no network, whatever statements it is given. Each session has tables of its own.
        """
        ...

    def classify(self, error: BaseException) -> Failure:
        """Reads an error that a call to the warehouse or a session raised."""
        ...
