"""Puts nodes in an order in which each comes after those that it reads."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from sqlflow.core.ids import NodeId


def topological(
    parents: Mapping[NodeId, Sequence[NodeId]],
) -> tuple[tuple[NodeId, ...], tuple[tuple[NodeId, ...], ...]]:
    """Gives an order and the cycles that keep nodes out of it.

    Among nodes that could come next the smallest id does, so the order depends on nothing else. Each cycle
    is a closed path, its first node not repeated; each node that is in a cycle at all is in one of them
    or reads one that is.
    """
    waiting = {node: len(set(reads)) for node, reads in parents.items()}
    children: dict[NodeId, list[NodeId]] = {node: [] for node in parents}
    for node, reads in parents.items():
        for parent in set(reads):
            children[parent].append(node)
    ready = [node for node, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order: list[NodeId] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for child in children[node]:
            waiting[child] -= 1
            if waiting[child] == 0:
                heapq.heappush(ready, child)
    left = {node for node in parents if waiting[node] > 0}
    return tuple(order), _cycles(parents, left)


def _cycles(parents: Mapping[NodeId, Sequence[NodeId]], left: set[NodeId]) -> tuple[tuple[NodeId, ...], ...]:
    """Follows reads among the nodes that are left until a node comes again; then takes that cycle out."""
    cycles: list[tuple[NodeId, ...]] = []
    seen: set[NodeId] = set()
    for start in sorted(left):
        path: list[NodeId] = []
        node: NodeId | None = start
        while node is not None and node not in seen:
            if node in path:
                cycles.append(tuple(path[path.index(node) :]))
                break
            path.append(node)
            node = next((p for p in sorted(set(parents[node])) if p in left and p not in seen), None)
        seen.update(path)
    return tuple(cycles)
