"""Runs the statements of `on-run-start` and `on-run-end`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.attempts import again_if_refused
from sqlflow.apply.failures import StoppedError, WorkFailedError, connection_lost
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundQuery
from sqlflow.core.diagnostic import Diagnostic, has_errors
from sqlflow.core.ids import NodeId, kind_of
from sqlflow.core.span import Span
from sqlflow.state.event import LeaseAwaited, NodeFinished, RunHooksFinished, StatementSent, Status
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    from sqlflow.bind.run_hooks import RunHooks

# How often it is looked whether the run was stopped, and how long what was cancelled is waited for.
_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 5.0

_Ended: TypeAlias = "tuple[Status, tuple[Diagnostic, ...]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultNode:
    """A node as `on-run-end` sees it, by dbt's names."""

    unique_id: str
    name: str
    resource_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a node ended, by dbt's names; `execution_time` is in seconds, `failures` are a test's rows."""

    node: ResultNode
    unique_id: str
    status: str
    execution_time: float
    message: str
    failures: int | None
    rows_affected: int | None


def result_of(event: NodeFinished) -> Result:
    """Gives the end of a node as `on-run-end` sees it."""
    is_test = event.kind == "test"
    told = event.diagnostics[0].message if event.diagnostics else event.reason
    return Result(
        node=ResultNode(unique_id=event.node, name=event.name, resource_type=kind_of(event.node).value),
        unique_id=event.node,
        status=event.status.value,
        execution_time=event.seconds,
        message=told,
        failures=event.rows if is_test else None,
        rows_affected=None if is_test else event.rows,
    )


def end_names(
    run: str, results: Sequence[Result], schemas: Sequence[tuple[str | None, str]]
) -> Mapping[str, Any]:
    """Gives the names that the templates of `on-run-end` see; `schemas` are those that it published in."""
    return {
        "invocation_id": run,
        "results": tuple(results),
        "schemas": tuple(dict.fromkeys(schema for _, schema in schemas)),
        "database_schemas": tuple(schemas),
    }


class RunHookRunner:
    """Runs them in a session of their own, on a thread of their own: so the run can be stopped meanwhile."""

    def __init__(self, hooks: RunHooks, warehouse: Warehouse, adapter: Adapter, system: System) -> None:
        self._hooks = hooks
        self._warehouse = warehouse
        self._adapter = adapter
        self._system = system

    def has(self, key: str) -> bool:
        """Whether there is anything to run under a key."""
        return self._hooks.has(key)

    def run(
        self, key: str, names: Mapping[str, Any], is_stopped: Callable[[], bool]
    ) -> Generator[StatementSent | RunHooksFinished, None, tuple[Diagnostic, ...]]:
        """Runs the statements under a key in one transaction; gives what there is to tell of them.

        Where `is_stopped` becomes true, what runs is cancelled.
        """
        if not self._hooks.has(key):
            return ()
        began = self._system.monotonic()
        queries, found = self._hooks.make(key, names)
        sent = 0
        ended: _Ended = (Status.ERROR if has_errors(found) else Status.SUCCESS, ())
        if queries and not has_errors(found):
            running = _Running(key, queries, self._warehouse, self._adapter, self._system.monotonic)
            try:
                for message in running.events(is_stopped):
                    sent += 1
                    yield message
            finally:
                running.close()
            ended = running.ended
        status, failed = ended
        diagnostics = (*found, *failed)
        yield RunHooksFinished(
            hook=key,
            status=status,
            at=self._system.now(),
            seconds=self._system.monotonic() - began,
            statements=sent,
            diagnostics=diagnostics,
        )
        return diagnostics


class _Running:
    """Statements that run on a thread; `ended` is how, once there are no further events."""

    def __init__(
        self,
        key: str,
        queries: Sequence[BoundQuery],
        warehouse: Warehouse,
        adapter: Adapter,
        clock: Callable[[], float],
    ) -> None:
        self.ended: _Ended = (Status.CANCELLED, ())
        self._key = key
        self._queries = queries
        self._warehouse = warehouse
        self._adapter = adapter
        self._clock = clock
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._given_up_at: float | None = None
        self._messages: queue.SimpleQueue[StatementSent | _Ended] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"sqlflow-{key}", daemon=True)
        self._thread.start()

    def events(self, is_stopped: Callable[[], bool]) -> Iterator[StatementSent]:
        """Gives each statement as it ends; what is cancelled and doesn't end is not waited for."""
        while True:
            if is_stopped():
                self._cancel()
            try:
                message = self._messages.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if self._given_up_at is not None and self._clock() >= self._given_up_at:
                    return
                continue
            if not isinstance(message, StatementSent):
                self.ended = message
                return
            yield message

    def close(self) -> None:
        """Ends the thread, should it still run: what it does is cancelled and rolled back."""
        if self._thread.is_alive():
            self._cancel()
            self._thread.join(_GRACE_SECONDS)

    def _cancel(self) -> None:
        if self._given_up_at is None:
            self._given_up_at = self._clock() + _GRACE_SECONDS
        self._stopped.set()
        with self._lock:
            if self._session is not None:
                with suppress(Exception):
                    self._session.cancel()

    def _work(self) -> None:
        try:
            session = self._opened()
        except Exception as error:
            failure = self._adapter.classify(error)
            self._messages.put((Status.ERROR, (connection_lost(failure, self._key, self._place),)))
            return
        try:
            self._send(session)
            ended: _Ended = (Status.SUCCESS, ())
        except WorkFailedError as error:
            ended = (Status.ERROR, error.diagnostics)
        except StoppedError:
            ended = (Status.CANCELLED, ())
        self._close()
        self._messages.put(ended)

    def _send(self, session: Session) -> None:
        """Sends them in one transaction."""
        sender = Sender(
            session,
            self._opened,
            self._adapter,
            node=NodeId(self._key),
            name=self._key,
            span=self._place,
            emit=self._tell,
            clock=self._clock,
            stopped=self._stopped,
        )
        again_if_refused(sender, lambda: self._transaction(sender))

    def _transaction(self, sender: Sender) -> None:
        with sender.transaction():
            for query in self._queries:
                # All of a statement has one place, which is told even where the engine names none.
                with sender.naming(self._key, query.map.locate(0, 1)[0]):
                    sender.execute(query.sql, query.map)

    @property
    def _place(self) -> Span:
        return self._queries[0].map.locate(0, 1)[0]

    def _tell(self, event: LeaseAwaited | StatementSent) -> None:
        if isinstance(event, StatementSent):
            self._messages.put(replace(event, node=None))

    def _opened(self) -> Session:
        self._close()
        session = self._warehouse.session()
        with self._lock:
            self._session = session
        return session

    def _close(self) -> None:
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            with suppress(Exception):
                session.close()
