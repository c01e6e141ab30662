"""Binds what is true, false or NULL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.clashes import check_operands
from sqlflow.bind.query.values import Value, any_null, column_sources, doubtful, sources_of
from sqlflow.core.schema import Nullability, SqlType

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.bind.query.scope import Scope

# NULL exactly where an operand is NULL and decides.
STRICT: tuple[type[exp.Expr], ...] = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.RegexpLike, exp.Glob,
    exp.SimilarTo, exp.And, exp.Or, exp.Not, exp.Between, exp.In,
)  # fmt: skip
NEVER_NULL: tuple[type[exp.Expr], ...] = (exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ)
_BOOLEAN = SqlType("BOOLEAN")
# Comparing such values may give NULL for what lies in them.
_NESTED = frozenset({"STRUCT", "TUPLE", "UNION", "VARIANT", "JSON", "LIST", "ARRAY", "MAP"})


def bind_strict(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """Comparisons, AND, OR, NOT, LIKE, BETWEEN, IN."""
    parts = binder.values(_operands(node), scope)
    query = node.args.get("query")
    if isinstance(query, exp.Expr):
        table = binder.subquery(query, scope)
        parts += [column.value for column in table.columns]
        if len(parts) == 2:
            check_operands(node, parts, binder)
        parts.append(Value(type=_BOOLEAN, null=Nullability.NOT_NULL, sources=table.rows))
        if table.open:
            parts.append(Value(type=None, sources=column_sources(table.columns)))
    else:
        check_operands(node, parts, binder)
    null = any_null(parts)
    if any(part.type is None or part.type.name in _NESTED for part in parts):
        null = doubtful(null)
    return Value(type=_BOOLEAN, null=null, sources=sources_of(parts))


def bind_never_null(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """IS NULL, IS TRUE, IS DISTINCT FROM."""
    parts = binder.values(_operands(node), scope)
    check_operands(node, parts, binder)
    return Value(type=_BOOLEAN, null=Nullability.NOT_NULL, sources=sources_of(parts))


def _operands(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, (exp.And, exp.Or)):
        # A long chain is one level.
        return list(node.flatten())
    parts = [node.args.get(key) for key in ("this", "expression", "low", "high")]
    found = [part for part in (*parts, *node.expressions) if isinstance(part, exp.Expr)]
    return [part.this if isinstance(part, (exp.Any, exp.All)) else part for part in found]
