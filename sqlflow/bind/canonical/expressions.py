"""Writes expressions in their canonical form."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from sqlglot import exp

from sqlflow.bind.canonical.apart import Apart
from sqlflow.bind.canonical.context import Context, Place
from sqlflow.bind.canonical.precedence import is_clear, operands
from sqlflow.bind.canonical.survey import function_name
from sqlflow.bind.query.meanings import Kind, Meaning
from sqlflow.bind.query.select import has_more

Write: TypeAlias = Callable[[exp.Expr, Context], str]

_SYMBOLS: Mapping[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%",
    exp.DPipe: "||", exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "==", exp.NullSafeNEQ: "!==", exp.Is: "is", exp.Like: "like", exp.ILike: "ilike",
}  # fmt: skip
# How many names of items are followed, one in the other.
_DEEPEST = 4
_SYMMETRIC = frozenset(["=", "<>", "==", "!=="])
_TURNED = {">": "<", ">=": "<="}


def write(node: exp.Expr, context: Context) -> str:
    """Writes an expression."""
    kind = type(node)
    placed = bool(node._meta) and "start" in node._meta  # pyright: ignore[reportPrivateUsage, reportOptionalOperand]
    if isinstance(node, (exp.Binary, exp.Cast)) and placed:
        return _call(node, context)
    known = _WRITERS.get(kind)
    if known is not None:
        return known(node, context)
    if isinstance(node, exp.Binary):
        return _binary(node, context)
    if isinstance(node, exp.Query):
        return f"(query {context.query(node, context, False)})"
    if isinstance(node, exp.Func):
        return _call(node, context)
    return generic(node, context)


def generic(node: exp.Expr, context: Context, without: Collection[str] = ()) -> str:
    """Writes a node by its structure alone: its kind and all that it holds."""
    return f"(?{node.key}{rest(node, context, without)}){context.mark(node)}"


def rest(node: exp.Expr, context: Context, without: Collection[str]) -> str:
    """Writes what a node holds but for some of it, in the order of the names."""
    out: list[str] = []
    for key in sorted(node.args):
        given = node.args[key]
        if key in without or given is None or given is False or given == []:
            continue
        out.append(f" {key}={_held(node, given, context)}")
    return "".join(out)


def write_part(parent: exp.Expr, node: exp.Expr, context: Context, left: bool = False) -> str:
    """Writes a part of an operator; what might not be one without its brackets is marked."""
    written = write(node, context)
    return written if is_clear(parent, node, left) else f"(bare {written})"


def _held(parent: exp.Expr, given: object, context: Context) -> str:
    return write_part(parent, given, context) if isinstance(given, exp.Expr) else _given(given, context)


def _given(given: object, context: Context) -> str:
    if isinstance(given, exp.Expr):
        return write(given, context)
    if isinstance(given, list):
        parts: list[object] = given
        return f"[{' '.join(_given(part, context) for part in parts)}]"
    return json.dumps(context.spell(str(given)))


def _call(node: exp.Expr, context: Context) -> str:
    """A function by the name that it was written with."""
    if isinstance(node, exp.Anonymous):
        parts = "".join(f" {write(part, context)}" for part in node.expressions)
        return f"(f {json.dumps(function_name(node, context.text))}{parts}){context.mark(node)}"
    meta = node._meta  # pyright: ignore[reportPrivateUsage]
    name = function_name(node, context.text) if meta and "start" in meta else f"?{node.key}"
    out: list[str] = []
    for key in sorted(node.args):
        given = node.args[key]
        if given is None or given is False or given == []:
            continue
        out.append(f" {key}={_given(given, context)}")
    return f"(f {json.dumps(name)}{''.join(out)}){context.mark(node)}"


def _column(node: exp.Expr, context: Context) -> str:
    if isinstance(node.this, exp.Star):
        return _owned_star(node, context)
    parts = [
        p for key in ("catalog", "db", "table", "this") if isinstance(p := node.args.get(key), exp.Identifier)
    ]
    marks = "".join(context.mark(part) for part in parts)
    meaning = context.meaning(node)
    written = _meant(meaning, context) if meaning is not None else None
    if context.apart is not None and (meaning is None or meaning.kind is Kind.OPEN):
        context.apart.undecided = context.apart.undecided or not context.names_only
    if written is None or meaning is None:
        context.lacks_names = context.lacks_names or not context.names_only or len(parts) > 1
        return f"(name {' '.join(context.key(part) for part in parts)}){marks}"
    fields = "".join(f".{json.dumps(part.name)}" for part in parts[meaning.used :])
    return f"{written}{fields}{rest(node, context, ('catalog', 'db', 'table', 'this'))}{marks}"


def _meant(meaning: Meaning, context: Context) -> str | None:
    key = json.dumps(meaning.key)
    match meaning.kind:
        case Kind.PARAMETER:
            return f"(parameter {key})"
        case Kind.ITEM:
            return _item(meaning.item, context)
        case Kind.OPEN:
            also = _item(meaning.item, context) if meaning.item in context.items else ""
            return f"(open {key}{also and ' '}{also})"
        case Kind.ROW:
            row = context.column_of(meaning.origin, "*")
            return f"(row {row} {json.dumps(meaning.names)})" if row is not None else None
        case Kind.MERGED:
            made = context.column_of(meaning.origin, meaning.key)
            made = f"(merged {made})" if made is not None else None
        case Kind.COLUMN:
            made = context.column_of(meaning.origin, meaning.key)
    if made is None or not context.by_alias or meaning.item not in context.items:
        return made
    if context.is_same_column(context.items[meaning.item][1], meaning):
        return made
    return f"(or {made} {_item(meaning.item, context)})"


def _item(item: int, context: Context) -> str | None:
    """An item of a SELECT's list that is meant by its alias."""
    found = context.items.get(item)
    if found is None:
        return None
    place, node = found
    inner = node.unalias()
    meaning = context.meaning(inner) if place.number >= 0 else None
    # Another alias is not followed: it may lead back here.
    if isinstance(inner, exp.Column) and meaning is not None and meaning.kind in (Kind.COLUMN, Kind.MERGED):
        by_alias, context.by_alias = context.by_alias, False
        written = write(inner, context)
        context.by_alias = by_alias
        return written
    if context.apart is None:
        return f"(item {context.at(place)})"
    return _item_apart(item, place, inner, context, context.apart)


def _item_apart(item: int, place: Place, inner: exp.Expr, context: Context, apart: Apart) -> str:
    """An item as it is itself: where columns are written apart, places in the list mean nothing."""
    if place.number < 0 or item in context.open_items or len(context.open_items) >= _DEEPEST:
        apart.undecided = True
        return "(item)"
    context.open_items.append(item)
    by_alias, context.by_alias = context.by_alias, False
    written = write(inner, context)
    context.by_alias = by_alias
    context.open_items.pop()
    return f"(item {written}{apart.loose(inner)})"


def _owned_star(node: exp.Expr, context: Context) -> str:
    """`t.*` within an expression, or where its columns are not known."""
    owner = context.column_of(context.meanings.owners.get(id(node), -1), "*")
    if owner is None:
        context.lacks_names = True
        owner = f"(name {rest(node, context, ('this',))})"
    names = context.meanings.expanded.get(id(node))
    listed = "" if names is None else json.dumps([column.name for column in names])
    return f"(star {owner} {listed}{rest(node.this, context, ())}){context.mark(node.this)}"


def _literal(node: exp.Expr, context: Context) -> str:
    text = context.spell(str(node.this))
    shown = f"(text {json.dumps(text)})" if node.args.get("is_string") else text
    return f"{shown}{context.mark(node)}"


def _paren(node: exp.Expr, context: Context) -> str:
    return write(node.this, context)


def _logical(node: exp.Expr, context: Context) -> str:
    """AND and OR: their operands in an order of their own, but where it decides what a function gives."""
    written = [write_part(node, part, context) for part in operands(node)]
    if not context.is_volatile(node):
        written.sort()
    return f"({node.key} {' '.join(written)})"


def _binary(node: exp.Expr, context: Context) -> str:
    """A binary operator; a long chain of them is not walked by recursion."""
    chain = [node]
    while (
        isinstance(inner := chain[-1].this, exp.Binary)
        and not isinstance(inner, (exp.And, exp.Or, exp.Xor))
        and type(inner) not in _WRITERS
        and not (inner._meta and "start" in inner._meta)  # pyright: ignore[reportPrivateUsage]
    ):
        chain.append(inner)
    written = write_part(chain[-1], chain[-1].this, context, left=True)
    for place in range(len(chain) - 1, -1, -1):
        written = _folded(chain[place], written, context)
        if place and not is_clear(chain[place - 1], chain[place], left=True):
            written = f"(bare {written})"
    return written


def _folded(node: exp.Expr, left: str, context: Context) -> str:
    symbol = _SYMBOLS.get(type(node), f"?{node.key}")
    right = _held(node, node.args.get("expression"), context)
    turns = symbol in _SYMMETRIC or symbol in _TURNED
    if turns and not _is_fixed(node, context):
        if symbol in _TURNED:
            symbol, left, right = _TURNED[symbol], right, left
        elif left > right:
            left, right = right, left
    negated = node.args.get("negate") is True and isinstance(node, (exp.Is, exp.Like, exp.ILike))
    more = rest(node, context, ("this", "expression", "negate") if negated else ("this", "expression"))
    written = f"({symbol} {left} {right}{more})"
    # `x IS NOT NULL` is read as a NOT or as a flag, as the dialect has it.
    return f"(?not this={written})" if negated else written


def _is_fixed(node: exp.Expr, context: Context) -> bool:
    """Whether the sides of a comparison can't be swapped."""
    sides = (node.this, node.args.get("expression"))
    return any(isinstance(side, (exp.Any, exp.All)) for side in sides) or context.is_volatile(node)


def _cast(node: exp.Expr, context: Context) -> str:
    word = "try" if isinstance(node, exp.TryCast) else "cast"
    more = rest(node, context, ("this", "to", "safe"))
    return f"({word} {write(node.this, context)} {write_type(node.args['to'], context)}{more})"


def write_type(node: exp.Expr, context: Context) -> str:
    """Writes a type: its name, and what stands in its brackets."""
    if not isinstance(node, exp.DataType):
        return generic(node, context)
    name = node.this.value if isinstance(node.this, exp.DType) else _given(node.this, context)
    return f"(type {name}{rest(node, context, ('this', 'nested'))})"


def _column_def(node: exp.Expr, context: Context) -> str:
    kind = node.args.get("kind")
    written = write_type(kind, context) if isinstance(kind, exp.Expr) else ""
    more = rest(node, context, ("this", "kind"))
    return f"(field {json.dumps(node.this.name)} {written}{more}){context.mark(node.this)}"


def _subquery(node: exp.Expr, context: Context) -> str:
    """A query in brackets as a value."""
    return f"(scalar {context.query(node, context, False)})"


def _quantified(node: exp.Expr, context: Context) -> str:
    """ANY, ALL, EXISTS: brackets around a query's brackets make it a value."""
    inner = node.this
    if isinstance(inner, exp.Subquery) and not has_more(inner):
        inner = inner.this
    if isinstance(node, exp.Exists):
        while isinstance(inner, exp.Subquery) and not has_more(inner):
            inner = inner.this
    return f"({node.key} {_within(inner, context)}{rest(node, context, ('this',))}){context.mark(node)}"


def _in(node: exp.Expr, context: Context) -> str:
    query = node.args.get("query")
    within = ""
    if isinstance(query, exp.Expr):
        inner = query.this if isinstance(query, exp.Subquery) and not has_more(query) else query
        within = _within(inner, context)
    return f"(in {write_part(node, node.this, context)} {within}{rest(node, context, ('this', 'query'))})"


def _within(node: exp.Expr, context: Context) -> str:
    """A query whose rows are looked at, or a value."""
    if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
        return f"(query {context.query(node, context, False)})"
    return write(node, context)


def _ordered(node: exp.Expr, context: Context) -> str:
    return order_key(node, write(node.this, context), context)


def order_key(node: exp.Expr, key: str, context: Context) -> str:
    """Writes a key of an ORDER BY; NULLS LAST, where written, is among the lost words."""
    desc = " desc" if node.args.get("desc") else ""
    nulls = " nulls-first" if node.args.get("nulls_first") else ""
    more = rest(node, context, ("this", "desc", "nulls_first"))
    return f"(by {key}{desc}{nulls}{more})"


def _named(node: exp.Expr, context: Context) -> str:
    """`name := x`, `'key': x`, `x AS name` within an expression."""
    key, value = node.this, node.expression
    if isinstance(node, exp.Alias):
        key, value = node.args["alias"], node.this
    name = json.dumps(key.name) if isinstance(key, exp.Identifier) else write(key, context)
    return f"(:= {name} {write(value, context)}){context.mark(key)}"


def _dot(node: exp.Expr, context: Context) -> str:
    right = node.expression
    name = json.dumps(right.name) if isinstance(right, exp.Identifier) else write(right, context)
    return f"(dot {write(node.this, context)} {name}){context.mark(right)}"


def _lambda(node: exp.Expr, context: Context) -> str:
    context.names_only += 1
    written = generic(node, context)
    context.names_only -= 1
    return written


def _identifier(node: exp.Expr, context: Context) -> str:
    if not context.names_only:
        context.lacks_names = True
    return f"(name {context.key(node)}){context.mark(node)}"


def _window(node: exp.Expr, context: Context) -> str:
    """`f(x) OVER (...)` and, in the clause WINDOW, a window's name."""
    context.names_only += 1
    alias = node.args.get("alias")
    name = f" {context.key(alias)}{context.mark(alias)}" if isinstance(alias, exp.Identifier) else ""
    own = (
        f"{context.key(node.this)}{context.mark(node.this)}" if isinstance(node.this, exp.Identifier) else ""
    )
    context.names_only -= 1
    written = own or write(node.this, context)
    return f"(over {written}{name}{rest(node, context, ('this', 'alias', 'over'))})"


def _word(node: exp.Expr, context: Context) -> str:
    return f"(word {json.dumps(str(node.this))}){context.mark(node)}"


def _boolean(node: exp.Expr, context: Context) -> str:
    return f"{'true' if node.this else 'false'}{context.mark(node)}"


def _null(node: exp.Expr, context: Context) -> str:
    return f"null{context.mark(node)}"


def _frame(node: exp.Expr, context: Context) -> str:
    """The frame of a window, whose words are as they were written."""
    words = {key: given.upper() for key, given in sorted(node.args.items()) if isinstance(given, str)}
    return f"(frame {json.dumps(words)}{rest(node, context, words)})"


_WRITERS: Mapping[type[exp.Expr], Write] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Paren: _paren,
    exp.And: _logical,
    exp.Or: _logical,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.DataType: write_type,
    exp.ColumnDef: _column_def,
    exp.Subquery: _subquery,
    exp.Any: _quantified,
    exp.All: _quantified,
    exp.Exists: _quantified,
    exp.In: _in,
    exp.Ordered: _ordered,
    exp.PropertyEQ: _named,
    exp.Kwarg: _named,
    exp.Alias: _named,
    exp.Dot: _dot,
    exp.Lambda: _lambda,
    exp.Comprehension: _lambda,
    exp.Identifier: _identifier,
    exp.Window: _window,
    exp.WindowSpec: _frame,
    exp.Var: _word,
    exp.Boolean: _boolean,
    exp.Null: _null,
}
