"""Adapters whose calls can be made to fail, or to end the process: real ones, with a trap at each call."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlflow.adapter.protocol import Adapter, Failure, FailureKind, Session, Setting, Warehouse
from sqlflow.adapter.registry import find_adapter
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

_T = TypeVar("_T")

# Kinds of calls that matter most: a commit, and the statement that writes a publication. Without transactions
# what is about to be published and the view that publishes it are among the latter.
COMMIT, PUBLISH = "commit", "publish"


class InjectedError(Exception):
    """A failure that the engine had no part in."""

    def __init__(self, kind: FailureKind) -> None:
        self.kind = kind
        super().__init__(f"injected: {kind.value}")


class Trap(Protocol):
    """What happens at the calls of a session."""

    def call(self, session: InjectedSession, kind: str, run: Callable[[], _T]) -> _T:
        """Makes a call, or does not; `kind` is the session's method, or PUBLISH."""
        ...


class NoTrap:
    """Counts the calls, or those of one kind only."""

    def __init__(self, only: str = "") -> None:
        self.calls = 0
        self._only = only
        self._lock = threading.Lock()

    def next(self, kind: str) -> int:
        """Gives the number of a call, from 1; 0 for one that does not count."""
        if self._only and kind != self._only:
            return 0
        with self._lock:
            self.calls += 1
            return self.calls

    def call(self, session: InjectedSession, kind: str, run: Callable[[], _T]) -> _T:
        """Makes the call."""
        self.next(kind)
        return run()


class Kill(NoTrap):
    """Kills the process at one call, of all or of one kind, before it is made or when it has been."""

    def __init__(self, at: int, *, after: bool, only: str = "") -> None:
        super().__init__(only)
        self._at = at
        self._after = after

    def call(self, session: InjectedSession, kind: str, run: Callable[[], _T]) -> _T:
        """Makes the call, unless it is the one."""
        if self.next(kind) != self._at:
            return run()
        if self._after:
            run()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


class Fault(StrEnum):
    """What goes wrong with a call."""

    ERROR = "error"
    TIME_OUT = "time-out"
    LOST_BEFORE = "lost before"
    LOST_AFTER = "lost after"


class Fail(NoTrap):
    """Makes one call fail, of all or of those of one kind."""

    def __init__(self, at: int, fault: Fault, only: str = "") -> None:
        super().__init__(only)
        self._at = at
        self._fault = fault

    def call(self, session: InjectedSession, kind: str, run: Callable[[], _T]) -> _T:
        """Makes the call, unless it is the one."""
        if self.next(kind) != self._at:
            return run()
        match self._fault:
            case Fault.ERROR:
                raise InjectedError(FailureKind.OTHER)
            case Fault.TIME_OUT:
                raise InjectedError(FailureKind.TRANSIENT)
            case Fault.LOST_BEFORE:
                session.lose()
            case Fault.LOST_AFTER:
                run()
                session.lose()
        raise InjectedError(FailureKind.CONNECTION)


class InjectedSession:
    """A real session behind a trap. Once it is lost, each call says so.

    Where it is not `transactional`, no transaction may be begun: the engine commits each statement.
    """

    def __init__(self, session: Session, trap: Trap, *, transactional: bool = True) -> None:
        self._session = session
        self._trap = trap
        self._transactional = transactional
        self._lost = False

    def lose(self) -> None:
        """Ends the real session; the engine rolls back what was open."""
        self._lost = True
        self._session.close()

    def _call(self, kind: str, run: Callable[[], _T]) -> _T:
        if self._lost:
            raise InjectedError(FailureKind.CONNECTION)
        return self._trap.call(self, kind, run)

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int | None:
        kind = PUBLISH if self._publishes(sql) else "execute"
        return self._call(kind, lambda: self._session.execute(sql, parameters))

    def _publishes(self, sql: str) -> bool:
        written = sql.startswith("INSERT INTO")
        if self._transactional:
            return written and '"publications"' in sql
        return sql.startswith("CREATE OR REPLACE VIEW") or (written and '"_sqlflow"' in sql)

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> pyarrow.Table:
        return self._call("fetch", lambda: self._session.fetch(sql, parameters))

    def load(self, relation: Relation, rows: pyarrow.Table) -> int:
        return self._call("load", lambda: self._session.load(relation, rows))

    def describe(self, sql: str) -> tuple[Column, ...]:
        return self._call("describe", lambda: self._session.describe(sql))

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        return self._call("columns", lambda: self._session.columns(relation))

    def nullable(self, relation: Relation) -> Mapping[str, bool]:
        return self._call("nullable", lambda: self._session.nullable(relation))

    def relations(self, database: str | None, schema: str) -> Mapping[str, RelationKind]:
        return self._call("relations", lambda: self._session.relations(database, schema))

    def dependents(self, relation: Relation) -> tuple[ViewDefinition, ...]:
        return self._call("dependents", lambda: self._session.dependents(relation))

    def readers(self, relations: Sequence[Relation]) -> tuple[ViewReader, ...]:
        return self._call("readers", lambda: self._session.readers(relations))

    def comments(self, relation: Relation) -> Comments:
        return self._call("comments", lambda: self._session.comments(relation))

    def grants(self, relation: Relation) -> tuple[Grant, ...]:
        return self._call("grants", lambda: self._session.grants(relation))

    def begin(self) -> None:
        assert self._transactional
        self._call("begin", self._session.begin)

    def commit(self) -> None:
        assert self._transactional
        self._call(COMMIT, self._session.commit)

    def rollback(self) -> None:
        self._call("rollback", self._session.rollback)

    def cancel(self) -> None:
        self._session.cancel()

    def close(self) -> None:
        self._session.close()


class InjectedWarehouse:
    """Gives sessions behind a trap; `real` gives those that are not, to be used under the lock `looking`."""

    def __init__(self, real: Warehouse, trap: Trap, *, transactional: bool) -> None:
        self.real = real
        self._transactional = transactional
        self.looking = threading.Lock()
        self.closed = False
        self._trap = trap

    def session(self) -> Session:
        return InjectedSession(self.real.session(), self._trap, transactional=self._transactional)

    def close(self) -> None:
        with self.looking:
            self.closed = True
            self.real.close()


class InjectedAdapter:
    """A real adapter; what it opens has the trap that is set when it opens."""

    def __init__(self, real: Adapter, name: str, spec: DialectSpec) -> None:
        self._real = real
        self.name = f"injected_{name}"
        self.spec = spec
        self.trap: Trap = NoTrap()
        self.opened: InjectedWarehouse | None = None

    @property
    def settings(self) -> tuple[Setting, ...]:
        return self._real.settings

    def open(self, settings: Mapping[str, Value], root: str) -> Warehouse:
        real = self._real.open(settings, root)
        self.opened = InjectedWarehouse(real, self.trap, transactional=self.spec.transactions)
        return self.opened

    def offline(self, files: Sequence[str] = ()) -> Warehouse | None:
        return self._real.offline(files)

    def classify(self, error: BaseException) -> Failure:
        if isinstance(error, InjectedError):
            return Failure(kind=error.kind, message=str(error))
        return self._real.classify(error)


def _injected(engine: str, name: str, *, transactional: bool = True) -> InjectedAdapter:
    adapter = find_adapter(engine)
    assert adapter is not None
    return InjectedAdapter(adapter, name, replace(adapter.spec, transactions=transactional))


# By the type of a target. `autocommit` is DuckDB as an engine without transactions: each of its statements is
# done as a whole or not at all, and nothing holds two of them together.
ADAPTERS = {
    "duckdb": (DUCKDB := _injected("duckdb", "duckdb")),
    "postgres": (POSTGRES := _injected("postgres", "postgres")),
    "autocommit": (AUTOCOMMIT := _injected("duckdb", "autocommit", transactional=False)),
}
