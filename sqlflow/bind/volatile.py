"""Finds what makes queries give other rows although nothing that they read has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlflow.core.config import Materialization, NodeConfig
from sqlflow.core.ids import NodeId
from sqlflow.link.types import Graph, Links
from sqlflow.parse.types import Parsed

_NO_LINKS = Links(tables=(), references=())


def volatile_parts(
    parsed: Parsed, graph: Graph, configs: Mapping[NodeId, NodeConfig], is_known: Callable[[str], bool]
) -> Mapping[NodeId, tuple[str, ...]]:
    """Names such functions, words and tables of each node that has any.

    An ephemeral model hands its own on to its readers. `is_known` says whether the dialect has a function of
    that name by itself: of others nobody can tell.
    """
    own: dict[NodeId, dict[str, None]] = {}
    for key, facts in parsed.queries.items():
        links = graph.queries.get(key, _NO_LINKS)
        catalog = [
            use.parts[-1].text for use, node in zip(facts.tables, links.tables, strict=False) if node is None
        ]
        unknown = [name for name in facts.unknown if not is_known(name)]
        own.setdefault(key.node, {}).update(dict.fromkeys((*facts.volatile, *unknown, *catalog)))
    for node in graph.order:
        for parent in graph.parents[node]:
            if parent in configs and configs[parent].materialized is Materialization.EPHEMERAL:
                own.setdefault(node, {}).update(own.get(parent, {}))
    return {node: tuple(found) for node, found in own.items() if found}
