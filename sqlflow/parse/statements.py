"""Takes a text apart into its statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import sqlglot
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

from sqlflow.dialect.spec import DialectSpec


class Part(NamedTuple):
    """A half-open range of a text, in characters."""

    start: int
    end: int


def statements(text: str, spec: DialectSpec) -> Iterator[Part]:
    """Gives the place of each statement of a text: a semicolon ends one, but not within a text or a comment.

    A text whose words can't be told is one statement: the engine will say what is wrong with it.
    """
    try:
        tokens = sqlglot.Dialect.get_or_raise(spec.name).tokenize(text)
    except TokenError:
        yield Part(0, len(text))
        return
    start: int | None = None
    end = 0
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            if start is not None:
                yield Part(start, end)
            start = None
            continue
        start = token.start if start is None else start
        end = token.end + 1
    if start is not None:
        yield Part(start, end)
