"""Expands stars: `*`, `t.*`, with EXCLUDE, REPLACE and RENAME, and COLUMNS(...)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlglot import exp

from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.resolve import column_value
from sqlflow.bind.query.scope import Scope, ScopeColumn, ScopeTable
from sqlflow.bind.query.values import Column, Value
from sqlflow.dialect.names import lookup_key


def expand(item: exp.Expr, scope: Scope, expressions: Expressions) -> list[Column] | None:
    """Gives the columns that a projection stands for; None where it is an expression of its own."""
    if isinstance(item, exp.Star):
        return _star(item, list(scope.visible()), scope, expressions)
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        table = scope.find_table(
            lookup_key(scope.spec, item.table, bool(item.args["table"].args.get("quoted")))
        )
        if table is not None:
            return _star(
                item.this, [(table, column) for column in table.columns], scope, expressions, own=True
            )
        return _struct_star(item, scope)
    columns = item.find(exp.Columns)
    if columns is not None and not isinstance(item, exp.Query):
        return _columns(item, columns, scope, expressions)
    return None


def _star(
    star: exp.Expr,
    found: list[tuple[ScopeTable, ScopeColumn]],
    scope: Scope,
    expressions: Expressions,
    *,
    own: bool = False,
) -> list[Column]:
    left_out = {_key(part, scope) for part in star.args.get("except_") or ()}
    replaced = {lookup_key(scope.spec, part.alias): part for part in star.args.get("replace") or ()}
    renamed = {_key(part.this, scope): part.alias for part in star.args.get("rename") or ()}
    out: list[Column] = []
    for _, column in found:
        if column.key in left_out:
            continue
        name = column.column.name
        value = column.value() if own else column.unqualified()
        if column.key in replaced:
            value = expressions.settled(expressions.value(replaced[column.key].this, scope))
            name = replaced[column.key].alias
        out.append(Column(name=renamed.get(column.key, name), value=value, text=name or ""))
    return out


def _key(part: exp.Expr, scope: Scope) -> str:
    return lookup_key(scope.spec, part.name, True)


def _struct_star(item: exp.Column, scope: Scope) -> list[Column] | None:
    """`s.*` on a struct: its fields."""
    inner = exp.column(item.args["table"].copy())
    value = column_value(inner, scope, lambda code, message, node, help="": None)
    if value.type is None or value.type.name != "STRUCT":
        return None
    return [
        Column(name=name, value=Value(type=part, sources=value.sources)) for name, part in value.type.parts
    ]


def _columns(
    item: exp.Expr, columns: exp.Expr, scope: Scope, expressions: Expressions
) -> list[Column] | None:
    """`COLUMNS(...)`, alone or inside an expression that is then repeated for each column."""
    chosen = _chosen(columns.this, scope)
    if chosen is None:
        return None
    out: list[Column] = []
    for column in chosen:
        if item is columns:
            out.append(Column(name=column.column.name, value=column.unqualified()))
            continue
        copy = item.unalias().copy()
        name = exp.Identifier(this=column.column.name, quoted=True)
        for inner in list(copy.find_all(exp.Columns)):
            inner.replace(exp.Column(this=name.copy()))
        value = expressions.settled(expressions.value(copy, scope))
        out.append(Column(name=column.column.name, value=replace(value)))
    return out


def _chosen(pattern: exp.Expr, scope: Scope) -> list[ScopeColumn] | None:
    accept: Callable[[str], bool]
    if isinstance(pattern, exp.Star):
        left_out = {_key(part, scope) for part in pattern.args.get("except_") or ()}
        accept = lambda name: lookup_key(scope.spec, name, True) not in left_out  # noqa: E731
    elif isinstance(pattern, exp.Literal) and pattern.is_string:
        try:
            expression = re.compile(str(pattern.this))
        except re.error:
            return None
        accept = lambda name: expression.search(name) is not None  # noqa: E731
    else:
        return None

    def found() -> Iterator[ScopeColumn]:
        for _, column in scope.visible():
            if column.column.name is not None and accept(column.column.name):
                yield column

    return list(found())
