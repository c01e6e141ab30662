"""Results of PostgreSQL as Arrow tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

import psycopg
import pyarrow as pa
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from sqlflow_postgres import moments

Cursor = psycopg.Cursor[tuple[Any, ...]]
Values = Sequence[Any]

_NUMERIC = "numeric"
# What psycopg reads as a Python value of its own; all else is read as text.
_READ_BY_PSYCOPG: Mapping[str, pa.DataType | None] = MappingProxyType(
    {
        "bool": pa.bool_(),
        "int2": pa.int16(),
        "int4": pa.int32(),
        "int8": pa.int64(),
        "oid": pa.int64(),
        "float4": pa.float32(),
        "float8": pa.float64(),
        "bytea": pa.binary(),
        _NUMERIC: None,
    }
)
_READ_AS_TEXT: Mapping[str, Callable[[Values], pa.Array]] = MappingProxyType(
    {
        "date": moments.dates,
        "time": moments.times,
        "timestamp": moments.timestamps,
        "timestamptz": moments.instants,
        "interval": moments.intervals,
    }
)

# Where nothing declares a numeric's digits, and these are enough.
_USUAL_PRECISION, _USUAL_SCALE = 38, 9


class _TextLoader(Loader):
    """Leaves a value in the words of the server."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode()


def read_as_text(connection: psycopg.Connection[Any]) -> None:
    """Tells psycopg to leave the values of most types as text."""
    for info in psycopg.adapters.types:
        if info.name not in _READ_BY_PSYCOPG:
            connection.adapters.register_loader(info.oid, _TextLoader)


def read_table(cursor: Cursor) -> pa.Table:
    """Reads a result to the end; a statement without one gives a table without columns."""
    with cursor:
        result = cursor.pgresult
        if cursor.description is None or result is None:
            return pa.table({})
        rows = cursor.fetchall()
        columns: list[Values] = list(zip(*rows, strict=True)) if rows else [() for _ in cursor.description]
        arrays = [_column(values, result.ftype(i), result.fmod(i)) for i, values in enumerate(columns)]
        return pa.Table.from_arrays(arrays, names=[column.name for column in cursor.description])


def _column(values: Values, oid: int, modifier: int) -> pa.Array:
    """Gives a column of a result by the type that the server says it has."""
    # The registry looks up an array by its own id and gives the type of its items.
    info = psycopg.adapters.types.get(oid)
    if info is None:
        return _texts(values)
    if oid == info.array_oid:
        return _lists(values, info.name, modifier)
    return _scalars(values, info.name, modifier)


def _scalars(values: Values, name: str, modifier: int) -> pa.Array:
    """Gives a column of a type that is no array."""
    if name == _NUMERIC:
        return _decimals(values, modifier)
    arrow = _READ_BY_PSYCOPG.get(name)
    if arrow is not None:
        return pa.array(values, arrow)
    return _READ_AS_TEXT.get(name, _texts)(values)


def _texts(values: Values) -> pa.Array:
    """Gives a column of text."""
    return pa.array(values, pa.string())


def _lists(values: Values, name: str, modifier: int) -> pa.Array:
    """Gives a column of arrays; their items are read together, and then cut into lists again.

    An array type doesn't say how many dimensions its values have: where they differ within the column,
    each value becomes JSON text.
    """
    depths = {_depth(value) for value in values if value}
    if len(depths) > 1:
        texts = [None if value is None else json.dumps(value, default=str) for value in values]
        return _texts(texts)
    return _nested(values, max(depths, default=1), lambda items: _scalars(items, name, modifier))


def _depth(value: object) -> int:
    """Counts the dimensions of an array."""
    depth = 0
    while isinstance(value, list):
        items = cast("list[object]", value)
        depth, value = depth + 1, items[0] if items else None
    return depth


def _nested(values: Values, depth: int, read: Callable[[Values], pa.Array]) -> pa.Array:
    """Gives lists of `depth` levels over the items that `read` reads."""
    if depth == 0:
        return read(values)
    items: list[Any] = []
    offsets: list[int | None] = []
    for value in values:
        offsets.append(None if value is None else len(items))
        items.extend(value or ())
    offsets.append(len(items))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _nested(items, depth - 1, read))


def _decimals(values: Sequence[Decimal | None], modifier: int) -> pa.Array:
    """Gives numerics with all their digits: as decimals where those can hold them, else as text.

    NaN and infinity, which decimals don't have, make a column of floats if those are exact, else of text.
    """
    present = [value for value in values if value is not None]
    if not all(value.is_finite() for value in present):
        exact = all(not value.is_finite() or Decimal(float(value)) == value for value in present)
        return (
            pa.array([None if value is None else float(value) for value in values])
            if exact
            else _words(values)
        )
    precision, scale = _declared(modifier) if modifier >= 0 else _needed(present)
    if precision > 76:
        return _words(values)
    arrow = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    return pa.array(values, arrow)


def _words(values: Sequence[Decimal | None]) -> pa.Array:
    return _texts([None if value is None else format(value, "f") for value in values])


def _declared(modifier: int) -> tuple[int, int]:
    """Reads the digits of `numeric(precision, scale)` from the type's modifier; a scale has eleven bits."""
    packed = modifier - 4
    precision, scale = packed >> 16 & 0xFFFF, ((packed & 0x7FF) ^ 0x400) - 0x400
    if scale < 0:
        return precision - scale, 0
    return max(precision, scale), scale


def _needed(values: Sequence[Decimal]) -> tuple[int, int]:
    """Finds the digits that hold all the values: the usual ones if those do."""
    before, after = 1, 0
    for value in values:
        _, digits, exponent = value.as_tuple()
        power = cast("int", exponent)
        after = max(after, -power)
        before = max(before, len(digits) + power)
    if before <= _USUAL_PRECISION - _USUAL_SCALE and after <= _USUAL_SCALE:
        return _USUAL_PRECISION, _USUAL_SCALE
    return before + after, after
