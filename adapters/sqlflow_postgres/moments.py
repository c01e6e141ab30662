"""Dates, times or intervals between PostgreSQL's text and Arrow.

PostgreSQL's `infinity` is the largest value of Arrow's type, `-infinity` the smallest but for a timestamp,
where it is the negative of the largest: as DuckDB has them. Dates before our era and after the year 9999
are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

Text = str | None

# pyarrow makes these functions when it is imported: no type checker knows them.
_kernels = cast("Any", pyarrow.compute)

_DAY_MICROSECONDS = 86_400_000_000
_INFINITE_DAY = 2**31 - 1
_INFINITE_MOMENT = 2**63 - 1

# The years that Arrow reads and writes by itself: 1 to 9999.
_FIRST_DAY, _END_DAY = -719_162, 2_932_897

_DATE = re.compile(r"(\d{4,})-(\d\d)-(\d\d)")
_CLOCK = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_ZONE = re.compile(r"([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?\Z")
_PART = re.compile(r"([+-]?\d+) (year|mon|day)s?")


def dates(values: Sequence[Text]) -> pa.Array:
    """Reads dates."""
    return _read(values, pa.date32(), pa.int32(), _days)


def timestamps(values: Sequence[Text]) -> pa.Array:
    """Reads times without a zone."""
    return _read(values, pa.timestamp("us"), pa.int64(), _moment)


def instants(values: Sequence[Text]) -> pa.Array:
    """Reads times with a zone, as UTC."""
    return _read(values, pa.timestamp("us", tz="UTC"), pa.int64(), _moment)


def times(values: Sequence[Text]) -> pa.Array:
    """Reads times of day; 24:00:00 is the last moment that Arrow has."""
    counts = [None if text is None else min(_clock(text), _DAY_MICROSECONDS - 1) for text in values]
    return pa.array(counts, pa.int64()).cast(pa.time64("us"))


def intervals(values: Sequence[Text]) -> pa.Array:
    """Reads intervals, with months, days and time apart."""
    return pa.array(
        [None if text is None else _interval(text) for text in values], pa.month_day_nano_interval()
    )


def written(values: pa.Array) -> pa.Array:
    """Writes dates, times, durations as text, cut to the microseconds that PostgreSQL has."""
    arrow, types = values.type, pa.types
    if types.is_duration(arrow):
        counts = values.cast(pa.duration("us"), safe=False).cast(pa.int64())
        return pa.array(
            [None if count is None else f"{count} microseconds" for count in counts.to_pylist()], pa.string()
        )
    if types.is_time(arrow):
        return values.cast(pa.time64("us"), safe=False).cast(pa.string())
    if types.is_date(arrow):
        days = values.cast(pa.date32())
        return _write(days, pa.int32(), _FIRST_DAY, _END_DAY, _day_text)
    moments = values.cast(pa.timestamp("us", tz=arrow.tz), safe=arrow.unit != "ns")
    plain = moments.cast(pa.int64()).cast(pa.timestamp("us"))
    first, end = _FIRST_DAY * _DAY_MICROSECONDS, _END_DAY * _DAY_MICROSECONDS
    if arrow.tz is None:
        return _write(plain, pa.int64(), first, end, _moment_text)
    return _write(plain, pa.int64(), first, end, _moment_text, zone="+00")


def _write(
    values: pa.Array, storage: pa.DataType, first: int, end: int, slowly: Callable[[int], str], zone: str = ""
) -> pa.Array:
    """Writes a column at once, or one by one where a value is outside the years 1 to 9999."""
    counts = values.cast(storage)
    extremes = _kernels.min_max(counts).as_py()
    if extremes["min"] is None or (extremes["min"] >= first and extremes["max"] < end):
        texts = values.cast(pa.string())
        return _kernels.binary_join_element_wise(texts, pa.scalar(zone), pa.scalar(""))
    return pa.array(
        [None if count is None else _with_zone(slowly(count), zone) for count in counts.to_pylist()],
        pa.string(),
    )


def _with_zone(text: str, zone: str) -> str:
    """Puts a zone after a time, which the era follows; infinity has none."""
    if not zone or text.endswith("infinity"):
        return text
    plain, era, _ = text.partition(" BC")
    return plain + zone + era


def _day_text(days: int) -> str:
    """Writes a day, counted from 1970."""
    if abs(days) >= _INFINITE_DAY:
        return "infinity" if days > 0 else "-infinity"
    year, month, day = _civil_from_days(days)
    return f"{year:04}-{month:02}-{day:02}" if year > 0 else f"{1 - year:04}-{month:02}-{day:02} BC"


def _moment_text(count: int) -> str:
    """Writes a moment, in microseconds from 1970; PostgreSQL takes the era after the time as well."""
    if abs(count) >= _INFINITE_MOMENT:
        return "infinity" if count > 0 else "-infinity"
    days, micros = divmod(count, _DAY_MICROSECONDS)
    seconds, fraction = divmod(micros, 1_000_000)
    date_text, space, era = _day_text(days).partition(" ")
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"
    return f"{date_text} {clock}{space}{era}"


def _civil_from_days(days: int) -> tuple[int, int, int]:
    """Finds the year, month and day: the year by an estimate that is off by one at most."""
    year = (days + 719_468) * 400 // 146_097
    while _days_from_civil(year + 1, 3, 1) <= days:
        year += 1
    while _days_from_civil(year, 3, 1) > days:
        year -= 1
    in_year = days - _days_from_civil(year, 3, 1)
    month = (5 * in_year + 2) // 153
    day = in_year - (153 * month + 2) // 5 + 1
    return (year, month + 3, day) if month < 10 else (year + 1, month - 9, day)


def _read(
    values: Sequence[Text], arrow: pa.DataType, storage: pa.DataType, slowly: Callable[[str], int]
) -> pa.Array:
    """Reads a column at once, or one by one where Arrow doesn't know all that PostgreSQL writes."""
    try:
        return pa.array(values, pa.string()).cast(arrow)
    except pa.ArrowInvalid:
        return pa.array([None if text is None else slowly(text) for text in values], storage).cast(arrow)


def _days(text: str) -> int:
    """Counts the days since 1970."""
    if text.endswith("infinity"):
        return -_INFINITE_DAY if text[0] == "-" else _INFINITE_DAY
    found = _DATE.match(text)
    if found is None:
        raise ValueError(f"not a date of PostgreSQL: {text}")
    year, month, day = (int(part) for part in found.groups())
    if text.endswith(" BC"):
        year = 1 - year
    return _days_from_civil(year, month, day)


def _days_from_civil(year: int, month: int, day: int) -> int:
    """Counts days in the Gregorian calendar, carried on backwards: 400 years are 146,097 days."""
    # The year begins in March, so that the leap day is its last.
    if month <= 2:
        year, month = year - 1, month + 12
    era_days = 365 * year + year // 4 - year // 100 + year // 400
    return era_days + (153 * (month - 3) + 2) // 5 + day - 1 - 719_468


def _clock(text: str) -> int:
    """Counts the microseconds of a time of day or of an interval's time."""
    found = _CLOCK.search(text)
    if found is None:
        return 0
    sign, hours, minutes, seconds, fraction = found.groups()
    count = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000 + int(
        (fraction or "").ljust(6, "0")
    )
    return -count if sign else count


def _moment(text: str) -> int:
    """Counts the microseconds since 1970."""
    if text.endswith("infinity"):
        return -_INFINITE_MOMENT if text[0] == "-" else _INFINITE_MOMENT
    plain = text.removesuffix(" BC")
    count = _days(text) * _DAY_MICROSECONDS + _clock(plain)
    zone = _ZONE.search(plain) if ":" in plain else None
    if zone is not None and plain.count("-") + plain.count("+") > 2:
        sign, hours, minutes, seconds = zone.groups()
        offset = (int(hours) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
        count -= (-offset if sign == "-" else offset) * 1_000_000
    return count


def _interval(text: str) -> pa.MonthDayNano:
    """Reads `1 year 2 mons -3 days 04:05:06.7`."""
    counts = {"year": 0, "mon": 0, "day": 0}
    for count, unit in _PART.findall(text):
        counts[unit] += int(count)
    return pa.MonthDayNano([counts["year"] * 12 + counts["mon"], counts["day"], _clock(text) * 1000])
