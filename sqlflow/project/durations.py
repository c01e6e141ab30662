"""Lengths of time in settings: `6 hours`, or dbt's `{count: 6, period: hour}`."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlflow.project.decode import Section, invalid_value, is_failed, wrong_type
from sqlflow.project.nodes import MappingNode, ScalarNode

_LENGTHS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_TEXT = re.compile(rf"\s*(\d{{1,6}})\s*({'|'.join(_LENGTHS)})s?\s*\Z", re.IGNORECASE)
_HELP = "write a number and `minutes`, `hours`, `days` or `weeks`: `6 hours`, `{count: 6, period: hour}`"


def read_duration(section: Section, key: str) -> timedelta | None:
    """Reads a length of time; None where there is none, or where it is wrong."""
    found = section.pair(key)
    if found is None:
        return None
    if isinstance(found.node, MappingNode):
        below = Section(found.node, f"`{key}`", section.diagnostics)
        count, period = below.whole("count", least=1), below.choice("period", tuple(_LENGTHS))
        below.finish()
        for name in ("count", "period"):
            given = found.node.get(name)
            if below.pair(name) is None and not (given is not None and is_failed(given.node)):
                below.missing(name)
        if count is None or period is None:
            return None
        return _times(section, key, count, period)
    if isinstance(found.node, ScalarNode) and isinstance(found.node.value, str):
        match = _TEXT.match(found.node.value)
        if match is not None and int(match[1]):
            return _times(section, key, int(match[1]), match[2].lower())
        section.report(
            invalid_value(f"`{found.node.value}` is not a length of time", section.span(key), _HELP)
        )
        return None
    section.report(wrong_type("a length of time, such as `6 hours`", found.node, f"`{key}`"))
    return None


def duration_text(duration: timedelta) -> str:
    """Says a length of time in the largest unit that goes into it: `6 hours`, `36 hours`, `2 days`."""
    for unit in reversed(_LENGTHS):
        count, left = divmod(duration, _LENGTHS[unit])
        if count and not left:
            break
    else:
        unit, count = "minute", round(duration / _LENGTHS["minute"])
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _times(section: Section, key: str, count: int, period: str) -> timedelta | None:
    try:
        return count * _LENGTHS[period]
    except OverflowError:
        section.report(invalid_value(f"`{key}` is too long", section.span(key), _HELP))
        return None
