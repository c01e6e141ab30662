"""Sets of moments as half-open ranges: sorted, apart from each other, as few as can be.

A range is (start, end), the start in it and the end not. Moments are datetimes in UTC without a zone.
A set costs as much as it has ranges, however long these are.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeAlias


class Range(NamedTuple):
    """The moments from `start` on, before `end`."""

    start: datetime
    end: datetime


Ranges: TypeAlias = tuple[Range, ...]


def normalised(ranges: Iterable[Range]) -> Ranges:
    """Sorts ranges and joins those that overlap or touch; empty ones are left out."""
    out: list[Range] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if out and start <= out[-1].end:
            out[-1] = Range(out[-1].start, max(out[-1].end, end))
        else:
            out.append(Range(start, end))
    return tuple(out)


def union(left: Ranges, right: Ranges) -> Ranges:
    """Gives the moments of either set."""
    return normalised((*left, *right))


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """Gives the moments of both sets."""
    out: list[Range] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start = max(left[i].start, right[j].start)
        end = min(left[i].end, right[j].end)
        if start < end:
            out.append(Range(start, end))
        if left[i].end < right[j].end:
            i += 1
        else:
            j += 1
    return tuple(out)


def difference(left: Ranges, right: Ranges) -> Ranges:
    """Gives the moments of the first set that are not in the second."""
    out: list[Range] = []
    j = 0
    for start, end in left:
        at = start
        while j < len(right) and right[j].end <= at:
            j += 1
        k = j
        while k < len(right) and right[k].start < end:
            if right[k].start > at:
                out.append(Range(at, right[k].start))
            at = max(at, right[k].end)
            k += 1
        if at < end:
            out.append(Range(at, end))
    return tuple(out)
