"""The types of literals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlflow.core.schema import SqlType, decimal_of
from sqlflow.dialect.rules.tokens import NULL, STRING, integer_literal

_INTEGER = re.compile(r"[0-9]+(?:_[0-9]+)*", re.ASCII)
_RADIX = re.compile(r"0(?:[xX][0-9a-fA-F_]+|[bB][01_]+|[oO][0-7_]+)", re.ASCII)
_DECIMAL = re.compile(r"(?P<whole>[0-9_]*)\.(?P<fraction>[0-9_]*)", re.ASCII)
_EXPONENT = re.compile(r"(?:[0-9_]+\.?[0-9_]*|\.[0-9_]+)[eE][+-]?[0-9_]+", re.ASCII)
# With a minus before it, one more than the highest is a number of 64 bits as well.
_LARGEST_LITERAL = 2**63
_MOST_DIGITS = 2_000
_RADIXES = {"x": 16, "b": 2, "o": 8}


def literal_type(
    text: str, kind: str, data: Mapping[str, Any], cast: Callable[[str], SqlType | None]
) -> SqlType | None:
    """Gives the type of a literal; see `TypeRules.literal`. `data` has what differs between engines."""
    match kind:
        case "number":
            return _number(text.strip(), data)
        case "string":
            return STRING
        case "boolean":
            return SqlType("BOOLEAN")
        case "null":
            return NULL
        case _:
            return cast(kind)


def _number(text: str, data: Mapping[str, Any]) -> SqlType | None:
    negative = text.startswith("-")
    digits = text.removeprefix("-").strip()
    if _INTEGER.fullmatch(digits):
        # Longer than any type of an engine, and than what Python turns into a number.
        if len(digits) > _MOST_DIGITS:
            return None
        return _integer(int(digits.replace("_", "")), negative, data["integers"], data["adapts"])
    if _RADIX.fullmatch(digits):
        value = int(digits[2:].replace("_", ""), _RADIXES[digits[1].lower()])
        return _integer(value, negative, data["radix"], data["adapts"])
    if _EXPONENT.fullmatch(digits):
        return SqlType(data["exponent"])
    match = _DECIMAL.fullmatch(digits)
    if match is None or digits == ".":
        return None
    whole, fraction = (match[part].replace("_", "") for part in ("whole", "fraction"))
    precision, scale = len(whole) + len(fraction), len(fraction)
    most: int | None = data["decimal"]
    if most is None:
        return SqlType(data["decimal_type"])
    return decimal_of(precision, scale) if precision <= most else SqlType(data["long_decimal"])


def _integer(value: int, negative: bool, kinds: Sequence[Sequence[str]], adapts: bool) -> SqlType | None:
    """Gives a literal's own type up to 64 bits where there is one, else the first type that holds it."""
    if adapts and value <= _LARGEST_LITERAL:
        return integer_literal(-value if negative else value)
    for name, high in kinds:
        # One more than the highest number is of this type with a minus before it, and of the next without:
        # from here it can't be seen which minus belongs to it.
        if value == int(high) + 1:
            return None
        if value <= int(high):
            return SqlType(name)
    return None
