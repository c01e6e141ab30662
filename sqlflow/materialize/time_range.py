"""Builds a model by time range: the rows of one batch at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlflow.bind.time_range import moments_in
from sqlflow.bind.types import BoundInput, BoundModel, BoundQuery, TimeColumn
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.moments import bounds
from sqlflow.core.ranges import Range
from sqlflow.core.relation import Column
from sqlflow.core.textmap import Edit, splice
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import literal
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.incremental import schema_change
from sqlflow.materialize.relation import insert
from sqlflow.materialize.types import Checks, Existing, Rows, Run, Script
from sqlflow.render.types import OWN_FILTER


def batch_rows(spec: DialectSpec, model: BoundModel, query: BoundQuery, batch: Range) -> BoundQuery:
    """Gives the query of the rows of one batch, and of no others.

    The batch's moments are put where the query names them. Unless it does so by `start` or `end`, of the
    nodes that it reads and that have a column of times only the rows of the batch are read. Its own rows are
    filtered in any case.
    """
    time = model.time
    if time is None:
        raise ValueError(f"{model.id} is not built by time range")
    moments = moments_in(query.sql, batch, model.config, time.column.type, spec)
    filters = OWN_FILTER.search(query.sql) is None
    edits = [*moments, *(_parents(spec, model, query, batch) if filters else ())]
    text, text_map = splice(query.sql, query.map, edits)
    before, after = sql.part_of(_condition(spec, model, time.column, batch))
    return BoundQuery(sql=before + text + after, map=text_map.shifted(len(before)))


def input_rows(spec: DialectSpec, model: BoundModel, given: BoundInput, batch: Range | None) -> str:
    """Gives the query that reads an input of a Python model: of one with event times, the rows of a batch."""
    column = model.time.parents.get(given.node) if model.time is not None else None
    if batch is None or column is None:
        return f"SELECT * FROM {given.table.text}"
    return f"SELECT * FROM {given.table.text} WHERE {_condition(spec, model, column, batch)}"


def moments_of(model: BoundModel, batch: Range) -> Mapping[str, date]:
    """Gives the moments of a batch that a Python model's function asks for, of its event times' type."""
    if model.time is None or model.function is None or model.config.time_range is None:
        return {}
    moments = bounds(batch, model.time.column.type, model.config.time_range.zone)
    return {name: moments[("start", "end").index(name)] for name in model.function.moments}


def build_batch(
    spec: DialectSpec,
    model: BoundModel,
    rows: Rows,
    existing: Existing,
    incoming: Sequence[Column],
    batch: Range,
    checks: Checks,
) -> Script | Diagnostic:
    """Puts the rows of a batch, which `batch_rows` gave, in the place of those that the table has of it."""
    if model.time is None:
        raise ValueError(f"{model.id} is not built by time range")
    change = schema_change(spec, model, existing.columns, incoming)
    if isinstance(change, Diagnostic):
        return change
    alter, columns = change
    gone = sql.delete_where(spec, model.relation, _condition(spec, model, model.time.column, batch))
    steps = (*alter, Run(sql=gone), *insert(spec, model.relation, columns, rows))
    return Script(steps=(*steps, *checks(model.relation)))


def _parents(spec: DialectSpec, model: BoundModel, query: BoundQuery, batch: Range) -> list[Edit]:
    """Gives the edits that read only a batch's rows of what the query itself reads and has a column of times.

    What an ephemeral model reads is that one's own affair, so there its result is filtered.
    """
    parents = model.time.parents if model.time is not None else {}
    edits: list[Edit] = []
    for read in query.inlined:
        column = parents.get(read.node)
        if column is not None:
            before, after = sql.rows_around(_condition(spec, model, column, batch))
            edits += [Edit(read.start, read.start, before), Edit(read.end, read.end, after + read.alias)]
    for read in query.reads:
        column = parents.get(read.node)
        if column is not None and not any(part.start <= read.start < part.end for part in query.inlined):
            relation = query.sql[read.start : read.end]
            part = sql.rows_where(relation, _condition(spec, model, column, batch))
            edits.append(Edit(read.start, read.end, part + read.alias))
    return edits


def _condition(spec: DialectSpec, model: BoundModel, column: TimeColumn, batch: Range) -> str:
    """The rows whose time lies in a batch."""
    if model.config.time_range is None:
        raise ValueError(f"{model.id} is not built by time range")
    start, end = bounds(batch, column.type, model.config.time_range.zone)
    return sql.between(spec, column.name, literal(spec, start), literal(spec, end))
