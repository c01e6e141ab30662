"""Says of a part of a query what it is, in the words of who wrote it."""

from __future__ import annotations

from sqlglot import exp

from sqlflow.bind.query.functions import call_of, is_call
from sqlflow.bind.query.notes import Notes
from sqlflow.bind.query.operators import SYMBOLS
from sqlflow.bind.translate.constructs import Construct
from sqlflow.dialect.rules import INTEGER_LITERAL, STRING_LITERAL

_SIGNS = {
    **SYMBOLS, exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.Like: "LIKE", exp.ILike: "ILIKE", exp.Is: "IS",
}  # fmt: skip
_LITERALS = {INTEGER_LITERAL: "a number", STRING_LITERAL: "a text"}


def shown(part: Construct, notes: Notes, text: str) -> str:
    """Gives the call or the operator with the types that it works on, or the clause."""
    node = part.node
    types = [_type(argument, notes) for argument in part.arguments]
    if type(node) in _SIGNS and not is_call(node) and len(types) == 2:
        return f"`{types[0]} {_SIGNS[type(node)]} {types[1]}`"
    if isinstance(node, exp.Cast) and not is_call(node):
        return f"the cast of {types[0]} to {part.keys[0].rpartition(' as ')[2].rstrip(')')}"
    if isinstance(node, exp.Ordered):
        return f"an order of {types[0]}, which decides the result,"
    if isinstance(node, exp.Func) and not isinstance(node, (exp.Case, exp.And, exp.Or)):
        return f"`{call_of(node, text).name}({', '.join(types)})`"
    _, dot, clause = part.keys[-1].partition(".")
    return f"the clause {clause.replace('_', ' ').upper()}" if dot else f"`{part.keys[-1]}`"


def _type(node: exp.Expr, notes: Notes) -> str:
    kind = notes.types.get(id(node))
    if kind is None:
        return "an unknown type"
    return _LITERALS.get(kind.name) or str(kind)
