"""Values of settings, as they come out of YAML, a template or a literal: immutable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import TypeAlias, cast

Scalar: TypeAlias = bool | int | float | str | date | datetime | None
Value: TypeAlias = "Scalar | tuple[Value, ...] | Mapping[str, Value]"

EMPTY: Mapping[str, Value] = MappingProxyType({})


def freeze(value: object) -> Value:
    """Copies lists to tuples and dictionaries to read-only mappings with string keys, all the way down.

    Raises TypeError on anything that is not a scalar, a sequence or a mapping.
    """
    if value is None or isinstance(value, (bool, int, float, str, date, datetime)):
        return value
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return MappingProxyType({str(key): freeze(item) for key, item in items.items()})
    if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, (bytes, bytearray)):
        return tuple(freeze(item) for item in cast("Sequence[object]", value))
    raise TypeError(f"{type(value).__name__} is not a value of a setting")


def thaw(value: Value) -> object:
    """Copies a frozen value back to plain lists and dictionaries: for JSON and for templates."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    return value


def type_name(value: object) -> str:
    """Names a value's type in the words of YAML, for messages."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case date():
            return "a date"
        case tuple() | list():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return type(value).__name__
