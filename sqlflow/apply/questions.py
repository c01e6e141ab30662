"""What is asked of the warehouse before a node's statements can be written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlflow.apply.catalog import Catalog
from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundQuery
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.digest import digest
from sqlflow.core.relation import Column, Relation, RelationKind, ViewDefinition
from sqlflow.dialect import statements as sql
from sqlflow.dialect.arrow import column_type
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.staging import is_stage
from sqlflow.materialize.types import Existing, Rows

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Asks over an action's session; what stands in a schema is known from the catalog."""

    spec: DialectSpec
    catalog: Catalog
    log: PublishLog

    def described(self, rows: Rows, sender: Sender) -> tuple[Column, ...]:
        """Gives the columns of rows in the engine's words."""
        if isinstance(rows, BoundQuery):
            with sender.asking(rows.map) as session:
                return session.describe(rows.sql)
        with sender.asking() as session:
            return session.describe(sql.typed_columns(self.spec, rows))

    def checksum(self, relation: Relation, sender: Sender) -> str:
        """Gives what tells whether a table has the same columns and rows as before.

        A change is missed where the hashes of other rows have the same sum: one time in 2 to the power of 64.
        """
        with sender.asking() as session:
            columns = session.columns(relation) or ()
            names = [column.name for column in columns]
            rows = session.fetch(sql.checksum(self.spec, relation, names)) if names else None
        found = [str(column[0].as_py()) for column in rows.columns] if rows is not None else []
        return digest(json.dumps([columns, found]))

    def kind(self, relation: Relation, sender: Sender, *, shown: bool = True) -> RelationKind | None:
        """Says what has a relation's name; raises WorkFailedError where it is neither table nor view.

        A view that shows a table of the node's own counts as that, where what is `shown` is asked for.
        """
        with sender.asking() as session:
            kind = self.catalog.kind(session, relation)
        if kind is RelationKind.OTHER:
            raise WorkFailedError(
                Diagnostic(
                    code=Code.STATEMENT_FAILED,
                    message=f"`{relation}` is in the warehouse, and is neither a table nor a view",
                    span=sender.span,
                    help="drop it, or choose another name with `alias`",
                )
            )
        if kind is RelationKind.VIEW and shown and self._shows_table(relation, sender):
            return RelationKind.TABLE
        return kind

    def _shows_table(self, relation: Relation, sender: Sender) -> bool:
        last = self.log.last(sender.node)
        if last is not None:
            return bool(last.stage) or last.table is not None
        if self.spec.transactions:
            return False
        # The log is lost.
        schema = relation.schema or self.spec.default_schema
        with sender.asking() as session:
            there = self.catalog.relations(session, relation.database, schema)
        return any(is_stage(self.spec, relation, name) for name in there)

    def dependents(self, relation: Relation, sender: Sender) -> tuple[ViewDefinition, ...]:
        """Asks before the transaction: to tell definitions, an engine may lock all that the views read."""
        if self.spec.views_bind_by_name or self.kind(relation, sender) is None:
            return ()
        with sender.asking() as session:
            return session.dependents(relation)

    def existing(
        self,
        relation: Relation,
        kind: RelationKind | None,
        dependents: tuple[ViewDefinition, ...],
        sender: Sender,
        *,
        increment: bool = False,
        view: bool = False,
    ) -> Existing:
        """Asks what a decision hangs on, no more: columns, views that read it, rights on it."""
        if kind is None:
            return Existing()
        if self.spec.views_bind_by_name and not increment:
            return Existing(kind=kind)
        with sender.asking() as session:
            if increment:
                return Existing(kind=kind, columns=session.columns(relation) or ())
            same = kind is (RelationKind.VIEW if view else RelationKind.TABLE)
            matters = same and (view or bool(dependents))
            return Existing(
                kind=kind,
                columns=(session.columns(relation) or ()) if matters else (),
                dependents=dependents,
                grants=session.grants(relation),
            )

    def columns_of(self, rows: pyarrow.Table, sender: Sender, code: Code) -> tuple[Column, ...]:
        """Gives the columns of a table for rows; raises WorkFailedError for a type that none can have."""
        columns: list[Column] = []
        for field in rows.schema:
            try:
                columns.append(Column(field.name, column_type(self.spec, field.type)))
            except ValueError as error:
                raise WorkFailedError(
                    Diagnostic(
                        code=code,
                        message=f"the column `{field.name}` of `{sender.name}` can't be stored: {error}",
                        span=sender.span,
                        help="give it another type",
                    )
                ) from error
        return tuple(columns)
