"""Decides whether a change within a range of what a model reads stays within that range of the model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlflow.bind.query.values import ColumnRef
from sqlflow.bind.types import BoundModel, NodeSchema, TimeColumn
from sqlflow.core.config import NodeConfig
from sqlflow.core.ids import NodeId
from sqlflow.core.moments import MomentType
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.render.types import MOMENTS, RenderedQuery

# What lets a row depend on others than those that it is made of.
_REACHES_OUT = (exp.Window, exp.Limit, exp.Offset, exp.Fetch, exp.Qualify, exp.TableSample, exp.Pivot)


def ranged_parents(
    model: BoundModel,
    queries: tuple[RenderedQuery | None, ...],
    configs: Mapping[NodeId, NodeConfig],
    schemas: Mapping[NodeId, NodeSchema],
    spec: DialectSpec,
) -> Mapping[NodeId, bool]:
    """Gives the nodes built by time range that a model reads, and whether their ranges are those of its own.

    They are where only a batch's rows are read of a node, since then no others can matter. A query that names
    the moments of a batch may read others: its ranges are the node's where its event time is the node's, as
    it is, and its form lets no row depend on those of another time. `spec` is the dialect that it is in.
    """
    time, own = model.time, model.config.time_range
    if time is None or own is None:
        return MappingProxyType({})
    bound = tuple(query for query in (model.full, model.incremental) if query is not None)
    places = [read.node for query in bound for read in query.reads]
    inputs = model.function.inputs if model.function is not None else ()
    places += [read.node for given in inputs for read in given.table.reads]
    written = [query for query in queries if query is not None]
    filters = not any(MOMENTS.search(query.text) for query in written)
    found: dict[NodeId, bool] = {}
    for node in dict.fromkeys(places):
        config = configs.get(node)
        if config is None or config.time_range is None:
            continue
        column = time.parents.get(node)
        same = column is not None and (
            column.type is not MomentType.DATE or config.time_range.time_zone == own.time_zone
        )
        if same and column is not None and not filters:
            once = all(sum(read.node == node for read in query.reads) == 1 for query in bound)
            same = once and _is_kept(schemas.get(model.id), time.column, ColumnRef(node, column.name), spec)
            same = same and all(_keeps_apart(query, time.column, column, spec) for query in written)
        found[node] = same
    return MappingProxyType(found)


def _is_kept(schema: NodeSchema | None, own: TimeColumn, source: ColumnRef, spec: DialectSpec) -> bool:
    """Whether the values of a model's column come from one column only."""
    columns = schema.columns if schema is not None else ()
    key = name_key(spec, own.name)
    return any(
        column.name and name_key(spec, column.name) == key and column.sources == frozenset({source})
        for column in columns
    )


def _keeps_apart(query: RenderedQuery, own: TimeColumn, read: TimeColumn, spec: DialectSpec) -> bool:
    """Whether a query is one SELECT that gives a column as it is, and whose rows depend on nothing else."""
    try:
        tree = sqlglot.parse_one(query.text, dialect=spec.name)
    except (SqlglotError, RecursionError):
        return False
    if not isinstance(tree, exp.Select) or len(list(tree.find_all(exp.Query))) != 1:
        return False
    distinct = tree.args.get("distinct")
    if tree.find(*_REACHES_OUT) is not None or (distinct is not None and distinct.args.get("on")):
        return False
    key = name_key(spec, own.name)
    for projection in tree.expressions:
        if name_key(spec, projection.alias_or_name) == key:
            given = projection.unalias()
            return isinstance(given, exp.Column) and name_key(spec, given.name) == name_key(spec, read.name)
    # It comes out of a star.
    return not any(star.args.get("replace") or star.args.get("rename") for star in tree.find_all(exp.Star))
