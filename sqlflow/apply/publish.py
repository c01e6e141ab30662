"""Runs the steps of a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlflow.adapter.protocol import FailureKind
from sqlflow.apply.audit import Audits
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.failures import (
    InTheWay,
    WorkFailedError,
    grant_refused,
    something_in_the_way,
    views_in_the_way,
)
from sqlflow.apply.sender import Sender
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.relation import Comments, Relation, ViewDefinition
from sqlflow.dialect import statements as sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.docs import comment_statements
from sqlflow.materialize.grants import grant_statements
from sqlflow.materialize.types import Audit, Carry, Comment, Hold, Load, Refuse, Run, SetGrants, Step

if TYPE_CHECKING:
    import pyarrow

_SAVEPOINT = "sqlflow_carry"


class Written(NamedTuple):
    """What steps did: the rows that they wrote, where the engine said so, and remarks for the user."""

    rows: int | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Runs steps in the transaction that the caller has begun.

    `planned` are the relations that the plan builds or drops: views among them need not follow.
    """

    spec: DialectSpec
    catalog: Catalog
    planned: frozenset[Relation]

    def run(
        self, steps: Sequence[Step], rows: pyarrow.Table | None, audits: Audits | None, sender: Sender
    ) -> Written:
        """Runs the steps one after the other; `rows` are those that a Load puts into its table.

        Only steps without an Audit can do without `audits`.

        Raises AuditFailedError where the audits say that the new contents may not be published.
        """
        written: int | None = None
        remarks: tuple[str, ...] = ()
        held: tuple[ViewDefinition, ...] = ()
        for step in steps:
            match step:
                case Run():
                    count = sender.execute(step.sql, step.map)
                    written = count if step.counts else written
                case Load():
                    if rows is None:
                        raise ValueError("a script loads rows, and there are none")
                    written = sender.load(step.relation, rows)
                case Refuse():
                    _refuse(step, sender)
                case Hold():
                    held = self._hold(step, sender)
                case Carry():
                    remarks += self._carry(step, held, sender)
                case Audit():
                    if audits is None:
                        raise ValueError("a script has its rows audited, and there are no audits")
                    audits.run(step.on, sender)
                case Comment():
                    remarks += self._comment(step, sender)
                case SetGrants():
                    self._grant(step, sender)
        return Written(written, remarks)

    def _comment(self, step: Comment, sender: Sender) -> tuple[str, ...]:
        """Describes a table or view; what is said already is not said again. Gives remarks for the user."""
        now = Comments(None, {})
        with sender.asking() as session:
            if step.old:
                now = session.comments(step.on)
            elif step.docs.columns:
                now = Comments(None, {column.name: None for column in session.columns(step.on) or ()})
        statements, missing = comment_statements(self.spec, step, now)
        for statement in statements:
            sender.execute(statement)
        return tuple(f"there is no column `{name}` to describe" for name in missing)

    def _grant(self, step: SetGrants, sender: Sender) -> None:
        """Grants and takes away what is not as it should be."""
        with sender.asking() as session:
            now = session.grants(step.on)
        for statement in grant_statements(self.spec, step, now):
            try:
                with sender.naming(sender.name, step.grants.span):
                    sender.execute(statement)
            except WorkFailedError as error:
                if error.kind is FailureKind.MISSING:
                    raise grant_refused(error, sender.name, step.grants.span) from error
                raise

    def _hold(self, step: Hold, sender: Sender) -> tuple[ViewDefinition, ...]:
        """Locks views, the outermost first, as their readers do; gives them as they are from then on."""
        held: set[Relation] = set()
        views = step.dependents
        self._stop_for([view.relation for view in views if view.stored], InTheWay.STORED, sender)
        while new := [view.relation for view in reversed(views) if view.relation not in held]:
            stuck = [view for view in new if not _tries(sender, sql.lock_view(self.spec, view))]
            self._stop_for(stuck, InTheWay.RIGHTS, sender)
            held.update(new)
            with sender.asking() as session:
                views = session.dependents(step.relation)
            self._stop_for([view.relation for view in views if view.stored], InTheWay.STORED, sender)
        return views

    def _carry(self, step: Carry, held: Sequence[ViewDefinition], sender: Sender) -> tuple[str, ...]:
        """Makes views again so that they read the new relation; each in a savepoint of its own.

        A view that can't be made again, but that this plan builds later, goes on reading the old relation
        until then. Any other such view stops the publishing.
        """
        stuck = [view.relation for view in held if not _tries(sender, sql.define_view(self.spec, view))]
        self._stop_for(stuck, InTheWay.COLUMNS, sender)
        if stuck:
            self.catalog.put(step.aside, step.kind)
            return (f"the old rows stay for {', '.join(str(view) for view in stuck)} until it is built",)
        if step.keep:
            return ()
        try:
            sender.execute(sql.drop(self.spec, step.kind, step.aside))
        except WorkFailedError as error:
            if error.kind is FailureKind.DEPENDENTS:
                found = something_in_the_way(sender.name, error, sender.span, dropped=False)
                raise WorkFailedError(found) from error
            raise
        return ()

    def _stop_for(self, stuck: Sequence[Relation], why: InTheWay, sender: Sender) -> None:
        planned = {local_name(self.spec, relation) for relation in self.planned}
        foreign = [view for view in stuck if local_name(self.spec, view) not in planned]
        if foreign:
            raise WorkFailedError(views_in_the_way(sender.name, why, foreign, sender.span))


def local_name(spec: DialectSpec, relation: Relation) -> tuple[str, str]:
    """A name within its database: engines whose views hold on to tables have them in one."""
    return relation.schema or spec.default_schema, relation.identifier


def _tries(sender: Sender, statement: str) -> bool:
    """Runs a statement in a savepoint; says whether it worked."""
    sender.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        sender.execute(statement)
    except WorkFailedError as error:
        if error.kind is not None and error.kind.passes:
            raise
        sender.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        return False
    sender.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    return True


def _refuse(step: Refuse, sender: Sender) -> None:
    found = sender.fetch(f"{step.sql}\nLIMIT 3")
    if found.num_rows == 0:
        return
    examples = tuple(
        "for example " + ", ".join(f"{name} = {value}" for name, value in row.items())
        for row in found.to_pylist()
    )
    because = step.because
    raise WorkFailedError(
        Diagnostic(
            code=because.code,
            message=because.message,
            span=because.span,
            notes=examples,
            help=because.help,
        )
    )
