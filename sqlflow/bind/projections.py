"""Finds the whole text of a projection from the first place in it that is known."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_BEFORE = {TokenType.COMMA, TokenType.SELECT, TokenType.DISTINCT, TokenType.ALL}
_AFTER = {
    TokenType.COMMA, TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.QUALIFY,
    TokenType.ORDER_BY, TokenType.LIMIT, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT,
    TokenType.WINDOW, TokenType.OFFSET, TokenType.SEMICOLON,
}  # fmt: skip
# What can stand before an alias that has no AS.
_ENDS = {
    TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END, TokenType.VAR,
    TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING, TokenType.NULL, TokenType.TRUE, TokenType.FALSE,
}  # fmt: skip


def projection_span(tokens: Sequence[Token], start: int, name: str | None) -> tuple[int, int] | None:
    """Gives the range of the projection whose first placed part is at an offset, its alias left out.

    `tokens` are those of the text, `name` is what the column is called. None where there are no tokens.
    """
    here = bisect_right(tokens, start, key=lambda token: token.start) - 1
    if here < 0:
        return None
    first, last = here, here
    # What stands to the left of the first thing that has a place is names of functions and brackets.
    while first > 0 and tokens[first - 1].token_type not in _BEFORE:
        first -= 1
    depth = sum(_depth(token) for token in tokens[first : here + 1])
    while last + 1 < len(tokens):
        kind = tokens[last + 1].token_type
        if kind in _OPEN:
            depth += 1
        elif kind in _CLOSE:
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and kind in _AFTER and not _is_comparison(tokens, last):
            break
        last += 1
    last = _without_alias(tokens, first, last, name)
    return tokens[first].start, tokens[last].end + 1


def _depth(token: Token) -> int:
    return 1 if token.token_type in _OPEN else -1 if token.token_type in _CLOSE else 0


def _is_comparison(tokens: Sequence[Token], index: int) -> bool:
    """Whether a DISTINCT belongs to IS [NOT] DISTINCT FROM."""
    if tokens[index].token_type is not TokenType.DISTINCT or index == 0:
        return False
    return tokens[index - 1].token_type in (TokenType.IS, TokenType.NOT)


def _without_alias(tokens: Sequence[Token], first: int, last: int, name: str | None) -> int:
    if last - first >= 2 and tokens[last - 1].token_type is TokenType.ALIAS:
        return last - 2
    is_name = name is not None and tokens[last].text.strip('"').lower() == name.lower()
    if last > first and is_name and tokens[last - 1].token_type in _ENDS:
        return last - 1
    return last
