"""Where a node's new contents are made, and how they are published: with transactions, or without."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from sqlflow.apply.attempts import again
from sqlflow.apply.audit import AuditFailedError
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.intents import Intent, Intents
from sqlflow.apply.publish import Publisher
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.sender import Sender, Transaction
from sqlflow.core.config import Index
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation, RelationKind, ViewDefinition
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.relation import make_indexes, make_table_of_view
from sqlflow.materialize.staging import copy, is_stage, replace_name, show, stage_name
from sqlflow.materialize.types import Existing, Run, Step
from sqlflow.state.publication import Publication


class Place(Protocol):
    """Where the contents of one node are made."""

    @property
    def at(self) -> Relation:
        """The relation that they are made under."""
        ...

    @property
    def is_there(self) -> bool:
        """Whether what is published may be found under `at` before the script has run."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """What publishing has to tell the user."""
        ...

    def existing(self, kind: RelationKind | None, *, increment: bool, view: bool) -> Existing:
        """Says what a script finds under `at`, where `kind` is what is published."""
        ...

    def begin(self, increment: bool, indexes: Sequence[Index]) -> Sequence[Step]:
        """Gives the steps that come before the script's, for a table with these indexes."""
        ...

    def publish(self, publication: Publication, query: Run | None, after: Sequence[Step]) -> Publication:
        """Publishes; gives the publication as it is in the log.

        `query` is the statement of a node that is a view; `after` is what hangs on the published name, where
        the script has not seen to that.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InTransaction:
    """Under the node's own name, in a transaction.

    A view there that shows a table by version, of a time with another layout, gives way to a table.
    """

    at: Relation
    run: str
    dependents: tuple[ViewDefinition, ...]
    transaction: Transaction
    sender: Sender
    questions: Questions
    log: PublishLog

    @property
    def is_there(self) -> bool:
        """Under the node's own name is what was published before."""
        return True

    @property
    def remarks(self) -> Sequence[str]:
        """The script tells all."""
        return ()

    def existing(self, kind: RelationKind | None, *, increment: bool, view: bool) -> Existing:
        """Asks what stands under the name."""
        if kind is RelationKind.TABLE and not increment:
            kind = self._kind
        return self.questions.existing(
            self.at, kind, self.dependents, self.sender, increment=increment, view=view
        )

    def begin(self, increment: bool, indexes: Sequence[Index]) -> Sequence[Step]:
        """Nothing where there is a table, which is changed."""
        if not increment or self._kind is not RelationKind.VIEW:
            return ()
        spec = self.questions.spec
        shown = self.questions.existing(self.at, RelationKind.VIEW, self.dependents, self.sender)
        return make_table_of_view(spec, self.at, shown, indexes, self.run)

    @property
    def _kind(self) -> RelationKind | None:
        return self.questions.kind(self.at, self.sender, shown=False)

    def publish(self, publication: Publication, query: Run | None, after: Sequence[Step]) -> Publication:
        """Writes the publication down; what commits it publishes."""
        self.log.keep_version(publication, self.sender)
        self.log.write(publication, self.sender)
        self.transaction.proof = partial(self.log.holds, publication)
        return publication


class Staged:
    """In a table of their own, which a view under the node's name then shows.

    `announced` says that others may publish it from then on: it must not be dropped any more.
    """

    def __init__(self, at: Relation, relation: Relation, sender: Sender, stages: Stages) -> None:
        self.at = at
        self.announced = False
        self.remarks: Sequence[str] = ()
        self._relation = relation
        self._sender = sender
        self._stages = stages

    @property
    def is_there(self) -> bool:
        """A stage is made by the script."""
        return False

    def existing(self, kind: RelationKind | None, *, increment: bool, view: bool) -> Existing:
        """There is nothing under a new name, but what `begin` copies."""
        if not increment:
            return Existing()
        with self._sender.asking() as session:
            return Existing(kind=RelationKind.TABLE, columns=session.columns(self._relation) or ())

    def begin(self, increment: bool, indexes: Sequence[Index]) -> Sequence[Step]:
        """Copies what is published, where it is added to."""
        spec = self._stages.spec
        if not increment:
            return ()
        return (copy(spec, self._relation, self.at), *make_indexes(spec, self.at, indexes))

    def publish(self, publication: Publication, query: Run | None, after: Sequence[Step]) -> Publication:
        """Says what is about to be published, and publishes it."""
        spec = self._stages.spec
        if query is None:
            publication = replace(publication, stage=self.at.identifier)
            self._stages.catalog.put(self.at, RelationKind.TABLE)
        else:
            # Only for its audits was there a view aside.
            self._sender.execute(sql.drop(spec, RelationKind.VIEW, self.at))
        # Whoever finishes this may be of other code.
        self._stages.log.keep_version(publication, self._sender)
        self.announced = True
        shown = query or show(spec, self._relation, self.at)
        self._stages.intents.write(Intent(publication=publication, statement=shown.sql), self._sender)
        self.remarks = self._stages.show(publication, shown, self._relation, after, self._sender)
        return publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The tables that views show, on an engine without transactions."""

    spec: DialectSpec
    catalog: Catalog
    publisher: Publisher
    log: PublishLog
    intents: Intents

    @contextmanager
    def open(self, relation: Relation, run: str, sender: Sender) -> Generator[Staged]:
        """Gives a new table's name; what earlier builds left is dropped, and what this one leaves unready.

        The table that is shown stays, and once it no longer is, it does until the next build: somebody may
        still be reading it.
        """
        self._clear(relation, sender)
        number = self.log.number(sender.node) + 1
        staged = Staged(stage_name(self.spec, relation, run, number), relation, sender, self)
        try:
            yield staged
        except (AuditFailedError, WorkFailedError):
            # What can't be dropped now is dropped by the next build.
            with suppress(WorkFailedError):
                if not staged.announced:
                    self.catalog.forget(relation)
                    again(sender, lambda: self._clear(relation, sender))
            raise

    def _key(self, relation: Relation, sender: Sender) -> tuple[NodeId, str]:
        return sender.node, relation_sql(self.spec, relation)

    def show(
        self,
        publication: Publication,
        shown: Run,
        relation: Relation,
        after: Sequence[Step],
        sender: Sender,
    ) -> Sequence[str]:
        """Publishes what is ready; all of it may be done once more. Gives remarks for the user."""
        with sender.asking() as session:
            kind = self.catalog.kind(session, relation)
        if kind is RelationKind.TABLE:
            # Of a time without stages: it has been copied, or is made anew.
            sender.execute(sql.drop(self.spec, kind, relation))
            self.catalog.put(relation, None)
        sender.execute(shown.sql, shown.map)
        self.catalog.put(relation, RelationKind.VIEW)
        said = self.publisher.run(after, None, None, sender).remarks
        self.log.write(publication, sender)
        self.intents.settle(publication, sender)
        return said

    def finished(
        self, relation: Relation, after: Sequence[Step], since: int, sender: Sender
    ) -> Publication | None:
        """Publishes what was ready when an earlier attempt or run ended; gives what is new in the log.

        None where nothing is newer than the publication of the number `since`. What can't be published any
        more is given up: it is built again.
        """
        node = sender.node
        with sender.asking() as session:
            self.log.refresh(session, [node])
            intent = self.intents.read(session, [node]).get(self._key(relation, sender))
        if intent is not None:
            self._finish(intent, relation, after, sender)
        last = self.log.last(node)
        return last if last is not None and last.number > since else None

    def _finish(self, intent: Intent, relation: Relation, after: Sequence[Step], sender: Sender) -> None:
        publication = intent.publication
        if self.log.number(sender.node) < publication.number:
            self.catalog.forget(relation)
            try:
                self.show(publication, Run(sql=intent.statement), relation, after, sender)
            except WorkFailedError as error:
                if error.kind is None or error.kind.passes:
                    raise
            else:
                self.log.put(publication)
                return
        self.intents.settle(publication, sender)

    def _clear(self, relation: Relation, sender: Sender) -> None:
        last = self.log.last(sender.node)
        schema = relation.schema or self.spec.default_schema
        with sender.asking() as session:
            there = self.catalog.relations(session, relation.database, schema)
            kind = self.catalog.kind(session, relation)
        if last is None and kind is RelationKind.VIEW:
            # The log is lost: it may show any of them.
            return
        for name, found in there.items():
            if is_stage(self.spec, relation, name) and (last is None or name != last.stage):
                old = replace_name(relation, name)
                sender.execute(sql.drop(self.spec, found, old, if_exists=True))
                self.catalog.put(old, None)
