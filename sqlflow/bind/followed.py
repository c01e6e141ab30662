"""Decides whether a change within a range of what a model reads stays within that range of the model.

A view and an ephemeral model hold no rows of their own: what changes there is what changes in what they read.
So where one of them lies between two models that are built by time range, the ranges go through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlflow.bind.kept import kept_column
from sqlflow.bind.time_range import time_column
from sqlflow.bind.types import BoundModel, BoundTime, FollowedView, NodeSchema
from sqlflow.core.config import Materialization, NodeConfig
from sqlflow.core.ids import NodeId
from sqlflow.core.moments import MomentType
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Graph
from sqlflow.parse.types import Parsed, QueryKey
from sqlflow.render.types import OWN_FILTER, Rendered, RenderedQuery

_FULL, _INCREMENTAL = "full", "incremental"
_HOLDS_NO_ROWS = (Materialization.VIEW, Materialization.EPHEMERAL)


class Follower:
    """Follows ranges through the nodes of one project, which it is told of in the graph's order.

    `spec` is the dialect that the queries are written in, `volatile` what makes them give other rows by
    themselves.
    """

    def __init__(
        self,
        rendered: Rendered,
        parsed: Parsed,
        graph: Graph,
        configs: Mapping[NodeId, NodeConfig],
        schemas: Mapping[NodeId, NodeSchema],
        spec: DialectSpec,
        volatile: Mapping[NodeId, tuple[str, ...]],
    ) -> None:
        self._rendered = rendered
        self._parsed = parsed
        self._graph = graph
        self._configs = configs
        self._schemas = schemas
        self._spec = spec
        self._volatile = volatile
        # What is built by time range, or shows what is.
        self._ranged: set[NodeId] = set()
        self._known: dict[tuple[NodeId, str], tuple[NodeId, str] | None] = {}

    def followed(self, model: BoundModel) -> BoundModel:
        """Notes a model, and says how the ranges of what it reads reach it, if it is built by time range."""
        config = self._configs[model.id]
        shows = config.materialized in _HOLDS_NO_ROWS
        if config.time_range is not None or (shows and self._ranged & {*self._uses(model.id, _FULL)}):
            self._ranged.add(model.id)
        return replace(model, time=self._time(model, model.time)) if model.time is not None else model

    def _time(self, model: BoundModel, time: BoundTime) -> BoundTime:
        """Walks from a model to all that is built by time range, through what holds no rows.

        Each step has the relation that reads, what it reads, and the column of that by which the rows of a
        batch are told: None where others may matter as well.
        """
        ranged: dict[NodeId, dict[NodeId, bool]] = {}
        todo = [(model.id, node, column) for node, column in self._ties(model, time)]
        seen: set[tuple[NodeId, NodeId, str | None]] = set()
        while todo:
            step = reader, node, column = todo.pop()
            if node not in self._ranged or step in seen:
                continue
            seen.add(step)
            config = self._configs[node]
            through = reader if config.materialized is Materialization.EPHEMERAL else node
            if config.time_range is None:
                todo += [(through, parent, given) for parent, given in self._parts(node, column)]
            if config.materialized is not Materialization.EPHEMERAL:
                is_whole = config.time_range is None and column is not None
                kept = is_whole or self._is_event_time(node, column, config, model.config)
                before = ranged.setdefault(reader, {}).get(node, True)
                ranged[reader][node] = kept and before
        own = ranged.pop(model.id, {})
        views = {
            view: FollowedView(parents, bool(self._volatile.get(view))) for view, parents in ranged.items()
        }
        return replace(time, ranged=own, views=views)

    def _ties(self, model: BoundModel, time: BoundTime) -> Iterator[tuple[NodeId, str | None]]:
        """What a model reads, each with the column by which the rows of a batch are made of those of a batch.

        That is where only a batch's rows are read, since then no others can matter; and where its event time
        is a column of the other, as it is, and no row depends on those of another time.
        """
        rendered = self._rendered.models[model.id]
        queries = {_FULL: rendered.full, _INCREMENTAL: rendered.incremental}
        written = {mode: query for mode, query in queries.items() if query is not None}
        filters = not any(OWN_FILTER.search(query.text) for query in written.values())
        reads = {node for mode in written for node in self._uses(model.id, mode)}
        inputs = model.function.inputs if model.function is not None else ()
        for node in sorted(reads | {given.node for given in inputs}):
            if node not in self._ranged:
                continue
            found = {self._source(model.id, mode, query, time.column.name) for mode, query in written.items()}
            one = found.pop() if len(found) == 1 else None
            by_rows = one[1] if one is not None and one[0] == node else None
            read = time.parents.get(node) if filters else None
            is_kept = by_rows is not None and self._leads(node, by_rows, model.config)
            yield node, by_rows if is_kept or read is None else read.name

    def _leads(self, node: NodeId, column: str, own: NodeConfig) -> bool:
        """Whether a column is the event time of a node that is built by time range."""
        here: tuple[NodeId, str] | None = (node, column)
        while here is not None:
            node, column = here
            config = self._configs.get(node)
            if config is None or config.time_range is not None:
                return config is not None and self._is_event_time(node, column, config, own)
            here = next(((parent, given) for parent, given in self._parts(node, column) if given), None)
        return False

    def _is_event_time(self, node: NodeId, column: str | None, config: NodeConfig, own: NodeConfig) -> bool:
        """Whether a column is a node's event time, its ranges those of the model that `own` is of."""
        read = time_column(self._schemas.get(node), config.event_time, self._spec)
        if read is None or column is None or config.time_range is None or own.time_range is None:
            return False
        same_zone = config.time_range.time_zone == own.time_range.time_zone
        same_days = read.type is not MomentType.DATE or same_zone
        return same_days and name_key(self._spec, read.name) == name_key(self._spec, column)

    def _parts(self, node: NodeId, column: str | None) -> Iterator[tuple[NodeId, str | None]]:
        """What a view or an ephemeral model reads, with the column of it that one of its own is."""
        if node not in self._ranged or self._configs[node].materialized not in _HOLDS_NO_ROWS:
            return
        query = self._rendered.models[node].full
        source = None
        if column is not None and query is not None:
            key = node, name_key(self._spec, column)
            if key not in self._known:
                self._known[key] = self._source(node, _FULL, query, column)
            source = self._known[key]
        for parent in dict.fromkeys(self._uses(node, _FULL)):
            yield parent, source[1] if source is not None and source[0] == parent else None

    def _uses(self, node: NodeId, mode: str) -> list[NodeId]:
        links = self._graph.queries.get(QueryKey(node, mode))
        return [used for used in links.tables if used is not None] if links is not None else []

    def _source(
        self, node: NodeId, mode: str, query: RenderedQuery, column: str
    ) -> tuple[NodeId, str] | None:
        """The node that a query reads once, and the column of it that one of the query's is, row by row."""
        schema = self._schemas.get(node)
        name = name_key(self._spec, column)
        found = [c for c in (schema.columns if schema is not None else ()) if c.name]
        found = [c for c in found if name_key(self._spec, c.name or "") == name]
        if len(found) != 1 or len(found[0].sources) != 1:
            return None
        (source,) = found[0].sources
        read = NodeId(source.table)
        facts, uses = self._parsed.queries.get(QueryKey(node, mode)), self._uses(node, mode)
        links = self._graph.queries.get(QueryKey(node, mode))
        if facts is None or links is None or uses.count(read) != 1:
            return None
        use = facts.tables[links.tables.index(read)]
        given = kept_column(query.text, use.start, column, self._spec)
        return (read, source.column) if given == name_key(self._spec, source.column) else None
