"""Values of Arrow types, for the conformance kit: what must come back from an engine as it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeAlias

import pyarrow as pa

Sample: TypeAlias = tuple[pa.DataType, Sequence[object]]

SAMPLES: tuple[Sample, ...] = (
    (pa.bool_(), (True, False, None)),
    (pa.int8(), (-128, 127, None)),
    (pa.int16(), (-32768, 32767, None)),
    (pa.int32(), (-(2**31), 2**31 - 1, None)),
    (pa.int64(), (-(2**63), 2**63 - 1, 0, None)),
    (pa.uint8(), (0, 255, None)),
    (pa.uint16(), (0, 65535, None)),
    (pa.uint32(), (0, 2**32 - 1, None)),
    (pa.uint64(), (0, 2**64 - 1, None)),
    (pa.float32(), (0.5, -1.25, float("inf"), None)),
    (pa.float64(), (0.1, 1e300, 5e-324, float("inf"), float("-inf"), None)),
    (pa.decimal128(10, 2), (Decimal("12345678.90"), Decimal("-0.01"), None)),
    (pa.decimal128(38, 10), (Decimal("1234567890123456789012345678.0123456789"), None)),
    (pa.decimal128(5, -2), (Decimal("12300"), None)),
    (pa.string(), ("", "text", "tab\tline\n\\N \\. é日本😀", None)),
    (pa.large_string(), ("", "text", None)),
    (pa.string_view(), ("a text that is longer than twelve bytes", None)),
    (pa.dictionary(pa.int32(), pa.string()), ("a", "b", "a", None)),
    (pa.binary(), (b"", b"\x00\xff\\x41\n\t", None)),
    (pa.large_binary(), (b"\x00", None)),
    (pa.binary(4), (b"\x00\x01\x02\xff", None)),
    (pa.date32(), (date(1, 1, 1), date(1969, 12, 31), date(2024, 2, 29), date(9999, 12, 31), None)),
    (pa.time32("s"), (time(0, 0), time(23, 59, 59), None)),
    (pa.time64("us"), (time(0, 0), time(23, 59, 59, 999_999), None)),
    (pa.timestamp("s"), (datetime(1969, 7, 20, 20, 17, 40), None)),
    (pa.timestamp("ms"), (datetime(2024, 2, 29, 23, 59, 59, 999_000), None)),
    (pa.timestamp("us"), (datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999_999), None)),
    (pa.timestamp("us", tz="UTC"), (datetime(2024, 3, 31, 1, 30, 0, 1, tzinfo=UTC), None)),
    (pa.timestamp("us", tz="Europe/Paris"), (datetime(2024, 3, 31, 1, 30, tzinfo=UTC), None)),
    (pa.month_day_nano_interval(), (pa.MonthDayNano([14, -3, 4_000_000]), None)),
    (pa.list_(pa.int32()), ([1, None, 3], [], None)),
    (pa.list_(pa.string()), (["a", 'quo"te', "back\\slash", "NULL", "", "{x,y}", "tab\tline\n", None], None)),
    (pa.large_list(pa.float64()), ([0.5, None], None)),
    (pa.null(), (None, None)),
)
