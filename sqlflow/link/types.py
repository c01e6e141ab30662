"""The stage `Graph`: nodes, what each reads, an order in which they can be built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlflow.core.config import TestConfig
from sqlflow.core.ids import NodeId, NodeKind
from sqlflow.core.span import Span
from sqlflow.parse.types import QueryKey
from sqlflow.project.types import TestDecl


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What selection and the manifest know of a node.

    `path` is the file that defines it; `folders` are those between its model path and the file;
    `materialized` is a model's materialization, "seed", or empty; `attached` is the node that a generic
    test is declared on.
    """

    id: NodeId
    kind: NodeKind
    name: str
    path: str
    folders: tuple[str, ...]
    tags: tuple[str, ...]
    materialized: str
    description: str
    attached: NodeId | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericTest:
    """A generic test as a node: `to` is the node that a relationships test compares with."""

    id: NodeId
    node: NodeId
    declared: TestDecl
    config: TestConfig
    to: NodeId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What one query's names mean: a node for each use of a table (by index), each reference, each parameter.

    A table that the engine knows by itself (its information schema) has None.
    """

    tables: tuple[NodeId | None, ...]
    references: tuple[NodeId | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Resolved references. `order` has every node after those that it reads.

    `parents` and `children` leave nothing out: a node without any has an empty tuple. `hooks` are the links
    of a node's hooks, before then after; `parameters` those of a Python model's parameters, in order;
    `questions` those of the queries that ask sources when their last rows came, which are no edges.
    `renamed` has the ids that nodes say they had before.
    """

    nodes: Mapping[NodeId, Node]
    parents: Mapping[NodeId, tuple[NodeId, ...]]
    children: Mapping[NodeId, tuple[NodeId, ...]]
    order: tuple[NodeId, ...]
    queries: Mapping[QueryKey, Links]
    hooks: Mapping[NodeId, tuple[Links, ...]]
    parameters: Mapping[NodeId, tuple[NodeId, ...]]
    tests: Mapping[NodeId, GenericTest]
    questions: Mapping[NodeId, Links] = field(default_factory=lambda: MappingProxyType({}))
    renamed: Mapping[NodeId, NodeId] = field(default_factory=lambda: MappingProxyType({}))
