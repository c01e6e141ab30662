"""Carries out a plan: each action as soon as what it waits for has ended well."""

from __future__ import annotations

import heapq
import uuid
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from sqlflow.adapter.protocol import Adapter, Warehouse
from sqlflow.apply.environment_run import EnvironmentRun
from sqlflow.apply.failures import timed_out
from sqlflow.apply.housekeeping import create_schemas, drop_leftovers
from sqlflow.apply.job import span_of, timeout_of
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.promotion import Promoter
from sqlflow.apply.run_hooks import Result, RunHookRunner, end_names, result_of
from sqlflow.apply.work import Workshop
from sqlflow.apply.workers import Done, Job, Pool
from sqlflow.core.diagnostic import Diagnostic, has_errors
from sqlflow.core.ids import NodeId, NodeKind
from sqlflow.plan.types import Action, Plan
from sqlflow.project.hook_config import RUN_END, RUN_START
from sqlflow.state.event import (
    Event,
    NodeFinished,
    NodeStarted,
    Published,
    RunFinished,
    RunStarted,
    StatementSent,
    Status,
    Unchanged,
)
from sqlflow.state.publication import Publication
from sqlflow.system.protocol import System

# How long a cancelled action may take to end before its thread is given up: a Python model can't be stopped.
_GRACE_SECONDS = 5.0
_CANCEL_AGAIN_SECONDS = 0.25
# A signal that comes between two steps of Python and the wait that follows does not end that wait. So none is
# longer than this: else a build would not hear of an interrupt before the next node ends.
_LONGEST_WAIT_SECONDS = 0.5


@dataclass(slots=True)
class _Running:
    job: Job
    began: float
    deadline: float | None
    statements: int = 0
    timed_out: bool = False
    given_up_at: float | None = None
    cancelled_at: float = 0.0


@dataclass(slots=True)
class _Progress:
    """What is left to do, and how the rest ended."""

    waiting: dict[NodeId, set[NodeId]] = field(default_factory=dict)
    children: dict[NodeId, list[NodeId]] = field(default_factory=dict)
    ready: list[int] = field(default_factory=list)
    running: dict[NodeId, _Running] = field(default_factory=dict)
    ended: dict[NodeId, Status] = field(default_factory=dict)
    audited: dict[NodeId, Status] = field(default_factory=dict)


def new_run_id() -> str:
    """Makes an id that no other run has: 32 hex digits."""
    return uuid.uuid4().hex


class Execution:
    """One run of a plan, iterated over as events; the last is always a RunFinished.

    `stop` may be called from anywhere, a signal handler too: what runs is cancelled, what has not begun is
    skipped, and the iteration goes on until everything has ended. A run whose execution is dropped half way
    is cancelled, and its sessions are closed. `unseen` are publications of earlier runs that the state
    does not know of; they are told of first. `warnings` are of what was found before.
    """

    def __init__(
        self,
        plan: Plan,
        warehouse: Warehouse,
        adapter: Adapter,
        system: System,
        workshop: Workshop,
        promoter: Promoter,
        unseen: tuple[Publication, ...],
        hooks: RunHookRunner,
        warnings: tuple[Diagnostic, ...] = (),
    ) -> None:
        self._warehouse = warehouse
        # The loop knows nothing of its own iteration: without a cycle, dropping this ends it at once.
        self._loop = _Loop(plan, warehouse, adapter, system, workshop, promoter, unseen, hooks, warnings)
        self._events = self._loop.iterate()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def stop(self) -> None:
        """Asks the run to end."""
        self._loop.stop()

    def close(self) -> None:
        """Ends the run without further events: what runs is cancelled, the warehouse is closed."""
        self._events.close()
        # An iteration that was never begun has closed nothing.
        self._warehouse.close()


class _Loop:
    """Starts actions and takes what the workers say."""

    def __init__(
        self,
        plan: Plan,
        warehouse: Warehouse,
        adapter: Adapter,
        system: System,
        workshop: Workshop,
        promoter: Promoter,
        unseen: tuple[Publication, ...],
        hooks: RunHookRunner,
        warnings: tuple[Diagnostic, ...] = (),
    ) -> None:
        self._plan = plan
        self._unseen = unseen
        self._own_tables = workshop.own_tables
        self._environment = workshop.log.environment
        self._leases = workshop.leases
        self._adapter = adapter
        self._system = system
        self._warehouse = warehouse
        self._catalog = workshop.catalog
        self._functions = workshop.builder.functions
        self._run = workshop.builder.run
        self._pool = Pool(warehouse, adapter, workshop, system.monotonic, plan.threads)
        self._index = {action.node: i for i, action in enumerate(plan.actions)}
        self._progress = _Progress()
        self._diagnostics: list[Diagnostic] = list(warnings)
        self._hooks = hooks
        self._around = EnvironmentRun(
            plan,
            warehouse,
            adapter,
            system,
            promoter,
            workshop.leases,
            remembers=workshop.builder.versions is not None,
        )
        self._begun = False
        self._results: list[Result] = []
        self._stopped = False
        self._why_stopped = "the run was stopped"
        self._interrupted = False
        self._interrupts = 0

    def stop(self) -> None:
        """Asks the loop to end; may be called from a signal handler."""
        self._interrupted = True
        self._interrupts += 1
        self._around.stop()
        self._pool.wake()

    def iterate(self) -> Generator[Event]:
        """Carries the plan out, event by event."""
        began = self._system.monotonic()
        yield RunStarted(
            run=self._run,
            at=self._system.now(),
            command=self._plan.command,
            target=self._plan.target,
            actions=sum(1 + len(action.audits) for action in self._plan.actions),
            threads=self._plan.threads,
        )
        try:
            left = tuple(action.node for action in self._plan.left)
            if self._plan.unchanged or self._plan.untold or left:
                yield Unchanged(nodes=self._plan.unchanged, untold=self._plan.untold, left=left)
            for publication in self._unseen:
                yield Published(publication=publication)
            yield from self._prepare()
            yield from self._claim()
            yield from self._begin()
            yield from self._take()
            yield from self._loop()
            yield from self._remove()
            yield from self._clean()
            yield from self._end()
        finally:
            # Nothing runs any more, but where the consumer went away or an error came from outside.
            self._cancel_all()
            self._pool.close(_GRACE_SECONDS)
            self._functions.close()
            self._leases.close()
            self._warehouse.close()
        ended = {**self._progress.audited, **self._progress.ended}
        counts = Counter(ended.values())
        counts[Status.UNCHANGED] += len(self._plan.unchanged)
        yield RunFinished(
            run=self._run,
            at=self._system.now(),
            seconds=self._system.monotonic() - began,
            counts=tuple((status, counts[status]) for status in Status if counts[status]),
            not_done=tuple(node for node in self._plan.nodes if ended[node].is_bad),
            interrupted=self._interrupted,
            diagnostics=tuple(self._diagnostics),
        )

    def _prepare(self) -> Iterator[Event]:
        sent: list[StatementSent] = []
        failed = create_schemas(
            (*self._plan.schemas, *self._plan.physical),
            self._own_tables,
            self._warehouse,
            self._adapter,
            self._catalog,
            sent.append,
            self._system.monotonic,
        )
        yield from sent
        self._diagnostics.extend(failed)
        if failed:
            self._stopped = True
        progress = self._progress
        for action in self._plan.actions:
            after = {node for node in action.after if node in self._index}
            progress.waiting[action.node] = after
            for node in after:
                progress.children.setdefault(node, []).append(action.node)
            if not after:
                heapq.heappush(progress.ready, self._index[action.node])

    def _claim(self) -> Iterator[Event]:
        """Has the environment to itself, where the plan changes it."""
        if not self._stopped:
            self._heed((yield from self._around.claim()))

    def _take(self) -> Iterator[Event]:
        """Publishes what other environments have, before any action begins."""
        if not self._stopped:
            self._heed((yield from self._around.take()))

    def _remove(self) -> Iterator[Event]:
        """Drops what is no longer in the project, where all that was planned ended well."""
        bad = any(status.is_bad for status in self._progress.ended.values())
        if not (self._stopped or self._interrupted or bad):
            self._diagnostics.extend((yield from self._around.remove()))

    def _heed(self, found: Sequence[Diagnostic]) -> None:
        """Begins nothing where something was wrong before."""
        self._diagnostics.extend(found)
        if has_errors(found):
            self._stopped, self._why_stopped = True, "nothing could be begun"

    def _begin(self) -> Iterator[Event]:
        """Runs `on-run-start`; where it fails, no action begins."""
        if self._stopped or not self._plan.changes:
            return
        self._begun = True
        names = {"invocation_id": self._run}
        found = yield from self._hooks.run(RUN_START, names, lambda: self._interrupted)
        self._diagnostics.extend(found)
        if has_errors(found):
            self._stopped, self._why_stopped = True, f"{RUN_START} failed"
        if self._hooks.has(RUN_START):
            # It may have made or dropped anything.
            self._catalog.forget_all()

    def _end(self) -> Iterator[Event]:
        """Runs `on-run-end`, however the actions ended; an interrupt that came before is no reason not to."""
        if not self._begun:
            return
        before, names = self._interrupts, end_names(self._run, self._results, self._plan.schemas)
        found = yield from self._hooks.run(RUN_END, names, lambda: self._interrupts > before)
        self._diagnostics.extend(found)

    def _clean(self) -> Iterator[Event]:
        if self._adapter.spec.views_bind_by_name or self._stopped or self._interrupted:
            return
        sent: list[StatementSent] = []
        drop_leftovers(
            (*self._plan.schemas, *self._plan.physical),
            self._warehouse,
            self._adapter,
            self._catalog,
            sent.append,
            self._system.monotonic,
        )
        yield from sent

    def _loop(self) -> Iterator[Event]:
        progress = self._progress
        while len(progress.ended) < len(self._plan.actions):
            if self._interrupted and not self._stopped:
                self._cancel_all()
            if self._stopped and not progress.running:
                yield from self._skip_rest()
                return
            yield from self._dispatch()
            if not progress.running:
                continue
            try:
                message = self._pool.next_message(self._wait_seconds())
            except KeyboardInterrupt:
                self._interrupted = True
                continue
            if isinstance(message, Done):
                yield from self._done(message)
            elif message is not None:
                if isinstance(message, StatementSent):
                    self._count(message)
                yield message
            yield from self._check_deadlines()

    def _dispatch(self) -> Iterator[Event]:
        progress = self._progress
        while progress.ready and not self._stopped and self._pool.slots.take():
            action = self._plan.actions[heapq.heappop(progress.ready)]
            began = self._system.monotonic()
            timeout = timeout_of(action)
            job = Job(action, span=span_of(action))
            progress.running[action.node] = _Running(job, began, began + timeout if timeout else None)
            yield NodeStarted(
                node=action.node,
                name=action.name,
                kind=action.kind,
                materialized=action.materialized,
                at=self._system.now(),
            )
            self._pool.submit(job)

    def _wait_seconds(self) -> float:
        now = self._system.monotonic()
        times = [_LONGEST_WAIT_SECONDS]
        for running in self._progress.running.values():
            if running.given_up_at is not None:
                times += [running.given_up_at - now, _CANCEL_AGAIN_SECONDS]
            elif running.deadline is not None:
                times.append(running.deadline - now)
        return max(0.0, min(times))

    def _count(self, event: StatementSent) -> None:
        running = self._progress.running.get(event.node) if event.node else None
        if running is not None:
            running.statements += 1

    def _check_deadlines(self) -> Iterator[Event]:
        now = self._system.monotonic()
        for running in list(self._progress.running.values()):
            if running.given_up_at is None:
                if running.deadline is not None and now >= running.deadline:
                    running.timed_out = True
                    running.given_up_at = now + _GRACE_SECONDS
                    self._cancel(running)
            elif now >= running.given_up_at:
                self._pool.give_up(running.job)
                yield from self._done(Done(running.job, Outcome(Status.CANCELLED)))
            elif now >= running.cancelled_at + _CANCEL_AGAIN_SECONDS:
                # The statement may have begun just after it was cancelled.
                self._cancel(running)

    def _cancel(self, running: _Running) -> None:
        running.cancelled_at = self._system.monotonic()
        self._pool.cancel(running.job)

    def _cancel_all(self) -> None:
        self._stopped = True
        now = self._system.monotonic()
        for running in self._progress.running.values():
            running.given_up_at = running.given_up_at or now + _GRACE_SECONDS
            self._cancel(running)

    def _done(self, done: Done) -> Iterator[Event]:
        action = done.job.action
        running = self._progress.running.pop(action.node, None)
        if running is None:
            return  # it was given up before
        self._pool.slots.give_back()
        outcome = done.outcome
        if running.timed_out and outcome.status is not Status.SUCCESS:
            timeout, published = timeout_of(action) or 0.0, outcome.publication is not None
            told = timed_out(action.name, span_of(action), timeout, published=published)
            outcome = (outcome if published else Outcome(Status.ERROR))._replace(
                status=Status.ERROR, reason="timed out", diagnostics=(told,)
            )
        seconds = self._system.monotonic() - running.began
        yield from self._finished(action, outcome, seconds, running.statements)
        if outcome.status.is_good:
            for child in self._progress.children.get(action.node, ()):
                left = self._progress.waiting[child]
                left.discard(action.node)
                if not left and child not in self._progress.ended:
                    heapq.heappush(self._progress.ready, self._index[child])
        else:
            yield from self._skip_children(action, outcome.status)
            if self._plan.fail_fast and not self._stopped and outcome.status.is_bad:
                self._cancel_all()

    def _skip_children(self, action: Action, status: Status) -> Iterator[Event]:
        """Skips all that depends on an action, directly or through others, in the plan's order.

        What depends on something that waits, waits as well.
        """
        found: set[int] = set()
        stack = [action.node]
        while stack:
            for child in self._progress.children.get(stack.pop(), ()):
                if self._index[child] not in found and child not in self._progress.ended:
                    found.add(self._index[child])
                    stack.append(child)
        missed = Outcome(_missed(status), reason=f"because of {action.name} ({status.value})")
        for i in sorted(found):
            yield from self._finished(self._plan.actions[i], missed, 0.0, 0)

    def _skip_rest(self) -> Iterator[Event]:
        self._progress.ready.clear()
        for action in self._plan.actions:
            if action.node not in self._progress.ended:
                stopped = Outcome(Status.SKIPPED, reason=self._why_stopped)
                yield from self._finished(action, stopped, 0.0, 0)

    def _finished(self, action: Action, outcome: Outcome, seconds: float, statements: int) -> Iterator[Event]:
        """Tells how an action ended, after the tests that it ran or did not get to run."""
        yield from self._audited(action, outcome)
        self._progress.ended[action.node] = outcome.status
        if outcome.publication is not None:
            yield Published(publication=outcome.publication)
        yield self._node_finished(
            action.node,
            action.name,
            action.kind,
            action.materialized,
            outcome,
            seconds,
            statements,
            action.code,
        )

    def _audited(self, action: Action, outcome: Outcome) -> Iterator[Event]:
        ran = {audit.test.node: audit for audit in outcome.audits}
        missed = Outcome(outcome.status, reason=outcome.reason)
        if outcome.status not in (Status.SKIPPED, Status.UNCHANGED):
            missed = Outcome(
                _missed(outcome.status), reason=f"because of {action.name} ({outcome.status.value})"
            )
        for test in action.audits:
            audit = ran.get(test.node)
            ended, seconds = (audit.ended, audit.seconds) if audit is not None else (missed, 0.0)
            self._progress.audited[test.node] = ended.status
            yield self._node_finished(test.node, test.name, NodeKind.TEST.value, "", ended, seconds, 0)

    def _node_finished(
        self,
        node: NodeId,
        name: str,
        kind: str,
        materialized: str,
        outcome: Outcome,
        seconds: float,
        statements: int,
        code: str = "",
    ) -> NodeFinished:
        finished = NodeFinished(
            run=self._run,
            node=node,
            name=name,
            kind=kind,
            materialized=materialized,
            status=outcome.status,
            at=self._system.now(),
            seconds=seconds,
            statements=statements,
            rows=outcome.rows,
            reason=outcome.reason,
            kept=outcome.kept,
            diagnostics=outcome.diagnostics,
            code=code,
            inputs=outcome.inputs,
            batches=outcome.batches,
            environment=self._environment,
        )
        self._results.append(result_of(finished))
        return finished


def _missed(status: Status) -> Status:
    """How something ends that did not get its turn, since what it needs ended so."""
    return Status.HELD if status is Status.HELD else Status.SKIPPED
