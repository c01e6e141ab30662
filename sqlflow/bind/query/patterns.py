"""Says which names of columns a pattern fits."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from sqlflow.bind.query.scope import Scope
from sqlflow.dialect.names import lookup_key

Accept = Callable[[str], bool]


def matcher(pattern: exp.Expr, scope: Scope) -> Accept | None:
    """Reads what COLUMNS is given: a star, a regular expression, a lambda over names; None for all else."""
    if isinstance(pattern, exp.Lambda) and len(pattern.expressions) == 1:
        return _condition(pattern.this)
    if isinstance(pattern, exp.Star):
        if pattern.args.get("replace") or pattern.args.get("rename"):
            return None
        left_out = {lookup_key(scope.spec, part.name, True) for part in pattern.args.get("except_") or ()}
        return lambda name: lookup_key(scope.spec, name, True) not in left_out
    if isinstance(pattern, exp.Literal) and pattern.is_string:
        return _compiled(str(pattern.this), full=False)
    return _condition(pattern)


def _condition(node: exp.Expr) -> Accept | None:
    """A condition on a name that compares it with texts."""
    match node:
        case exp.Paren():
            return _condition(node.this)
        case exp.Not():
            inner = _condition(node.this)
            return None if inner is None else lambda name: not inner(name)
        case exp.And() | exp.Or():
            return _both(node)
        case _:
            accept = _compared(node)
            if accept is None or not node.args.get("negate"):
                return accept
            return lambda name: not accept(name)


def _both(node: exp.And | exp.Or) -> Accept | None:
    left, right = _condition(node.this), _condition(node.expression)
    if left is None or right is None:
        return None
    if isinstance(node, exp.And):
        return lambda name: left(name) and right(name)
    return lambda name: left(name) or right(name)


def _compared(node: exp.Expr) -> Accept | None:
    if isinstance(node, exp.In):
        if node.args.get("query") or not all(part.is_string for part in node.expressions):
            return None
        texts = frozenset(part.name for part in node.expressions)
        return lambda name: name in texts
    other = node.args.get("expression")
    if not isinstance(node.this, (exp.Identifier, exp.Star, exp.Column)):
        return None
    if not isinstance(other, exp.Literal) or not other.is_string:
        return None
    text = str(other.this)
    match node:
        case exp.Like():
            return _compiled(_like(text), full=True)
        case exp.ILike():
            return _compiled(_like(text), full=True, flags=re.IGNORECASE)
        case exp.SimilarTo():
            return _compiled(text, full=True)
        case exp.EQ():
            return lambda name: name == text
        case exp.NEQ():
            return lambda name: name != text
        case _:
            return None


def _like(pattern: str) -> str:
    words = {"%": ".*", "_": "."}
    return "".join(words.get(sign) or re.escape(sign) for sign in pattern)


def _compiled(pattern: str, *, full: bool, flags: re.RegexFlag = re.NOFLAG) -> Accept | None:
    try:
        expression = re.compile(pattern, flags | re.DOTALL)
    except (re.error, OverflowError, RecursionError):
        return None
    search = expression.fullmatch if full else expression.search
    return lambda name: search(name) is not None
