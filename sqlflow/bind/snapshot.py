"""What a snapshot's settings mean for its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlflow.bind.query.values import ColumnRef
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.core.codes import Code
from sqlflow.core.config import HardDeletes, NodeConfig, SnapshotConfig, SnapshotStrategy
from sqlflow.core.diagnostic import Diagnostic, Label, did_you_mean
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.core.span import Span
from sqlflow.dialect.history import MOMENT, TEXT, moment_of
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.types import ConfigLayer, place_of

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules

_NOTHING: frozenset[ColumnRef] = frozenset()
_NULL = SqlType("NULL")


def snapshot_schema(
    schema: NodeSchema, config: NodeConfig, spec: DialectSpec, rules: TypeRules | None
) -> NodeSchema:
    """Gives the columns of a snapshot's table from those of its query.

    A column may be younger than the table, and is NULL in the versions from before: only the key is sure
    never to be NULL, since a build refuses that, and what the snapshot adds.
    """
    snapshot = config.snapshot
    if snapshot is None:
        return schema
    found = {name_key(spec, column.name): column for column in schema.columns if column.name}
    keys = _named(config.unique_key, found, spec)
    updated = _named((snapshot.updated_at,) if snapshot.updated_at is not None else (), found, spec)
    compared: Iterable[SchemaColumn] = updated
    if snapshot.strategy is SnapshotStrategy.CHECK:
        compared = _named(snapshot.check_cols, found, spec) if snapshot.check_cols else schema.columns
    columns = [
        column
        if column.null is not Nullability.NOT_NULL or column in keys
        else replace(column, null=Nullability.UNKNOWN)
        for column in schema.columns
    ]
    columns = [replace(c, null=Nullability.NOT_NULL) if c in keys else c for c in columns]
    return replace(
        schema,
        columns=(*columns, *_added(snapshot, keys, updated, rules)),
        rows=schema.rows | _sources((*keys, *compared)),
    )


def _added(
    snapshot: SnapshotConfig,
    keys: tuple[SchemaColumn, ...],
    updated: tuple[SchemaColumn, ...],
    rules: TypeRules | None,
) -> Iterator[SchemaColumn]:
    names = snapshot.columns
    since, moment, why = _times(snapshot, updated, rules)
    changed = updated[0].name if updated else "the run's time"
    text = rules.cast(TEXT) if rules is not None else None
    key = " || '|' || ".join(column.name or "" for column in keys)
    not_null, nullable = Nullability.NOT_NULL, Nullability.NULLABLE

    def column(
        name: str, kind: SqlType | None, null: Nullability, sources: frozenset[ColumnRef], shown: str
    ) -> SchemaColumn:
        reason = "" if kind is not None else why or "the rules of the dialect are not known"
        return SchemaColumn(
            name=name, type=kind, why=reason, null=null, sources=sources, text=shown, span=None
        )

    at = _sources(updated)
    yield column(
        names.dbt_scd_id, text, not_null, _sources(keys) | at, f"md5({key} || '|' || {names.dbt_valid_from})"
    )
    yield column(names.dbt_updated_at, since, not_null, at, changed or "")
    yield column(names.dbt_valid_from, moment, not_null, at, changed or "")
    yield column(names.dbt_valid_to, moment, nullable, at, f"{names.dbt_valid_from} of the next version")
    if snapshot.hard_deletes is HardDeletes.NEW_RECORD:
        yield column(names.dbt_is_deleted, text, not_null, _NOTHING, "whether the row is gone")


def _times(
    snapshot: SnapshotConfig, updated: tuple[SchemaColumn, ...], rules: TypeRules | None
) -> tuple[SqlType | None, SqlType | None, str]:
    """Gives the types of `dbt_updated_at` and of a version's begin and end; of unknown ones, why."""
    if rules is None:
        return None, None, ""
    if snapshot.updated_at is None:
        return rules.cast(MOMENT), rules.cast(MOMENT), ""
    kind = updated[0].type if updated else None
    moment = moment_of(str(kind)) if kind is not None else None
    if kind is None or moment is None:
        return None, None, f"the type of {snapshot.updated_at} is not known"
    return kind, rules.cast(moment), ""


def check_snapshot(
    name: str, span: Span, schema: NodeSchema, config: NodeConfig, layer: ConfigLayer, spec: DialectSpec
) -> Iterator[Diagnostic]:
    """Tells where settings don't go with the query's `schema`. `layer` has the places of the settings."""
    snapshot = config.snapshot
    if snapshot is None:
        return
    found = {name_key(spec, column.name): column for column in schema.columns if column.name}
    settings = {
        "unique_key": config.unique_key,
        "updated_at": (snapshot.updated_at,) if snapshot.updated_at is not None else (),
        "check_cols": snapshot.check_cols or (),
    }
    whole = not schema.open and all(column.name for column in schema.columns)
    for setting, names in settings.items():
        place = layer[setting].span if setting in layer else span
        for missing in (c for c in names if whole and name_key(spec, c) not in found):
            listed = [column.name for column in schema.columns if column.name]
            yield Diagnostic(
                code=Code.SNAPSHOT_COLUMNS,
                message=f"the query of `{name}` has no column `{missing}`",
                span=place,
                label=f"named in `{setting}`",
                help=did_you_mean(missing, listed) or f"it has: {', '.join(listed)}",
            )
    yield from _taken(name, span, found, snapshot, layer, spec)
    updated = found.get(name_key(spec, snapshot.updated_at)) if snapshot.updated_at is not None else None
    kind = updated.type if updated is not None else None
    if updated is not None and kind is not None and kind != _NULL and moment_of(str(kind)) is None:
        yield Diagnostic(
            code=Code.SNAPSHOT_COLUMNS,
            message=f"`{updated.name}` is {kind}, and `updated_at` has to be a time",
            span=place_of(layer, "updated_at", span),
            label="named here",
            labels=(Label(updated.span, "given here"),) if updated.span is not None else (),
            help=f"cast it in the query: `CAST({updated.name} AS TIMESTAMP)`",
        )
    if snapshot.valid_to_current is not None and not _is_expression(snapshot.valid_to_current, spec):
        yield Diagnostic(
            code=Code.SNAPSHOT_CONFIG,
            message="`dbt_valid_to_current` is not an SQL expression of its own",
            span=place_of(layer, "dbt_valid_to_current", span),
            help="write a time that is far ahead: \"CAST('9999-12-31' AS TIMESTAMP)\"",
        )


def _taken(
    name: str,
    span: Span,
    found: dict[str, SchemaColumn],
    snapshot: SnapshotConfig,
    layer: ConfigLayer,
    spec: DialectSpec,
) -> Iterator[Diagnostic]:
    for added in dict.fromkeys((*snapshot.added, snapshot.columns.dbt_is_deleted)):
        column = found.get(name_key(spec, added))
        if column is not None:
            yield Diagnostic(
                code=Code.SNAPSHOT_COLUMNS,
                message=f"the query of `{name}` has a column `{column.name}`, which the snapshot adds",
                span=column.span or place_of(layer, "snapshot_meta_column_names", span),
                help="rename it in the query, or the snapshot's by `snapshot_meta_column_names`",
            )


def _is_expression(text: str, spec: DialectSpec) -> bool:
    """Whether a text is one expression, which reads no column and begins no comment."""
    try:
        tree = sqlglot.parse_one(f"SELECT {text}", dialect=spec.name)
    except SqlglotError:
        return False
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("from_") is not None:
        return False
    value = tree.expressions[0]
    reads = any(True for _ in tree.find_all(exp.Column, exp.Star))
    comments = any(node.comments for node in tree.walk())
    return not isinstance(value, exp.Alias) and not reads and not comments


def _named(
    names: Iterable[str], found: dict[str, SchemaColumn], spec: DialectSpec
) -> tuple[SchemaColumn, ...]:
    columns = (found.get(name_key(spec, name)) for name in names)
    return tuple(column for column in columns if column is not None)


def _sources(columns: Iterable[SchemaColumn]) -> frozenset[ColumnRef]:
    return _NOTHING.union(*(column.sources for column in columns))
