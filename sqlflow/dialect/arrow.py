"""The column types that hold Arrow values in a dialect.

The kinds that a dialect's `arrow_types` may have, with the fields of their format strings:

- `bool`, `int8` to `int64`, `uint8` to `uint64`, `halffloat`, `float`, `double`, `string`, `binary`, `date`,
  `interval`, `null`;
- `decimal` with `{precision}` and `{scale}`;
- `time`, `timestamp` and `timestamptz` (with a zone), each also by unit where the engine has types for them:
  `timestamp[ns]`;
- `list` with `{item}`, `fixed_size_list` with `{item}` and `{size}`, `nested_list` (a list whose items are
  lists) with `{item}`, `struct` with `{fields}`, `map` with `{key}` and `{item}`;
- the name of an extension type: `arrow.uuid`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlflow.dialect.names import quote
from sqlflow.dialect.spec import DialectSpec

if TYPE_CHECKING:
    import pyarrow


def column_type(spec: DialectSpec, arrow: pyarrow.DataType) -> str:
    """Gives the dialect's type for a column of Arrow values.

    Raises ValueError where the dialect has no type that holds them all.
    """
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(arrow) or types.is_run_end_encoded(arrow):
        return column_type(spec, arrow.value_type)
    if isinstance(arrow, pa.BaseExtensionType):
        own = spec.arrow_types.get(arrow.extension_name)
        return own if own is not None else column_type(spec, arrow.storage_type)
    if types.is_decimal(arrow):
        return _decimal(spec, arrow)
    if types.is_map(arrow):
        return _nested(spec, arrow, "map")
    if types.is_struct(arrow):
        return _nested(spec, arrow, "struct")
    if types.is_fixed_size_list(arrow):
        return _nested(spec, arrow, "fixed_size_list", "list")
    if is_list(arrow):
        return _nested(spec, arrow, "list")
    return _lookup(spec, arrow, *_scalar_kinds(arrow))


def is_list(arrow: pyarrow.DataType) -> bool:
    """Says whether a type is any of Arrow's lists."""
    import pyarrow as pa

    types = pa.types
    tests = (
        types.is_list,
        types.is_large_list,
        types.is_fixed_size_list,
        types.is_list_view,
        types.is_large_list_view,
    )
    return any(test(arrow) for test in tests)


def _scalar_kinds(arrow: pyarrow.DataType) -> tuple[str, ...]:
    """Gives the kinds under which a type without children may stand, the closest first."""
    import pyarrow as pa

    types = pa.types
    if types.is_string(arrow) or types.is_large_string(arrow) or types.is_string_view(arrow):
        return ("string",)
    if types.is_binary(arrow) or types.is_large_binary(arrow) or types.is_binary_view(arrow):
        return ("binary",)
    if types.is_fixed_size_binary(arrow):
        return ("binary",)
    if types.is_date(arrow):
        return ("date",)
    if types.is_time(arrow):
        return (f"time[{arrow.unit}]", "time")
    if types.is_timestamp(arrow):
        kind = "timestamp" if arrow.tz is None else "timestamptz"
        return (f"{kind}[{arrow.unit}]", kind)
    if types.is_duration(arrow) or types.is_interval(arrow):
        return ("interval",)
    return (str(arrow),)


def _decimal(spec: DialectSpec, arrow: pyarrow.DataType) -> str:
    """Gives the type of a decimal; a negative scale becomes the digits that it stands for."""
    scale = max(arrow.scale, 0)
    precision = max(arrow.precision - min(arrow.scale, 0), scale)
    if precision > spec.max_decimal_precision:
        raise ValueError(
            f"{spec.name} has no column type for {arrow}: it holds {spec.max_decimal_precision} digits"
        )
    return _lookup(spec, arrow, "decimal").format(precision=precision, scale=scale)


def _nested(spec: DialectSpec, arrow: pyarrow.DataType, *kinds: str) -> str:
    """Gives the type of a list, a struct or a map."""
    if is_list(arrow):
        item = arrow.value_type
        if is_list(item) and "nested_list" in spec.arrow_types:
            kinds = ("nested_list",)
        template = _lookup(spec, arrow, *kinds)
        size = getattr(arrow, "list_size", "")
        return template.format(item=column_type(spec, item), size=size) if "{" in template else template
    template = _lookup(spec, arrow, *kinds)
    if "{" not in template:
        return template
    if kinds == ("map",):
        return template.format(key=column_type(spec, arrow.key_type), item=column_type(spec, arrow.item_type))
    fields = [arrow.field(i) for i in range(arrow.num_fields)]
    if not fields:
        raise ValueError(f"{spec.name} has no column type for a struct without fields")
    return template.format(
        fields=", ".join(f"{quote(spec, field.name)} {column_type(spec, field.type)}" for field in fields)
    )


def _lookup(spec: DialectSpec, arrow: pyarrow.DataType, *kinds: str) -> str:
    """Gives the dialect's word for the first of the kinds that it has."""
    for kind in kinds:
        found = spec.arrow_types.get(kind)
        if found is not None:
            return found
    raise ValueError(f"{spec.name} has no column type for {arrow}")
