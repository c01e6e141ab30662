"""Does the work of one action: builds a node, or runs a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlflow.apply.attempts import again
from sqlflow.apply.audit import AuditFailedError, Audits, run_test
from sqlflow.apply.builder import NodeBuilder
from sqlflow.apply.by_time import BuildByTime
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.crew import Crew
from sqlflow.apply.failed_rows import FailedRows
from sqlflow.apply.hooks import run_after, run_before
from sqlflow.apply.intents import Intents
from sqlflow.apply.job import CURRENT, Batch, Job
from sqlflow.apply.leases import Lease, Leases
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender
from sqlflow.apply.signals import Signals
from sqlflow.apply.versioned import is_of_other_code, keeps_history
from sqlflow.bind.parted import Changes
from sqlflow.bind.types import BoundModel, BoundSeed, BoundSource
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.ranges import Ranges
from sqlflow.core.relation import Relation
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.staging import hooks_outside
from sqlflow.plan.impact import Impact, changes_of, reads_other_code
from sqlflow.plan.judge import says_unread
from sqlflow.plan.stale import ONLY_ATTACHED, UNTOLD, Made, is_recent, why_stale
from sqlflow.plan.types import Action, BuildModel, LoadSeed, LoadSource, RunTest, Work
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    pass


_FINISHED = "what an earlier run had ready was published"
_SAME_DATA = "its data is unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all actions of a run share; `now` is the run's one time, in UTC.

    `codes` are what the nodes are built from now, those that the run does not build as well.
    """

    spec: DialectSpec
    system: System
    signals: Signals
    catalog: Catalog
    failed_rows: FailedRows
    questions: Questions
    log: PublishLog
    intents: Intents
    leases: Leases
    builder: NodeBuilder
    impact: Impact
    codes: Mapping[NodeId, str]
    now: datetime

    @property
    def own_tables(self) -> Mapping[Relation, str]:
        """The tables in the warehouse that a run needs for itself, each with the statement that makes it."""
        tables = {
            self.log.relation: self.log.create(),
            self.log.versions.relation: self.log.versions.create(),
        }
        if self.builder.versions is not None:
            tables[self.log.tables.relation] = self.log.tables.create()
            tables[self.log.history.relation] = self.log.history.create()
        if not self.spec.transactions:
            tables[self.intents.relation] = self.intents.create()
        if self.leases.needed:
            tables[self.leases.relation] = self.leases.create()
        return tables

    def do(self, action: Action, sender: Sender, crew: Crew) -> Outcome:
        """Does an action; raises WorkFailedError or StoppedError where it can't be done."""
        if not action.verdict.forced and self._is_current(action):
            return CURRENT
        if action.verdict.held:
            return Outcome(Status.HELD, reason=action.verdict.held)
        waits = self.signals.waiting(action.verdict.signals, sender)
        if waits:
            return Outcome(Status.HELD, reason=waits)
        match self._work(action):
            case RunTest() as test:
                inputs = self._inputs(action)
                ended = again(sender, lambda: run_test(test, self.failed_rows, sender))
                return ended._replace(inputs=inputs)
            case BuildModel() as build if build.model.time is not None:
                return BuildByTime(self, build, action, sender, crew).run()
            case BuildModel() as build:
                ended = self.leased(action, build.model, sender, lambda job: self._whole(build, job, sender))
                return run_after(build.model.after_commit, ended, sender)
            case LoadSeed() as load:
                ended = self.leased(
                    action, load.seed, sender, lambda job: self.builder.seed(load.seed, job, sender)
                )
                return run_after(load.seed.after_commit, ended, sender)
            case LoadSource() as load:
                return self.leased(
                    action, load.source, sender, lambda job: self.builder.source(load.source, job, sender)
                )

    def _work(self, action: Action) -> Work:
        """Gives what is to be done, as the warehouse allows for it.

        Where tables are made by version, an incremental model whose rows come of other code than the new ones
        would is filled anew: one that keeps its history goes on, and one that is to change forward only.
        """
        work = action.work
        if (
            isinstance(work, BuildModel)
            and not (work.forward_only or keeps_history(work.model))
            and self.builder.versions is not None
            and self._is_of_other_code(action)
        ):
            work = replace(work, full_refresh=True)
        return work if self.spec.transactions else _hooks_outside(work)

    def _is_of_other_code(self, action: Action) -> bool:
        last = self.log.last(action.node)
        if last is None:
            return False
        return is_of_other_code(last, action.code, self._origins(action))

    def _origins(self, action: Action) -> Mapping[NodeId, str]:
        if self.builder.versions is None:
            return {}
        # What a file holds is data, though a source that is loaded is of another version with other rows.
        nodes = (node for node in action.reads if kind_of(node) is not NodeKind.SOURCE)
        read = {node: self.log.last(node) for node in nodes}
        return {node: found.origin for node, found in read.items() if found is not None and found.origin}

    def leased(
        self,
        action: Action,
        node: BoundModel | BoundSeed | BoundSource,
        sender: Sender,
        build: Callable[[Job], Outcome],
    ) -> Outcome:
        """Builds under the lease on what it writes; what an audit stops leaves the published as it was."""

        def under_lease(audits: Audits) -> Outcome:
            with self.leases.held(node.relation, sender) as lease:
                since = self.log.number(action.node)
                finished = again(sender, lambda: self.builder.finished(node, since, sender))
                if finished is not None and not action.verdict.forced and self._is_current(action):
                    return CURRENT._replace(reason=_FINISHED, publication=finished)
                if lease is not None and again(sender, lambda: self._is_done(action, node.relation, sender)):
                    return CURRENT._replace(reason="another run has built it")
                job = Job(action.code, self._inputs(action), audits, lease, tested=self._tested(action))
                mixed = reads_other_code(action.reads, self.log.last, self.codes)
                job = job._replace(origins=self._origins(action), mixed=mixed)
                outcome = self._attached(action, job, sender) or self._unread(action, job, sender)
                # The next one is not to go by the text that the code was first published with.
                mixed = mixed or self.impact.is_reworded(action.node, action.code)
                outcome = outcome or build(job._replace(like=self._like(action, job), mixed=mixed))
                return outcome._replace(publication=outcome.publication or finished)

        return self.audited(action, sender, under_lease)

    def model(self, work: BuildModel, job: Job, sender: Sender, batch: Batch | None = None) -> Outcome:
        """Builds a model, or a batch of one, and publishes it."""
        return self.builder.model(work, job, sender, batch)

    def audited(
        self, action: Action, sender: Sender, build: Callable[[Audits], Outcome], *, at_once: bool = False
    ) -> Outcome:
        """Builds, and says what the audits found; what one of them stops is not published.

        `at_once` says that other parts of the action are built meanwhile.
        """
        clock = self.system.monotonic
        audits = Audits(action.node, action.audits, self.failed_rows, clock, forgets=not at_once)
        try:
            outcome = build(audits)
        except AuditFailedError:
            ended = again(sender, lambda: audits.outcomes(sender))
            count = sum(not audit.ended.status.is_good for audit in ended)
            tests = "1 of its tests" if count == 1 else f"{count} of its tests"
            return Outcome(Status.FAIL, reason=f"not published: {tests} failed", audits=ended)
        return outcome._replace(audits=outcome.audits or again(sender, lambda: audits.outcomes(sender)))

    @property
    def fills_apart(self) -> bool:
        """Whether what is filled anew goes into a table that is shown when it is whole."""
        return self.builder.versions is not None

    def filling(self, node: NodeId, job: Job, sender: Sender) -> Publication | None:
        """Gives what was left unfinished of a table that is filled by the same code."""
        return self.builder.filling(node, job, sender)

    def line_up(self, lease: Lease, sender: Sender) -> None:
        """Lets several batches be published under one lease, each in its turn."""
        again(sender, lambda: self.leases.line_up(lease, sender))

    def _is_done(self, action: Action, relation: Relation, sender: Sender) -> bool:
        """Looks whether another run has built it meanwhile, and has left nothing to do."""
        with sender.asking() as session:
            others = self.log.refresh(session, (action.node, *action.reads))
        if action.node in others:
            self.catalog.forget(relation)
        return not action.verdict.forced and self._is_current(action)

    def _is_current(self, action: Action) -> bool:
        return not self._why(action)

    def _why(self, action: Action) -> str:
        last = self.log.last(action.node)
        made = Made(last.code, last.inputs, last.at) if last is not None else None
        recent = is_recent(made, self.now, action.verdict.stale_after)
        return why_stale(
            action.code, action.reads, self.log.version, made, volatile=action.verdict.volatile, recent=recent
        )

    def _attached(self, action: Action, job: Job, sender: Sender) -> Outcome | None:
        """Brings up to date what hangs on a relation, where its rows are as they should be; else None."""
        last, work = self.log.last(action.node), action.work
        if action.verdict.forced or last is None or self._why(action) != ONLY_ATTACHED:
            return None
        match work:
            case BuildModel():
                node = work.model
            case LoadSeed():
                node = work.seed
            case _:
                return None
        # The rows are as old as they were.
        return again(
            sender,
            lambda: self.builder.note(node, last, last.ranges, job, sender, _SAME_DATA, last.at),
        )

    def _unread(self, action: Action, job: Job, sender: Sender) -> Outcome | None:
        """Publishes once more what is there, where it reads nothing of what differs now."""
        last, verdict, work = self.log.last(action.node), action.verdict, action.work
        if verdict.forced or not verdict.compares or last is None or not isinstance(work, BuildModel):
            return None
        changes = self._changes(action, job, last)
        if not self.impact.leaves_alone(action.node, last, action.code, action.reads, changes):
            return None
        if not changes or self._has_to_test(action, job, last):
            return None
        unread = {node: tuple(sorted(columns)) for node, columns in changes.items()}
        job = job._replace(unread=unread, tested={**last.tested, **job.tested})
        said = says_unread({self.impact.name(node): columns for node, columns in unread.items()})
        return again(
            sender,
            lambda: self.builder.note(work.model, last, last.ranges, job, sender, said, last.at),
        )

    def _like(self, action: Action, job: Job) -> Mapping[str, tuple[str, ...]]:
        """Tells which earlier data what is about to be built is like, but for some columns."""
        last = self.log.last(action.node)
        if last is None or job.mixed or not action.verdict.compares:
            return {}
        changes = self._changes(action, job, last)
        return last.likeness(self.impact.differing(action.node, last, changes))

    def _changes(self, action: Action, job: Job, last: Publication) -> Changes | None:
        if last.mixed:
            return None
        return changes_of(action.reads, last.inputs, job.inputs.get, self._since)

    def _since(self, node: NodeId, before: str) -> frozenset[str] | None:
        if self.log.version(node) == before:
            return frozenset()
        found = self.log.last(node)
        # A source's version is its own, whatever was published of it.
        known = found is not None and found.data == self.log.version(node)
        return found.columns_since(before) if known and found is not None else None

    def _has_to_test(self, action: Action, job: Job, last: Publication) -> bool:
        """Whether a test reads something besides that differs from what it passed on."""
        for test in action.audits:
            for read in {read.node for read in test.query.reads} & job.tested.keys():
                before = last.tested.get(read, last.inputs.get(read))
                columns = self._since(read, before) if before is not None else frozenset[str]()
                if columns is None or (
                    columns and not self.impact.test_reads_none(test.query, {read: columns})
                ):
                    return True
        return False

    def _tested(self, action: Action) -> Mapping[NodeId, str]:
        """The data versions of what the tests of a node read besides."""
        reads = {read.node for test in action.audits for read in test.query.reads} - {action.node}
        return {node: self.log.version(node) or UNTOLD for node in sorted(reads)}

    def note(
        self,
        node: BoundModel | BoundSeed,
        last: Publication,
        job: Job,
        sender: Sender,
        why: str,
        ranges: Ranges | None = None,
    ) -> Outcome:
        """Writes down that no row has to be built for what changed, so that it is not asked again.

        `ranges` are those that are covered, where they are not what they were.
        """
        covered = last.ranges if ranges is None else ranges
        return again(sender, lambda: self.builder.note(node, last, covered, job, sender, why))

    def _inputs(self, action: Action) -> Mapping[NodeId, str]:
        return {node: self.log.version(node) or UNTOLD for node in action.reads}

    def _whole(self, work: BuildModel, job: Job, sender: Sender) -> Outcome:
        run_before(work.model.before_begin, sender)
        return self.builder.model(work, job, sender)


def _hooks_outside(work: Work) -> Work:
    match work:
        case BuildModel():
            return replace(work, model=hooks_outside(work.model))
        case LoadSeed():
            return replace(work, seed=hooks_outside(work.seed))
        case _:
            return work
