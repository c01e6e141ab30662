"""Decides which batches of a model that is built by time range are to be built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from sqlflow.core.batches import batches, complete, previous_start, to_build
from sqlflow.core.config import NodeConfig
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Range, Ranges, difference, intersection, normalised


class Interval(NamedTuple):
    """A range of time that is asked for; without a zone, its moments are those of each model's clocks.

    None stands for the beginning and for now.
    """

    start: datetime | None
    end: datetime | None

    @property
    def is_backward(self) -> bool:
        """Whether it ends before it starts, or then; where only one has a zone, that is not known."""
        if self.start is None or self.end is None:
            return False
        return (self.start.tzinfo is None) is (self.end.tzinfo is None) and self.start >= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which ranges of time the table of a model covers, and which complete batches are missing.

    Moments are in UTC, without a zone.
    """

    node: NodeId
    name: str
    batch_size: str
    covered: Ranges
    missing: Ranges


def coverage_of(
    node: NodeId, name: str, config: NodeConfig, covered: Ranges, now: datetime
) -> Coverage | None:
    """Gives what a model covers; None for one that is not built by time range."""
    time = config.time_range
    if time is None:
        return None
    due = complete(time.begin, _in_utc(now, time.zone), time.batch_size, time.zone)
    missing = to_build(due, covered, time.batch_size, time.zone)
    return Coverage(node=node, name=name, batch_size=str(time.batch_size), covered=covered, missing=missing)


def batches_within(config: NodeConfig, interval: Interval, now: datetime) -> tuple[Range, ...]:
    """Gives the complete batches that have a part in an interval, in order, covered or not."""
    time = config.time_range
    if time is None:
        return ()
    size, zone = time.batch_size, time.zone
    due = complete(time.begin, _in_utc(now, zone), size, zone)
    start = _in_utc(interval.start, zone) if interval.start is not None else datetime.min
    end = _in_utc(interval.end, zone) if interval.end is not None else datetime.max
    return tuple(batches(intersection(due, normalised((Range(start, end),))), size, zone))


def _in_utc(moment: datetime, zone: tzinfo) -> datetime:
    return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC).replace(tzinfo=None)


def batches_due(
    config: NodeConfig,
    covered: Ranges | None,
    now: datetime,
    *,
    again: bool = False,
    depends_on_past: bool = False,
) -> tuple[Range, ...]:
    """Gives the complete batches that are not covered, with those that are looked back at, in order.

    None of a model that is built otherwise. `again` says that there may be new rows in what is covered: then
    the last batches are looked back at, though there is no new one. Where each batch `depends_on_past`, all
    that is covered after one of them is due as well.
    """
    time = config.time_range
    if time is None:
        return ()
    size, zone = time.batch_size, time.zone
    due = complete(time.begin, _in_utc(now, zone), size, zone)
    found = to_build(due, covered or (), size, zone, lookback=time.lookback)
    if again and time.lookback and due:
        start = max(due[0].start, previous_start(due[0].end, size, zone, time.lookback))
        found = normalised((*found, Range(start, due[0].end)))
    todo = tuple(batches(found, size, zone))
    return in_order(config, todo, covered, now) if depends_on_past else todo


def in_order(
    config: NodeConfig, todo: Sequence[Range], covered: Ranges | None, now: datetime
) -> tuple[Range, ...]:
    """Gives what has to be built so that some batches are, of a model whose batches depend on those before.

    These are the missing batches before them too, and the covered ones after them: one range of batches.
    """
    time = config.time_range
    if time is None or not todo:
        return ()
    missing = first_missing(config, covered or (), now)
    start = min(todo[0].start, missing.start) if missing is not None else todo[0].start
    end = max(todo[-1].end, covered[-1].end) if covered else todo[-1].end
    due = complete(time.begin, _in_utc(now, time.zone), time.batch_size, time.zone)
    return tuple(batches(intersection(due, (Range(start, end),)), time.batch_size, time.zone))


def first_missing(config: NodeConfig, covered: Ranges, now: datetime) -> Range | None:
    """Gives the first complete batch that is not covered; None where all are."""
    time = config.time_range
    if time is None:
        return None
    due = complete(time.begin, _in_utc(now, time.zone), time.batch_size, time.zone)
    missing = to_build(due, covered, time.batch_size, time.zone)
    return next(batches(missing, time.batch_size, time.zone), None)


def covered_after(before: Ranges, batch: Range, left: Ranges) -> Ranges:
    """Gives what is covered once a batch is built, while others are `left`, which are no longer right."""
    return difference(normalised((*before, batch)), left)
