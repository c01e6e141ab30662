"""The batches that a time range is built in: calendar units, in a time zone.

Moments are datetimes in UTC without a zone. Minutes and hours are counted in UTC, so each is as long as the
others. Days, weeks, months and years are those of the time zone's clocks: where a clock is put forward or
back, a day has 23 or 25 hours. A batch of several units begins where their number since 1970 can be divided
by it, weeks on a Monday: so batches are the same wherever one begins to count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

from sqlflow.core.ranges import Range, Ranges, difference, normalised

_EPOCH = datetime(1970, 1, 1)
_MONDAY = datetime(1970, 1, 5)
_TEXT = re.compile(r"\s*(?:(\d{1,6})\s*)?(minute|hour|day|week|month|year)s?\s*\Z", re.IGNORECASE)


class Unit(StrEnum):
    """What batches are counted in."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_LENGTHS = {
    Unit.MINUTE: timedelta(minutes=1),
    Unit.HOUR: timedelta(hours=1),
    Unit.DAY: timedelta(days=1),
    Unit.WEEK: timedelta(weeks=1),
}
_MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSize:
    """How long a batch is: so many of a unit."""

    count: int
    unit: Unit

    @property
    def length(self) -> timedelta | None:
        """How long each lasts; None where months differ, or where that is longer than any date is old."""
        unit = _LENGTHS.get(self.unit)
        try:
            return unit * self.count if unit is not None else None
        except OverflowError:
            return None

    def __str__(self) -> str:
        return self.unit.value if self.count == 1 else f"{self.count} {self.unit.value}s"


def read_batch_size(text: str) -> BatchSize | None:
    """Reads `day`, `15 minutes`, `3 months`; None for anything else, and for none of a unit."""
    match = _TEXT.match(text)
    if match is None:
        return None
    count = int(match[1]) if match[1] else 1
    return BatchSize(count=count, unit=Unit(match[2].lower())) if count else None


def batch_start(moment: datetime, size: BatchSize, zone: tzinfo = UTC) -> datetime:
    """Gives the beginning of the batch that a moment lies in."""
    if size.unit in (Unit.MINUTE, Unit.HOUR):
        length = _LENGTHS[size.unit] * size.count
        return moment - (moment - _EPOCH) % length
    local = _local(moment, zone)
    start = _in_utc(_floor(local, size), zone)
    # The clock was put back over midnight: the day began at the first of the two.
    return start if start <= moment else _in_utc(_floor(local - timedelta(hours=12), size), zone)


def next_start(start: datetime, size: BatchSize, zone: tzinfo = UTC) -> datetime:
    """Gives the beginning of the batch after the one that begins at `start`."""
    return _moved(start, size, zone, 1)


def previous_start(start: datetime, size: BatchSize, zone: tzinfo = UTC, count: int = 1) -> datetime:
    """Gives the beginning of the batch that is so many before the one that begins at `start`."""
    return _moved(start, size, zone, -count)


def batches(ranges: Ranges, size: BatchSize, zone: tzinfo = UTC) -> Iterator[Range]:
    """Gives the whole batches that have a part in some ranges, in order, each once."""
    last: datetime | None = None
    for start, end in ranges:
        at = batch_start(start, size, zone)
        if last is not None and at < last:
            at = last
        while at < end:
            last = next_start(at, size, zone)
            yield Range(at, last)
            at = last


def complete(begin: datetime, now: datetime, size: BatchSize, zone: tzinfo = UTC) -> Ranges:
    """Gives the batches that have ended, from the one that `begin` lies in on, as one range or none."""
    return normalised([Range(batch_start(begin, size, zone), batch_start(now, size, zone))])


def to_build(
    due: Ranges, covered: Ranges, size: BatchSize, zone: tzinfo = UTC, *, lookback: int = 0
) -> Ranges:
    """Gives what has to be built of what is due: what is not covered, and what `lookback` looks at again.

    So many batches before each range that is not covered are built again with it, as far as they are due:
    rows may have come late. What is covered and not followed by anything new is left alone.
    """
    missing = normalised(batches(difference(due, covered), size, zone))
    if not lookback:
        return missing
    again = [Range(previous_start(start, size, zone, lookback), end) for start, end in missing]
    floor = due[0].start if due else datetime.max
    return normalised(Range(max(start, floor), end) for start, end in again)


def gaps(covered: Ranges) -> Ranges:
    """Gives the ranges between those that are covered."""
    return tuple(Range(before.end, after.start) for before, after in pairwise(covered))


def _moved(start: datetime, size: BatchSize, zone: tzinfo, steps: int) -> datetime:
    if size.unit in (Unit.MINUTE, Unit.HOUR):
        return start + _LENGTHS[size.unit] * size.count * steps
    local = _local(start, zone)
    # A start that falls into a gap of the clock is told a little late: the calendar's own is what counts.
    local = _floor(local, size)
    if size.unit in _MONTHS:
        local = _month(_months(local) + _MONTHS[size.unit] * size.count * steps)
    else:
        local += _LENGTHS[size.unit] * size.count * steps
    return _in_utc(local, zone)


def _floor(local: datetime, size: BatchSize) -> datetime:
    if size.unit in _MONTHS:
        length = _MONTHS[size.unit] * size.count
        months = _months(local)
        return _month(months - months % length)
    origin = _MONDAY if size.unit is Unit.WEEK else _EPOCH
    return local - (local - origin) % (_LENGTHS[size.unit] * size.count)


def _months(local: datetime) -> int:
    return (local.year - 1970) * 12 + local.month - 1


def _month(months: int) -> datetime:
    return datetime(1970 + months // 12, months % 12 + 1, 1)


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def _in_utc(local: datetime, zone: tzinfo) -> datetime:
    """The first moment at which the clocks of the zone show a time, or, where they skip it, the next one."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC).replace(tzinfo=None)
