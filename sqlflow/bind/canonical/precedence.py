"""Whether what stands in an operator without brackets is in it for every engine.

A tree is as sqlglot reads it. Where an engine might read `a OP b OP c` in another way, what has no brackets
is no expression that has them: only what all are known to read alike is. `tests/bind_canonical/` asks them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

_ATOM, _CAST, _NEG, _MUL, _ADD, _CONCAT = "atom", "cast", "neg", "mul", "add", "concat"
_COMPARE, _TEST, _NOT, _AND, _OR = "compare", "test", "not", "and", "or"
_ARROW, _OTHER = "arrow", "other"

_LEVELS: Mapping[type[exp.Expr], str] = {
    exp.Cast: _CAST, exp.TryCast: _CAST, exp.Paren: _ATOM, exp.Dot: _ATOM, exp.PropertyEQ: _ATOM,
    exp.Kwarg: _ATOM, exp.Neg: _NEG, exp.Mul: _MUL, exp.Div: _MUL, exp.IntDiv: _MUL, exp.Mod: _MUL,
    exp.Add: _ADD, exp.Sub: _ADD, exp.DPipe: _CONCAT, exp.EQ: _COMPARE, exp.NEQ: _COMPARE,
    exp.LT: _COMPARE, exp.LTE: _COMPARE, exp.GT: _COMPARE, exp.GTE: _COMPARE, exp.Is: _TEST, exp.In: _TEST,
    exp.Between: _TEST, exp.Like: _TEST, exp.ILike: _TEST, exp.NullSafeEQ: _TEST, exp.NullSafeNEQ: _TEST,
    exp.Not: _NOT, exp.And: _AND, exp.Or: _OR, exp.AtTimeZone: _OTHER,
    exp.JSONExtract: _ARROW, exp.JSONExtractScalar: _ARROW,
}  # fmt: skip
_VALUES = frozenset([_ATOM, _CAST, _NEG, _MUL, _ADD, _CONCAT])
_TRUTHS = frozenset([_ATOM, _CAST, _COMPARE, _TEST, _NOT])
# What may stand in an operator, on its left and anywhere else.
_LEFT: Mapping[str, frozenset[str]] = {
    _MUL: frozenset([_ATOM, _CAST, _NEG, _MUL]), _ADD: frozenset([_ATOM, _CAST, _NEG, _MUL, _ADD]),
    _CONCAT: _VALUES, _COMPARE: _VALUES, _TEST: _VALUES, _ARROW: frozenset([_ATOM, _CAST, _ARROW]),
}  # fmt: skip
_ANYWHERE: Mapping[str, frozenset[str]] = {
    _NEG: frozenset([_ATOM, _CAST]), _MUL: frozenset([_ATOM, _CAST, _NEG]),
    _ADD: frozenset([_ATOM, _CAST, _NEG, _MUL]), _CONCAT: _VALUES - {_CONCAT}, _COMPARE: _VALUES,
    _TEST: _VALUES, _NOT: _TRUTHS, _AND: _TRUTHS | {_AND}, _OR: _TRUTHS | {_AND, _OR},
    _ARROW: frozenset([_ATOM]), _OTHER: frozenset([_ATOM]),
}  # fmt: skip


def level(node: exp.Expr) -> str:
    """Gives the group of operators that a node belongs to; what needs no brackets is an atom."""
    found = _LEVELS.get(type(node))
    if found is not None:
        return found
    is_operator = isinstance(node, (exp.Binary, exp.Unary))
    if not is_operator:
        return _ATOM
    meta = node._meta  # pyright: ignore[reportPrivateUsage]
    return _ATOM if meta and "start" in meta else _OTHER


def is_clear(parent: exp.Expr, child: exp.Expr, left: bool) -> bool:
    """Whether a part of an operator is known to be read as one by every engine, as it is written."""
    around = level(parent)
    if around in (_ATOM, _CAST):
        return True
    allowed = _LEFT.get(around) if left else None
    return level(child) in (allowed if allowed is not None else _ANYWHERE[around])


def operands(node: exp.Expr) -> list[exp.Expr]:
    """The operands of a chain of one of AND and OR, whatever brackets the chain is written with."""
    found: list[exp.Expr] = []
    stack: list[exp.Expr] = [node]
    while stack:
        here = stack.pop()
        inner = here
        while isinstance(inner, exp.Paren):
            inner = inner.this
        if type(inner) is type(node):
            stack += [inner.args["expression"], inner.args["this"]]
        else:
            found.append(here)
    return found
