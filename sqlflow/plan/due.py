"""Decides which batches of a model that is built by time range are to be built."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlflow.core.batches import batches, complete, previous_start, to_build
from sqlflow.core.config import NodeConfig
from sqlflow.core.ranges import Range, Ranges, difference, normalised


def batches_due(
    config: NodeConfig, covered: Ranges | None, now: datetime, *, again: bool = False
) -> tuple[Range, ...]:
    """Gives the complete batches that are not covered, with those that are looked back at, in order.

    None of a model that is built otherwise. `again` says that there may be new rows in what is covered: then
    the last batches are looked back at, though there is no new one.
    """
    time = config.time_range
    if time is None:
        return ()
    size, zone = time.batch_size, time.zone
    due = complete(time.begin, now.astimezone(UTC).replace(tzinfo=None), size, zone)
    found = to_build(due, covered or (), size, zone, lookback=time.lookback)
    if again and time.lookback and due:
        start = max(due[0].start, previous_start(due[0].end, size, zone, time.lookback))
        found = normalised((*found, Range(start, due[0].end)))
    return tuple(batches(found, size, zone))


def covered_after(before: Ranges, batch: Range, left: Ranges) -> Ranges:
    """Gives what is covered once a batch is built, while others are `left`, which are no longer right."""
    return difference(normalised((*before, batch)), left)
