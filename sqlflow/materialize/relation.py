"""Puts a new table or view in the place of what stands under its name."""

from __future__ import annotations

from collections.abc import Sequence

from sqlflow.bind.types import BoundQuery
from sqlflow.core.config import Index
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import same_name, shorten
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.staging import copy
from sqlflow.materialize.types import Carry, Checks, Existing, Hold, Load, Rows, Run, Script, Step, around

# The mark in the name of a relation that was renamed aside.
ASIDE = "__sqlflow_old_"


def build_view(
    spec: DialectSpec,
    relation: Relation,
    query: BoundQuery,
    existing: Existing,
    incoming: Sequence[Column],
    checks: Checks,
    run: str,
) -> Script:
    """Makes or replaces a view. `incoming` are the columns that the query gives.

    Where readers have to wait from the replacing on, the checks are made on a view of the same query before.
    """
    create = around(sql.create_view(spec, relation), query)
    if existing.kind is None:
        return Script(steps=(create, *checks(relation)))
    replace = around(sql.create_view(spec, relation, replace=True), query)
    if spec.views_bind_by_name:
        if existing.kind is RelationKind.VIEW:
            return Script(steps=(replace, *checks(relation)))
        return Script(steps=(Run(sql=sql.drop(spec, existing.kind, relation)), create, *checks(relation)))
    checked = _on_a_copy(spec, relation, query, checks, run)
    if existing.kind is RelationKind.VIEW and (
        not spec.replace_view_keeps_columns or extends(spec, existing.columns, incoming)
    ):
        return Script(steps=(*checked, replace))
    return Script(steps=(*checked, *_swap(spec, relation, existing, (create,), run, ())))


def _on_a_copy(
    spec: DialectSpec, relation: Relation, query: BoundQuery, checks: Checks, run: str
) -> tuple[Step, ...]:
    new = _new_name(spec, relation, run)
    asked = tuple(checks(new))
    if not asked:
        return ()
    return (
        around(sql.create_view(spec, new), query),
        *asked,
        Run(sql=sql.drop(spec, RelationKind.VIEW, new)),
    )


def build_table(
    spec: DialectSpec,
    relation: Relation,
    rows: Rows,
    existing: Existing,
    incoming: Sequence[Column],
    indexes: Sequence[Index],
    checks: Checks,
    run: str,
) -> Script:
    """Makes or replaces a table.

    Where views are bound to the table itself and read it, and its columns stay the same, its rows are
    replaced and it stays; else a new table takes its name.
    """
    if existing.kind is None:
        fill = _fill(spec, relation, rows)
        return Script(steps=(*fill, *make_indexes(spec, relation, indexes), *checks(relation)))
    if spec.create_or_replace_table:
        steps: list[Step] = []
        if existing.kind is not RelationKind.TABLE:
            steps.append(Run(sql=sql.drop(spec, existing.kind, relation)))
        steps.extend(_fill(spec, relation, rows, replace=existing.kind is RelationKind.TABLE))
        steps.extend(make_indexes(spec, relation, indexes))
        return Script(steps=(*steps, *checks(relation)))
    if (
        existing.kind is RelationKind.TABLE
        and existing.dependents
        and _same(spec, existing.columns, incoming)
    ):
        return Script(
            steps=(
                Run(sql=sql.delete_all(spec, relation)),
                *insert(spec, relation, [column.name for column in existing.columns], rows),
                *make_indexes(spec, relation, indexes, if_not_exists=True),
                *checks(relation),
            )
        )
    new = _new_name(spec, relation, run)
    fill = _fill(spec, new, rows)
    take_name = Run(sql=sql.rename(spec, RelationKind.TABLE, new, relation.identifier))
    free_names = tuple(
        Run(sql=sql.rename_index(spec, relation, name, shorten(spec, name, ASIDE + run)))
        for name in (sql.index_name(spec, relation, index.columns) for index in indexes)
    )
    # Made before the swap where the engine lets them, since from the swap on readers have to wait.
    early = make_indexes(spec, relation, indexes, on=new) if spec.renames_indexed_tables else ()
    late = () if early else make_indexes(spec, relation, indexes)
    swap = _swap(spec, relation, existing, (take_name,), run, late)
    return Script(steps=(*fill, *checks(new), *free_names, *early, *swap))


def make_table_of_view(
    spec: DialectSpec, relation: Relation, existing: Existing, indexes: Sequence[Index], run: str
) -> tuple[Step, ...]:
    """Puts a table in the place of a view, with the rows that it shows."""
    aside = _aside(spec, relation, run)
    make = (copy(spec, aside, relation),)
    return _swap(spec, relation, existing, make, run, make_indexes(spec, relation, indexes))


def _aside(spec: DialectSpec, relation: Relation, run: str) -> Relation:
    return Relation(relation.database, relation.schema, shorten(spec, relation.identifier, ASIDE + run))


def _new_name(spec: DialectSpec, relation: Relation, run: str) -> Relation:
    name = shorten(spec, relation.identifier, f"__sqlflow_new_{run}")
    return Relation(relation.database, relation.schema, name)


def insert(spec: DialectSpec, relation: Relation, columns: Sequence[str], rows: Rows) -> tuple[Step, ...]:
    """Adds rows to a table that is there."""
    if isinstance(rows, BoundQuery):
        return (around(sql.insert_from(spec, relation, columns), rows, sql.INSERT_FROM_END, counts=True),)
    return (Load(relation=relation),)


def _swap(
    spec: DialectSpec,
    relation: Relation,
    existing: Existing,
    make: tuple[Step, ...],
    run: str,
    after: tuple[Step, ...],
) -> tuple[Step, ...]:
    """Renames aside what is there, makes the new one, leads the views that read the old one to it."""
    if existing.kind is None:
        return (*make, *after)
    aside = _aside(spec, relation, run)
    hold = () if spec.views_bind_by_name else (Hold(relation=relation, dependents=existing.dependents),)
    return (
        *hold,
        Run(sql=sql.rename(spec, existing.kind, relation, aside.identifier)),
        *make,
        Carry(aside=aside, kind=existing.kind),
        *after,
        *(Run(sql=grant) for grant in sql.grant(spec, relation, existing.grants)),
    )


def _fill(spec: DialectSpec, relation: Relation, rows: Rows, *, replace: bool = False) -> tuple[Step, ...]:
    if isinstance(rows, BoundQuery):
        return (around(sql.create_table_as(spec, relation, replace=replace), rows, counts=True),)
    return (Run(sql=sql.create_table(spec, relation, rows, replace=replace)), Load(relation=relation))


def make_indexes(
    spec: DialectSpec,
    relation: Relation,
    indexes: Sequence[Index],
    *,
    if_not_exists: bool = False,
    on: Relation | None = None,
) -> tuple[Step, ...]:
    """Makes indexes under a relation's names, `on` a table that will take its name, or on itself."""
    return tuple(
        Run(
            sql=sql.create_index(
                spec, relation, i.columns, unique=i.unique, if_not_exists=if_not_exists, on=on
            )
        )
        for i in indexes
    )


def rename_relation(
    spec: DialectSpec, kind: RelationKind, relation: Relation, to: Relation, indexes: Sequence[Index]
) -> tuple[Step, ...]:
    """Gives a table or view another name in its schema; the table's indexes are then named by that."""
    if relation == to:
        return ()
    rename = Run(sql=sql.rename(spec, kind, relation, to.identifier))
    if kind is not RelationKind.TABLE or not indexes:
        return (rename,)
    names = [sql.index_name(spec, relation, index.columns) for index in indexes]
    if not spec.renames_indexed_tables:
        dropped = (Run(sql=sql.drop_index(spec, relation, name)) for name in names)
        return (*dropped, rename, *make_indexes(spec, to, indexes))
    new = [sql.index_name(spec, to, index.columns) for index in indexes]
    return (
        rename,
        *(Run(sql=sql.rename_index(spec, to, old, now)) for old, now in zip(names, new, strict=True)),
    )


def _same(spec: DialectSpec, left: Sequence[Column], right: Sequence[Column]) -> bool:
    return len(left) == len(right) and extends(spec, left, right)


def extends(spec: DialectSpec, old: Sequence[Column], new: Sequence[Column]) -> bool:
    """Whether the new columns are the old ones, in order, with any number added at the end."""
    return len(new) >= len(old) and all(
        same_name(spec, a.name, b.name) and a.type == b.type for a, b in zip(old, new, strict=False)
    )
