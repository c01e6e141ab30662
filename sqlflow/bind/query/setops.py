"""Binds UNION, INTERSECT, EXCEPT."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.clashes import check_arms
from sqlflow.bind.query.scope import Scope
from sqlflow.bind.query.values import Column, Table, Value, column_sources, opened
from sqlflow.core.codes import Code
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions


def arms(node: exp.SetOperation) -> list[tuple[exp.SetOperation | None, exp.Expr]]:
    """Gives the arms of a chain from the left, each with the operation that joins it to those before it.

    A chain is as long as generated queries make it, which is why it is not walked by recursion.
    """
    found: list[tuple[exp.SetOperation | None, exp.Expr]] = []
    here: exp.Expr = node
    while isinstance(here, exp.SetOperation) and (here is node or not _has_clauses(here)):
        found.append((here, here.expression))
        here = here.this
    found.append((None, here))
    return found[::-1]


def _has_clauses(node: exp.Expr) -> bool:
    return any(node.args.get(key) for key in ("with_", "order", "limit", "offset", "fetch"))


def combine(left: Table, right: Table, node: exp.SetOperation, scope: Scope, binder: Expressions) -> Table:
    """Gives what an operation makes of two queries."""
    rows = left.rows | right.rows
    if left.open or right.open:
        why = left.why_open or right.why_open
        rows |= column_sources((*left.columns, *right.columns))
        return opened(Table(columns=(), rows=rows), why)
    if node.args.get("by_name"):
        if any(column.name is None for column in (*left.columns, *right.columns)):
            rows |= column_sources((*left.columns, *right.columns))
            return opened(Table(columns=(), rows=rows), "a column has a name of the engine's own")
        columns = _by_name(left, right, node, scope, binder)
    else:
        if len(left.columns) != len(right.columns):
            binder.report(
                Code.COLUMN_COUNT,
                f"one side of the {node.key.upper()} has {len(left.columns)} columns, "
                f"the other {len(right.columns)}",
                node.expression,
                "both sides need as many columns, in the same order",
            )
        columns = [
            _both(place, a, b, node, binder)
            for place, (a, b) in enumerate(zip(left.columns, right.columns, strict=False), 1)
        ]
    if node.args.get("distinct") or not isinstance(node, exp.Union):
        rows |= column_sources(columns)
    return Table(columns=tuple(columns), rows=rows)


def _both(place: int, left: Column, right: Column, node: exp.Expr, binder: Expressions) -> Column:
    from sqlflow.dialect.rules import Context

    values = [_as_written(left.value), _as_written(right.value)]
    value = binder.common(values, "a set operation", Context.UNION)
    check_arms(place, values[0], values[1], value.type, node, binder)
    nulls = (left.value.null, right.value.null)
    if isinstance(node, exp.Except):
        value = replace(value, null=nulls[0])
    elif isinstance(node, exp.Intersect) and Nullability.NOT_NULL in nulls:
        value = replace(value, null=Nullability.NOT_NULL)
    # What two literals come to is a column, and fits itself to nothing further.
    return replace(left, value=replace(binder.settled(value), literal=None))


def _as_written(value: Value) -> Value:
    """The value of a column of one side, a literal as the query writes it."""
    return value if value.literal is None else replace(value, type=value.literal)


def _by_name(left: Table, right: Table, node: exp.Expr, scope: Scope, binder: Expressions) -> list[Column]:
    """Columns of one name meet; one that a side has not is NULL there."""
    others = {lookup_key(scope.spec, column.name or "", True): column for column in right.columns}
    columns: list[Column] = []
    for place, column in enumerate(left.columns, 1):
        other = others.pop(lookup_key(scope.spec, column.name or "", True), None)
        columns.append(_both(place, column, other, node, binder) if other is not None else _nullable(column))
    return columns + [_nullable(column) for column in others.values()]


def _nullable(column: Column) -> Column:
    return replace(column, value=replace(column.value, null=Nullability.NULLABLE))
