"""Does the work of one action: builds a node, or runs a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from sqlflow.apply.attempts import again
from sqlflow.apply.audit import AuditFailedError, Audits, run_test
from sqlflow.apply.by_time import BuildByTime, parted, ranges_after
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.crew import Crew
from sqlflow.apply.failed_rows import FailedRows
from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.files import read_rows
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.hooks import run_after, run_before
from sqlflow.apply.job import CURRENT, Batch, FileTable, Job, kind_of, success
from sqlflow.apply.leases import Lease, Leases
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.publish import Publisher
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender
from sqlflow.apply.signals import Signals
from sqlflow.bind.types import BoundModel, BoundSeed, BoundSource
from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Ranges
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.build import audits as audit_on
from sqlflow.materialize.build import build_model, hook_steps, is_increment, with_hooks
from sqlflow.materialize.docs import comments
from sqlflow.materialize.grants import set_grants, worth_keeping
from sqlflow.materialize.relation import build_table
from sqlflow.materialize.time_range import batch_rows
from sqlflow.materialize.types import Existing, Rows, Script, Step
from sqlflow.plan.stale import ONLY_ATTACHED, UNTOLD, Made, is_recent, why_stale
from sqlflow.plan.types import Action, BuildModel, LoadSeed, LoadSource, RunTest
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow


_SAME_ROWS = "the same rows as before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all actions of a run share; `now` is the run's one time, in UTC."""

    spec: DialectSpec
    system: System
    functions: FunctionRunner
    signals: Signals
    catalog: Catalog
    publisher: Publisher
    failed_rows: FailedRows
    questions: Questions
    log: PublishLog
    leases: Leases
    run: str
    now: datetime

    def do(self, action: Action, sender: Sender, crew: Crew) -> Outcome:
        """Does an action; raises WorkFailedError or StoppedError where it can't be done."""
        if not action.verdict.forced and self._is_current(action):
            return CURRENT
        if action.verdict.held:
            return Outcome(Status.HELD, reason=action.verdict.held)
        waits = self.signals.waiting(action.verdict.signals, sender)
        if waits:
            return Outcome(Status.HELD, reason=waits)
        match action.work:
            case RunTest() as test:
                inputs = self._inputs(action)
                ended = again(sender, lambda: run_test(test, self.failed_rows, sender))
                return ended._replace(inputs=inputs)
            case BuildModel() as build if build.model.time is not None:
                return BuildByTime(self, build, action, sender, crew).run()
            case BuildModel() as build:
                ended = self.leased(
                    action, build.model.relation, sender, lambda job: self._whole(build, job, sender)
                )
                return run_after(build.model.after_commit, ended, sender)
            case LoadSeed() as load:
                ended = self.leased(
                    action, load.seed.relation, sender, lambda job: self._seed(load.seed, job, sender)
                )
                return run_after(load.seed.after_commit, ended, sender)
            case LoadSource() as load:
                return self.leased(
                    action, load.source.relation, sender, lambda job: self._source(load.source, job, sender)
                )

    def leased(
        self, action: Action, relation: Relation, sender: Sender, build: Callable[[Job], Outcome]
    ) -> Outcome:
        """Builds under the lease on what it writes; what an audit stops leaves the published as it was."""

        def under_lease(audits: Audits) -> Outcome:
            with self.leases.held(relation, sender) as lease:
                if lease is not None and again(sender, lambda: self._is_done(action, relation, sender)):
                    return CURRENT._replace(reason="another run has built it")
                job = Job(action.code, self._inputs(action), audits, lease)
                return self._attached(action, job, sender) or build(job)

        return self.audited(action, sender, under_lease)

    def audited(self, action: Action, sender: Sender, build: Callable[[Audits], Outcome]) -> Outcome:
        """Builds, and says what the audits found; what one of them stops is not published."""
        audits = Audits(action.node, action.audits, self.failed_rows, self.system.monotonic)
        try:
            outcome = build(audits)
        except AuditFailedError:
            ended = again(sender, lambda: audits.outcomes(sender))
            count = sum(not audit.ended.status.is_good for audit in ended)
            tests = "1 of its tests" if count == 1 else f"{count} of its tests"
            return Outcome(Status.FAIL, reason=f"not published: {tests} failed", audits=ended)
        return outcome._replace(audits=outcome.audits or again(sender, lambda: audits.outcomes(sender)))

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
            lambda: self._note(node, last, last.ranges, job, sender, "its data is unchanged", last.at),
        )

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
        return again(sender, lambda: self._note(node, last, covered, job, sender, why))

    def _note(
        self,
        node: BoundModel | BoundSeed,
        last: Publication,
        covered: Ranges | None,
        job: Job,
        sender: Sender,
        why: str,
        at: datetime | None = None,
    ) -> Outcome:
        existing = Existing(kind=kind_of(node))
        with sender.transaction() as transaction:
            describe = comments(self.spec, node.docs, node.relation, kind_of(node), existing, increment=True)
            steps = (*describe(node.relation), *set_grants(node.grants, node.relation))
            written = self.publisher.run(steps, None, job.audits, sender)
            publication = self._publish(
                node.relation, job, sender, covered, (), last.data, checksum=last.checksum, at=at
            )
            transaction.proof = partial(self.log.holds, publication)
        self.log.put(publication)
        said = "; ".join((why, *written.remarks))
        return Outcome(Status.UNCHANGED, reason=said, publication=publication)

    def _inputs(self, action: Action) -> Mapping[NodeId, str]:
        return {node: self.log.version(node) or UNTOLD for node in action.reads}

    def _publish(
        self,
        relation: Relation,
        job: Job,
        sender: Sender,
        ranges: Ranges | None = None,
        changed: Ranges | None = None,
        data: str | None = None,
        checksum: str = "",
        at: datetime | None = None,
    ) -> Publication:
        """Writes down, within the transaction, what it publishes."""
        return self.log.write(
            sender,
            relation,
            code=job.code,
            inputs=job.inputs,
            ranges=ranges,
            changed=changed,
            run=self.run,
            at=at or self.system.now(),
            epoch=self.leases.publish(job.lease, sender, keep=job.is_shared),
            data=data,
            checksum=checksum,
        )

    def _checksum(self, wanted: bool, relation: Relation, sender: Sender) -> str:
        """Looks at the rows that are about to be published, where that is asked for and the engine can."""
        return self.questions.checksum(relation, sender) if wanted and self.spec.row_hash else ""

    def _whole(self, work: BuildModel, job: Job, sender: Sender) -> Outcome:
        run_before(work.model.before_begin, sender)
        return self.model(work, job, sender)

    def model(self, work: BuildModel, job: Job, sender: Sender, batch: Batch | None = None) -> Outcome:
        """Builds a model, or a batch of one, and publishes it."""
        # Before the transaction: nothing is locked while Python runs.
        loaded: pyarrow.Table | None = None
        if work.model.function is not None:
            within = batch.range if batch is not None else None
            loaded = again(sender, lambda: self.functions.run(self.spec, work.model, within, sender))
        tries = count()
        return again(sender, lambda: self._build(work, loaded, job, sender, batch, repeated=next(tries) > 0))

    def _build(
        self,
        work: BuildModel,
        loaded: pyarrow.Table | None,
        job: Job,
        sender: Sender,
        batch: Batch | None,
        *,
        repeated: bool,
    ) -> Outcome:
        model = work.model
        dependents = self.questions.dependents(model.relation, sender)
        is_view = kind_of(model) is RelationKind.VIEW
        with sender.transaction() as transaction:
            if repeated:
                # What it waited for may wait for what it has written.
                self._wait(job, sender)
            # What they make, the query may read: all that is asked is asked after them.
            self.publisher.run(hook_steps(model.pre_hooks), None, job.audits, sender)
            kind = self.questions.kind(model.relation, sender)
            increment = not batch.anew if batch else is_increment(model, kind, work.full_refresh)
            rows = self._rows(model, increment, loaded, batch, sender)
            existing = self.questions.existing(
                model.relation, kind, dependents, sender, increment=increment, view=is_view
            )
            script = self._script(model, rows, existing, job, batch, sender, increment=increment)
            first, rest = parted(script) if job.is_shared else (script.steps, ())
            written = self.publisher.run(first, loaded, job.audits, sender)
            self._wait(job, sender)
            said = self.publisher.run(rest, None, job.audits, sender).remarks
            last = self.log.last(model.id)
            ranges = ranges_after(last, batch) if batch is not None else None
            changed = (batch.range,) if batch is not None and not batch.anew else None
            # What reads a model by time range goes by the ranges.
            wanted = model.config.checksum and not is_view and batch is None
            checksum = self._checksum(wanted, model.relation, sender)
            publication = self._publish(model.relation, job, sender, ranges, changed, checksum=checksum)
            transaction.proof = partial(self.log.holds, publication)
        self.log.put(publication)
        self.catalog.put(model.relation, kind_of(model))
        remark = _SAME_ROWS if last is not None and publication.data == last.data else ""
        if model.config.materialized is Materialization.INCREMENTAL and not increment:
            remark = "made anew"
        if model.config.snapshot is not None and increment and work.full_refresh:
            remark = "history is not made anew"
        return success(publication, written, remark, *said)

    def _wait(self, job: Job, sender: Sender) -> None:
        """Waits for the turn of one of several batches, and sees what the others have published."""
        if job.is_shared and job.lease is not None:
            self.leases.wait(job.lease, sender)
            with sender.asking() as session:
                self.log.refresh(session, (sender.node,))

    def _script(
        self,
        model: BoundModel,
        rows: Rows,
        existing: Existing,
        job: Job,
        batch: Batch | None,
        sender: Sender,
        *,
        increment: bool,
    ) -> Script:
        incoming: tuple[Column, ...] = ()
        if existing.columns or model.config.snapshot is not None:
            incoming = self.questions.described(rows, sender)
        script = build_model(
            self.spec,
            model,
            rows,
            existing,
            incoming,
            increment=increment,
            audited=bool(job.audits.tests),
            run=self.run[:8],
            now=self.now,
            batch=batch.range if batch is not None else None,
        )
        if isinstance(script, Diagnostic):
            raise WorkFailedError(script)
        return script

    def _rows(
        self,
        model: BoundModel,
        increment: bool,
        loaded: pyarrow.Table | None,
        batch: Batch | None,
        sender: Sender,
    ) -> Rows:
        if loaded is not None:
            return self.questions.columns_of(loaded, sender, Code.PYTHON_RESULT)
        query = model.incremental if increment and model.incremental is not None else model.full
        if query is None:
            raise ValueError(f"{model.id} has no query")
        return batch_rows(self.spec, model, query, batch.range) if batch is not None else query

    def _seed(self, seed: BoundSeed, job: Job, sender: Sender) -> Outcome:
        file = read_rows(self.system, seed.path, seed.span, delimiter=seed.config.delimiter)
        rows, declared = file.rows(self.spec, seed.config.column_types)
        columns = tuple(
            column._replace(type=declared.get(column.name, column.type))
            for column in self.questions.columns_of(rows, sender, Code.SEED_NOT_LOADED)
        )
        table = FileTable(
            seed.relation,
            columns,
            seed.config.indexes,
            seed.pre_hooks,
            seed.post_hooks,
            seed.docs,
            seed.config.checksum,
            seed.grants,
        )
        run_before(seed.before_begin, sender)
        return again(sender, lambda: self._load(table, rows, job, sender))

    def _source(self, source: BoundSource, job: Job, sender: Sender) -> Outcome:
        if source.load is None:
            raise ValueError(f"{source.id} has no file to load")
        rows, _ = read_rows(self.system, source.load, source.span).rows(self.spec, {})
        table = FileTable(source.relation, self.questions.columns_of(rows, sender, Code.SEED_NOT_LOADED))
        return again(sender, lambda: self._load(table, rows, job, sender))

    def _load(self, table: FileTable, rows: pyarrow.Table, job: Job, sender: Sender) -> Outcome:
        dependents = self.questions.dependents(table.relation, sender)
        with sender.transaction() as transaction:
            self.publisher.run(hook_steps(table.pre_hooks), None, job.audits, sender)
            kind = self.questions.kind(table.relation, sender)
            existing = self.questions.existing(table.relation, kind, dependents, sender)
            existing = worth_keeping(existing, table.grants)
            incoming = self.questions.described(table.columns, sender) if existing.columns else ()
            audit = audit_on(bool(job.audits.tests))
            describe = comments(self.spec, table.docs, table.relation, RelationKind.TABLE, existing)

            def checks(on: Relation) -> tuple[Step, ...]:
                return (*audit(on), *describe(on))

            script = build_table(
                self.spec,
                table.relation,
                table.columns,
                existing,
                incoming,
                table.indexes,
                checks,
                self.run[:8],
            )
            script = Script(steps=(*script.steps, *set_grants(table.grants, table.relation)))
            script = with_hooks(script, table.relation, table.post_hooks)
            written = self.publisher.run(script.steps, rows, job.audits, sender)
            last = self.log.last(sender.node)
            checksum = self._checksum(table.checksum, table.relation, sender)
            publication = self._publish(table.relation, job, sender, checksum=checksum)
            transaction.proof = partial(self.log.holds, publication)
        self.log.put(publication)
        self.catalog.put(table.relation, RelationKind.TABLE)
        same = last is not None and publication.data == last.data
        return success(publication, written, _SAME_ROWS if same else "")
