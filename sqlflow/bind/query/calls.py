"""Binds calls of functions and aggregates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from sqlflow.bind.query.clashes import check_arguments
from sqlflow.bind.query.functions import AGGREGATES, NEVER_NULL, call_of
from sqlflow.bind.query.scope import Scope
from sqlflow.bind.query.values import Value, any_null, doubtful, sources_of, unknown
from sqlflow.core.schema import Nullability, SqlType, tuple_of

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions

_NOT_NULL = Nullability.NOT_NULL
# Scalar functions that give NULL only where an argument is NULL. The parts of a date are not among them:
# an infinite one has none.
_STRICT = frozenset(
    [
        "abs",
        "ascii",
        "bit_length",
        "ceil",
        "ceiling",
        "chr",
        "concat_ws",
        "contains",
        "date_trunc",
        "datetrunc",
        "ends_with",
        "floor",
        "lcase",
        "left",
        "len",
        "length",
        "lower",
        "lpad",
        "ltrim",
        "md5",
        "prefix",
        "repeat",
        "replace",
        "reverse",
        "right",
        "round",
        "rpad",
        "rtrim",
        "sha256",
        "sign",
        "split_part",
        "starts_with",
        "strip_accents",
        "strlen",
        "strpos",
        "substr",
        "substring",
        "suffix",
        "translate",
        "trim",
        "trunc",
        "ucase",
        "upper",
        "regexp_replace",
        "regexp_matches",
        "regexp_full_match",
        "instr",
        "position",
    ]
)
# Aggregates that give NULL only where there are no rows, or where an argument is NULL.
_TAKING = frozenset(
    [
        "any_value",
        "arbitrary",
        "arg_max",
        "arg_min",
        "argmax",
        "argmin",
        "avg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "bool_and",
        "bool_or",
        "count_if",
        "countif",
        "favg",
        "first",
        "fsum",
        "kahan_sum",
        "last",
        "listagg",
        "group_concat",
        "max",
        "max_by",
        "mean",
        "median",
        "min",
        "min_by",
        "mode",
        "string_agg",
        "sum",
        "sumkahan",
    ]
)
# Functions that are NULL only where all their arguments are.
_ANY_OF = frozenset(["greatest", "least"])
_ALWAYS = frozenset(
    ["now", "today", "current_date", "current_timestamp", "get_current_timestamp", "typeof", "hash", "pi"]
)
# Functions whose lambda gets the items of a list, with the item's place behind it where it wants one.
_OVER_ITEMS = frozenset(
    [
        "apply",
        "array_apply",
        "array_filter",
        "array_transform",
        "filter",
        "list_apply",
        "list_filter",
        "list_transform",
    ]
)


_FOLDED = frozenset(["date_part", "datepart"])
_REDUCING = frozenset(["array_reduce", "list_reduce", "reduce"])


def bind_call(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """A call of a scalar function, an aggregate or a window function."""
    call = call_of(cast("exp.Func", node), binder.text)
    if call.arguments is None:
        return binder.opaque(node, scope)
    name = call.name if not isinstance(node, exp.Extract) else _extract_name(binder)
    if isinstance(node, (exp.Hex, exp.LowerHex)) and name in ("upper", "lower"):
        # sqlglot reads upper(hex(x)) as one function.
        inner = bind_named("hex", call.arguments, scope, binder, node)
        return bind_named(name, (), scope, binder, node, inner)
    return bind_named(name, call.arguments, scope, binder, node)


def _extract_name(binder: Expressions) -> str:
    """EXTRACT or date_part: sqlglot doesn't tell them apart, and PostgreSQL gives them different types."""
    if binder.rules is None or not binder.rules.has_function("extract"):
        return "date_part"
    written = [name for name in ("extract", "date_part") if name in binder.text.lower()]
    return written[0] if len(written) == 1 else " or ".join(written)


def bind_named(
    name: str,
    given: Sequence[exp.Expr],
    scope: Scope,
    binder: Expressions,
    node: exp.Expr,
    first: Value | None = None,
) -> Value:
    """A call by its name, written at a node; `first` is what it is called on as a method."""
    arguments = [] if first is None else [first]
    for part in given:
        if isinstance(part, exp.Lambda):
            arguments.append(_body(name, part, arguments, scope, binder))
        elif isinstance(part, (exp.PropertyEQ, exp.Kwarg)):
            return unknown(
                f"no rule for a named argument of {name}", *arguments, *_named(given, scope, binder)
            )
        elif not isinstance(part, exp.Star):
            arguments.append(binder.value(part, scope))
    if name == "row":
        return tuple_value(arguments, binder)
    if name in scope.spec.set_functions:
        scope.rows |= sources_of(arguments)
    is_star = name == "count" and not arguments
    found = binder.call_type("count_star" if is_star else name, arguments)
    if name in _REDUCING and len(arguments) == 2:
        found = arguments[1].type
    if name in _FOLDED and not sources_of(arguments) and arguments[-1].null is not _NOT_NULL:
        # Of what is NULL before the query runs, the engine gives another type.
        found = None
    if found is None and not any(isinstance(part, exp.Lambda) for part in given):
        check_arguments("functions", name, arguments, node, binder)
    return Value(
        type=found,
        why="" if found else binder.no_rule(name, arguments),
        null=_null_of(name, arguments, found, scope),
        sources=sources_of(arguments),
    )


def tuple_value(arguments: Sequence[Value], binder: Expressions) -> Value:
    """A row of values whose fields have no names."""
    values = [binder.settled(value) for value in arguments]
    types = [value.type for value in values if value.type is not None]
    if binder.rules is None or len(types) < len(values) or not values:
        return unknown("a row in brackets has a part of no known type", *values, null=_NOT_NULL)
    return Value(type=tuple_of(types), null=_NOT_NULL, sources=sources_of(values))


def _named(given: Sequence[exp.Expr], scope: Scope, binder: Expressions) -> list[Value]:
    named = (exp.PropertyEQ, exp.Kwarg)
    return [binder.value(part.expression if isinstance(part, named) else part, scope) for part in given]


def _null_of(name: str, arguments: Sequence[Value], found: SqlType | None, scope: Scope) -> Nullability:
    if name in NEVER_NULL or name == "count_star":
        return _NOT_NULL
    null = any_null(arguments)
    if name in AGGREGATES:
        if not scope.grouped:
            return Nullability.NULLABLE
        return null if name in _TAKING else doubtful(null)
    if found is None:
        return Nullability.UNKNOWN
    if name in _STRICT:
        return null
    if name in _ANY_OF:
        return _NOT_NULL if any(part.null is _NOT_NULL for part in arguments) else Nullability.UNKNOWN
    is_text = name == "concat" and found.name == "VARCHAR"
    return _NOT_NULL if is_text or name in _ALWAYS else Nullability.UNKNOWN


def _body(name: str, node: exp.Lambda, before: Sequence[Value], scope: Scope, binder: Expressions) -> Value:
    """What a lambda gives, with what it is given of the list before it."""
    names = [part.name for part in node.expressions]
    source = before[0] if before else unknown("")
    items: list[SqlType | None] = [None] * len(names)
    if name in _OVER_ITEMS:
        items = [source.type.item if source.type is not None else None, SqlType("BIGINT"), *items]
    if name in _REDUCING and len(before) == 1:
        return _reduced(node, names, source, scope, binder)
    inner = lambda_scope(scope, dict(zip(names, items, strict=False)), source)
    return replace(binder.settled(binder.value(node.this, inner)), null=Nullability.UNKNOWN)


def _reduced(
    node: exp.Lambda, names: Sequence[str], source: Value, scope: Scope, binder: Expressions
) -> Value:
    """What a reduction's lambda gives: its type is known where it is that of the items."""
    item = source.type.item if source.type is not None else None
    types = dict(zip(names, [item, item, SqlType("BIGINT")], strict=False))
    found = binder.settled(binder.value(node.this, lambda_scope(scope, types, source)))
    if item is None or found.type != item:
        found = replace(found, type=None, why="a reduction whose lambda gives another type than it is given")
    return replace(found, null=Nullability.UNKNOWN)


def lambda_scope(scope: Scope, items: Mapping[str, SqlType | None], source: Value) -> Scope:
    """The scope inside a lambda or a comprehension: its parameters, whose values come from a list."""
    inner = Scope(scope.spec, scope, scope.ctes)
    inner.grouped = scope.grouped
    for name, item in items.items():
        inner.lambdas[name.lower()] = Value(
            type=item,
            why="" if item else "the type of a lambda's parameter is not known",
            sources=source.sources,
        )
    return inner


def bind_filter(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`sum(x) FILTER (WHERE y)`: there may be no row that passes."""
    inner = binder.value(node.this, scope)
    condition = binder.value(node.expression.this, scope)
    null = inner.null if never_null(node.this, binder.text) else doubtful(inner.null)
    return replace(inner, null=null, sources=inner.sources | condition.sources)


def never_null(node: exp.Expr, text: str) -> bool:
    """Whether a function gives a value over no rows too: it counts."""
    while isinstance(node, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        node = node.this
    return isinstance(node, exp.Func) and call_of(node, text).name in NEVER_NULL


def bind_within_group(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`."""
    order = [binder.value(part, scope) for part in node.expression.expressions]
    function = node.this
    call = call_of(function, binder.text) if isinstance(function, exp.Func) else None
    if call is None or call.arguments is None or not order:
        return unknown("no rule for WITHIN GROUP", *order, binder.value(node.this, scope))
    name = call.name
    arguments = [*binder.values(call.arguments, scope), order[0]]
    found = binder.call_type(name, arguments) if len(order) == 1 else None
    why = "" if found else binder.no_rule(name, arguments)
    return Value(type=found, why=why, sources=sources_of((*order, *arguments)))


def bind_distinct(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """DISTINCT before the argument of an aggregate."""
    values = binder.values(node.expressions, scope)
    return values[0] if len(values) == 1 else unknown("DISTINCT of several values", *values)


def bind_order(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`list(x ORDER BY y)`: the order decides the value."""
    inner = binder.value(node.this, scope)
    order = binder.values(node.expressions, scope)
    return replace(inner, sources=inner.sources | sources_of(order))
