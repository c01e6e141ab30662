"""Binds lists, structs, maps, what lies in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.calls import bind_named, lambda_scope, tuple_value
from sqlflow.bind.query.functions import call_of
from sqlflow.bind.query.resolve import field_of
from sqlflow.bind.query.values import Value, sources_of, unknown
from sqlflow.core.schema import Nullability, SqlType, list_of, struct_of

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.bind.query.scope import Scope

_NOT_NULL = Nullability.NOT_NULL


def bind_dot(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`(x).field`, and `x.f(y)`, a call with `x` as its first argument."""
    inner = binder.value(node.this, scope)
    right = node.expression
    if not isinstance(right, exp.Func):
        return field_of(inner, right.name)
    call = call_of(right, binder.text)
    if call.arguments is None:
        return unknown(f"no rule for {call.name}", inner, binder.opaque(right, scope))
    return bind_named(call.name, call.arguments, scope, binder, node, inner)


def bind_bracket(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`x[1]`, `x['key']`, `x[1:2]`."""
    inner = binder.value(node.this, scope)
    is_slice = any(isinstance(part, exp.Slice) for part in node.expressions)
    parts = [p for part in node.expressions for p in (_bounds(part) if is_slice else [part])]
    indexes = binder.values(parts, scope)
    sources = inner.sources | sources_of(indexes)
    if inner.type is None:
        return Value(type=None, why=inner.why, sources=sources)
    constant = indexes[0].constant if len(indexes) == 1 else None
    if inner.type.name == "STRUCT" and isinstance(constant, str) and not is_slice:
        return replace(field_of(inner, constant), sources=sources)
    found = _slice(inner.type) if is_slice else _element(inner.type)
    return Value(type=found, why="" if found else f"no rule for {inner.type}[]", sources=sources)


def _bounds(node: exp.Expr) -> list[exp.Expr]:
    return list(node.iter_expressions()) if isinstance(node, exp.Slice) else [node]


def _slice(kind: SqlType) -> SqlType | None:
    if kind.name == "ARRAY" and kind.item is not None:
        return list_of(kind.item)
    if kind.name in ("VARCHAR", "STRING_LITERAL"):
        return SqlType("VARCHAR")
    return kind if kind.name == "LIST" else None


def _element(kind: SqlType) -> SqlType | None:
    if kind.name == "MAP" and kind.parts:
        return dict(kind.parts)["value"]
    if kind.name in ("VARCHAR", "STRING_LITERAL"):
        return SqlType("VARCHAR")
    return kind if kind.name == "JSON" else kind.item


def bind_list(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`[x, y]`, `[f(x) FOR x IN list]`, `ARRAY(SELECT ...)`."""
    first = node.expressions[0] if len(node.expressions) == 1 else None
    null = _NOT_NULL
    if isinstance(first, exp.Comprehension):
        return _comprehension(first, scope, binder)
    if isinstance(first, exp.Query) and not isinstance(first, exp.Subquery):
        table = binder.subquery(first, scope)
        items = [binder.settled(column.value) for column in table.columns[:1]]
        items = [replace(item, sources=item.sources | table.rows) for item in items]
        null = Nullability.UNKNOWN
    else:
        items = binder.values(node.expressions, scope)
    if not items:
        return unknown("the type of an empty list's items is not known", null=null)
    item = binder.common(items, "a list")
    if item.type is None or binder.rules is None:
        return Value(type=None, why=item.why, sources=item.sources, null=null)
    return Value(type=list_of(binder.rules.settle(item.type)), null=null, sources=item.sources)


def _comprehension(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    source = binder.value(node.args["iterator"], scope)
    item = source.type.item if source.type is not None else None
    inner = lambda_scope(scope, {node.expression.name: item}, source)
    condition = node.args.get("condition")
    sources = source.sources
    if condition is not None:
        sources |= binder.value(condition, inner).sources
    made = binder.settled(binder.value(node.this, inner))
    return Value(
        type=list_of(made.type) if made.type is not None else None,
        why=made.why,
        sources=sources | made.sources,
    )


def bind_struct(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`{'a': 1}`, `struct_pack(a := 1)`."""
    fields: list[tuple[str, SqlType]] = []
    values: list[Value] = []
    for entry in node.expressions:
        is_named = isinstance(entry, (exp.PropertyEQ, exp.Alias))
        inner = entry.expression if isinstance(entry, exp.PropertyEQ) else entry.unalias()
        value = binder.settled(binder.value(inner, scope))
        values.append(value)
        if is_named and value.type is not None:
            name = entry.this.name if isinstance(entry, exp.PropertyEQ) else entry.alias
            fields.append((name, value.type))
    if len(fields) < len(values) or not values:
        return unknown("a field of the struct has no name or no known type", *values, null=_NOT_NULL)
    return Value(type=struct_of(fields), null=_NOT_NULL, sources=sources_of(values))


def bind_tuple(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`(x, y)`."""
    return tuple_value(binder.values(node.expressions, scope), binder)


def bind_map(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`MAP {'a': 1}`."""
    if isinstance(node.this, exp.Bracket) and isinstance(node.this.this, exp.Struct):
        # The parser takes `MAP {...}['a']` for a map of an element.
        made = _map(node.this.this, scope, binder)
        found = _element(made.type) if made.type is not None else None
        sources = made.sources | sources_of(binder.values(node.this.expressions, scope))
        return Value(type=found, why="" if found else made.why or "no rule for an element", sources=sources)
    return _map(node.this, scope, binder) if isinstance(node.this, exp.Struct) else binder.opaque(node, scope)


def _map(node: exp.Struct, scope: Scope, binder: Expressions) -> Value:
    entries = node.expressions
    if not all(isinstance(entry, exp.PropertyEQ) for entry in entries):
        return binder.opaque(node, scope)
    if not entries:
        return Value(
            type=binder.call_type("map", ()), why="no verified rule for an empty map", null=_NOT_NULL
        )
    lists: list[Value] = []
    for values in (
        [_key(entry.this, scope, binder) for entry in entries],
        [binder.value(entry.expression, scope) for entry in entries],
    ):
        item = binder.settled(binder.common(values, "a map"))
        kind = list_of(item.type) if item.type is not None else None
        lists.append(Value(type=kind, why=item.why, sources=item.sources))
    found = binder.call_type("map", lists)
    why = "" if found else binder.no_rule("map", lists)
    return Value(type=found, why=why, null=_NOT_NULL, sources=sources_of(lists))


def _key(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    # A key that is a text may come as a name: its type is known, there is nothing else in it.
    if isinstance(node, exp.Identifier):
        return binder.value(exp.Literal.string(node.name), scope)
    return binder.value(node, scope)


def bind_argument(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`name := x`: its value."""
    return binder.value(node.expression, scope)


def bind_unnest(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`unnest(x)` in an expression: an item of a list, for which there is a row each."""
    values = binder.values(node.expressions if isinstance(node, exp.Unnest) else [node.this], scope)
    scope.rows |= sources_of(values)
    kind = values[0].type if len(values) == 1 else None
    item = kind.item if kind is not None else None
    return Value(type=item, why="" if item else binder.no_rule("unnest", values), sources=sources_of(values))


def bind_columns(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`*COLUMNS(...)` as the arguments of a call."""
    return unknown("no rule for a call with COLUMNS", *(column.bare().value for _, column in scope.visible()))
