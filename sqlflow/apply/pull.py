"""Asks the warehouse for the columns of the project's sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.failures import connection_lost
from sqlflow.bind.types import BoundSource
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, did_you_mean
from sqlflow.core.relation import Relation
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.catalog import CatalogColumn, CatalogTables


class ColumnChange(NamedTuple):
    """A column that is not as it was written down: what it was and is, None where it is not there.

    Where both are the same, the column has another place in the table.
    """

    name: str
    before: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledTable:
    """A source's table: its columns as they were written down, and as the warehouse has them.

    `before` is None for a table that was not known, `now` for one that the warehouse or the project no
    longer has.
    """

    source: str
    table: str
    before: tuple[CatalogColumn, ...] | None
    now: tuple[CatalogColumn, ...] | None

    @property
    def name(self) -> str:
        """The source's name and the table's."""
        return f"{self.source}.{self.table}"

    @property
    def changes(self) -> tuple[ColumnChange, ...]:
        """The columns that differ, in the order of the table as it is now, then those that are gone."""
        before = {column.name: str(column) for column in self.before or ()}
        now = {column.name: str(column) for column in self.now or ()}
        found = [
            ColumnChange(name, before.get(name), now.get(name))
            for name in (*now, *(name for name in before if name not in now))
            if before.get(name) != now.get(name)
        ]
        if not found:
            moved = zip(before, now, strict=False)
            found = [ColumnChange(new, now[new], now[new]) for old, new in moved if old != new]
        return tuple(found)

    @property
    def is_changed(self) -> bool:
        """Whether the table is not as it was written down."""
        return (self.before is None) != (self.now is None) or bool(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledSources:
    """What the warehouse says of sources, compared with what was written down at `path`.

    `is_current` says that the file had it all already, `written` that it was written.
    """

    tables: tuple[PulledTable, ...]
    diagnostics: tuple[Diagnostic, ...]
    path: str
    is_current: bool
    written: bool


def compared(
    before: CatalogTables, found: CatalogTables, touched: Iterable[tuple[str, str]]
) -> tuple[PulledTable, ...]:
    """Compares the tables that were `touched`, by their names, with what was known of them."""
    tables = (
        PulledTable(
            source=source, table=table, before=before.get((source, table)), now=found.get((source, table))
        )
        for source, table in sorted(touched)
    )
    return tuple(table for table in tables if table.before is not None or table.now is not None)


def pull_tables(
    warehouse: Warehouse, adapter: Adapter, sources: Iterable[tuple[str, str, BoundSource]]
) -> tuple[CatalogTables, tuple[Diagnostic, ...]]:
    """Gives the columns of tables by source and name, and what is wrong with those that gave none.

    Closes the warehouse. Raises ProjectError where the connection is lost.
    """
    found: dict[tuple[str, str], tuple[CatalogColumn, ...]] = {}
    diagnostics: list[Diagnostic] = []
    session: Session | None = None
    try:
        for source, table, bound in sources:
            try:
                session = session or warehouse.session()
                columns = _columns(session, bound.relation)
                if columns is None:
                    diagnostics.append(_missing(session, adapter.spec, bound))
                else:
                    found[source, table] = columns
            except Exception as error:
                failure = adapter.classify(error)
                if failure.kind.is_of_all:
                    raise ProjectError([connection_lost(failure, bound.name, bound.span)]) from error
                message = f"the columns of `{bound.name}` can't be read: {failure.message}"
                diagnostics.append(
                    Diagnostic(
                        code=Code.SOURCE_MISSING, message=message, span=bound.span, help=failure.hint or ""
                    )
                )
    finally:
        if session is not None:
            session.close()
        warehouse.close()
    return found, tuple(diagnostics)


def _columns(session: Session, relation: Relation) -> tuple[CatalogColumn, ...] | None:
    columns = session.columns(relation)
    if columns is None:
        return None
    nullable = session.nullable(relation)
    return tuple(CatalogColumn(column.name, column.type, nullable.get(column.name)) for column in columns)


def _missing(session: Session, spec: DialectSpec, source: BoundSource) -> Diagnostic:
    relation = source.relation
    schema = relation.schema or spec.default_schema
    there = session.relations(relation.database, schema)
    declared = "" if source.name == str(relation) else f", which is declared as `{source.name}`"
    return Diagnostic(
        code=Code.SOURCE_MISSING,
        message=f"the warehouse has no table `{relation}`{declared}",
        span=source.span,
        label="declared here",
        help=did_you_mean(relation.identifier, list(there))
        or (
            "`identifier:` says what the table is called in the warehouse"
            if there
            else f"the warehouse has no schema `{schema}` with tables: `schema:` says which one it is"
        ),
    )
