"""Finds the node that a test belongs to: what it audits before that is published."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.bind.types import Program
from sqlflow.core.ids import NodeId, NodeKind


def audited_nodes(
    program: Program, wanted: frozenset[NodeId], effective: Mapping[NodeId, tuple[NodeId, ...]]
) -> Mapping[NodeId, NodeId]:
    """Gives for each planned test the planned node that it audits; left out are those that audit none.

    A test belongs to the last of the nodes that it reads, if that one is built from all the others. Where
    there is no such one, all of them are published before the test can run.
    """
    place = {node: index for index, node in enumerate(program.graph.order)}
    known: dict[NodeId, frozenset[NodeId]] = {}
    out: dict[NodeId, NodeId] = {}
    for test in wanted:
        if program.graph.nodes[test].kind is not NodeKind.TEST or not effective[test]:
            continue
        last = max(effective[test], key=lambda node: place[node])
        others = set(effective[test]) - {last}
        if last in wanted and (not others or others <= _ancestors(last, effective, known)):
            out[test] = last
    return out


def _ancestors(
    node: NodeId, effective: Mapping[NodeId, tuple[NodeId, ...]], known: dict[NodeId, frozenset[NodeId]]
) -> frozenset[NodeId]:
    if node not in known:
        seen: set[NodeId] = set()
        stack = [node]
        while stack:
            for parent in effective[stack.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        known[node] = frozenset(seen)
    return known[node]
