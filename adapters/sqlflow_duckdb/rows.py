"""Arrow tables in the types that DuckDB can read."""

from __future__ import annotations

import pyarrow as pa


def storable(rows: pa.Table) -> pa.Table:
    """Casts the columns of types that DuckDB can't read from Arrow, without loss.

    Raises ValueError on decimals of more digits than DuckDB has.
    """
    fields = [field.with_type(_storable_type(field.type)) for field in rows.schema]
    schema = pa.schema(fields)
    return rows if schema.equals(rows.schema) else rows.cast(schema)


def _storable_type(arrow: pa.DataType) -> pa.DataType:
    """Gives the closest type that DuckDB reads."""
    types = pa.types
    if types.is_float16(arrow):
        return pa.float32()
    if types.is_decimal256(arrow) or (types.is_decimal(arrow) and arrow.scale < 0):
        scale = max(arrow.scale, 0)
        precision = max(arrow.precision - min(arrow.scale, 0), scale)
        if precision > 38:
            raise ValueError(f"duckdb can't hold {arrow}: its decimals have 38 digits at most")
        return pa.decimal128(precision, scale)
    return arrow
