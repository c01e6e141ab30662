"""What has to be there before a node is built: its parents, with those of ephemeral models in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlflow.bind.types import Program
from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId


def effective_parents(program: Program) -> Mapping[NodeId, tuple[NodeId, ...]]:
    """The parents of each node with ephemeral models replaced by theirs: what must be there before it."""
    out: dict[NodeId, tuple[NodeId, ...]] = {}
    for node in program.graph.order:
        parents: dict[NodeId, None] = {}
        for parent in program.graph.parents[node]:
            through = out.get(parent, ()) if is_ephemeral(program, parent) else (parent,)
            parents.update(dict.fromkeys(through))
        out[node] = tuple(parents)
    return out


def is_ephemeral(program: Program, node: NodeId) -> bool:
    """Whether a node is a part of what reads it, and nothing in the warehouse."""
    model = program.models.get(node)
    return model is not None and model.config.materialized is Materialization.EPHEMERAL


def sources_read(program: Program, nodes: Collection[NodeId]) -> tuple[NodeId, ...]:
    """Gives the sources that some nodes read, in the graph's order."""
    parents = effective_parents(program)
    read = {parent for node in nodes for parent in parents[node]}
    return tuple(node for node in program.graph.order if node in read and node in program.sources)
