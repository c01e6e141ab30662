"""Binds choices among values: CASE, IF, COALESCE, NULLIF."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.clashes import check_alternatives, compare
from sqlflow.bind.query.values import Value, sources_of
from sqlflow.core.schema import Nullability, SqlType

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.bind.query.scope import Scope

_NO_ELSE = Value(type=SqlType("NULL"), null=Nullability.NULLABLE, is_constant=True)


def bind_case(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """CASE; engines settle its type from the ELSE on."""
    conditions: list[Value] = [] if node.this is None else [binder.value(node.this, scope)]
    arms: list[Value] = []
    for branch in node.args.get("ifs") or ():
        conditions.append(binder.value(branch.this, scope))
        if node.this is not None:
            compare(conditions[0], conditions[-1], branch, binder, equal=True)
        arms.append(binder.value(branch.args["true"], scope))
    default = node.args.get("default")
    otherwise = _NO_ELSE if default is None else binder.value(default, scope)
    check_alternatives("CASE", [otherwise, *arms], node, binder)
    return _chosen(conditions, [otherwise, *arms], binder)


def bind_if(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`if(condition, x, y)`: a CASE of one arm."""
    condition, arm = binder.value(node.this, scope), binder.value(node.args["true"], scope)
    default = node.args.get("false")
    otherwise = _NO_ELSE if default is None else binder.value(default, scope)
    check_alternatives("IF", [otherwise, arm], node, binder)
    return _chosen([condition], [otherwise, arm], binder)


def _chosen(conditions: list[Value], arms: list[Value], binder: Expressions) -> Value:
    result = binder.common(arms, "CASE")
    return replace(result, sources=result.sources | sources_of(conditions))


def bind_coalesce(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """COALESCE: NULL only where all are."""
    if any(isinstance(part, exp.Columns) for part in node.iter_expressions()):
        return binder.opaque(node, scope)
    arms = binder.values((node.this, *node.expressions), scope)
    found = {arm.null for arm in arms}
    null = Nullability.UNKNOWN
    if Nullability.NOT_NULL in found:
        null = Nullability.NOT_NULL
    elif found == {Nullability.NULLABLE}:
        null = Nullability.NULLABLE
    check_alternatives("COALESCE", arms, node, binder)
    return replace(binder.common(arms, "COALESCE"), null=null)


def bind_nullif(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """NULLIF: the first, NULL where the second equals it."""
    left, right = binder.value(node.this, scope), binder.value(node.expression, scope)
    found = binder.call_type("nullif", (left, right))
    return Value(
        type=found,
        why="" if found else binder.no_rule("nullif", (left, right)),
        null=Nullability.NULLABLE,
        sources=left.sources | right.sources,
    )
