"""What a condition says of NULLs: a column that it compares is not NULL in the rows that pass."""

from __future__ import annotations

from sqlglot import exp

from sqlflow.bind.query.scope import Scope, ScopeColumn
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key

# Comparisons that are not true where a side is NULL.
_REJECTING = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.Between)


def not_null_columns(condition: exp.Expr, scope: Scope) -> None:
    """Marks the columns that can't be NULL where the condition holds."""
    stack: list[exp.Expr] = [condition]
    while stack:
        node = stack.pop()
        if isinstance(node, (exp.And, exp.Paren)):
            stack.extend(node.iter_expressions())
        elif (
            isinstance(node, exp.Not)
            and isinstance(node.this, exp.Is)
            and isinstance(node.this.expression, exp.Null)
        ):
            _mark(node.this.this, scope)
        elif isinstance(node, _REJECTING):
            for key in ("this", "expression"):
                part = node.args.get(key)
                if isinstance(part, exp.Expr):
                    _mark(part, scope)
        elif isinstance(node, exp.In):
            _mark(node.this, scope)


def _mark(node: exp.Expr, scope: Scope) -> None:
    while isinstance(node, exp.Paren):
        node = node.this
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        return
    column = _find(node, scope)
    if column is not None:
        column.null = Nullability.NOT_NULL


def _find(node: exp.Column, scope: Scope) -> ScopeColumn | None:
    """The column of this scope that a name means, where there is exactly one."""
    key = lookup_key(scope.spec, node.this.name, bool(node.this.args.get("quoted")))
    if node.table:
        if node.args.get("db"):
            return None
        wanted = lookup_key(scope.spec, node.table)
        tables = [table for table in scope.tables if table.key == wanted]
        found = tables[0].named(key) if tables else []
    else:
        found = scope.find_columns(key)
    return found[0] if len(found) == 1 and found[0].merged is None else None
