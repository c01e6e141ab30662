"""Makes a node's contents in a table by version, which a view of the environment shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlflow.apply.catalog import Catalog
from sqlflow.apply.job import Fill, Job
from sqlflow.apply.publish import Publisher
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender, Transaction
from sqlflow.bind.types import BoundModel
from sqlflow.core.config import Index, OnSchemaChange
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation, RelationKind, ViewDefinition
from sqlflow.dialect.environments import physical_name
from sqlflow.dialect.names import same_name
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.relation import build_view, make_indexes
from sqlflow.materialize.staging import all_rows, copy
from sqlflow.materialize.types import Existing, Run, Step
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication


def keeps_history(model: BoundModel) -> bool:
    """Whether what a model's table holds can't be had again: code that changes goes on with it."""
    return model.config.snapshot is not None or model.config.full_refresh is False


def alters_columns(model: BoundModel) -> bool:
    """Whether other columns in a model's query may drop columns of its table, or give them another type."""
    config = model.config
    return config.snapshot is not None or config.on_schema_change is OnSchemaChange.SYNC_ALL_COLUMNS


def is_of_other_code(last: Publication, code: str, origins: Mapping[NodeId, str]) -> bool:
    """Whether rows come of other code than what is published does: a node's own, or what it reads."""
    return not same_rows(last.code, code) or any(
        last.origins.get(node, origin) != origin for node, origin in origins.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Chooses the table that a node's contents are made in, and shows it.

    `plain` are the names that nodes have in prod.
    """

    spec: DialectSpec
    catalog: Catalog
    publisher: Publisher
    questions: Questions
    log: PublishLog
    plain: Mapping[NodeId, Relation]
    run: str

    def choose(
        self,
        relation: Relation,
        job: Job,
        *,
        goes_on: bool,
        alters: bool,
        sender: Sender,
        fill: Fill | None = None,
    ) -> Chosen:
        """Says where the contents of a node are made that has the name `relation`.

        A table of the environment's own that is of this version, and made of what is of the same versions, is
        written in place, and so is one that `goes_on` with the rows that are there, of whatever code; any
        other is copied first where it is only added to. So is one that goes on with other code, which
        `alters` its columns, where the engine does not alter what a view reads. A `fill` goes into a table
        of its own.
        """
        last = self.log.last(sender.node)
        before = last.table if last is not None else None
        if fill is not None and fill.table is not None:
            return Chosen(at=fill.table, before=before, copied=None, in_place=True)
        is_own = before is not None and self.log.tables.is_own(before)
        if last is not None and before is not None and is_own:
            keeps = goes_on or not is_of_other_code(last, job.code, job.origins)
            if alters and not self.spec.views_bind_by_name:
                keeps = keeps and not is_of_other_code(last, job.code, job.origins)
        else:
            keeps = False
        if before is not None and keeps and fill is None:
            return Chosen(at=before, before=before, copied=None, in_place=True)
        number = str(self.log.number(sender.node) + 1)
        at = physical_name(self.spec, self.plain[sender.node], self.log.environment, self.run, number)
        return Chosen(at=at, before=before, copied=before or relation, in_place=False)

    def show(self, relation: Relation, table: Relation, sender: Sender) -> tuple[str, ...]:
        """Makes the view of a name show a table, within a transaction; gives remarks for the user."""
        with sender.asking() as session:
            kind = self.catalog.kind(session, relation)
            columns = session.columns(table) or ()
            shown = session.columns(relation) or () if kind is RelationKind.VIEW else ()
        # A table is of a time without versions; what it held was copied, or is made anew.
        existing = Existing(kind=kind)
        if kind is not None and not self.spec.views_bind_by_name:
            with sender.asking() as session:
                dependents, grants = session.dependents(relation), session.grants(relation)
            existing = Existing(kind=kind, columns=shown, dependents=dependents, grants=grants)
        shown_rows = all_rows(self.spec, table)
        script = build_view(self.spec, relation, shown_rows, existing, columns, lambda _: (), self.run)
        remarks = self.publisher.run(script.steps, None, None, sender).remarks
        self.catalog.put(relation, RelationKind.VIEW)
        return remarks

    def shows(self, relation: Relation, table: Relation, sender: Sender) -> bool:
        """Whether the view of a name, which shows a table, still has that table's columns."""
        with sender.asking() as session:
            kind = self.catalog.kind(session, relation)
            if kind is not RelationKind.VIEW:
                return False
            shown, columns = session.columns(relation) or (), session.columns(table) or ()
        return len(shown) == len(columns) and all(
            same_name(self.spec, a.name, b.name) and a.type == b.type
            for a, b in zip(shown, columns, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A table to make contents in: `at`.

    `before` is the one that the environment shows until then. One that is there is written `in_place`; into
    a new one, what is `copied` comes first if rows are only added.
    """

    at: Relation
    before: Relation | None
    copied: Relation | None
    in_place: bool


class Versioned:
    """In a table by version, in the transaction that publishes it."""

    def __init__(
        self,
        chosen: Chosen,
        relation: Relation,
        dependents: tuple[ViewDefinition, ...],
        transaction: Transaction,
        sender: Sender,
        versions: Versions,
    ) -> None:
        self.chosen = chosen
        self.relation = relation
        self.dependents = dependents
        self.transaction = transaction
        self.sender = sender
        self.versions = versions
        self.remarks: Sequence[str] = ()

    @property
    def at(self) -> Relation:
        """The table that the contents are made in."""
        return self.chosen.at

    @property
    def is_there(self) -> bool:
        """Whether that table is there already."""
        return self.chosen.in_place

    def existing(self, kind: RelationKind | None, *, increment: bool, view: bool) -> Existing:
        """There is nothing in a new table, but what `begin` copies."""
        if self.chosen.in_place:
            return self.versions.questions.existing(
                self.at, RelationKind.TABLE, self.dependents, self.sender, increment=increment, view=view
            )
        if not increment or self.chosen.copied is None:
            return Existing()
        with self.sender.asking() as session:
            columns = session.columns(self.chosen.copied) or ()
        return Existing(kind=RelationKind.TABLE, columns=columns)

    def begin(self, increment: bool, indexes: Sequence[Index]) -> Sequence[Step]:
        """Copies what is shown, where it is added to and may not be written."""
        chosen, spec = self.chosen, self.versions.spec
        if not increment or chosen.in_place or chosen.copied is None:
            return ()
        return (copy(spec, chosen.copied, self.at), *make_indexes(spec, self.at, indexes))

    def publish(self, publication: Publication, query: Run | None, after: Sequence[Step]) -> Publication:
        """Writes the publication down and shows the table; what commits it publishes.

        What stays unshown is only listed.
        """
        log, sender, chosen = self.versions.log, self.sender, self.chosen
        publication = replace(publication, table=self.at)
        if publication.unshown:
            log.tables.write(publication, sender)
            self.versions.catalog.put(self.at, RelationKind.TABLE)
            self.transaction.proof = partial(log.holds, publication)
            return publication
        log.keep_version(publication, sender)
        log.write(publication, sender)
        log.tables.write(publication, sender)
        if chosen.before is not None and chosen.before != self.at and log.tables.is_own(chosen.before):
            log.tables.release(chosen.before, publication.at, sender)
        if chosen.before != self.at or not self.versions.shows(self.relation, self.at, sender):
            self.remarks = self.versions.show(self.relation, self.at, sender)
        said = self.versions.publisher.run(after, None, None, sender).remarks
        self.remarks = (*self.remarks, *said)
        self.versions.catalog.put(self.at, RelationKind.TABLE)
        self.transaction.proof = partial(log.holds, publication)
        return publication
