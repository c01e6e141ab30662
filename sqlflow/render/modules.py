"""The parts of Python's standard library that templates may use."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any


class DateTimeClass:
    """What templates know as `modules.datetime.datetime`: the class, but its clock is the run's one now."""

    __slots__ = ("_now", "max", "min")

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        self._now = now
        self.min = dt.datetime.min
        self.max = dt.datetime.max

    def __call__(self, *args: Any, **kwargs: Any) -> dt.datetime:
        """Makes a datetime of year, month, day and so on."""
        return dt.datetime(*args, **kwargs)

    def now(self, tz: dt.tzinfo | None = None) -> dt.datetime:
        """Gives the run's now, in UTC without a time zone unless one is given."""
        now = self._now()
        return now.astimezone(tz) if tz is not None else now.replace(tzinfo=None)

    def utcnow(self) -> dt.datetime:
        """Gives the run's now in UTC, without a time zone."""
        return self.now()

    def today(self) -> dt.datetime:
        """Gives the run's now in UTC, without a time zone."""
        return self.now()

    def strptime(self, text: str, form: str) -> dt.datetime:
        """Reads a datetime from text of a form."""
        return dt.datetime.strptime(text, form)

    def fromisoformat(self, text: str) -> dt.datetime:
        """Reads a datetime from text in ISO 8601."""
        return dt.datetime.fromisoformat(text)

    def combine(self, date: dt.date, time: dt.time) -> dt.datetime:
        """Puts a date and a time of day together."""
        return dt.datetime.combine(date, time)

    def fromtimestamp(self, seconds: float, tz: dt.tzinfo | None = None) -> dt.datetime:
        """Gives the datetime of a Unix time, in UTC unless another time zone is given."""
        made = dt.datetime.fromtimestamp(seconds, tz or dt.UTC)
        return made if tz is not None else made.replace(tzinfo=None)


class DateClass:
    """What templates know as `modules.datetime.date`."""

    __slots__ = ("_now", "max", "min")

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        self._now = now
        self.min = dt.date.min
        self.max = dt.date.max

    def __call__(self, year: int, month: int, day: int) -> dt.date:
        """Makes a date."""
        return dt.date(year, month, day)

    def today(self) -> dt.date:
        """Gives the date of the run's now, in UTC."""
        return self._now().date()

    def fromisoformat(self, text: str) -> dt.date:
        """Reads a date from text in ISO 8601."""
        return dt.date.fromisoformat(text)

    def fromordinal(self, days: int) -> dt.date:
        """Gives the date of a day's number, counted from the first of January of the year 1."""
        return dt.date.fromordinal(days)


_RE = MappingProxyType(
    {
        name: getattr(re, name)
        for name in (
            *(
                "compile",
                "escape",
                "findall",
                "finditer",
                "fullmatch",
                "match",
                "search",
                "split",
                "sub",
                "subn",
            ),
            *("A", "ASCII", "I", "IGNORECASE", "M", "MULTILINE", "S", "DOTALL", "X", "VERBOSE"),
        )
    }
)
# Not `count`, `cycle` or `repeat`: a template that takes all of them never ends.
_ITERTOOLS = MappingProxyType(
    {
        name: getattr(itertools, name)
        for name in (
            *(
                "accumulate",
                "chain",
                "combinations",
                "combinations_with_replacement",
                "compress",
                "dropwhile",
            ),
            *(
                "filterfalse",
                "groupby",
                "islice",
                "pairwise",
                "permutations",
                "product",
                "starmap",
                "takewhile",
            ),
            "zip_longest",
        )
    }
)


def modules(now: Callable[[], dt.datetime]) -> MappingProxyType[str, MappingProxyType[str, Any]]:
    """Gives what templates know as `modules`; `now` gives the run's now and notes that it was read."""
    datetimes = {
        "datetime": DateTimeClass(now),
        "date": DateClass(now),
        "time": dt.time,
        "timedelta": dt.timedelta,
        "timezone": dt.timezone,
    }
    return MappingProxyType(
        {"datetime": MappingProxyType(datetimes), "re": _RE, "itertools": _ITERTOOLS},
    )
