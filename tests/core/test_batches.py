"""Batches tile time, are the calendar's, and cost as much as there are ranges."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.batches import (
    BatchSize,
    Unit,
    batch_start,
    batches,
    complete,
    gaps,
    next_start,
    previous_start,
    read_batch_size,
    to_build,
)
from sqlflow.core.ranges import Range, difference, normalised, union

ZONES: tuple[tzinfo, ...] = (
    UTC,
    ZoneInfo("Europe/Zurich"),
    ZoneInfo("America/New_York"),
    # The clocks change at midnight, the offset is no whole hour, a whole day was skipped (in 2011).
    ZoneInfo("America/Havana"),
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Asia/Kathmandu"),
    ZoneInfo("Pacific/Apia"),
)
_sizes = st.builds(BatchSize, count=st.integers(1, 40), unit=st.sampled_from(Unit))
_moments = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(
    lambda m: m.replace(second=0, microsecond=0)
)
_zones = st.sampled_from(ZONES)


@given(_moments, _sizes, _zones)
def test_a_moment_lies_in_its_batch(moment: datetime, size: BatchSize, zone: tzinfo) -> None:
    start = batch_start(moment, size, zone)
    after = next_start(start, size, zone)
    assert start <= moment < after
    assert batch_start(start, size, zone) == start
    assert batch_start(after, size, zone) == after
    assert previous_start(after, size, zone) == start


@given(_moments, st.integers(1, 30), _sizes, _zones)
def test_batches_leave_nothing_out(moment: datetime, days: int, size: BatchSize, zone: tzinfo) -> None:
    end = moment + timedelta(days=days)
    found = list(itertools.islice(batches((Range(moment, end),), size, zone), 2000))
    assert found[0].start == batch_start(moment, size, zone)
    assert all(one.end == two.start for one, two in itertools.pairwise(found))
    assert len(found) == 2000 or found[-1].start < end <= found[-1].end


@given(st.lists(st.tuples(_moments, st.integers(1, 5000)), max_size=5), _zones)
def test_each_batch_comes_once(parts: list[tuple[datetime, int]], zone: tzinfo) -> None:
    ranges = normalised(Range(start, start + timedelta(minutes=length)) for start, length in parts)
    found = list(batches(ranges, BatchSize(count=1, unit=Unit.DAY), zone))
    assert len(set(found)) == len(found)
    assert difference(ranges, normalised(found)) == ()


DAY = BatchSize(count=1, unit=Unit.DAY)


def _day(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, day, hour)


@given(
    st.lists(st.tuples(st.integers(1, 25), st.integers(1, 5)), max_size=6),
    st.integers(0, 4),
    st.integers(5, 28),
)
def test_what_is_built_makes_what_is_due_covered(
    built: list[tuple[int, int]], lookback: int, today: int
) -> None:
    due = complete(_day(3), _day(today, 7), DAY)
    covered = normalised(Range(_day(start), _day(start) + timedelta(days=length)) for start, length in built)
    found = to_build(due, covered, DAY, lookback=lookback)
    assert difference(due, union(covered, found)) == ()
    assert difference(found, due) == ()
    assert (found == ()) == (difference(due, covered) == ())
    without = to_build(due, covered, DAY)
    extra = sum((end - start).days for start, end in difference(found, without))
    assert extra <= lookback * len(without)


def test_lookback_of_n_is_n_batches_more() -> None:
    due = complete(_day(1), _day(10), DAY)
    covered = (Range(_day(1), _day(9)),)
    assert to_build(due, covered, DAY, lookback=2) == (Range(_day(7), _day(10)),)
    assert to_build(due, due, DAY, lookback=2) == ()
    assert to_build(due, (), DAY, lookback=2) == due


def test_a_batch_that_has_not_ended_is_not_complete() -> None:
    assert complete(_day(1, 5), _day(2, 23), DAY) == (Range(_day(1), _day(2)),)
    assert complete(_day(2, 5), _day(2, 23), DAY) == ()


def test_days_follow_the_clocks() -> None:
    zurich = ZoneInfo("Europe/Zurich")
    spring, autumn = datetime(2024, 3, 31, 12), datetime(2024, 10, 27, 12)
    for moment, hours in ((spring, 23), (autumn, 25), (datetime(2024, 7, 1, 12), 24)):
        start = batch_start(moment, DAY, zurich)
        assert next_start(start, DAY, zurich) - start == timedelta(hours=hours)
    # In Havana the clock is put back from 01:00 to 00:00: that day has midnight twice.
    havana = ZoneInfo("America/Havana")
    start = batch_start(datetime(2024, 11, 3, 5, 30), DAY, havana)
    assert (start, next_start(start, DAY, havana)) == (datetime(2024, 11, 3, 4), datetime(2024, 11, 4, 5))


def test_hours_do_not() -> None:
    hour = BatchSize(count=1, unit=Unit.HOUR)
    found = list(
        batches(
            (Range(datetime(2024, 10, 26, 22), datetime(2024, 10, 27, 23)),), hour, ZoneInfo("Europe/Zurich")
        )
    )
    assert len(found) == 25
    assert {end - start for start, end in found} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("day", "day"), ("1 day", "day"), ("15 minutes", "15 minutes"), (" 3  Months ", "3 months"),
        ("2weeks", "2 weeks"), ("year", "year"), ("hourly", None), ("0 days", None), ("-1 day", None),
        ("", None), ("1.5 days", None), ("seconds", None), ("day day", None),
    ],
)  # fmt: skip
def test_sizes_as_they_are_written(text: str, expected: str | None) -> None:
    found = read_batch_size(text)
    assert (str(found) if found is not None else None) == expected


def test_a_thousand_years_of_minutes_cost_nothing() -> None:
    minute = BatchSize(count=1, unit=Unit.MINUTE)
    due = complete(datetime(1000, 1, 1), datetime(2000, 1, 1, 0, 5), minute)
    covered = (Range(datetime(1000, 1, 1), datetime(2000, 1, 1)),)
    found = list(batches(difference(due, covered), minute))
    assert len(found) == 5
    assert gaps(covered) == ()
    assert gaps((*covered, Range(datetime(2001, 1, 1), datetime(2002, 1, 1)))) == (
        Range(datetime(2000, 1, 1), datetime(2001, 1, 1)),
    )
