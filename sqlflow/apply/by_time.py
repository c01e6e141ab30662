"""Builds what is due of a model that is built by time range."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlflow.apply.job import CURRENT, Batch, Job
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundModel
from sqlflow.core.ranges import Range, Ranges, difference, normalised
from sqlflow.core.relation import Relation
from sqlflow.materialize.build import is_increment
from sqlflow.plan.due import batches_due, batches_within, covered_after, first_missing, in_order
from sqlflow.plan.types import Action, BuildModel
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication

_BY_ANOTHER = Outcome(Status.UNCHANGED, reason="another run has built it")


class Builder(Protocol):
    """Builds one batch, or notes that none is to be built."""

    @property
    def log(self) -> PublishLog:
        """The publish log as the run knows it."""
        ...

    @property
    def questions(self) -> Questions:
        """What can be asked of the warehouse."""
        ...

    @property
    def now(self) -> datetime:
        """The run's one time, in UTC."""
        ...

    def leased(
        self, action: Action, relation: Relation, sender: Sender, build: Callable[[Job], Outcome]
    ) -> Outcome:
        """Builds under the lease on a relation."""
        ...

    def model(self, work: BuildModel, job: Job, sender: Sender, batch: Batch | None = None) -> Outcome:
        """Builds a model, or a batch of one, and publishes it."""
        ...

    def note(self, node: BoundModel, last: Publication, job: Job, sender: Sender, why: str) -> Outcome:
        """Writes down that there is nothing to build for what changed, so that it is not asked again."""
        ...


class BuildByTime:
    """Builds what is due of one model in one run: each batch has a transaction and a lease of its own."""

    def __init__(self, builder: Builder, work: BuildModel, action: Action, sender: Sender) -> None:
        self._builder = builder
        self._work = work
        self._sender = sender
        # Each batch is published from the same code and data as the one before.
        self._action = replace(action, forced=True)
        self._left: deque[Batch] = deque()
        self._remark = ""

    def run(self) -> Outcome:
        """Builds batch after batch until none is left, or one can't be published.

        What is due is found out under the first lease, when nobody else builds it.
        """
        outcome = self._leased(self._first)
        built = [outcome]
        while self._left and outcome.status.is_good:
            outcome = self._leased(self._next)
            built.append(outcome)
        done = [outcome for outcome in built if outcome.status is Status.SUCCESS]
        if not outcome.status.is_good or not done:
            return outcome
        count = "1 batch" if len(done) == 1 else f"{len(done)} batches"
        said = [part for part in (done[0].reason, count, self._remark) if part]
        return done[-1]._replace(rows=sum(outcome.rows or 0 for outcome in done), reason="; ".join(said))

    def _leased(self, build: Callable[[Job], Outcome]) -> Outcome:
        return self._builder.leased(self._action, self._work.model.relation, self._sender, build)

    def _first(self, job: Job) -> Outcome:
        found = self._due(job)
        if isinstance(found, Outcome):
            return found
        self._left.extend(found)
        return self._build(self._left.popleft(), job)

    def _due(self, job: Job) -> tuple[Batch, ...] | Outcome:
        """Gives the batches that are to be built, or how it ends where none is."""
        work, now = self._work, self._builder.now
        model, last = work.model, self._builder.log.last(work.model.id)
        kind = self._builder.questions.kind(model.relation, self._sender)
        increment = is_increment(model, kind, work.full_refresh)
        covered = last.ranges if increment and last is not None else None
        anew = covered is None
        changed = last is None or last.inputs != job.inputs
        chained = model.time is not None and model.time.depends_on_past
        if work.interval is not None:
            todo = asked = batches_within(model.config, work.interval, now)
            if not todo:
                return Outcome(Status.UNCHANGED, reason="no complete batch lies in what was asked for")
            if chained:
                todo = in_order(model.config, asked, covered, now)
                more = len(todo) - len(asked)
                self._remark = f"{more} of them since each depends on the past" if more else ""
        else:
            todo = batches_due(
                model.config, covered, now, again=changed and not anew, depends_on_past=chained
            )
        if not todo and not anew and last is not None:
            if last.code == job.code and not changed:
                return CURRENT
            return self._builder.note(model, last, job, self._sender, "no batch is due")
        if not todo and model.config.time_range is not None:
            # A table without rows, which is there all the same.
            todo = (Range(model.config.time_range.begin, model.config.time_range.begin),)
        return _one_by_one(todo, anew=anew, chained=chained)

    def _next(self, job: Job) -> Outcome:
        """Builds a batch, unless another run has done so: this one's first took it out of what is covered."""
        batch, model = self._left.popleft(), self._work.model
        last = self._builder.log.last(model.id)
        if last is None or (last.code, last.inputs) != (job.code, job.inputs):
            return self._build(batch, job)
        covered = last.ranges or ()
        if not difference((batch.range,), covered):
            return _BY_ANOTHER
        if model.time is not None and model.time.depends_on_past:
            missing = first_missing(model.config, covered, self._builder.now)
            if missing is not None and missing.start < batch.range.start:
                # Another run builds the past anew: that comes first, whoever does it.
                self._left.appendleft(batch)
                [batch] = _one_by_one((missing,), anew=False, chained=True)
        return self._build(batch, job)

    def _build(self, batch: Batch, job: Job) -> Outcome:
        return self._builder.model(self._work, job, self._sender, batch)


def ranges_after(last: Publication | None, batch: Batch) -> Ranges:
    """Gives what a model's table covers once a batch is built, after what was published `last` of it."""
    before = last.ranges if last is not None and not batch.anew else None
    return covered_after(before or (), batch.range, batch.left)


def _one_by_one(todo: Sequence[Range], *, anew: bool, chained: bool) -> tuple[Batch, ...]:
    """Gives batches in their order; where each depends on the past, none after it is right any more."""
    return tuple(
        Batch(
            batch,
            (Range(batch.end, datetime.max),) if chained else normalised(todo[i + 1 :]),
            anew=anew and i == 0,
        )
        for i, batch in enumerate(todo)
    )
