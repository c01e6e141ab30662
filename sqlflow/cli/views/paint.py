"""Colours of text on a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

# Takes a text and what it is; gives it with the terminal's codes around it, or as it was.
Paint: TypeAlias = Callable[[str, str], str]

_RESET = "\x1b[0m"
_STYLES: Mapping[str, str] = MappingProxyType(
    {
        "error": "\x1b[1;31m",
        "warning": "\x1b[1;33m",
        "good": "\x1b[32m",
        "title": "\x1b[1m",
        "place": "\x1b[36m",
        "help": "\x1b[1;32m",
        "dim": "\x1b[2m",
    }
)


def colour(text: str, kind: str) -> str:
    """Puts the codes of a kind around a text; a kind that has no colour leaves it as it is."""
    code = _STYLES.get(kind)
    return f"{code}{text}{_RESET}" if code and text else text


def no_colour(text: str, kind: str) -> str:
    """Gives the text as it is."""
    return text


def visible(text: str) -> str:
    """Replaces control characters by U+FFFD but line breaks and tabs: what a file or an engine says must
    not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c in _HARMLESS or unicodedata.category(c) not in _CONTROL else "\ufffd" for c in text)


# Control, format (which includes what turns the direction of text), surrogate, line and paragraph breaks.
_CONTROL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# The two that join letters are part of how some languages are written.
_HARMLESS = frozenset("\n\t\u200c\u200d")


def seconds(value: float) -> str:
    """Writes a duration: `0.04 s`, `12.3 s`, `2 min 05 s`, `1 h 02 min`."""
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(number: int, one: str, many: str = "") -> str:
    """Writes a number with its noun: `1 row`, `3 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
