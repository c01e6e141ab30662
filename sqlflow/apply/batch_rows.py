"""Takes the rows of a batch out of those that a Python model's function returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlflow.apply.failures import WorkFailedError
from sqlflow.bind.types import BoundModel
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.moments import MomentType, bounds
from sqlflow.core.ranges import Range
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec

if TYPE_CHECKING:
    import pyarrow


def rows_within(spec: DialectSpec, model: BoundModel, rows: pyarrow.Table, batch: Range) -> pyarrow.Table:
    """Gives the rows whose event time lies in a batch; it becomes a column of the type that is declared.

    A time without a zone is taken for UTC. Raises WorkFailedError where there is no such column, or what it
    holds can't be read as times.
    """
    import pyarrow
    import pyarrow.compute

    time, settings = model.time, model.config.time_range
    if time is None or settings is None:
        raise ValueError(f"{model.id} is not built by time range")
    key = name_key(spec, time.column.name)
    at = next((i for i, name in enumerate(rows.schema.names) if name_key(spec, name) == key), None)
    if at is None:
        raise WorkFailedError(_wrong(model, f"no column `{time.column.name}`, its `event_time`"))
    given = rows.column(at)
    if not pyarrow.types.is_temporal(given.type) and not pyarrow.types.is_null(given.type):
        raise WorkFailedError(_wrong(model, f"`{time.column.name}`, its `event_time`, as {given.type}"))
    # Partly typed package.
    compute = cast("Any", pyarrow.compute)
    try:
        times = given.cast(_arrow_type(time.column.type))
    except pyarrow.ArrowException as error:
        raise WorkFailedError(_wrong(model, f"event times that can't be stored: {error}")) from error
    start, end = bounds(batch, time.column.type, settings.zone)
    within = compute.and_(compute.greater_equal(times, start), compute.less(times, end))
    field = rows.schema.field(at).with_type(times.type)
    return rows.set_column(at, field, times).filter(within)


def _arrow_type(kind: MomentType) -> Any:
    import pyarrow

    match kind:
        case MomentType.DATE:
            return pyarrow.date32()
        case MomentType.TIMESTAMP:
            return pyarrow.timestamp("us")
        case MomentType.ZONED:
            return pyarrow.timestamp("us", tz="UTC")


def _wrong(model: BoundModel, what: str) -> Diagnostic:
    return Diagnostic(
        code=Code.PYTHON_RESULT,
        message=f"`{model.name}` returned {what}",
        span=model.span,
        help="a model that is built by time range returns a column of dates or times by that name",
    )
