"""Places of names, calls and arguments inside of one tag of a template."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlflow.core.span import Span

_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\W\d]\w*(?:\.[^\W\d]\w*)*|[^\s]""", re.DOTALL)
_OPEN = frozenset("([{")
_CLOSE = frozenset(")]}")


class Argument(NamedTuple):
    """The places of a keyword argument's name and of its value."""

    name: Span
    value: Span


def find_name(text: str, tag: Span, name: str) -> Span:
    """Gives the place of a name in a tag, or the tag where the name is not there exactly once."""
    found = [
        Span(tag.path, token.start(), token.start() + len(name))
        for token in _TOKEN.finditer(text, tag.start, tag.end)
        if token.group().split(".")[0] == name and text[token.start() - 1 : token.start()] != "."
    ]
    return found[0] if len(found) == 1 else tag


def find_call(text: str, tag: Span, function: str, argument: str = "") -> Span:
    """Gives the place of a function's call in a tag, or the tag where that is not certain.

    Among several calls it is the one that has `argument` in quotes, if that is one.
    """
    calls: list[Span] = []
    tokens = list(_TOKEN.finditer(text, tag.start, tag.end))
    for index, token in enumerate(tokens[:-1]):
        if token.group() == function and tokens[index + 1].group() == "(":
            end = _closing(tokens, index + 1)
            if end is not None:
                calls.append(Span(tag.path, token.start(), tokens[end].end()))
    if len(calls) > 1 and argument:
        quoted = (f"'{argument}'", f'"{argument}"')
        calls = [call for call in calls if any(word in text[call.start : call.end] for word in quoted)]
    return calls[0] if len(calls) == 1 else tag


def keyword_arguments(text: str, call: Span) -> dict[str, Argument]:
    """Gives the places of a call's keyword arguments by name."""
    tokens = list(_TOKEN.finditer(text, call.start, call.end))
    found: dict[str, Argument] = {}
    depth = 0
    for index, token in enumerate(tokens):
        sign = token.group()
        depth += (sign in _OPEN) - (sign in _CLOSE)
        starts = index > 0 and tokens[index - 1].group() in ("(", ",")
        if depth == 1 and starts and index + 2 < len(tokens) and tokens[index + 1].group() == "=":
            last = _value_end(tokens, index + 2)
            value = Span(call.path, tokens[index + 2].start(), tokens[last].end())
            found[sign] = Argument(Span(call.path, token.start(), token.end()), value)
    return found


def _closing(tokens: list[re.Match[str]], opening: int) -> int | None:
    depth = 0
    for index in range(opening, len(tokens)):
        sign = tokens[index].group()
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0:
            return index
    return None


def _value_end(tokens: list[re.Match[str]], start: int) -> int:
    """Gives the index of the last token of an argument's value."""
    depth = 0
    for index in range(start, len(tokens)):
        sign = tokens[index].group()
        if depth == 0 and (sign == "," or sign in _CLOSE):
            return max(start, index - 1)
        depth += (sign in _OPEN) - (sign in _CLOSE)
    return len(tokens) - 1
