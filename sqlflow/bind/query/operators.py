"""Binds columns, literals, casts, operators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from sqlflow.bind.query.clashes import check_arguments
from sqlflow.bind.query.resolve import column_value, name_value, silent
from sqlflow.bind.query.values import Value, any_null, doubtful, unknown
from sqlflow.core.schema import Nullability, SqlType

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions
    from sqlflow.bind.query.scope import Scope

SYMBOLS: Mapping[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%", exp.DPipe: "||",
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
    exp.BitwiseXor: "#", exp.Pow: "^",
}  # fmt: skip
# Operators that give NULL only where a side is NULL; division by zero is NULL.
_STRICT = frozenset(["+", "-", "*", "||", "&", "|", "<<", ">>"])
# Casts to these, or from these, may make a NULL of a value: JSON has a null of its own.
_DOUBTFUL_CASTS = ("JSON", "UNION", "VARIANT")
_LAST_WORD = re.compile(r"[A-Za-z_]\w*(?=\s*$)", re.ASCII)
_MANY_PATHS = (
    exp.JSONPathWildcard, exp.JSONPathRecursive, exp.JSONPathSlice, exp.JSONPathUnion, exp.JSONPathFilter,
)  # fmt: skip


def bind_column(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """A column's name, with its table or without."""
    return column_value(cast("exp.Column", node), scope, binder.report)


def bind_identifier(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """A bare name where the parser has no column: a parameter of a lambda, what a method is called on.

    It may as well be a word of the syntax, so that one that means nothing is no mistake.
    """
    return name_value([cast("exp.Identifier", node)], scope, silent, node)


def bind_literal(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """A text or a number."""
    text = str(node.this)
    kind = "string" if cast("exp.Literal", node).is_string else "number"
    constant: object = text
    if kind == "number":
        constant = _number(text)
    return Value(
        type=binder.rules.literal(text, kind) if binder.rules is not None else None,
        why=f"the literal {text} has no verified type",
        null=Nullability.NOT_NULL,
        constant=constant,
        is_constant=True,
    )


def _number(text: str) -> object:
    # Python reads no whole numbers of more than 4300 digits.
    with suppress(ValueError):
        return int(text)
    with suppress(ValueError):
        return float(text)
    return text


def bind_null(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """NULL."""
    return Value(type=SqlType("NULL"), null=Nullability.NULLABLE, is_constant=True)


# Each cast of a chain looks at all others of it.
_MOST_CASTS = 100


def bind_boolean(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """TRUE or FALSE."""
    return Value(
        type=SqlType("BOOLEAN"), null=Nullability.NOT_NULL, constant=bool(node.this), is_constant=True
    )


def bind_cast(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """CAST and TRY_CAST; the latter gives NULL where it fails."""
    prefixed = _prefixed(node, binder)
    if prefixed is not False:
        # `DATE 'x'::VARCHAR` is read by the parser as if the first word came last.
        inner = binder.value(node.this, scope)
        return inner if prefixed else unknown("it is not known which cast comes first", inner)
    inner = binder.value(node.this, scope)
    written = str(node.args["to"].sql(binder.dialect))
    type = binder.rules.cast(written) if binder.rules is not None else None
    shown = f"{written.upper()} {inner.type}"
    is_doubtful = isinstance(node, exp.TryCast) or inner.type is None
    is_doubtful = is_doubtful or any(word in shown for word in _DOUBTFUL_CASTS)
    return Value(
        type=type,
        why="" if type else f"{written} is not a type with a verified rule",
        null=doubtful(inner.null) if is_doubtful else inner.null,
        sources=inner.sources,
    )


def _prefixed(node: exp.Expr, binder: Expressions) -> bool | None:
    """Whether the type stands before a literal that is then cast to another one; None where it may."""
    chain = _casts(node)
    if chain is None:
        return None
    literal = chain[-1].this
    place = literal.meta.get("start") if isinstance(literal, exp.Literal) and literal.meta else None
    if place is None or len(chain) < 2 or binder.rules is None:
        return False
    word = _LAST_WORD.search(binder.text, max(0, place - 60), place)
    first = binder.rules.cast(word[0]) if word is not None else None
    if first is None:
        return False
    alike = [part for part in chain if binder.rules.cast(str(part.args["to"].sql(binder.dialect))) == first]
    if alike and alike[-1] is not chain[-1] and any(part is node for part in alike):
        return True if len(alike) == 1 else None
    return False


def _casts(node: exp.Expr) -> list[exp.Expr] | None:
    """All casts of one value, of which the node is one, the last first; None for more than anybody writes."""
    above: list[exp.Expr] = []
    top = node
    while isinstance(top.parent, exp.Cast) and top.parent.this is top and len(above) <= _MOST_CASTS:
        above.append(top)
        top = top.parent
    chain = [top, *reversed(above)]
    while isinstance(chain[-1].this, exp.Cast) and len(chain) <= _MOST_CASTS:
        chain.append(chain[-1].this)
    return chain if len(chain) <= _MOST_CASTS else None


def bind_operator(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """A binary operator."""
    symbol = SYMBOLS[type(node)]
    left, right = binder.value(node.this, scope), binder.value(node.expression, scope)
    found: SqlType | None = None
    if binder.rules is not None and left.type is not None and right.type is not None:
        found = binder.rules.operator(symbol, left.type, right.type)
        if found is None:
            check_arguments("operators", symbol, (left, right), node, binder)
    null = any_null((left, right))
    # What an operator does with NULLs is known by the types that it is known for.
    is_strict = symbol in _STRICT and found is not None and found.name not in ("JSON", "UNION", "VARIANT")
    return Value(
        type=found,
        why="" if found else binder.no_rule(symbol, (left, right)),
        null=null if is_strict else doubtful(null),
        sources=left.sources | right.sources,
    )


def bind_sign(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`-x` and `~x`; a minus before a literal belongs to it."""
    symbol = "-" if isinstance(node, exp.Neg) else "~"
    inner = binder.value(node.this, scope)
    if symbol == "-" and isinstance(node.this, exp.Literal) and binder.rules is not None:
        found = binder.rules.literal(f"-{node.this.this}", "number")
        if found is not None:
            return replace(inner, type=found, constant=_number(f"-{node.this.this}"))
    found = None
    if binder.rules is not None and inner.type is not None:
        found = binder.rules.unary(symbol, inner.type)
    why = "" if found else binder.no_rule(symbol, (inner,))
    null = inner.null if found is not None else doubtful(inner.null)
    return Value(type=found, why=why, null=null, sources=inner.sources)


def bind_interval(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`INTERVAL 1 DAY`, `INTERVAL (x) DAY`."""
    inner = binder.value(node.this, scope) if node.this is not None else unknown("")
    return Value(type=SqlType("INTERVAL"), null=inner.null, sources=inner.sources)


def bind_at_time_zone(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`x AT TIME ZONE 'UTC'`."""
    inner, zone = binder.value(node.this, scope), binder.value(node.args["zone"], scope)
    found: SqlType | None = None
    if binder.rules is not None and inner.type is not None and zone.type is not None:
        found = binder.rules.operator("AT TIME ZONE", inner.type, zone.type)
    return Value(
        type=found,
        why="" if found else binder.no_rule("AT TIME ZONE", (inner, zone)),
        null=any_null((inner, zone)) if found else Nullability.UNKNOWN,
        sources=inner.sources | zone.sources,
    )


def bind_path(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """A path that sqlglot has read: as a text that finds as many values."""
    many = any(isinstance(part, _MANY_PATHS) for part in node.walk())
    return binder.value(exp.Literal.string("$.*" if many else "$.a"), scope)


def bind_json(node: exp.Expr, scope: Scope, binder: Expressions) -> Value:
    """`->` and `->>`: one value, or a list of those that a path with a wildcard finds."""
    left = binder.value(node.this, scope)
    name = "json_extract" if isinstance(node, exp.JSONExtract) else "json_extract_string"
    right = binder.value(node.expression, scope)
    found = binder.call_type(name, (left, right))
    if right.type is not None and right.type.name in ("VARCHAR", "STRING_LITERAL") and not right.is_constant:
        # Which it is depends on the text.
        found = None
    why = "" if found else binder.no_rule(name, (left, right))
    return Value(type=found, why=why, sources=left.sources | right.sources)
