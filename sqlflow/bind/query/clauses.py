"""Binds the clauses of a SELECT around its list: GROUP BY, DISTINCT, ORDER BY, LIMIT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.functions import has_aggregate
from sqlflow.bind.query.scope import Lazy, Scope
from sqlflow.bind.query.values import NONE, Column, ColumnRef, column_sources, sources_of
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions

_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets)


def bind_group(node: exp.Select, scope: Scope, lazies: Mapping[int, Lazy], binder: Expressions) -> None:
    """GROUP BY: its keys decide the rows; in several groupings a key may be left out, and is NULL then."""
    group = node.args.get("group")
    if group is None:
        return
    has_sets = has_grouping_sets(group)
    keys = _keys(group)
    if group.args.get("all") or any(is_all_key(key) for key in keys):
        items = [item for item in node.expressions if not has_aggregate(item)]
        scope.grouped = bool(items)
        for index, item in enumerate(node.expressions):
            if item.is_star:
                scope.rows |= sources_of(column.bare().value for _, column in scope.visible())
            elif index in lazies and not has_aggregate(item):
                scope.rows |= _sources(lazies[index])
        return
    scope.grouped = bool(keys) and not has_sets
    for key in keys:
        scope.rows |= _key_sources(key, scope, lazies, binder)
    if has_sets:
        _may_be_left_out(keys, scope)
        for lazy in lazies.values():
            lazy.forget()


def has_grouping_sets(group: exp.Expr) -> bool:
    """Whether rows are grouped in several ways."""
    return any(isinstance(part, _SETS) for part in group.walk())


def _keys(group: exp.Expr) -> list[exp.Expr]:
    """All keys, those of grouping sets within grouping sets too."""
    found: list[exp.Expr] = []
    stack: list[exp.Expr] = list(group.iter_expressions())
    while stack:
        key = stack.pop()
        if isinstance(key, (*_SETS, exp.Tuple, exp.Paren)):
            stack.extend(key.iter_expressions())
        else:
            found.append(key)
    return found


def is_all_key(key: exp.Expr) -> bool:
    """Whether a key is the word ALL."""
    return isinstance(key, (exp.Var, exp.Column, exp.Identifier)) and key.name.upper() == "ALL"


def _key_sources(
    key: exp.Expr, scope: Scope, lazies: Mapping[int, Lazy], binder: Expressions
) -> frozenset[ColumnRef]:
    if isinstance(key, exp.Literal) and not key.is_string:
        index = _index(key)
        return _sources(lazies[index]) if index in lazies else NONE
    return NONE if isinstance(key, exp.Star) else binder.value(key, scope).sources


def _index(key: exp.Literal) -> int:
    text = str(key.this)
    return int(text) - 1 if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _sources(lazy: Lazy) -> frozenset[ColumnRef]:
    value = lazy.get()
    return value.sources if value is not None else NONE


def _may_be_left_out(keys: Sequence[exp.Expr], scope: Scope) -> None:
    for table in scope.tables:
        for column in table.columns:
            column.set_null(Nullability.NULLABLE)
    for key in keys:
        if not _is_plain(key, scope):
            scope.keys_are_expressions = True


def _is_plain(key: exp.Expr, scope: Scope) -> bool:
    if not isinstance(key, exp.Column) or key.args.get("db"):
        return False
    # A field of a struct looks like a table's column.
    if key.table:
        return scope.find_table(lookup_key(scope.spec, key.table, True)) is not None
    return bool(scope.find_columns(lookup_key(scope.spec, key.name, True)))


def bind_distinct(
    node: exp.Select, scope: Scope, columns: Sequence[Column], binder: Expressions
) -> frozenset[ColumnRef]:
    """DISTINCT: all columns decide the rows; with ON, its keys and the order."""
    distinct = node.args.get("distinct")
    if distinct is None:
        return NONE
    on = distinct.args.get("on")
    if on is None:
        return column_sources(columns)
    keys = on.expressions if isinstance(on, exp.Tuple) else [on]
    found = [_ordered_by(key, scope, columns, binder) for key in keys]
    return NONE.union(*found) | _order(node, scope, columns, binder)


def _order(
    node: exp.Expr, scope: Scope, columns: Sequence[Column], binder: Expressions
) -> frozenset[ColumnRef]:
    order = node.args.get("order")
    if order is None:
        return NONE
    return NONE.union(*(_ordered_by(part.this, scope, columns, binder) for part in order.expressions))


def _ordered_by(
    key: exp.Expr, scope: Scope, columns: Sequence[Column], binder: Expressions
) -> frozenset[ColumnRef]:
    """A place, a name of the result, ALL, or an expression over what stands in FROM."""
    if isinstance(key, exp.Literal) and not key.is_string:
        index = _index(key)
        return columns[index].value.sources if 0 <= index < len(columns) else NONE
    if isinstance(key, exp.Column) and not key.table:
        wanted = lookup_key(scope.spec, key.name, True)
        for column in columns:
            if column.name and lookup_key(scope.spec, column.name, True) == wanted:
                return column.value.sources
    if is_all_key(key) and not (isinstance(key, exp.Column) and key.table):
        return column_sources(columns)
    return binder.value(key, scope).sources


def bind_limit(
    node: exp.Expr, scope: Scope, columns: Sequence[Column], binder: Expressions
) -> frozenset[ColumnRef]:
    """LIMIT makes the order decide the rows; without one the order only sorts them."""
    order = _order(node, scope, columns, binder)
    limits = [limit for key in ("limit", "offset", "fetch") if (limit := node.args.get(key)) is not None]
    if not limits:
        return NONE
    for limit in limits:
        for part in (limit.args.get("expression"), limit.args.get("count")):
            if isinstance(part, exp.Expr):
                order |= binder.value(part, scope).sources
    return order
