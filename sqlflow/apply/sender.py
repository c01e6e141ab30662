"""Sends an action's statements to the warehouse."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from sqlflow.adapter.protocol import Adapter, FailureKind, Session
from sqlflow.apply.failures import StoppedError, WorkFailedError, commit_unknown, statement_failed
from sqlflow.apply.pauses import growing_pauses
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.core.textmap import TextMap
from sqlflow.core.value import Value
from sqlflow.dialect.spec import DialectSpec
from sqlflow.state.event import LeaseAwaited, StatementSent

if TYPE_CHECKING:
    import pyarrow

    from sqlflow.core.relation import Relation


_T = TypeVar("_T")


# How often it is tried to find out whether a commit was done.
_ATTEMPTS = 10


class Transaction:
    """A transaction that is open; `proof` finds out in another session whether it has been committed."""

    def __init__(self) -> None:
        self.proof: Callable[[Session], bool] | None = None


class Sender:
    """Sends the statements of one action over one session.

    Every statement becomes an event. A driver's error becomes a WorkFailedError with a place in the
    template, a cancelled statement a StoppedError. `broken` says that nothing more can be sent over the
    session: its connection was lost, or its transaction could not be ended; `reopen` gives another one.
    """

    def __init__(
        self,
        session: Session,
        reopen: Callable[[], Session],
        adapter: Adapter,
        *,
        node: NodeId,
        name: str,
        span: Span,
        emit: Callable[[LeaseAwaited | StatementSent], None],
        clock: Callable[[], float],
        stopped: threading.Event,
    ) -> None:
        self.session = session
        self.name = name
        self.span = span
        self.broken = False
        self._adapter = adapter
        self._reopen = reopen
        self.node = node
        self._emit = emit
        self._clock = clock
        self._stopped = stopped

    @property
    def spec(self) -> DialectSpec:
        """The engine's dialect."""
        return self._adapter.spec

    def execute(
        self, sql: str, text_map: TextMap | None = None, parameters: Sequence[Value] = ()
    ) -> int | None:
        """Runs a statement; gives the rows that it changed, as far as the engine tells."""
        return self._send(sql, text_map, lambda: (rows := self.session.execute(sql, parameters), rows))

    def fetch(self, sql: str, text_map: TextMap | None = None) -> pyarrow.Table:
        """Runs a query and gives its rows."""

        def run() -> tuple[pyarrow.Table, int]:
            table = self.session.fetch(sql)
            return table, int(table.num_rows)

        return self._send(sql, text_map, run)

    def load(self, relation: Relation, rows: pyarrow.Table) -> int:
        """Loads rows into a table; gives how many there were."""
        return self._send(
            f"-- load into {relation}", None, lambda: (n := self.session.load(relation, rows), n)
        )

    @contextmanager
    def asking(self, text_map: TextMap | None = None) -> Generator[Session]:
        """Gives the session for questions to its catalog, with errors read as a statement's are."""
        self.check()
        try:
            yield self.session
        except Exception as error:
            raise self._failed(error, text_map) from error

    @contextmanager
    def naming(self, name: str, span: Span) -> Generator[None]:
        """Tells of what fails inside as something else's failure than the action's."""
        own = self.name, self.span
        self.name, self.span = name, span
        try:
            yield
        finally:
            self.name, self.span = own

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """Commits what is done inside, or rolls it back; an engine without transactions keeps what was done.

        Where the connection is lost while the engine commits, only the engine knows whether it did: another
        session asks for the transaction's proof.
        """
        transactional = self._adapter.spec.transactions
        if transactional:
            with self.asking() as session:
                session.begin()
        transaction = Transaction()
        try:
            yield transaction
            if transactional:
                with self.asking() as session:
                    session.commit()
        except BaseException as error:
            if (
                transaction.proof is not None
                and self._is_lost(error)
                and self._is_committed(transaction.proof)
            ):
                return
            # What broke the transaction is the error to tell of, not that rolling back fails as well.
            if transactional:
                self._roll_back()
            raise

    def reconnect(self) -> None:
        """Goes on over a new session; raises WorkFailedError where none can be had."""
        self.check()
        self.broken = True
        try:
            self.session = self._reopen()
        except Exception as error:
            raise self._failed(error, None) from error
        self.broken = False

    def _is_lost(self, error: BaseException) -> bool:
        return isinstance(error, WorkFailedError) and error.kind is FailureKind.CONNECTION

    def _is_committed(self, proof: Callable[[Session], bool]) -> bool:
        """Asks until there is an answer; where none can be had, the caller is told of the lost connection."""
        for _, pause in zip(range(_ATTEMPTS), growing_pauses(), strict=False):
            self.wait(pause)
            with suppress(WorkFailedError):
                self.reconnect()
                with self.asking() as session:
                    return proof(session)
        raise WorkFailedError(commit_unknown(self.name, self.span))

    def _roll_back(self) -> None:
        try:
            self.session.rollback()
        except Exception:
            self.broken = True

    def tell(self, event: LeaseAwaited) -> None:
        """Tells of something that is no statement."""
        self._emit(event)

    def check(self) -> None:
        """Raises StoppedError where the run, or this action, has been stopped."""
        if self._stopped.is_set():
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Waits; raises StoppedError where the action is stopped meanwhile."""
        self._stopped.wait(seconds)
        self.check()

    def _send(self, sql: str, text_map: TextMap | None, call: Callable[[], tuple[_T, int | None]]) -> _T:
        self.check()
        began = self._clock()
        rows: int | None = None
        ok = False
        try:
            result, rows = call()
            ok = True
        except Exception as error:
            raise self._failed(error, text_map, sql) from error
        finally:
            self._emit(
                StatementSent(node=self.node, sql=sql, seconds=self._clock() - began, rows=rows, ok=ok)
            )
        return result

    def _failed(self, error: Exception, text_map: TextMap | None, sql: str = "") -> Exception:
        if isinstance(error, (StoppedError, WorkFailedError)):
            return error
        failure = self._adapter.classify(error)
        self.broken = self.broken or failure.kind is FailureKind.CONNECTION
        if failure.kind is FailureKind.CANCELLED or self._stopped.is_set():
            return StoppedError()
        diagnostic = statement_failed(failure, self.name, self.span, text_map, sql)
        return WorkFailedError(diagnostic, kind=failure.kind)
