"""Moments as values of the types that a column of times can have.

Moments are datetimes in UTC without a zone. A TIMESTAMP without a zone holds UTC; a DATE is a day of the
calendar in the time zone of the model.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlflow.core.ranges import Range


class MomentType(StrEnum):
    """The type of a column of times, of any precision."""

    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    ZONED = "TIMESTAMP WITH TIME ZONE"


def moment_type(kind: str) -> MomentType | None:
    """Gives what a type of SQL is, by its name; None for one that holds no moments."""
    name = kind.upper()
    if name == "DATE":
        return MomentType.DATE
    if not name.startswith(("TIMESTAMP", "DATETIME")):
        return None
    zoned = name.startswith("TIMESTAMPTZ") or "WITH TIME ZONE" in name
    return MomentType.ZONED if zoned else MomentType.TIMESTAMP


def bounds(range_: Range, kind: MomentType, zone: tzinfo) -> tuple[date, date] | tuple[datetime, datetime]:
    """Gives the bounds of a range as values of a type: the first is in it, the second is not.

    A range that ends within a day has the whole day in it, since a date can't tell.
    """
    start, end = (moment.replace(tzinfo=UTC) for moment in range_)
    match kind:
        case MomentType.ZONED:
            return start, end
        case MomentType.TIMESTAMP:
            return range_
        case MomentType.DATE:
            last = (end - timedelta(microseconds=1)).astimezone(zone).date()
            return start.astimezone(zone).date(), last + timedelta(days=1 if start < end else 0)


def read_moment(text: str, zone: tzinfo) -> datetime | None:
    """Reads a date or a time in ISO's form, by the clocks of a zone unless it has one; None for others."""
    try:
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=found.tzinfo or zone).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def read_zone(name: str) -> tzinfo | None:
    """Finds a time zone by its name, `Europe/Berlin`; None for one that is not known."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None
