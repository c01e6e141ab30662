"""Arrow tables as the lines that COPY reads.

COPY's text form is used: each value is written as the column's own input routine reads it, so that text can
be loaded into a column of any type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

from sqlflow.dialect.arrow import is_list
from sqlflow_postgres import moments
from sqlflow_postgres.values import array_text, bytes_text, interval_text, json_text

# pyarrow makes these functions when it is imported: no type checker knows them.
_kernels = cast("Any", pyarrow.compute)

_BLOCK_ROWS = 20_000
# Offsets of 64 bits: a block of long texts can be larger than two gigabytes.
_TEXT = pa.large_string()
_WHOLE_NUMBERS = frozenset({"smallint", "integer", "bigint"})
# What stands in COPY's text form for a character that ends a value or a row; the backslash comes first.
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


def copy_lines(rows: pa.Table, types: Sequence[str], block_rows: int = _BLOCK_ROWS) -> Iterator[bytes]:
    """Gives the rows in COPY's text form, in blocks; `types` are the columns' types in the table."""
    for batch in rows.to_batches(max_chunksize=block_rows):
        if batch.num_rows == 0:
            continue
        fields = [
            _escape(column_text(column, kind)) for column, kind in zip(batch.columns, types, strict=True)
        ]
        lines = _kernels.binary_join_element_wise(
            *fields, _text("\t"), null_handling="replace", null_replacement="\\N"
        )
        yield _content(_kernels.binary_join_element_wise(lines, _text("\n"), _text("")))


def column_text(values: pa.Array, kind: str) -> pa.Array:
    """Writes a column's values as text that PostgreSQL reads as values of the type `kind`."""
    arrow, types = values.type, pa.types
    if types.is_dictionary(arrow):
        return column_text(values.dictionary_decode(), kind)
    if types.is_run_end_encoded(arrow):
        return column_text(_kernels.run_end_decode(values), kind)
    if isinstance(arrow, pa.BaseExtensionType):
        named = arrow.extension_name == "arrow.uuid"
        return _each(values, str) if named else column_text(values.storage, kind)
    if is_list(arrow) or types.is_struct(arrow) or types.is_map(arrow):
        write: Callable[[Any, Any], str] = array_text if is_list(arrow) and kind.endswith("[]") else json_text
        return _each(values, lambda value: write(value, arrow))
    if any(test(arrow) for test in _BYTES):
        return _each(values, bytes_text)
    if types.is_interval(arrow):
        return _each(values, interval_text)
    if types.is_temporal(arrow):
        return moments.written(values).cast(_TEXT)
    if types.is_float16(arrow):
        values = values.cast(pa.float32())
    if types.is_floating(arrow) and kind in _WHOLE_NUMBERS:
        values = _whole(values)
    return values.cast(_TEXT)


_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def _whole(values: pa.Array) -> pa.Array:
    """Gives floats that are whole numbers as such: pandas has its numbers with gaps as floats."""
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        return values


def _each(values: pa.Array, write: Callable[[Any], str]) -> pa.Array:
    """Writes values one by one."""
    return pa.array([None if value is None else write(value) for value in values.to_pylist()], _TEXT)


def _escape(texts: pa.Array) -> pa.Array:
    """Escapes what COPY would read as the end of a value or a row."""
    for plain, escaped in _ESCAPES:
        texts = _kernels.replace_substring(texts, plain, escaped)
    return texts


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, _TEXT)


def _content(lines: pa.Array) -> bytes:
    """Gives the texts of an array one after the other."""
    _, offsets, data = lines.buffers()
    places = memoryview(offsets).cast("q")
    start, end = places[lines.offset], places[lines.offset + len(lines)]
    return cast("bytes", data.slice(start, end - start).to_pybytes())
