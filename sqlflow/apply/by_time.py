"""Builds what is due of a model that is built by time range."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

from sqlflow.apply.attempts import again
from sqlflow.apply.audit import Audits
from sqlflow.apply.changes import Changes, changes_since
from sqlflow.apply.crew import Crew
from sqlflow.apply.hooks import run_after, run_before
from sqlflow.apply.job import CURRENT, Batch, Fill, Job
from sqlflow.apply.leases import Lease
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender
from sqlflow.apply.signals import Signals
from sqlflow.apply.versioned import is_of_other_code
from sqlflow.bind.types import BoundModel
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Range, Ranges, difference, intersection, normalised, union
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.build import is_increment
from sqlflow.materialize.types import Load, Run, Step
from sqlflow.plan.due import batches_due, batches_within, covered_after, first_missing, in_order
from sqlflow.plan.types import Action, BuildModel
from sqlflow.plan.versions import same_rows
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication

_BY_ANOTHER = Outcome(Status.UNCHANGED, reason="another run has built it")


class Builder(Protocol):
    """Builds one batch, or notes that none is to be built."""

    @property
    def spec(self) -> DialectSpec:
        """The target's dialect."""
        ...

    @property
    def log(self) -> PublishLog:
        """The publish log as the run knows it."""
        ...

    @property
    def questions(self) -> Questions:
        """What can be asked of the warehouse."""
        ...

    @property
    def signals(self) -> Signals:
        """The signals that batches may wait for."""
        ...

    @property
    def now(self) -> datetime:
        """The run's one time, in UTC."""
        ...

    def leased(
        self, action: Action, node: BoundModel, sender: Sender, build: Callable[[Job], Outcome]
    ) -> Outcome:
        """Builds under the lease on a node's relation."""
        ...

    @property
    def fills_apart(self) -> bool:
        """Whether what is filled anew goes into a table that is shown when it is whole."""
        ...

    def filling(self, node: NodeId, job: Job, sender: Sender) -> Publication | None:
        """Gives what an earlier run left unfinished of a table that is filled by the same code."""
        ...

    def line_up(self, lease: Lease, sender: Sender) -> None:
        """Lets several batches be published under one lease, each in its turn."""
        ...

    def audited(
        self, action: Action, sender: Sender, build: Callable[[Audits], Outcome], *, at_once: bool = False
    ) -> Outcome:
        """Builds, and says what the audits found; `at_once` where other parts are built meanwhile."""
        ...

    def model(self, work: BuildModel, job: Job, sender: Sender, batch: Batch | None = None) -> Outcome:
        """Builds a model, or a batch of one, and publishes it."""
        ...

    def note(
        self,
        node: BoundModel,
        last: Publication,
        job: Job,
        sender: Sender,
        why: str,
        ranges: Ranges | None = None,
    ) -> Outcome:
        """Writes down that there is nothing to build for what changed, so that it is not asked again.

        `ranges` are those that are covered, where they are not what they were.
        """
        ...


class BuildByTime:
    """Builds what is due of one model in one run, each batch in a transaction of its own.

    One batch goes after the other, each under a lease of its own. Where the model allows for several at once,
    and the engine shows each what the others have published, the first one goes alone and the others share
    one lease.

    Where it is filled anew in the place of what is shown, and tables are made by version, it is filled in a
    table apart, which is shown when it is whole. One that is not yet is gone on with by the next run.
    """

    def __init__(
        self, builder: Builder, work: BuildModel, action: Action, sender: Sender, crew: Crew
    ) -> None:
        self._builder = builder
        self._work = work
        self._model = work.model
        self._sender = sender
        self._crew = crew
        # What is due is found out once, so that each batch is published from the same code and data.
        self._action = replace(action, verdict=replace(action.verdict, forced=True))
        self._refreshes = isinstance(action.work, BuildModel) and action.work.full_refresh
        self._fill: Fill | None = None
        self._inputs: Mapping[NodeId, str] = {}
        self._left: deque[Batch] = deque()
        self._ended: list[Outcome] = []
        self._remark = ""
        time = work.model.time
        self._chained = time is not None and time.depends_on_past
        # Batches at once take turns by the table of leases.
        spec = builder.spec
        shown = spec.transactions and spec.sees_commits and bool(spec.clock)
        self._most = time.most_at_once if time is not None and shown else 1

    def run(self) -> Outcome:
        """Builds batches until none is left, or one can't be published.

        What is due is found out under the first lease, when nobody else builds it.
        """
        outcome = self._leased(self._first)
        while self._left and outcome.status.is_good:
            outcome = self._leased(self._next if self._most == 1 else self._others)
        done = [outcome for outcome in self._ended if outcome.status is Status.SUCCESS]
        if not outcome.status.is_good or not done:
            return outcome
        count = "1 batch" if len(done) == 1 else f"{len(done)} batches"
        if self._fill is not None:
            said = [part for part in (f"{count} filled, not shown yet", self._remark) if part]
            return Outcome(Status.HELD, reason="; ".join(said))
        said = [part for part in (done[0].reason, count, self._remark) if part]
        last = max(done, key=_place)
        rows = sum(outcome.rows or 0 for outcome in done)
        whole = last._replace(rows=rows, batches=len(done), reason="; ".join(said))
        return run_after(self._model.after_commit, whole, self._sender)

    def _leased(self, build: Callable[[Job], Outcome]) -> Outcome:
        outcome = self._builder.leased(self._action, self._model, self._sender, build)
        self._ended.append(outcome)
        return outcome

    def _first(self, job: Job) -> Outcome:
        ended = self._find(job)
        if ended is not None:
            return ended
        run_before(self._model.before_begin, self._sender)
        return self._build(self._left.popleft(), job)

    def _once_more(self, job: Job) -> Outcome:
        """Looks at everything anew: what was filled is shown already, or is of no use any more."""
        self._left.clear()
        return self._find(job) or self._build(self._left.popleft(), job)

    def _next(self, job: Job) -> Outcome:
        """Builds a batch, unless another run has done so: this one's first took it out of what is covered."""
        if self._fill is not None and not self._is_filling(self._fill, job):
            return self._once_more(job)
        job = self._look_again(job)
        batch, covered = self._left.popleft(), self._covered()
        last = self._last()
        is_same = last is not None and last.code == job.code
        if is_same and not difference((batch.range,), covered):
            return _BY_ANOTHER
        if self._chained:
            missing = first_missing(self._model.config, covered, self._builder.now)
            if missing is not None and missing.start < batch.range.start:
                # Another run builds the past anew: that comes first, whoever does it.
                self._left.appendleft(batch)
                batch = Batch(missing, _after(missing), anew=False)
        return self._build(batch, job)

    def _others(self, job: Job) -> Outcome:
        """Builds all that is left, several batches at once, under one lease.

        The first batch took them out of what is covered. Where something has changed since, one goes first
        again.
        """
        if self._fill is not None and not self._is_filling(self._fill, job):
            return self._once_more(job)
        if self._is_foreign(job):
            return self._next(job)
        job, covered = job._replace(inputs=self._inputs, is_shared=True), self._covered()
        if job.lease is not None:
            self._builder.line_up(job.lease, self._sender)
        todo = [
            batch._replace(left=(), fill=self._fill)
            for batch in self._left
            if difference((batch.range,), covered)
        ]
        self._left.clear()

        def task(batch: Batch, sender: Sender) -> Outcome:
            return self._builder.audited(
                self._action,
                sender,
                lambda audits: self._builder.model(self._work, job._replace(audits=audits), sender, batch),
                at_once=True,
            )

        ended = self._crew.together([partial(task, batch) for batch in todo], self._most, self._sender)
        failed = next((outcome for outcome in ended if not outcome.status.is_good), None)
        if failed is not None or not ended:
            return failed or _BY_ANOTHER
        self._ended += ended[:-1]
        for outcome in ended:
            self._note(outcome)
        return ended[-1]

    def _build(self, batch: Batch, job: Job) -> Outcome:
        outcome = self._builder.model(self._work, job, self._sender, batch._replace(fill=self._fill))
        self._note(outcome)
        return outcome

    def _note(self, outcome: Outcome) -> None:
        """Notes the table of what is filled, until it is shown."""
        publication = outcome.publication
        if self._fill is not None and publication is not None:
            self._fill = self._fill._replace(table=publication.table) if publication.unshown else None

    def _find(self, job: Job) -> Outcome | None:
        """Finds the batches that are to be built; says how it ends where none is."""
        work, config, now = self._work, self._model.config, self._builder.now
        shown = self._builder.log.last(self._model.id)
        kind = self._builder.questions.kind(self._model.relation, self._sender)
        goes_on = is_increment(self._model, kind, self._is_refreshed(shown, job))
        last = shown if goes_on or shown is None else self._left_unfinished(job) or shown
        covered = last.ranges if last is not None and (goes_on or last.unshown) else None
        owed, right = self._owed(covered, last, job)
        todo = owed
        if work.interval is not None:
            todo = asked = batches_within(config, work.interval, now)
            if not todo:
                return Outcome(Status.UNCHANGED, reason="no complete batch lies in what was asked for")
            if not goes_on and self._was_shown(shown):
                todo = asked = tuple(sorted({*asked, *owed}))
                self._remark = "all that is due, since it is filled anew"
            if self._chained:
                todo = in_order(config, asked, right, now)
                more = len(todo) - len(asked)
                self._remark = f"{more} of them since each depends on the past" if more else ""
        elif self._chained:
            todo = in_order(config, owed, covered, now)
        goal = normalised(todo)
        if work.interval is None:
            todo, waits = self._ready(todo)
            if waits and not todo:
                return Outcome(Status.HELD, reason=waits)
        self._inputs = job.inputs
        if not todo and goes_on and covered is not None and last is not None and not self._leaves(last, job):
            if (last.code, last.inputs) == (job.code, job.inputs):
                return CURRENT
            left = intersection(covered, right)
            return self._builder.note(self._model, last, job, self._sender, "no batch is due", left)
        if not todo and config.time_range is not None:
            # A table without new rows, which is there all the same.
            todo = (Range(config.time_range.begin, config.time_range.begin),)
        self._take(todo, difference(covered or (), right), anew=covered is None)
        self._fill = None
        if self._builder.fills_apart and not goes_on and last is not None:
            self._fill = Fill(goal, last.table if last.unshown else None)
        return None

    def _is_refreshed(self, shown: Publication | None, job: Job) -> bool:
        """Whether all rows are made anew: asked for, or since those that are shown are of other code."""
        if self._refreshes or shown is None:
            return self._work.full_refresh
        return self._work.full_refresh and is_of_other_code(shown, job.code, job.origins)

    def _left_unfinished(self, job: Job) -> Publication | None:
        return None if self._refreshes else self._builder.filling(self._model.id, job, self._sender)

    def _is_filling(self, fill: Fill, job: Job) -> bool:
        """Whether a table is still being filled, by the code that there is now; reads what others did."""
        if fill.table is None:
            return False
        if job.lease is not None:
            with self._sender.asking() as session:
                self._builder.log.tables.refresh(fill.table, session)
        filled = self._last()
        return filled is not None and filled.unshown and same_rows(filled.code, job.code)

    def _last(self) -> Publication | None:
        """What was last built: into the table that is filled, or else of what is shown."""
        log, table = self._builder.log, self._fill.table if self._fill is not None else None
        held = log.tables.held(table) if table is not None else None
        return held.publication if held is not None else log.last(self._model.id)

    def _was_shown(self, last: Publication | None) -> bool:
        """Whether prod has shown rows of it: a table that takes the place of theirs has all that is due."""
        return self._builder.log.environment == PROD and last is not None and bool(last.ranges)

    def _leaves(self, last: Publication, job: Job) -> bool:
        """Whether a model goes on with other code than the environment has whose table it shows.

        Then it gets a table of its own: what is written into the other one is of that code.
        """
        shared = last.table is not None and not self._builder.log.tables.is_own(last.table)
        return self._work.forward_only and shared and not same_rows(last.code, job.code)

    def _ready(self, todo: Sequence[Range]) -> tuple[tuple[Range, ...], str]:
        """Gives the batches whose signals are there, and what the others wait for.

        Those are no longer covered once another batch is published, and so are due again.
        """
        there, waits = self._builder.signals.ready(self._action.verdict.signals, todo, self._sender)
        if self._chained:
            there = tuple(one for one, batch in zip(there, todo, strict=False) if one == batch)
        count = len(todo) - len(there)
        if count:
            self._remark = "1 batch waits" if count == 1 else f"{count} batches wait"
        return there, waits

    def _owed(
        self, covered: Ranges | None, last: Publication | None, job: Job
    ) -> tuple[tuple[Range, ...], Ranges]:
        """Gives the batches that are due, and what is covered and needs not be built again.

        Of what the model reads and is built by time range too, through views as well, it is known which
        ranges have changed. For anything else that changed, the last batches are looked back at.
        """
        config, now, right = self._model.config, self._builder.now, covered or ()
        before = last.inputs if last is not None else {}
        changed = {node for node in {*before, *job.inputs} if before.get(node) != job.inputs.get(node)}
        ranged = self._model.time.ranged if self._model.time is not None else {}
        anything_else = bool(changed - ranged.keys())
        for node in sorted(changed & ranged.keys() & before.keys() & job.inputs.keys()):
            found = self._changes(node, before[node])
            right = difference(right, found.ranges) if found.ranges is not None else ()
            anything_else = anything_else or found.anything_else
        known = right if covered is not None else None
        owed = batches_due(config, known, now, again=anything_else and covered is not None)
        return owed, difference(right, normalised(owed))

    def _changes(self, node: NodeId, since: str) -> Changes:
        time = self._model.time
        if time is None:
            raise ValueError(f"{self._model.id} is not built by time range")

        def ask() -> Changes:
            with self._sender.asking() as session:
                return changes_since(self._builder.log, time, node, since, session)

        return again(self._sender, ask)

    def _look_again(self, job: Job) -> Job:
        """Finds out anew what is due, where another run has published from other code or data meanwhile.

        Otherwise all batches are published from what was there when that was found out: data that is newer
        counts as not seen yet, since batches before were built from the older.
        """
        last = self._last()
        if last is None or not self._is_foreign(job):
            return job._replace(inputs=self._inputs)
        config, now, covered = self._model.config, self._builder.now, last.ranges or ()
        owed, right = self._owed(covered, last, job)
        ready = self._ready(owed)[0] if self._work.interval is None else ()
        todo = sorted({*(batch.range for batch in self._left), *ready})
        self._inputs = job.inputs
        self._left.clear()
        todo = in_order(config, todo, right, now) if self._chained else todo
        self._take(todo, difference(covered, right), anew=False)
        return job

    def _take(self, todo: Sequence[Range], wrong: Ranges, *, anew: bool) -> None:
        """Takes on batches in their order. What is `wrong`, or to be built again, is no longer covered."""
        wrong = difference(wrong, normalised(todo))
        for i, batch in enumerate(todo):
            later = _after(batch) if self._chained else normalised(todo[i + 1 :])
            self._left.append(Batch(batch, union(later, wrong), anew=anew and i == 0))

    def _is_foreign(self, job: Job) -> bool:
        """Whether what is published is of other code or data than the batches before."""
        last = self._last()
        return last is not None and (last.code, last.inputs) != (job.code, self._inputs)

    def _covered(self) -> Ranges:
        last = self._last()
        return (last.ranges if last is not None else None) or ()


def ranges_after(last: Publication | None, batch: Batch) -> Ranges:
    """Gives what a model's table covers once a batch is built, after what was published `last` of it."""
    before = last.ranges if last is not None and not batch.anew else None
    return covered_after(before or (), batch.range, batch.left)


def parted(steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Gives the steps of a batch that others may be built beside, and those that wait for its turn.

    The rows are written by the first. Hooks and comments may lock the table for as long as the transaction
    lasts, and tests have to see all that was published before.
    """
    writes = [
        i for i, step in enumerate(steps) if isinstance(step, Load) or (isinstance(step, Run) and step.counts)
    ]
    return steps[: writes[-1] + 1], steps[writes[-1] + 1 :]


def _place(outcome: Outcome) -> tuple[int, bool]:
    """What orders the publications of batches: in a table that is filled, the last one is the one shown."""
    found = outcome.publication
    return (found.number, not found.unshown) if found is not None else (0, False)


def _after(batch: Range) -> Ranges:
    """All that comes after a batch: where each depends on the past, none of it is right any more."""
    return (Range(batch.end, datetime.max),)
