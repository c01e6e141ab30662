"""What a run does to its environment as a whole, before its first action and after its last."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.failures import StoppedError, WorkFailedError, connection_lost, environment_held
from sqlflow.apply.job import span_of
from sqlflow.apply.leases import Leases
from sqlflow.apply.promotion import Promoter
from sqlflow.apply.sender import Sender
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.dialect.names import read_relation
from sqlflow.plan.types import Plan
from sqlflow.state.event import Event, NodesRenamed, NodesTaken, Published
from sqlflow.state.publication import Publication
from sqlflow.system.protocol import System


@contextmanager
def environment_sender(
    warehouse: Warehouse,
    adapter: Adapter,
    system: System,
    environment: str,
    span: Span,
    emit: Callable[[Event], None],
    stopped: threading.Event,
) -> Generator[Sender]:
    """Gives what sends statements that belong to no node of an environment.

    Raises WorkFailedError where no session can be had.
    """
    name, sessions = f"the environment {environment}", ExitStack()

    def opened() -> Session:
        session = warehouse.session()
        sessions.callback(session.close)
        return session

    try:
        first = opened()
    except Exception as error:
        raise WorkFailedError(connection_lost(adapter.classify(error), name, span)) from error
    with sessions:
        yield Sender(
            first,
            opened,
            adapter,
            node=NodeId("environment"),
            name=name,
            span=span,
            emit=emit,
            clock=system.monotonic,
            stopped=stopped,
        )


class EnvironmentRun:
    """Claims an environment, publishes what is taken, drops what is gone, each over a session of its own.

    Each call gives the events, and then what there is to tell: where that is an error, nothing was done. It
    may be asked to `stop` from anywhere.
    """

    def __init__(
        self,
        plan: Plan,
        warehouse: Warehouse,
        adapter: Adapter,
        system: System,
        promoter: Promoter,
        leases: Leases,
        *,
        remembers: bool,
    ) -> None:
        self._plan = plan
        self._warehouse = warehouse
        self._adapter = adapter
        self._system = system
        self._promoter = promoter
        self._leases = leases
        self._remembers = remembers
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Asks what goes on to end."""
        self._stopping.set()

    def claim(self) -> Generator[Event, None, tuple[Diagnostic, ...]]:
        """Takes the environment's lease where the plan changes its code, and writes down what that was."""
        plan, name = self._plan, self._promoter.log.environment
        if not plan.changes or not (plan.claims or self._remembers):
            return ()
        held: list[Diagnostic] = []

        def claimed(sender: Sender) -> None:
            holder = self._leases.claim(name, sender) if plan.claims else None
            if holder is not None:
                held.append(environment_held(name, holder, None))
            elif self._remembers:
                self._promoter.remember(plan, sender)

        found = yield from self._done(claimed)
        return (*found, *held)

    def take(self) -> Generator[Event, None, tuple[Diagnostic, ...]]:
        """Publishes what was renamed, and what other environments have: all of it or nothing."""
        takes, carried, published = self._plan.takes, self._plan.carried, list[Publication]()
        if not (takes or carried):
            return ()
        began = self._system.monotonic()

        def taken(sender: Sender) -> None:
            with ExitStack() as held:
                for one in sorted(carried, key=lambda one: one.before.relation):
                    held.enter_context(
                        self._leases.held(read_relation(sender.spec, one.before.relation), sender)
                    )
                taken = self._promoter.promote(takes, sender, carried=carried)
            published.extend((*(one.publication for one in carried), *taken))

        found = yield from self._done(taken)
        for publication in published:
            if not publication.unshown:
                yield Published(publication=publication)
        renamed = tuple((one.old_name, one.node) for one in carried if one.is_renamed)
        if renamed and published:
            yield NodesRenamed(nodes=renamed)
        seconds = self._system.monotonic() - began
        for source in dict.fromkeys(take.source for take in takes if published):
            nodes = tuple(take.node for take in takes if take.source == source)
            yield NodesTaken(source=source, nodes=nodes, seconds=seconds)
        return found

    def remove(self) -> Generator[Event, None, tuple[Diagnostic, ...]]:
        """Drops what is no longer in the project, which nothing that was built reads any more."""
        if not self._plan.removes:
            return ()
        return (yield from self._done(lambda sender: self._promoter.remove(self._plan.removes, sender)))

    def _done(self, work: Callable[[Sender], None]) -> Generator[Event, None, tuple[Diagnostic, ...]]:
        """Does something over a session; what was stopped has nothing to tell."""
        sent: list[Event] = []
        found: tuple[Diagnostic, ...] = ()
        try:
            with self._sender(sent) as sender:
                work(sender)
        except WorkFailedError as error:
            found = error.diagnostics
        except StoppedError:
            pass
        yield from sent
        return found

    @contextmanager
    def _sender(self, sent: list[Event]) -> Generator[Sender]:
        name = self._promoter.log.environment
        with environment_sender(
            self._warehouse, self._adapter, self._system, name, self._span, sent.append, self._stopping
        ) as sender:
            yield sender

    @property
    def _span(self) -> Span:
        """Any place in the project."""
        spans: Sequence[Span] = (
            *(take.span for take in self._plan.takes),
            *(span_of(action) for action in self._plan.actions),
        )
        return spans[0] if spans else Span("sqlflow.yml", 0, 0)
