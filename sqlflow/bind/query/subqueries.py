"""Binds queries that stand for a value.

What decides the rows of such a query decides its value, and the rows of the query around only where that
value does: in a filter, a join, a grouping.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.functions import has_aggregate
from sqlflow.bind.query.values import Value, unknown
from sqlflow.core.schema import Nullability, SqlType

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.bind.query.scope import Scope

_MAY_BE_EMPTY = ("group", "having", "qualify", "limit", "offset", "fetch")


def bind_scalar(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """A query in brackets: the value of its only row, NULL where it has none."""
    table = binder.subquery(node, scope)
    if table.open or len(table.columns) != 1:
        why = table.why_open or "a subquery of several columns has no type as a value"
        return unknown(why, *(column.value for column in table.columns), Value(type=None, sources=table.rows))
    value = binder.settled(table.columns[0].value)
    if not _has_one_row(node):
        value = replace(value, null=Nullability.NULLABLE)
    return replace(value, sources=value.sources | table.rows)


def _has_one_row(node: exp.Expr) -> bool:
    """Whether it has a row whatever it reads: it computes over all rows, or it reads none."""
    query = node.unnest() if isinstance(node, exp.Subquery) else node
    if not isinstance(query, exp.Select) or any(query.args.get(key) for key in _MAY_BE_EMPTY):
        return False
    return len(query.expressions) == 1 and has_aggregate(query.expressions[0])


def bind_exists(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """EXISTS: whether there are rows."""
    table = binder.subquery(node.this, scope)
    return Value(type=SqlType("BOOLEAN"), null=Nullability.NOT_NULL, sources=table.rows)
