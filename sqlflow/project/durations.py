"""Lengths of time in settings: `6 hours`, or dbt's `{count: 6, period: hour}`."""

from __future__ import annotations

from datetime import timedelta

from sqlflow.core.batches import BatchSize, Unit, read_batch_size
from sqlflow.project.decode import Section, invalid_value, is_failed, wrong_type
from sqlflow.project.nodes import MappingNode, ScalarNode

_UNITS = (Unit.MINUTE, Unit.HOUR, Unit.DAY, Unit.WEEK)
_HELP = "write a number and `minutes`, `hours`, `days` or `weeks`: `6 hours`, `{count: 6, period: hour}`"


def read_duration(section: Section, key: str) -> timedelta | None:
    """Reads a length of time; None where there is none, or where it is wrong."""
    found = section.pair(key)
    if found is None:
        return None
    if isinstance(found.node, MappingNode):
        size = _counted(found.node, key, section)
        return _length(section, key, str(size), size) if size is not None else None
    if isinstance(found.node, ScalarNode) and isinstance(found.node.value, str):
        return _length(section, key, found.node.value, read_batch_size(found.node.value))
    section.report(wrong_type("a length of time, such as `6 hours`", found.node, f"`{key}`"))
    return None


def duration_text(duration: timedelta) -> str:
    """Says a length of time in the largest unit that goes into it: `6 hours`, `36 hours`, `2 days`."""
    for unit in reversed(_UNITS):
        length = BatchSize(count=1, unit=unit).length
        if length is not None and not duration % length:
            count = duration // length
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return str(duration)


def _counted(node: MappingNode, key: str, section: Section) -> BatchSize | None:
    below = Section(node, f"`{key}`", section.diagnostics)
    count, period = below.whole("count", least=1), below.choice("period", _UNITS)
    below.finish()
    for name in ("count", "period"):
        given = node.get(name)
        if below.pair(name) is None and not (given is not None and is_failed(given.node)):
            below.missing(name)
    return BatchSize(count=count, unit=Unit(period)) if count is not None and period is not None else None


def _length(section: Section, key: str, written: str, size: BatchSize | None) -> timedelta | None:
    length = size.length if size is not None else None
    if length is None:
        section.report(invalid_value(f"`{written}` is not a length of time", section.span(key), _HELP))
    return length
