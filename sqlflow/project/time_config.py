"""The settings of models that are built by time range."""

from __future__ import annotations

from datetime import UTC

from sqlflow.core.batches import BatchSize, Unit, read_batch_size
from sqlflow.core.codes import Code
from sqlflow.core.config import TimeRangeConfig
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.moments import read_moment, read_zone
from sqlflow.core.span import Span
from sqlflow.project.decode import Section, wrong_type
from sqlflow.project.nodes import to_value

_DAY = BatchSize(count=1, unit=Unit.DAY)


def decode_time_range(
    section: Section, event_time: str | None, strategy: Span, *, lookback: int
) -> TimeRangeConfig | None:
    """Reads what a model of the strategy needs, and None where something of it is missing or wrong.

    `strategy` is the place that chose it; `lookback` is the number of batches where none is set.
    """
    ok = True
    size, zone_name = section.text("batch_size"), section.text("time_zone") or "UTC"
    begin, given = section.text("begin"), section.whole("lookback", least=0)
    for key, value, what in (
        ("event_time", event_time, "the column of times that rows belong to a range by"),
        ("begin", begin, "a date or a time, from which on there are rows: `2024-01-01`"),
    ):
        if value is None:
            ok = False
            if section.node.get(key) is None:
                section.report(_missing(key, what, strategy))
    depends_on_past = section.flag("depends_on_past")
    zone = read_zone(zone_name)
    if zone is None:
        ok = False
        _wrong(section, "time_zone", zone_name, "write a name of the time zone database: `Europe/Berlin`")
    moment = read_moment(begin, zone or UTC) if begin is not None else None
    if begin is not None and moment is None:
        _wrong(section, "begin", begin, "write a date or a time: `2024-01-01`, `2024-01-01 06:00:00`")
    batch_size = read_batch_size(size) if size is not None else _DAY
    if size is not None and batch_size is None:
        _wrong(section, "batch_size", size, "write `hour`, `day`, `month`, or several: `15 minutes`")
    if not ok or moment is None or batch_size is None or event_time is None:
        return None
    return TimeRangeConfig(
        event_time=event_time,
        batch_size=batch_size,
        begin=moment,
        lookback=lookback if given is None else given,
        time_zone=zone_name,
        depends_on_past=depends_on_past,
    )


def decode_concurrent_batches(section: Section) -> int | None:
    """Reads how many batches may be built at once, 1 where nothing is set; None stands for no limit."""
    found = section.pair("concurrent_batches")
    if found is None:
        return 1
    value = to_value(found.node)
    if isinstance(value, bool):
        return None if value else 1
    if isinstance(value, int):
        return section.whole("concurrent_batches", least=1) or 1
    section.report(wrong_type("true, false or a whole number", found.node, "`concurrent_batches`"))
    return 1


def _missing(key: str, what: str, place: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.TIME_RANGE_CONFIG,
        message=f"a model that is built by time range needs `{key}`",
        span=place,
        label="chosen here",
        help=f"add `{key}`: {what}",
    )


def _wrong(section: Section, key: str, value: str, help_: str) -> None:
    section.report(
        Diagnostic(
            code=Code.TIME_RANGE_CONFIG,
            message=f"`{value}` can't be read as `{key}`",
            span=section.span(key),
            help=help_,
        )
    )
