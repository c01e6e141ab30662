"""Adds new rows to an incremental model's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlflow.bind.splice import rebound
from sqlflow.bind.types import BoundModel, BoundQuery, BoundStrategy
from sqlflow.core.codes import Code
from sqlflow.core.config import IncrementalStrategy, OnSchemaChange
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import name_key, relation_sql, shorten
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.relation import insert
from sqlflow.materialize.types import Checks, Existing, Load, Refuse, Rows, Run, Script, Step, around


def build_increment(
    spec: DialectSpec,
    model: BoundModel,
    rows: Rows,
    existing: Existing,
    incoming: Sequence[Column],
    checks: Checks,
    run: str,
) -> Script | Diagnostic:
    """Brings a table that is there up to date.

    `incoming` are the columns of the new rows. Gives a diagnostic where they don't fit the table in a way
    that `on_schema_change` does not settle.
    """
    change = schema_change(spec, model, existing.columns, incoming)
    if isinstance(change, Diagnostic):
        return change
    alter, columns = change
    if model.config.incremental_strategy is IncrementalStrategy.APPEND:
        added = insert(spec, model.relation, columns, rows)
        return Script(steps=(*alter, *added, *checks(model.relation)))
    if model.strategy is not None:
        return _by_macro(spec, model, model.strategy, rows, alter, columns, checks)
    if model.config.incremental_strategy is IncrementalStrategy.INSERT_OVERWRITE:
        return _by_partition(spec, model, rows, alter, columns, checks, run)
    return _by_key(spec, model, rows, alter, columns, checks, run)


def _by_macro(
    spec: DialectSpec,
    model: BoundModel,
    strategy: BoundStrategy,
    rows: Rows,
    alter: tuple[Step, ...],
    columns: Sequence[str],
    checks: Checks,
) -> Script | Diagnostic:
    """Runs the statements of the project's own strategy, which were made for the columns of the query."""
    written = {name_key(spec, column) for column in columns}
    if written != {name_key(spec, name) for name in strategy.columns}:
        return Diagnostic(
            code=Code.SCHEMA_CHANGED,
            message=f"the columns of `{model.name}` are not those of its table, and its strategy "
            "was written for the query's",
            span=model.span,
            help="set `on_schema_change` to `sync_all_columns`, or build with --full-refresh",
        )
    batch, made = _batch(spec, rows, strategy.batch)
    written = (rebound(query, model.id, relation_sql(spec, model.relation)) for query in strategy.statements)
    own = tuple(Run(sql=query.sql, map=query.map, counts=True) for query in written)
    return Script(steps=(*alter, *made, *own, _dropped(spec, batch), *checks(model.relation)))


def _by_partition(
    spec: DialectSpec,
    model: BoundModel,
    rows: Rows,
    alter: tuple[Step, ...],
    columns: Sequence[str],
    checks: Checks,
    run: str,
) -> Script | Diagnostic:
    """Replaces the partitions that there are new rows of, each as a whole."""
    partition_by = model.config.partition_by
    named = [part.column for part in partition_by]
    found = _in_both(spec, model, named, columns, f"by which `{model.name}` is partitioned,")
    if isinstance(found, Diagnostic):
        return found
    parts = [(name, part.granularity) for name, part in zip(found, partition_by, strict=True)]
    batch, made = _batch(spec, rows, _batch_name(spec, model, run))
    return Script(
        steps=(
            *alter,
            *made,
            Run(sql=sql.delete_partitions(spec, model.relation, parts, batch)),
            Run(sql=sql.insert_select(spec, model.relation, columns, batch), counts=True),
            _dropped(spec, batch),
            *checks(model.relation),
        )
    )


def _batch_name(spec: DialectSpec, model: BoundModel, run: str) -> Relation:
    """Names a temporary table, which lies in a schema of its own."""
    return Relation(None, None, shorten(spec, model.relation.identifier, f"__sqlflow_batch_{run}"))


def _batch(spec: DialectSpec, rows: Rows, batch: Relation) -> tuple[Relation, tuple[Step, ...]]:
    """Puts the new rows into a temporary table."""
    if isinstance(rows, BoundQuery):
        return batch, (around(sql.create_table_as(spec, batch, temporary=True), rows),)
    return batch, (Run(sql=sql.create_table(spec, batch, rows, temporary=True)), Load(relation=batch))


def _dropped(spec: DialectSpec, batch: Relation) -> Run:
    return Run(sql=f"DROP TABLE {sql.names(spec, [batch.identifier])}")


def _by_key(
    spec: DialectSpec,
    model: BoundModel,
    rows: Rows,
    alter: tuple[Step, ...],
    columns: Sequence[str],
    checks: Checks,
    run: str,
) -> Script | Diagnostic:
    keys = _in_both(spec, model, model.config.unique_key, columns, f"of the unique_key of `{model.name}`,")
    if isinstance(keys, Diagnostic):
        return keys
    predicates = model.config.incremental_predicates
    batch, made = _batch(spec, rows, _batch_name(spec, model, run))
    steps: list[Step] = [*alter, *made]
    steps += key_checks(spec, model, batch, keys)
    if model.config.incremental_strategy is IncrementalStrategy.MERGE:
        update = _updated(spec, model, keys, columns)
        if isinstance(update, Diagnostic):
            return update
        merge = sql.merge(spec, model.relation, keys, columns, batch, update, predicates)
        steps.append(Run(sql=merge, counts=True))
    else:
        steps.append(Run(sql=sql.delete_matching(spec, model.relation, keys, batch, predicates)))
        steps.append(Run(sql=sql.insert_select(spec, model.relation, columns, batch), counts=True))
    steps.append(_dropped(spec, batch))
    return Script(steps=(*steps, *checks(model.relation)))


def _updated(
    spec: DialectSpec, model: BoundModel, keys: Sequence[str], columns: Sequence[str]
) -> tuple[str, ...] | Diagnostic:
    """Gives the columns that a merge updates in a row that is there: all but its key, or those it is told."""
    config = model.config
    given = (*config.merge_update_columns, *config.merge_exclude_columns)
    named = _in_both(spec, model, given, columns, f"which the merge of `{model.name}` names,")
    if isinstance(named, Diagnostic):
        return named
    others = [column for column in columns if column not in keys]
    if config.merge_update_columns:
        return tuple(column for column in others if column in named)
    return tuple(column for column in others if column not in named)


def _in_both(
    spec: DialectSpec, model: BoundModel, named: Sequence[str], columns: Sequence[str], which: str
) -> tuple[str, ...] | Diagnostic:
    """Gives columns of both query and table by names that a setting has for them; `which` says what for."""
    found = {name_key(spec, column): column for column in columns}
    missing = next((name for name in named if name_key(spec, name) not in found), None)
    if missing is not None:
        return Diagnostic(
            code=Code.SCHEMA_CHANGED,
            message=f"`{missing}`, {which} is not in both query and table",
            span=model.span,
            help=did_you_mean(missing, columns) or f"the columns of both are: {', '.join(columns)}",
        )
    return tuple(found[name_key(spec, name)] for name in named)


def key_checks(
    spec: DialectSpec, model: BoundModel, relation: Relation, keys: Sequence[str]
) -> tuple[Step, ...]:
    """Refuses rows whose unique_key is NULL or, where a merge would have to choose, stands twice."""
    strategy = model.config.incremental_strategy
    if strategy not in (IncrementalStrategy.MERGE, IncrementalStrategy.DELETE_INSERT) or not keys:
        return ()
    checks: list[Step] = [Refuse(sql=sql.null_keys(spec, keys, relation), because=_null_key(model))]
    if strategy is IncrementalStrategy.MERGE:
        checks.append(Refuse(sql=sql.duplicate_keys(spec, keys, relation), because=_duplicate_key(model)))
    return tuple(checks)


class ColumnsDiffer(NamedTuple):
    """How the columns of new rows differ from a table's; what is `retyped` has the new type."""

    added: tuple[Column, ...]
    removed: tuple[Column, ...]
    retyped: tuple[Column, ...]


def columns_differ(spec: DialectSpec, table: Sequence[Column], incoming: Sequence[Column]) -> ColumnsDiffer:
    """Compares columns by their names, as the dialect folds them, and the texts of their types."""
    old = {name_key(spec, column.name): column for column in table}
    new = {name_key(spec, column.name): column for column in incoming}
    return ColumnsDiffer(
        added=tuple(column for key, column in new.items() if key not in old),
        removed=tuple(column for key, column in old.items() if key not in new),
        retyped=tuple(new[key] for key in old if key in new and old[key].type != new[key].type),
    )


def altered_columns(
    spec: DialectSpec, model: BoundModel, table: Sequence[Column], incoming: Sequence[Column]
) -> tuple[Column, ...]:
    """Gives the columns that a table has once it is altered for new rows that it can take."""
    mode = model.config.on_schema_change
    if model.config.snapshot is None and mode in (OnSchemaChange.IGNORE, OnSchemaChange.FAIL):
        return tuple(table)
    added, removed, retyped = columns_differ(spec, table, incoming)
    if model.config.snapshot is not None:
        removed = ()
    elif mode is OnSchemaChange.APPEND_NEW_COLUMNS:
        removed = retyped = ()
    types = {name_key(spec, column.name): column.type for column in retyped}
    kept = (column for column in table if column not in removed)
    return (*(c._replace(type=types.get(name_key(spec, c.name), c.type)) for c in kept), *added)


def schema_change(
    spec: DialectSpec, model: BoundModel, table: Sequence[Column], incoming: Sequence[Column]
) -> tuple[tuple[Step, ...], tuple[str, ...]] | Diagnostic:
    """Gives the statements that alter a table for new rows, and the columns that are written then."""
    old = {name_key(spec, column.name): column for column in table}
    new = {name_key(spec, column.name): column for column in incoming}
    added, removed, retyped = columns_differ(spec, table, incoming)
    both = tuple(column.name for key, column in old.items() if key in new)
    mode = model.config.on_schema_change
    if mode is OnSchemaChange.IGNORE:
        if removed:
            return _changed(model, added, removed, (), "the query no longer gives every column of the table")
        return (), both
    if mode is OnSchemaChange.FAIL:
        if added or removed or retyped:
            return _changed(model, added, removed, retyped, "`on_schema_change` is `fail`")
        return (), both
    alter: list[Step] = [Run(sql=sql.add_column(spec, model.relation, column)) for column in added]
    sync = mode is OnSchemaChange.SYNC_ALL_COLUMNS
    if sync:
        alter += [Run(sql=sql.drop_column(spec, model.relation, column.name)) for column in removed]
        alter += [
            Run(sql=sql.change_type(spec, model.relation, Column(old[name_key(spec, c.name)].name, c.type)))
            for c in retyped
        ]
    if alter and model.config.indexes and not spec.renames_indexed_tables:
        kept = [c._replace(type=new[k].type) if sync else c for k, c in old.items() if k in new or not sync]
        alter = _remade(spec, model, kept, added)
    return tuple(alter), (*both, *(column.name for column in added))


def _remade(
    spec: DialectSpec, model: BoundModel, kept: Sequence[Column], added: Sequence[Column]
) -> list[Step]:
    """An engine that renames no indexed table alters none either: the table is made again of its own rows."""
    made = sql.create_table_as(spec, model.relation, replace=True)
    steps: list[Step] = [Run(sql=made + sql.with_columns(spec, model.relation, kept, added))]
    return [
        *steps,
        *(
            Run(sql=sql.create_index(spec, model.relation, i.columns, unique=i.unique))
            for i in model.config.indexes
        ),
    ]


def _changed(
    model: BoundModel,
    added: Sequence[Column],
    removed: Sequence[Column],
    retyped: Sequence[Column],
    why: str,
) -> Diagnostic:
    notes = (
        *(f"+ {column.name} {column.type}" for column in added),
        *(f"- {column.name} {column.type}" for column in removed),
        *(f"~ {column.name} is now {column.type}" for column in retyped),
    )
    return Diagnostic(
        code=Code.SCHEMA_CHANGED,
        message=f"the columns of `{model.name}` are not those of its table: {why}",
        span=model.span,
        notes=notes,
        help="set `on_schema_change` to another value, or build with --full-refresh",
    )


def _duplicate_key(model: BoundModel) -> Diagnostic:
    return Diagnostic(
        code=Code.DUPLICATE_KEYS,
        message=f"the new rows of `{model.name}` hold a unique_key more than once",
        span=model.span,
        help=f"make ({', '.join(model.config.unique_key)}) unique in the query, or add a column to the key",
    )


def _null_key(model: BoundModel) -> Diagnostic:
    return Diagnostic(
        code=Code.DUPLICATE_KEYS,
        message=f"the new rows of `{model.name}` hold NULL in their unique_key",
        span=model.span,
        help=f"a NULL equals nothing, so such a row would be added again by each build: give "
        f"({', '.join(model.config.unique_key)}) a value, by COALESCE for example, or leave these rows out",
    )
