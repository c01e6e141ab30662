"""Which ranges of time models cover, as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from sqlflow.cli.views.paint import Paint
from sqlflow.cli.views.table import table

if TYPE_CHECKING:
    from sqlflow.core.ranges import Range, Ranges
    from sqlflow.plan.due import Coverage

Record: TypeAlias = dict[str, object]


def interval_text(found: Sequence[Coverage], *, paint: Paint, width: int | None) -> str:
    """Draws a line for each range that is built or missing, in the order of time."""
    rows = [
        (model.name, model.batch_size, str(part.start), str(part.end), status)
        for model in found
        for part, status in _parts(model)
    ]
    return table(("model", "batch", "from", "to", "status"), rows, paint=paint, width=width)


def interval_records(found: Sequence[Coverage]) -> Iterator[Record]:
    """Gives an object for each model."""
    for model in found:
        yield {
            "event": "intervals",
            "id": model.node,
            "name": model.name,
            "batch_size": model.batch_size,
            "covered": _pairs(model.covered),
            "missing": _pairs(model.missing),
        }


def _parts(model: Coverage) -> list[tuple[Range, str]]:
    parts = [(part, "built") for part in model.covered] + [(part, "missing") for part in model.missing]
    return sorted(parts)


def _pairs(ranges: Ranges) -> list[list[str]]:
    return [[f"{part.start.isoformat()}Z", f"{part.end.isoformat()}Z"] for part in ranges]
