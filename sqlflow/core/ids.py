"""Names of nodes that are unique in a project, in dbt's form: `kind.package.name`."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

NodeId = NewType("NodeId", str)


class NodeKind(StrEnum):
    """What a node of the graph is."""

    MODEL = "model"
    SEED = "seed"
    SNAPSHOT = "snapshot"
    SOURCE = "source"
    TEST = "test"


def node_id(kind: NodeKind, package: str, *names: str) -> NodeId:
    """Makes the id of a node: `model.shop.orders`, `source.shop.raw.orders`."""
    return NodeId(".".join((kind.value, package, *names)))


def kind_of(node: NodeId) -> NodeKind:
    """Gives the kind that an id begins with."""
    return NodeKind(node.split(".", 1)[0])


def has_query(node: NodeId) -> bool:
    """Whether the rows of a node come from a query of the project: those of models and snapshots do."""
    return kind_of(node) in (NodeKind.MODEL, NodeKind.SNAPSHOT)
