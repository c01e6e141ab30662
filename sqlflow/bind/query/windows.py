"""Binds window functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.calls import never_null
from sqlflow.bind.query.functions import has_aggregate
from sqlflow.bind.query.values import ColumnRef, Value, doubtful, sources_of
from sqlflow.core.schema import Nullability

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.bind.query.scope import Scope


def bind_window(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`f(x) OVER (...)`: partition, order and frame decide its value as well."""
    # A frame that the query doesn't write has at least the row itself in it.
    has_row = not node.args.get("spec") and not node.args.get("alias") and isinstance(node.this, exp.Func)
    has_row = has_row and not any(has_aggregate(part) for part in node.this.iter_expressions())
    grouped = scope.grouped
    scope.grouped = grouped or has_row
    inner = binder.value(node.this, scope)
    scope.grouped = grouped
    null = inner.null
    if never_null(node.this, binder.text):
        null = Nullability.NOT_NULL
    elif not has_row:
        null = doubtful(null)
    return replace(inner, null=null, sources=inner.sources | window_sources(node, scope, binder))


def window_sources(node: exp.Expr, scope: Scope, binder: Expressions) -> frozenset[ColumnRef]:
    """The columns that a window is made by, those of the named one that it goes out from included."""
    parts: list[exp.Expr] = list(node.args.get("partition_by") or ())
    order = node.args.get("order")
    if order is not None:
        parts += order.expressions
    spec = node.args.get("spec")
    if spec is not None:
        parts += [part for key in ("start", "end") if isinstance(part := spec.args.get(key), exp.Expr)]
    sources = sources_of(binder.values((part for part in parts if not isinstance(part, exp.Var)), scope))
    base = node.args.get("alias")
    return sources | (scope.windows.get(base.name.lower(), frozenset()) if base is not None else frozenset())


def name_windows(node: exp.Expr, scope: Scope, binder: Expressions) -> None:
    """Notes the windows that a SELECT names."""
    for window in node.args.get("windows") or ():
        scope.windows[window.name.lower()] = window_sources(window, scope, binder)
