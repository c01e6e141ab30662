"""What a condition says of NULLs: a column that it compares is not NULL in the rows that pass."""

from __future__ import annotations

from dataclasses import replace

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
            parts = [
                part for key in ("this", "expression") if isinstance(part := node.args.get(key), exp.Expr)
            ]
            # A comparison with all of nothing holds for NULL as well.
            if not any(isinstance(part, exp.All) for part in parts):
                for part in parts:
                    _mark(part, scope)
        elif isinstance(node, exp.In):
            _mark(node.this, scope)


def _mark(node: exp.Expr, scope: Scope) -> None:
    while isinstance(node, exp.Paren):
        node = node.this
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier) or node.args.get("db"):
        return
    key = lookup_key(scope.spec, node.this.name, bool(node.this.args.get("quoted")))
    if node.table:
        quoted = bool(node.args["table"].args.get("quoted"))
        wanted = lookup_key(scope.spec, node.table, quoted)
        table = next((table for table in scope.tables if table.key == wanted), None)
        column = table.named(key) if table is not None else None
        if column is not None:
            column.null = Nullability.NOT_NULL
        return
    found = scope.find_columns(key)
    if len(found) == 1:
        _mark_bare(found[0])


def _mark_bare(column: ScopeColumn) -> None:
    """Marks what a bare name means: the merged column, where there is one, and not its left side."""
    if column.merged is None:
        column.null = Nullability.NOT_NULL
    else:
        value = replace(column.merged.value, null=Nullability.NOT_NULL)
        column.merged = replace(column.merged, value=value)
