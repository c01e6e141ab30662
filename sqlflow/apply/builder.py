"""Builds the contents of a node, and publishes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from sqlflow.apply.attempts import again
from sqlflow.apply.by_time import parted, ranges_after
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.files import read_rows
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.hooks import run_before
from sqlflow.apply.job import Batch, FileTable, Job, kind_of, success
from sqlflow.apply.leases import Leases
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.places import InTransaction, Place, Stages
from sqlflow.apply.publish import Publisher, Written
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender
from sqlflow.apply.versioned import Versioned, Versions, alters_columns, keeps_history
from sqlflow.bind.splice import rebound
from sqlflow.bind.types import BoundModel, BoundSeed, BoundSource
from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.digest import short_digest
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Ranges, difference
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.dialect.names import relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.build import (
    attachments,
    audits,
    build_model,
    hook_steps,
    is_increment,
    with_hooks,
)
from sqlflow.materialize.docs import comments
from sqlflow.materialize.grants import set_grants, worth_keeping
from sqlflow.materialize.relation import build_table
from sqlflow.materialize.staging import hooks_on, on_stage, show_query
from sqlflow.materialize.time_range import batch_rows
from sqlflow.materialize.types import Existing, Rows, Script, Step
from sqlflow.plan.types import BuildModel
from sqlflow.plan.versions import same_rows, version_id
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow


_SAME_ROWS = "the same rows as before"
_ORIGIN_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBuilder:
    """Builds one node after the other, from any thread; `now` is the run's one time, in UTC.

    `versions` are there where tables are made by version, and views of the environment show them.
    """

    spec: DialectSpec
    system: System
    functions: FunctionRunner
    catalog: Catalog
    publisher: Publisher
    questions: Questions
    log: PublishLog
    leases: Leases
    stages: Stages
    versions: Versions | None
    run: str
    now: datetime

    def model(self, work: BuildModel, job: Job, sender: Sender, batch: Batch | None = None) -> Outcome:
        """Builds a model, or a batch of one, and publishes it."""
        # Before the transaction: nothing is locked while Python runs.
        loaded: pyarrow.Table | None = None
        if work.model.function is not None:
            within = batch.range if batch is not None else None
            loaded = again(sender, lambda: self.functions.run(self.spec, work.model, within, sender))
        return self._attempted(
            work.model,
            sender,
            lambda repeated: self._build(work, loaded, job, sender, batch, repeated=repeated),
        )

    def seed(self, seed: BoundSeed, job: Job, sender: Sender) -> Outcome:
        """Loads the file of a seed, and publishes it."""
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
        return self._attempted(seed, sender, lambda _: self._load(table, rows, job, sender))

    def source(self, source: BoundSource, job: Job, sender: Sender) -> Outcome:
        """Loads the file that a source is, where the engine can't read it in its place."""
        if source.load is None:
            raise ValueError(f"{source.id} has no file to load")
        rows, _ = read_rows(self.system, source.load, source.span).rows(self.spec, {})
        table = FileTable(source.relation, self.questions.columns_of(rows, sender, Code.SEED_NOT_LOADED))
        return self._attempted(source, sender, lambda _: self._load(table, rows, job, sender))

    def finished(
        self, node: BoundModel | BoundSeed | BoundSource, since: int, sender: Sender
    ) -> Publication | None:
        """Publishes what was ready when an earlier run, or an attempt, ended, where an engine stages.

        None where nothing is newer than the publication of the number `since`.
        """
        if self.spec.transactions:
            return None
        return self.stages.finished(node.relation, self._attachments(node), since, sender)

    def note(
        self,
        node: BoundModel | BoundSeed,
        last: Publication,
        covered: Ranges | None,
        job: Job,
        sender: Sender,
        why: str,
        at: datetime | None = None,
    ) -> Outcome:
        """Publishes the rows that are there once more: none has to be built for what changed.

        What hangs on the relation is brought up to date; `covered` are the ranges that are covered, `at` is
        how old the rows are, where they don't count as new.
        """
        with sender.transaction() as transaction:
            written = self.publisher.run(self._attachments(node), None, job.audits, sender)
            publication = self._composed(
                node.relation,
                # No row is made of what is read now.
                job._replace(mixed=False),
                sender,
                covered,
                (),
                data=last.data,
                checksum=last.checksum,
                at=at,
                stage=last.stage,
                table=last.table,
                stays=True,
            )
            self.log.keep_version(publication, sender)
            self.log.write(publication, sender)
            if last.table is not None and self.log.tables.is_own(last.table):
                self.log.tables.write(publication, sender)
            transaction.proof = partial(self.log.holds, publication)
        self.log.put(publication)
        said = "; ".join((why, *written.remarks))
        return Outcome(Status.UNCHANGED, reason=said, publication=publication)

    def filling(self, node: NodeId, job: Job, sender: Sender) -> Publication | None:
        """Gives what an earlier run, or another one, left unfinished of a table that the same code fills."""
        if self.versions is None:
            return None
        tables = self.log.tables
        if self.leases.needed:
            with sender.asking() as session:
                tables.refresh_fills(session)
        found = tables.fills().get(node)
        if found is None or not same_rows(found.code, job.code):
            return None
        return found if found.origin == _origin(job, found.counts_as) else None

    def _attempted(
        self,
        node: BoundModel | BoundSeed | BoundSource,
        sender: Sender,
        build: Callable[[bool], Outcome],
    ) -> Outcome:
        """Builds, and again where what was in the way passes; `build` is told which of both it is."""
        tries, before = count(), self.log.number(sender.node)

        def attempt() -> Outcome:
            repeated = next(tries) > 0
            if repeated and not self.spec.transactions:
                # Nothing was rolled back: it may have been published all the same.
                self.catalog.forget(node.relation)
                done = self.finished(node, before, sender)
                if done is not None:
                    return success(done, Written())
            return build(repeated)

        return again(sender, attempt)

    @contextmanager
    def _place(
        self,
        node: NodeId,
        relation: Relation,
        job: Job,
        sender: Sender,
        work: BuildModel | None = None,
        batch: Batch | None = None,
    ) -> Generator[Place]:
        if not self.spec.transactions:
            with self.stages.open(relation, self.run[:8], sender) as staged:
                yield staged
            return
        is_view = work is not None and kind_of(work.model) is RelationKind.VIEW
        if self.versions is not None and node in self.versions.plain and not is_view:
            with self._versioned(self.versions, relation, job, sender, work, batch) as versioned:
                yield versioned
            return
        dependents = self.questions.dependents(relation, sender)
        with sender.transaction() as transaction:
            yield InTransaction(
                at=relation,
                run=self.run[:8],
                dependents=dependents,
                transaction=transaction,
                sender=sender,
                questions=self.questions,
                log=self.log,
            )

    @contextmanager
    def _versioned(
        self,
        versions: Versions,
        relation: Relation,
        job: Job,
        sender: Sender,
        work: BuildModel | None,
        batch: Batch | None,
    ) -> Generator[Versioned]:
        goes_on = work is not None and (work.forward_only or keeps_history(work.model))
        alters = work is not None and alters_columns(work.model)
        fill = batch.fill if batch is not None else None
        chosen = versions.choose(relation, job, goes_on=goes_on, alters=alters, sender=sender, fill=fill)
        dependents = self.questions.dependents(chosen.at, sender) if chosen.in_place else ()
        with sender.transaction() as transaction:
            yield Versioned(
                chosen=chosen,
                relation=relation,
                dependents=dependents,
                transaction=transaction,
                sender=sender,
                versions=versions,
            )

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
        is_view = kind_of(model) is RelationKind.VIEW
        with self._place(model.id, model.relation, job, sender, work, batch) as place:
            if repeated:
                # What it waited for may wait for what it has written.
                self._wait(job, batch, sender)
            # What they make, the query may read: all that is asked is asked after them.
            made = on_stage(self.spec, model, place.at) if place.at != model.relation else model
            hooks = made.pre_hooks if place.is_there else model.pre_hooks
            self.publisher.run(hook_steps(hooks), None, job.audits, sender)
            kind = self.questions.kind(model.relation, sender, shown=not is_view)
            increment = not batch.anew if batch else is_increment(model, kind, work.full_refresh)
            rows = self._rows(model, increment, loaded, batch, sender)
            existing = place.existing(kind, increment=increment, view=is_view)
            if model.config.snapshot is not None and kind is RelationKind.VIEW:
                # No history: wherever this is built, it must not take the place of what somebody made.
                existing = Existing(kind=kind)
            script = self._script(made, rows, existing, job, batch, sender, increment=increment)
            steps = (*place.begin(increment, model.config.indexes), *script.steps)
            first, rest = parted(steps) if job.is_shared else (steps, ())
            written = self.publisher.run(first, loaded, job.audits, sender)
            self._wait(job, batch, sender)
            said = self.publisher.run(rest, None, job.audits, sender).remarks
            last = self.log.last(model.id)
            ranges, changed, shown = None, None, True
            if batch is not None:
                ranges = ranges_after(self._filled(batch) or last, batch)
                changed = (batch.range,) if not batch.anew and batch.fill is None else None
                shown = batch.fill is None or not difference(batch.fill.goal, ranges)
            # What reads a model by time range goes by the ranges.
            wanted = model.config.checksum and not is_view and batch is None
            checksum = self._checksum(wanted, place.at, sender)
            goes_on = increment and (batch is None or batch.fill is None)
            publication = self._composed(
                model.relation, job, sender, ranges, changed, checksum=checksum, stays=goes_on
            )
            query = show_query(self.spec, model, rows)
            if batch is not None and (filled := self._filled(batch)) is not None:
                publication = replace(publication, mixed=publication.mixed or filled.mixed)
            publication = replace(publication, unshown=not shown)
            publication = place.publish(publication, query, self._attachments(model))
            said += tuple(place.remarks)
        self._note_published(publication, model.relation, kind_of(model))
        remark = _SAME_ROWS if last is not None and publication.data == last.data else ""
        if model.config.materialized is Materialization.INCREMENTAL and not increment:
            remark = "made anew"
        if model.config.snapshot is not None and increment and work.full_refresh:
            remark = "history is not made anew"
        return success(publication, written, remark, *said)

    def _wait(self, job: Job, batch: Batch | None, sender: Sender) -> None:
        """Waits for the turn of one of several batches, and sees what the others have published."""
        if job.is_shared and job.lease is not None:
            self.leases.wait(job.lease, sender)
            with sender.asking() as session:
                self.log.refresh(session, (sender.node,))
                if batch is not None and batch.fill is not None and batch.fill.table is not None:
                    self.log.tables.refresh(batch.fill.table, session)

    def _filled(self, batch: Batch) -> Publication | None:
        """What a batch's table holds that is being filled."""
        table = batch.fill.table if batch.fill is not None else None
        held = self.log.tables.held(table) if table is not None else None
        return held.publication if held is not None else None

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
        if batch is None:
            return query
        if batch.fill is not None and batch.fill.table is not None:
            # The model's name shows what was there before.
            query = rebound(query, model.id, relation_sql(self.spec, batch.fill.table))
        return batch_rows(self.spec, model, query, batch.range)

    def _load(self, table: FileTable, rows: pyarrow.Table, job: Job, sender: Sender) -> Outcome:
        with self._place(sender.node, table.relation, job, sender) as place:
            self.publisher.run(hook_steps(table.pre_hooks), None, job.audits, sender)
            kind = self.questions.kind(table.relation, sender)
            existing = place.existing(kind, increment=False, view=False)
            incoming = self.questions.described(table.columns, sender) if existing.columns else ()
            made = table
            if place.at != table.relation:
                hooks = hooks_on(self.spec, table.post_hooks, sender.node, place.at)
                made = table._replace(relation=place.at, docs=None, grants=None, post_hooks=hooks)
            script = self._file_script(made, existing, incoming, audited=bool(job.audits.tests))
            written = self.publisher.run(script.steps, rows, job.audits, sender)
            last = self.log.last(sender.node)
            checksum = self._checksum(table.checksum, place.at, sender)
            publication = self._composed(table.relation, job, sender, checksum=checksum)
            after = attachments(self.spec, table.docs, table.grants, table.relation, RelationKind.VIEW)
            publication = place.publish(publication, None, after)
            written = written._replace(remarks=(*written.remarks, *place.remarks))
        self._note_published(publication, table.relation, RelationKind.TABLE)
        same = last is not None and publication.data == last.data
        return success(publication, written, _SAME_ROWS if same else "")

    def _file_script(
        self, table: FileTable, existing: Existing, incoming: Sequence[Column], *, audited: bool
    ) -> Script:
        existing = worth_keeping(existing, table.grants)
        describe = comments(self.spec, table.docs, table.relation, RelationKind.TABLE, existing)

        def checks(on: Relation) -> tuple[Step, ...]:
            return (*audits(audited)(on), *describe(on))

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
        return with_hooks(script, table.relation, table.post_hooks)

    def _attachments(self, node: BoundModel | BoundSeed | BoundSource) -> Sequence[Step]:
        """Gives the steps that bring up to date what hangs on a node's name."""
        if isinstance(node, BoundSource):
            return ()
        kind = RelationKind.VIEW if self._is_shown else kind_of(node)
        return attachments(self.spec, node.docs, node.grants, node.relation, kind)

    def _composed(
        self,
        relation: Relation,
        job: Job,
        sender: Sender,
        ranges: Ranges | None = None,
        changed: Ranges | None = None,
        *,
        data: str | None = None,
        checksum: str = "",
        at: datetime | None = None,
        stage: str = "",
        table: Relation | None = None,
        stays: bool = False,
    ) -> Publication:
        """Gives the publication of what is about to be published, under a lease that is still held.

        Where what is there `stays`, and rows are only added, it is of the code that it was of.
        """
        last = self.log.last(sender.node)
        made = self.log.compose(
            sender.node,
            relation,
            code=job.code,
            inputs=job.inputs,
            ranges=ranges,
            changed=changed,
            run=self.run,
            at=at or self.system.now(),
            # Without a transaction, it is given back only when all is done.
            epoch=self.leases.publish(job.lease, sender, keep=job.is_shared or not self.spec.transactions),
            data=data,
            checksum=checksum,
            stage=stage,
            table=table,
        )
        same = last is not None and made.data == last.data
        like = last.like if same and last is not None else job.like
        counts_as = last.counts_as if last is not None and same_rows(last.code, job.code) else ""
        origin = _origin(job, counts_as) if self.versions is not None else ""
        if stays and last is not None and last.origin:
            origin = last.origin
        return replace(
            made,
            like=like,
            unread=job.unread,
            tested=job.tested,
            origin=origin,
            origins=job.origins,
            counts_as=counts_as,
            mixed=job.mixed or (stays and last is not None and last.mixed),
            follows=last.follows if same and stays and last is not None else "",
        )

    @property
    def _is_shown(self) -> bool:
        """Whether the name of a node is that of a view, whatever the node is."""
        return self.versions is not None or not self.spec.transactions

    def _note_published(self, publication: Publication, relation: Relation, kind: RelationKind) -> None:
        self.log.put(publication)
        if publication.unshown:
            return
        self.catalog.put(relation, RelationKind.VIEW if self._is_shown else kind)

    def _checksum(self, wanted: bool, relation: Relation, sender: Sender) -> str:
        """Looks at the rows that are about to be published, where that is asked for and the engine can."""
        return self.questions.checksum(relation, sender) if wanted and self.spec.row_hash else ""


def _origin(job: Job, counts_as: str) -> str:
    """Tells of which code rows come: a node's own, and that of all it is made of, by whatever names."""
    own = counts_as or version_id(job.code)
    return short_digest(json.dumps([own, sorted(job.origins.values())]), _ORIGIN_DIGITS)
