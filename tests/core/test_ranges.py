"""Sets of moments behave as sets of the minutes in them."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.ranges import Range, Ranges, difference, intersection, normalised, union

_ZERO = datetime(2020, 1, 1)


def _at(minute: int) -> datetime:
    return _ZERO + timedelta(minutes=minute)


def _minutes(ranges: Ranges) -> set[int]:
    return {
        minute
        for start, end in ranges
        for minute in range(
            int((start - _ZERO).total_seconds() // 60), int((end - _ZERO).total_seconds() // 60)
        )
    }


_pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def _raw(pairs: list[tuple[int, int]]) -> list[Range]:
    return [Range(_at(start), _at(end)) for start, end in pairs]


def _is_normal(ranges: Ranges) -> bool:
    return all(start < end for start, end in ranges) and all(
        one.end < two.start for one, two in itertools.pairwise(ranges)
    )


@given(_pairs)
def test_joining_keeps_the_moments(pairs: list[tuple[int, int]]) -> None:
    found = normalised(_raw(pairs))
    assert _is_normal(found)
    assert _minutes(found) == {minute for start, end in pairs for minute in range(start, end)}


@given(_pairs, _pairs)
def test_operations_are_those_of_sets(one: list[tuple[int, int]], two: list[tuple[int, int]]) -> None:
    left, right = normalised(_raw(one)), normalised(_raw(two))
    for operation, expected in (
        (union, _minutes(left) | _minutes(right)),
        (intersection, _minutes(left) & _minutes(right)),
        (difference, _minutes(left) - _minutes(right)),
    ):
        found = operation(left, right)
        assert _is_normal(found)
        assert _minutes(found) == expected


def test_a_thousand_years_of_minutes_are_one_range() -> None:
    century = [Range(datetime(1000 + year, 1, 1), datetime(1001 + year, 1, 1)) for year in range(1000)]
    assert normalised(reversed(century)) == (Range(datetime(1000, 1, 1), datetime(2000, 1, 1)),)
