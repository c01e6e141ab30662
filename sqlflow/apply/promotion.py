"""Publishes what another environment has already: views are made, in one transaction; nothing is computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlflow.adapter.protocol import FailureKind
from sqlflow.apply.attempts import again
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.failures import WorkFailedError, something_in_the_way
from sqlflow.apply.publish import Publisher
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender
from sqlflow.apply.versioned import Versions
from sqlflow.bind.types import BoundQuery
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.dialect.environments import PROD, physical_name
from sqlflow.dialect.names import read_relation, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.build import attachments
from sqlflow.materialize.relation import build_view, rename_relation
from sqlflow.materialize.staging import all_rows
from sqlflow.materialize.types import Carry, Hold, Run, Step, around
from sqlflow.plan.types import Carried, LoadSource, Plan, RunTest, Take
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication


def make_promoter(
    spec: DialectSpec,
    catalog: Catalog,
    log: PublishLog,
    plain: Mapping[NodeId, Relation],
    planned: frozenset[Relation],
    run: str,
    now: datetime,
) -> Promoter:
    """Makes what publishes takes; `planned` are the views that are made again, or dropped, in any case."""
    publisher = Publisher(spec=spec, catalog=catalog, planned=planned)
    questions = Questions(spec=spec, catalog=catalog, log=log)
    versions = Versions(
        spec=spec,
        catalog=catalog,
        publisher=publisher,
        questions=questions,
        log=log,
        plain=plain,
        run=run[:8],
    )
    return Promoter(versions=versions, run=run, now=now)


def readers_first(shown: Collection[Publication]) -> Iterator[Publication]:
    """Gives what is shown in an order in which it can be dropped."""
    left = list(shown)
    while left:
        read = {node for one in left for node in one.inputs if node != one.node}
        ready = [one for one in left if one.node not in read] or left
        yield from ready
        left = [one for one in left if one not in ready]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoter:
    """Publishes takes; `run` is the run's id, `now` its one time."""

    versions: Versions
    run: str
    now: datetime

    @property
    def spec(self) -> DialectSpec:
        """The target's dialect."""
        return self.versions.spec

    @property
    def catalog(self) -> Catalog:
        """What stands in the schemas."""
        return self.versions.catalog

    @property
    def log(self) -> PublishLog:
        """The publish log of the environment."""
        return self.versions.log

    def remember(self, plan: Plan, sender: Sender) -> None:
        """Writes down what the nodes are whose code a plan changes: a rollback goes back to that."""
        before: dict[NodeId, Publication | None] = {}
        for take in plan.takes:
            last = self.log.last(take.node)
            if last is None or (last.code, last.data) != (take.code, take.publication.data):
                before[take.node] = last
        for action in plan.actions:
            last = self.log.last(action.node)
            is_test = isinstance(action.work, RunTest | LoadSource)
            is_new = last is None or not same_rows(last.code, action.code)
            if not is_test and (is_new or not before.keys().isdisjoint(action.reads)):
                before.setdefault(action.node, last)
        before |= {one.node: one for one in plan.removes}
        # By the ids that nodes have had until now.
        before |= {one.node: None for one in plan.carried}
        before |= {one.before.node: one.before for one in plan.carried}
        if before:
            environment = self.log.environment
            again(sender, lambda: self.log.history.add(environment, self.run, self.now, before, sender))

    def promote(
        self,
        takes: Sequence[Take],
        sender: Sender,
        *,
        carried: Sequence[Carried] = (),
        also: Callable[[], None] = lambda: None,
    ) -> tuple[Publication, ...]:
        """Publishes all of them, or none; gives their publications in the same order.

        What is `carried` gets its name first, what is to be done `also` is done last, in the same
        transaction. Raises WorkFailedError where one can't be, StoppedError where the run is stopped
        meanwhile.
        """
        published = again(sender, lambda: self._all(takes, carried, sender, also))
        for one in carried:
            self.log.put(one.publication)
        for publication in published:
            self.log.put(publication)
        return published

    def drop(self, last: Publication, sender: Sender, kept: Collection[Relation] = ()) -> None:
        """Drops what is shown of a node, in a transaction; its table stays until it is collected.

        Of the tables that are `kept`, something else shows.
        """
        if kind_of(last.node) is not NodeKind.SOURCE:
            # The table of a file has one name in all environments.
            relation = read_relation(self.spec, last.relation)
            with sender.asking() as session:
                kind = self.catalog.kind(session, relation)
            if kind is not None and kind is not RelationKind.OTHER:
                self._drop(kind, relation, last.node.rpartition(".")[2], sender)
            if last.table is not None and last.table not in kept and self.log.tables.is_own(last.table):
                self.log.tables.release(last.table, self.now, sender)
        self.log.forget(last, sender)

    def _drop(self, kind: RelationKind, relation: Relation, name: str, sender: Sender) -> None:
        try:
            sender.execute(sql.drop(self.spec, kind, relation))
        except WorkFailedError as error:
            if error.kind is FailureKind.DEPENDENTS:
                found = something_in_the_way(name, error, sender.span, dropped=True)
                raise WorkFailedError(found) from error
            raise
        self.catalog.put(relation, None)

    def remove(self, gone: Sequence[Publication], sender: Sender) -> None:
        """Drops what is shown of nodes that are no longer in the project, in one transaction."""

        def attempt() -> None:
            with sender.transaction():
                for last in readers_first(gone):
                    self.drop(last, sender)

        again(sender, attempt)

    def _all(
        self, takes: Sequence[Take], carried: Sequence[Carried], sender: Sender, also: Callable[[], None]
    ) -> tuple[Publication, ...]:
        self.catalog.forget_all()
        with sender.transaction() as transaction:
            named = [self._carry(one, sender) for one in carried]
            for one in carried:
                if one.query is not None:
                    sender.node = one.node
                    with sender.naming(one.name, one.span):
                        self._define(one.relation, one.query, sender)
            published = tuple(self._one(take, sender) for take in takes)
            also()
            written = [*named, *published]
            if written:
                transaction.proof = partial(self.log.holds, written[-1])
        return published

    def _carry(self, one: Carried, sender: Sender) -> Publication:
        """Makes what was published of a node that of the ids and the name that there are now."""
        sender.node = one.node
        before = read_relation(self.spec, one.before.relation)
        with sender.naming(one.name, one.span):
            with sender.asking() as session:
                kind = self.catalog.kind(session, before)
            if one.is_renamed and kind is not None:
                is_table = kind is RelationKind.TABLE
                steps = rename_relation(
                    self.spec, kind, before, one.relation, one.indexes if is_table else ()
                )
                self.versions.publisher.run(steps, None, None, sender)
                self.catalog.put(before, None)
                self.catalog.put(one.relation, kind)
            written = self.log.carry(one, sender)
            tables = self.log.tables
            if written.table is not None and tables.is_own(written.table):
                tables.write(one.publication, sender)
            filled = tables.fills().get(one.node)
            if filled is not None:
                # It is gone on with under the new ids as well.
                tables.write(filled, sender)
        return written

    def _one(self, take: Take, sender: Sender) -> Publication:
        sender.node = take.node
        with sender.naming(take.name, take.span):
            last = self.log.last(take.node)
            table = take.publication.table
            if take.fills:
                filled = replace(self._composed(take, table), unshown=True)
                self.log.tables.write(filled, sender)
                return filled
            if take.query is not None:
                self._define(take.relation, take.query, sender)
            elif table is not None:
                self.versions.show(take.relation, table, sender)
            else:
                table = self._adopt(take, sender)
            publication = self._composed(take, table)
            self.log.keep_version(publication, sender)
            self.log.write(publication, sender)
            if take.owns:
                self.log.tables.write(publication, sender)
            self._lead(take, sender)
            before = last.table if last is not None else None
            if before is not None and before != table and self.log.tables.is_own(before):
                self.log.tables.release(before, self.now, sender)
            self.versions.publisher.run(self._attachments(take), None, None, sender)
        return publication

    def _composed(self, take: Take, table: Relation | None) -> Publication:
        """What was taken, under the environment's name: with its rows goes all that is known of them."""
        found = take.publication
        return replace(
            found,
            environment=self.log.environment,
            number=self.log.number(take.node) + 1,
            relation=relation_sql(self.spec, take.relation),
            code=take.code,
            changed=None,
            run=self.run,
            epoch=0,
            stage="",
            table=table,
            follows=PROD if self._follows(take) else "",
        )

    def _follows(self, take: Take) -> bool:
        """Whether a view is prod's, which brings it up to date."""
        return self.log.environment != PROD and take.source == PROD and take.publication.table is None

    def _lead(self, take: Take, sender: Sender) -> None:
        """Makes the environment that a view was taken from follow prod in that."""
        found = take.publication
        is_view = take.query is not None and found.table is None
        if self.log.environment == PROD and is_view and found.environment == take.source != PROD:
            row = replace(found, number=found.number + 1, follows=PROD, run=self.run, epoch=0)
            self.log.write(row, sender)

    def _define(self, relation: Relation, query: BoundQuery, sender: Sender) -> None:
        """Makes the view that a node is."""
        kind = self.versions.questions.kind(relation, sender, shown=False)
        dependents = self.versions.questions.dependents(relation, sender) if kind is not None else ()
        existing = self.versions.questions.existing(relation, kind, dependents, sender, view=True)
        incoming = self.versions.questions.described(query, sender) if existing.columns else ()
        script = build_view(self.spec, relation, query, existing, incoming, lambda _: (), self.run[:8])
        self.versions.publisher.run(script.steps, None, None, sender)
        self.catalog.put(relation, RelationKind.VIEW)

    def _adopt(self, take: Take, sender: Sender) -> Relation:
        """Gives a table of the node's own name a name by version; a view takes its place."""
        relation, spec = take.relation, self.spec
        plain = self.versions.plain[take.node]
        number = str(self.log.number(take.node) + 1)
        named = physical_name(spec, plain, self.log.environment, self.run, number)
        table = Relation(relation.database, relation.schema, named.identifier)
        dependents = self.versions.questions.dependents(relation, sender)
        show = around(sql.create_view(spec, relation), all_rows(spec, table))
        rename = Run(sql=sql.rename(spec, RelationKind.TABLE, relation, table.identifier))
        steps: tuple[Step, ...] = (rename, show)
        if dependents:
            hold = Hold(relation=relation, dependents=dependents)
            steps = (hold, *steps, Carry(aside=table, kind=RelationKind.TABLE, keep=True))
        with sender.asking() as session:
            grants = () if spec.views_bind_by_name else session.grants(relation)
        self.versions.publisher.run(steps, None, None, sender)
        for grant in sql.grant(spec, relation, grants):
            sender.execute(grant)
        self.catalog.put(relation, RelationKind.VIEW)
        self.catalog.put(table, RelationKind.TABLE)
        return table

    def _attachments(self, take: Take) -> Sequence[Step]:
        return attachments(self.spec, take.docs, take.grants, take.relation, RelationKind.VIEW)
