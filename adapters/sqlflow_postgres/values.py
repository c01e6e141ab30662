"""Single values in the words of PostgreSQL: of arrays, JSON, intervals or bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sqlflow.dialect.arrow import is_list

_MICROSECOND = timedelta(microseconds=1)


def array_text(value: list[Any], arrow: pa.DataType) -> str:
    """Writes a list as an array: `{1,NULL,"a b"}`; a list in a list is a further dimension."""
    item = arrow.value_type
    if is_list(item):
        texts = ("NULL" if one is None else array_text(one, item) for one in value)
    else:
        nested = pa.types.is_struct(item) or pa.types.is_map(item)
        write: Callable[[Any], str] = (lambda one: json_text(one, item)) if nested else scalar_text
        texts = ("NULL" if one is None else _quoted(write(one)) for one in value)
    return "{" + ",".join(texts) + "}"


def _quoted(text: str) -> str:
    """Quotes an item of an array."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def json_text(value: Any, arrow: pa.DataType) -> str:
    """Writes a value as JSON: a struct or a map as an object, decimals with all their digits.

    What JSON has no word for (NaN, a date, bytes) is a string.
    """
    if value is None:
        return "null"
    if pa.types.is_struct(arrow):
        fields = (arrow.field(i) for i in range(arrow.num_fields))
        pairs = (f"{_json_string(field.name)}:{json_text(value[field.name], field.type)}" for field in fields)
        return "{" + ",".join(pairs) + "}"
    if pa.types.is_map(arrow):
        items = (f"{_json_string(scalar_text(key))}:{json_text(one, arrow.item_type)}" for key, one in value)
        return "{" + ",".join(items) + "}"
    if is_list(arrow):
        return "[" + ",".join(json_text(one, arrow.value_type) for one in value) + "]"
    is_number = isinstance(value, (int, float, Decimal)) and (isinstance(value, int) or math.isfinite(value))
    return scalar_text(value) if is_number else _json_string(scalar_text(value))


def _json_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def scalar_text(value: object) -> str:
    """Writes a value without parts."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        case bytes():
            return bytes_text(value)
        case Decimal():
            return format(value, "f")
        case pa.MonthDayNano():
            return interval_text(value)
        case timedelta():
            return f"{value // _MICROSECOND} microseconds"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def bytes_text(value: bytes) -> str:
    r"""Writes bytes: `\x6162`."""
    return "\\x" + value.hex()


def interval_text(value: pa.MonthDayNano) -> str:
    """Writes an interval; its time is cut to microseconds, which is what PostgreSQL has."""
    return f"{value.months} mons {value.days} days {_microseconds(value.nanoseconds)} microseconds"


def _microseconds(nanoseconds: int) -> int:
    """Cuts towards zero, without the rounding of a float."""
    return nanoseconds // 1000 if nanoseconds >= 0 else -(-nanoseconds // 1000)
