"""Trees of settings in which every value knows its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sqlflow.core.span import Span
from sqlflow.core.value import Scalar, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode:
    """A single value. `text` is its spelling.

    `rendered` says that it came out of a template; `failed` that it has no value, which was reported.
    """

    value: Scalar
    text: str
    span: Span
    rendered: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    span: Span


class Pair(NamedTuple):
    """A key of a mapping with its place, and its value."""

    key: str
    key_span: Span
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode:
    """A mapping, in the order in which it was written."""

    pairs: tuple[Pair, ...]
    span: Span

    def get(self, key: str) -> Pair | None:
        """Gives the pair of a key."""
        return next((pair for pair in self.pairs if pair.key == key), None)


Node: TypeAlias = ScalarNode | ListNode | MappingNode


def to_value(node: Node) -> Value:
    """Gives the value without its places, immutable."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return tuple(to_value(item) for item in node.items)
        case MappingNode():
            return mapping_value(node)


def mapping_value(node: MappingNode) -> Mapping[str, Value]:
    """Gives a mapping without its places, immutable."""
    return MappingProxyType({pair.key: to_value(pair.node) for pair in node.pairs})


def from_value(value: Value, span: Span, *, rendered: bool = False) -> Node:
    """Makes a tree of a value all of whose parts have one place."""
    if isinstance(value, Mapping):
        pairs = (Pair(key, span, from_value(item, span, rendered=rendered)) for key, item in value.items())
        return MappingNode(pairs=tuple(pairs), span=span)
    if isinstance(value, tuple):
        items = tuple(from_value(item, span, rendered=rendered) for item in value)
        return ListNode(items=items, span=span)
    return ScalarNode(value=value, text="" if value is None else str(value), span=span, rendered=rendered)
