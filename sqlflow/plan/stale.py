"""Decides whether a node has to be built: whether its code, or the data that it reads, has changed.

The rule is that of make: what is there was built from something, and stays as long as that is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlflow.core.ids import NodeId
from sqlflow.state.publication import Publication

# The version, in a publication, of an input that could not tell it: no version is equal to it.
UNTOLD = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of the warehouse before a plan is made.

    `publications` has the last one of each node, of those whose table or view is still there. `outside`
    has the version of each source that tells one. `passed` has, of each test that passed when it last ran,
    the digest of its query and the data versions of what it read.
    """

    publications: Mapping[NodeId, Publication] = field(default_factory=lambda: MappingProxyType({}))
    outside: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    passed: Mapping[NodeId, tuple[str, Mapping[NodeId, str]]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def version(self, node: NodeId) -> str | None:
        """Gives the data version of a node that another one reads; None where nobody can tell."""
        if node in self.outside:
            return self.outside[node]
        found = self.publications.get(node)
        return found.data if found is not None else None


def why_stale(
    code: str,
    reads: Sequence[NodeId],
    version: Callable[[NodeId], str | None],
    last: tuple[str, Mapping[NodeId, str]] | None,
    name: Callable[[NodeId], str] = str,
) -> str:
    """Says in a few words why something has to be done again; empty where it need not.

    `last` are the code and the data versions of the inputs that it was last done with, None for never;
    `name` says how a node is called.
    """
    if last is None:
        return "not built yet"
    before, inputs = last
    if before != code:
        return "its code changed"
    for node in reads:
        now = version(node)
        if now is None:
            return f"{name(node)} can't tell whether it changed"
        if inputs.get(node) != now:
            return f"{name(node)} changed"
    return ""
