"""What the settings of a model that is built by time range mean for its columns, and for its query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlglot import exp

from sqlflow.bind.types import BoundQuery, BoundTime, NodeSchema, TimeColumn
from sqlflow.core.batches import Unit
from sqlflow.core.codes import Code
from sqlflow.core.config import NodeConfig
from sqlflow.core.diagnostic import Diagnostic, Label, did_you_mean
from sqlflow.core.ids import NodeId
from sqlflow.core.moments import MomentType, bounds, moment_type
from sqlflow.core.ranges import Range
from sqlflow.core.span import Span
from sqlflow.core.textmap import Edit, splice
from sqlflow.dialect.names import literal, name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.types import ConfigLayer, place_of
from sqlflow.render.types import BATCH_END, BATCH_START, END, MOMENTS, START, THIS, RenderedQuery

_WITHIN_A_DAY = (Unit.MINUTE, Unit.HOUR)
# A batch that stands for any other one, where an engine is asked only for the columns of a query.
_SOME_DAY = Range(datetime(2000, 1, 1), datetime(2000, 1, 2))


def time_column(schema: NodeSchema | None, name: str | None, spec: DialectSpec) -> TimeColumn | None:
    """Finds a column of times; None where there is none of that name, or its type is not known as one."""
    if schema is None or name is None:
        return None
    for column in schema.columns:
        if column.name and name_key(spec, column.name) == name_key(spec, name) and column.type is not None:
            kind = moment_type(str(column.type))
            return TimeColumn(column.name, kind) if kind is not None else None
    return None


def bound_time(
    node: NodeId,
    configs: Mapping[NodeId, NodeConfig],
    schemas: Mapping[NodeId, NodeSchema],
    parents: Iterable[NodeId],
    queries: Iterable[RenderedQuery | None],
    spec: DialectSpec,
) -> BoundTime | None:
    """Gives how a model is built by time range; None for one that is not, or whose column is not there.

    Where a query reads the model's own table, a batch depends on those before it, unless the settings say
    that it doesn't.
    """
    config = configs[node]
    if config.time_range is None:
        return None
    column = time_column(schemas.get(node), config.event_time, spec)
    if column is None:
        return None
    found = {
        parent: time_column(schemas.get(parent), configs[parent].event_time, spec)
        for parent in parents
        if parent in configs
    }
    reads_itself = any(THIS in query.text.lower() for query in queries if query is not None)
    depends = config.time_range.depends_on_past
    depends = reads_itself if depends is None else depends
    return BoundTime(
        column=column,
        parents={id: read for id, read in found.items() if read is not None},
        depends_on_past=depends,
        most_at_once=1 if depends or reads_itself else config.concurrent_batches,
    )


def check_event_time(
    name: str,
    span: Span,
    schema: NodeSchema,
    config: NodeConfig,
    layer: ConfigLayer,
    spec: DialectSpec,
    *,
    runs: bool = False,
) -> Diagnostic | None:
    """Tells where the column of times is not there, or has no type of times. `layer` has the places.

    Where a function `runs`, only the columns that are declared are known.
    """
    time_range = config.time_range
    if time_range is None:
        return None
    wanted = time_range.event_time
    place = place_of(layer, "event_time", span)
    found = [c for c in schema.columns if c.name and name_key(spec, c.name) == name_key(spec, wanted)]
    if not found or (runs and found[0].type is None):
        return _no_event_time(name, wanted, place, schema, runs=runs)
    column = found[0]
    kind = moment_type(str(column.type)) if column.type is not None else None
    labels = (Label(column.span, "given here"),) if column.span is not None and column.span != place else ()
    if kind is None:
        told = f"is {column.type}" if column.type is not None else "is of a type that is not known"
        return Diagnostic(
            code=Code.EVENT_TIME,
            message=f"`{wanted}` {told}, and `event_time` has to be a date or a time",
            span=place,
            label="named here",
            labels=labels,
            help=f"cast it in the query: `CAST({wanted} AS TIMESTAMP) AS {wanted}`"
            if not runs
            else "declare the column as a `date`, a `timestamp` or a `timestamp with time zone`",
        )
    if kind is MomentType.DATE and time_range.batch_size.unit in _WITHIN_A_DAY:
        return Diagnostic(
            code=Code.EVENT_TIME,
            message=f"`{wanted}` is a date, and a batch of {time_range.batch_size} begins within a day",
            span=place,
            label="named here",
            labels=labels,
            help="set `batch_size` to `day` or more, or name a column of times",
        )
    return None


def _no_event_time(name: str, wanted: str, place: Span, schema: NodeSchema, *, runs: bool) -> Diagnostic:
    listed = [column.name for column in schema.columns if column.name]
    if runs:
        message = f"the type of `{wanted}`, which `{name}` is built by, is not known"
        help_ = f'declare it: `columns={{"{wanted}": "timestamp"}}`'
    else:
        message = f"the query of `{name}` has no column `{wanted}`"
        if schema.open:
            message = f"whether the query of `{name}` has a column `{wanted}` is not known"
        help_ = did_you_mean(wanted, listed) or f"it has: {', '.join(listed) or 'none that is known'}"
    return Diagnostic(
        code=Code.EVENT_TIME, message=message, span=place, label="named in `event_time`", help=help_
    )


def type_moments(tree: exp.Expr, kind: MomentType) -> None:
    """Gives what the moments of a batch left in a tree, which looks like columns, the type that they have."""
    for column in [node for node in tree.find_all(exp.Column) if not node.table]:
        name = column.name.lower()
        if name in (START, END, BATCH_START, BATCH_END):
            typed = exp.cast(exp.Literal.string(name), kind.value)
            typed.this.meta.update(column.this.meta)
            column.replace(typed)


def moments_in(sql: str, batch: Range, config: NodeConfig, kind: MomentType, spec: DialectSpec) -> list[Edit]:
    """Gives the edits that put the start and the end of a batch where a query names them.

    They are literals, and text where the names stand within another literal.
    """
    if config.time_range is None:
        return []
    start, end = bounds(batch, kind, config.time_range.zone)
    moments: dict[str, date] = {START: start, END: end, BATCH_START: start, BATCH_END: end}
    edits: list[Edit] = []
    for found in MOMENTS.finditer(sql):
        moment = moments[found.group(0).strip("'").lower()]
        edits.append(
            Edit(found.start(), found.end(), f"'{moment}'" if found.group(1) else literal(spec, moment))
        )
    return edits


def with_some_moments(query: BoundQuery, config: NodeConfig, kind: MomentType, spec: DialectSpec) -> str:
    """Puts some moments into a query, whichever: only its columns are asked for."""
    return splice(query.sql, query.map, moments_in(query.sql, _SOME_DAY, config, kind, spec))[0]
