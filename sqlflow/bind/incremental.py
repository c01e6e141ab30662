"""What the two queries of an incremental model say of its columns together."""

from __future__ import annotations

from dataclasses import replace

from sqlflow.bind.query.values import ColumnRef
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.core.ids import NodeId
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec


def together(node: NodeId, full: NodeSchema, incremental: NodeSchema, spec: DialectSpec) -> NodeSchema:
    """Gives the schema of a table whose rows come from either query.

    A column can be NULL where either says so, and its values come from what either takes them from. What the
    model reads of itself came from there before.
    """
    seconds = {name_key(spec, column.name): column for column in incremental.columns if column.name}
    columns = tuple(
        _both(node, column, seconds.get(name_key(spec, column.name or ""))) for column in full.columns
    )
    return replace(full, columns=columns, rows=_others(node, full.rows | incremental.rows))


def _both(node: NodeId, first: SchemaColumn, second: SchemaColumn | None) -> SchemaColumn:
    if second is None:
        return first if first.null is not Nullability.NOT_NULL else replace(first, null=Nullability.UNKNOWN)
    found = {first.null, second.null}
    null = first.null
    if Nullability.NULLABLE in found:
        null = Nullability.NULLABLE
    elif Nullability.UNKNOWN in found:
        null = Nullability.UNKNOWN
    return replace(first, null=null, sources=_others(node, first.sources | second.sources))


def _others(node: NodeId, refs: frozenset[ColumnRef]) -> frozenset[ColumnRef]:
    return frozenset(ref for ref in refs if ref.table != node)
