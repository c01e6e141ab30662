"""Tells of aggregates and window functions where there can be none, and of columns that are in no group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.clauses import has_grouping_sets, is_all_key
from sqlflow.bind.query.functions import AGGREGATES, call_of, has_aggregate
from sqlflow.core.codes import Code
from sqlflow.dialect.names import lookup_key

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.bind.query.scope import Scope


# What has names of its own, or is computed over a group as a whole.
_APART = (exp.Query, exp.Lambda, exp.Comprehension, exp.Columns, exp.Filter, exp.WithinGroup)


def check_groups(node: exp.Select, scope: Scope, binder: Expressions) -> None:
    """Looks at a SELECT's clauses; subqueries in it are looked at on their own."""
    for place, condition in _conditions(node):
        _check_condition(place, condition, binder)
    for item in node.expressions:
        _check_nesting(item, binder)
    _check_columns(node, scope, binder)


def _conditions(node: exp.Select) -> Iterator[tuple[str, exp.Expr]]:
    where = node.args.get("where")
    if where is not None:
        yield "WHERE", where.this
    for join in node.args.get("joins") or ():
        if join.args.get("on") is not None:
            yield "ON", join.args["on"]


def _check_condition(place: str, condition: exp.Expr, binder: Expressions) -> None:
    """Rows are filtered and joined before they are grouped."""
    for part in _own(condition):
        if isinstance(part, exp.Window):
            message = f"a window function can't stand in {place}"
            binder.report(
                Code.AGGREGATE_MISUSE, message, part, "filter by it in QUALIFY, or in a query around"
            )
            return
        if _is_aggregate(part, binder):
            help = "filter by it in HAVING, or in a query around"
            binder.report(Code.AGGREGATE_MISUSE, f"an aggregate can't stand in {place}", part, help)
            return


def _check_nesting(item: exp.Expr, binder: Expressions) -> None:
    """An aggregate computes over rows: what it is given can't be one, unless it is a window function."""
    for part in _own(item):
        if _is_aggregate(part, binder) and not _is_windowed(part):
            inside = next(
                (
                    inner
                    for argument in part.iter_expressions()
                    for inner in _own(argument)
                    if _is_aggregate(inner, binder) or isinstance(inner, exp.Window)
                ),
                None,
            )
            if inside is not None:
                what = "a window function" if isinstance(inside, exp.Window) else "an aggregate"
                message = f"{what} can't stand inside an aggregate"
                binder.report(Code.AGGREGATE_MISUSE, message, inside, "compute it in a query below")
                return


def _check_columns(node: exp.Select, scope: Scope, binder: Expressions) -> None:
    """Every column of a grouped query is a key, or stands in an aggregate.

    Names are compared, not expressions: a column that a key names anywhere is taken for one.
    """
    group = node.args.get("group")
    having = node.args.get("having")
    if group is None and having is None and not any(has_aggregate(item) for item in node.expressions):
        return
    keys: list[exp.Expr] = list(group.iter_expressions()) if group is not None else []
    if group is not None and (
        group.args.get("all") or has_grouping_sets(group) or any(is_all_key(key) for key in keys)
    ):
        return
    named = _names_in_keys(keys, node, scope)
    for item in node.expressions:
        for column in _loose(item, binder):
            key = lookup_key(scope.spec, column.name, bool(column.this.args.get("quoted")))
            # What means something else here: an alias, a field, a column of a query around, is left alone.
            if key in named or key in scope.aliases or len(scope.find_columns(key)) != 1:
                continue
            message = f"`{column.name}` is neither a key of the GROUP BY nor in an aggregate"
            help = f"group by it, or write `any_value({column.name})`"
            if group is None:
                message = f"`{column.name}` stands beside an aggregate, and there is no GROUP BY"
            binder.report(Code.AGGREGATE_MISUSE, message, column, help)
            return


def _names_in_keys(keys: list[exp.Expr], node: exp.Select, scope: Scope) -> set[str]:
    """The columns that keys name, directly, by place, or by the alias of an item."""
    aliases = {
        lookup_key(scope.spec, item.alias, True): item.this
        for item in node.expressions
        if isinstance(item, exp.Alias)
    }
    found: set[str] = set()
    for key in keys:
        expressions: list[exp.Expr] = [key]
        if isinstance(key, exp.Literal) and not key.is_string and str(key.this).isdigit():
            expressions += node.expressions[int(str(key.this)) - 1 : int(str(key.this))]
        for expression in expressions:
            for column in expression.find_all(exp.Column, exp.Identifier):
                name = lookup_key(scope.spec, column.name, True)
                found.add(name)
                if name in aliases:
                    found |= {
                        lookup_key(scope.spec, part.name, True) for part in aliases[name].find_all(exp.Column)
                    }
    return found


def _loose(item: exp.Expr, binder: Expressions) -> Iterator[exp.Column]:
    """The plain columns of an expression that stand in no aggregate, and in nothing that may be one."""
    stack: list[exp.Expr] = [item]
    while stack:
        here = stack.pop()
        if isinstance(here, _APART):
            continue
        if isinstance(here, exp.Window):
            # What a window function is given may be grouped; the function itself is no aggregate.
            stack.extend(part for part in here.iter_expressions() if part is not here.this)
        elif isinstance(here, exp.Func) and not isinstance(here, (exp.And, exp.Or)):
            name = call_of(here, binder.text).name
            if isinstance(here, exp.AggFunc) or name in AGGREGATES or not _is_known(name, here, binder):
                continue
            stack.extend(here.iter_expressions())
        elif isinstance(here, exp.Column):
            if isinstance(here.this, exp.Identifier) and not here.args.get("db"):
                yield here
        else:
            stack.extend(here.iter_expressions())


def _is_windowed(node: exp.Expr) -> bool:
    around = node.parent
    while isinstance(around, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        around = around.parent
    return isinstance(around, exp.Window)


def _is_known(name: str, node: exp.Func, binder: Expressions) -> bool:
    """Whether a function is one of the engine's scalar functions: one of the user's own may aggregate."""
    if isinstance(node, (exp.Cast, exp.Case, exp.If, exp.Coalesce, exp.Extract)):
        return True
    return binder.rules is not None and binder.rules.has_function(name)


def _is_aggregate(node: exp.Expr, binder: Expressions) -> bool:
    if isinstance(node, exp.AggFunc):
        # sqlglot has classes for window functions, and for some scalar ones of other engines, among these.
        return call_of(node, binder.text).name in AGGREGATES
    return isinstance(node, exp.Anonymous) and str(node.this).lower() in AGGREGATES


def _own(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of an expression, those of subqueries left out."""
    stack: list[exp.Expr] = [node]
    while stack:
        here = stack.pop()
        yield here
        if not isinstance(here, exp.Query):
            stack.extend(here.iter_expressions())
