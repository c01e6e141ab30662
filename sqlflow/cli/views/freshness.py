"""How old the rows of sources are, as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from sqlflow.cli.views.paint import Paint
from sqlflow.cli.views.table import table

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlflow.apply.freshness import SourceFreshness

Record: TypeAlias = dict[str, object]


def freshness_text(found: Sequence[SourceFreshness], *, paint: Paint, width: int | None) -> str:
    """Draws a line for each source; times are in UTC."""
    rows = [(source.name, _loaded(source), _age(source), _status(source), source.limit) for source in found]
    return table(("source", "last rows", "age", "status", "limit"), rows, paint=paint, width=width)


def freshness_records(found: Sequence[SourceFreshness]) -> Iterator[Record]:
    """Gives an object for each source."""
    for source in found:
        yield {
            "event": "freshness",
            "id": source.node,
            "name": source.name,
            "status": _status(source),
            "loaded_at": source.loaded_at.isoformat() if source.loaded_at is not None else None,
            "age": _seconds(source.age),
            "warn_after": _seconds(source.limits.warn_after),
            "error_after": _seconds(source.limits.error_after),
        }


def _loaded(source: SourceFreshness) -> str:
    moment = source.loaded_at
    return str(moment.replace(tzinfo=None, microsecond=0)) if moment is not None else "none"


def _age(source: SourceFreshness) -> str:
    from sqlflow.apply.freshness import age_text

    return age_text(source.age) if source.age is not None else ""


def _status(source: SourceFreshness) -> str:
    return source.status.value if source.status is not None else "unknown"


def _seconds(length: timedelta | None) -> float | None:
    return length.total_seconds() if length is not None else None
