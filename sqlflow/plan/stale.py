"""Decides whether a node has to be built: whether its code, or the data that it reads, has changed.

The rule is that of make: what is there was built from something, and stays as long as that is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.dialect.environments import PROD
from sqlflow.plan.deferral import Deferred
from sqlflow.plan.versions import same_rows
from sqlflow.state.publication import Publication

# The version, in a publication, of an input that could not tell it: no version is equal to it.
UNTOLD = ""
# Why a node is stale whose rows are what they should be.
ONLY_ATTACHED = "its descriptions or grants changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of the warehouse before a plan is made.

    `publications` has the last one of each node, of those whose table or view is still there. `outside`
    has the version of each source that tells one. `passed` has, of each test that passed when it last ran,
    the digest of its query and the data versions of what it read. `too_old` says of sources, in words, that
    their rows are older than they may be. `others` has what other environments show, by their names, `owners`
    whose the tables by version are; what is `adoptable` was published as a table of its own name, though the
    layout is one of tables by version. `kept` has what own tables hold that are not shown any more, `filling`
    what those do that are not shown yet, `removed` what is shown of nodes that are no longer in the project.
    `deferred` are the nodes that are read as prod has them. `carried` has publications as they stand in the
    log where they name a node by the id that it had before: its own, by the node that it is now, and those
    that read it. `occupied` are nodes that were renamed, and whose new name something else has.
    """

    publications: Mapping[NodeId, Publication] = field(default_factory=lambda: MappingProxyType({}))
    outside: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    passed: Mapping[NodeId, tuple[str, Mapping[NodeId, str]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    too_old: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    others: Mapping[str, Mapping[NodeId, Publication]] = field(default_factory=lambda: MappingProxyType({}))
    owners: Mapping[Relation, str] = field(default_factory=lambda: MappingProxyType({}))
    adoptable: frozenset[NodeId] = frozenset()
    kept: Mapping[NodeId, tuple[Publication, ...]] = field(default_factory=lambda: MappingProxyType({}))
    filling: Mapping[NodeId, Publication] = field(default_factory=lambda: MappingProxyType({}))
    removed: tuple[Publication, ...] = ()
    carried: Mapping[NodeId, Publication] = field(default_factory=lambda: MappingProxyType({}))
    occupied: frozenset[NodeId] = frozenset()
    deferred: Mapping[NodeId, Deferred] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def begun_from(self) -> Mapping[NodeId, Publication]:
        """The last publications; of what an environment has not built yet, prod's, with which it begins."""
        return {**self.others.get(PROD, {}), **self.publications}

    def last(self, node: NodeId) -> Publication | None:
        """Gives the last publication of a node where it is read from; None where nobody can tell."""
        deferred = self.deferred.get(node)
        return deferred.publication if deferred is not None else self.publications.get(node)

    def version(self, node: NodeId) -> str | None:
        """Gives the data version of a node that another one reads; None where nobody can tell."""
        if node in self.outside:
            return self.outside[node]
        found = self.last(node)
        return found.data if found is not None else None


class Made(NamedTuple):
    """What something was last done with: its code, the data versions of what it read, and when."""

    code: str
    inputs: Mapping[NodeId, str]
    at: datetime | None = None


def is_recent(last: Made | None, now: datetime | None, stale_after: timedelta | None) -> bool:
    """Whether what can't be told of a node counts as unchanged: it was built less than so long ago."""
    if last is None or last.at is None or now is None or stale_after is None:
        return False
    return now - last.at < stale_after


def why_stale(
    code: str,
    reads: Sequence[NodeId],
    version: Callable[[NodeId], str | None],
    last: Made | None,
    name: Callable[[NodeId], str] = str,
    *,
    volatile: str = "",
    recent: bool = False,
) -> str:
    """Says in a few words why something has to be done again; empty where it need not.

    `last` is what it was last done with, None for never; `name` says how a node is called, `volatile` what
    makes its query give something else each time. Where it was done in `recent` time, what can't be told
    counts as unchanged.
    """
    if last is None:
        return "not built yet"
    if not same_rows(last.code, code):
        return "its code changed"
    versions = [(node, version(node)) for node in reads]
    for node, now in versions:
        if now is not None and last.inputs.get(node) != now:
            return f"{name(node)} changed"
    if not recent:
        untold = next((node for node, now in versions if now is None), None)
        if untold is not None:
            return f"{name(untold)} can't tell whether it changed"
        if volatile:
            return f"uses {volatile}"
    return "" if last.code == code else ONLY_ATTACHED
