"""Publications: what the publish log in the warehouse says of a node's published data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Ranges
from sqlflow.core.relation import Relation

# Columns by the names that they are looked up by.
Columns: TypeAlias = tuple[str, ...]
# How many earlier data versions a publication is compared with.
_MOST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One publishing of a node in an environment, written in the transaction that published.

    - `relation` is the published table or view, as SQL writes its name; `number` counts the publications
      of the node under that name, in that environment, from 1: the highest one is what is there.
    - `code` is the digest of what the node was built from; `data` names its contents: two publications
      with the same `data` hold the same rows. `inputs` has the data version of each node that was read.
    - `ranges` are the intervals that the table then covers, all of them; None where it isn't built by time.
    - `changed` are the intervals whose rows it changed; None where any row may be another one. A view has
      none of its own: what changed there is what changed in its `inputs`, while its `code` stays the same.
    - `checksum` tells whether two publications hold the same rows; empty where it was not asked for.
    - `stage` is the table that holds the contents, beside the view that shows them; empty where the published
      relation holds them itself.
    - `table` is the table by version that the view of an environment shows; None where there is none.
    - `epoch` is the one of the lease under which it was written.
    - `like` has earlier data versions that hold the same rows but for some columns, each with these: such as
      came, went, or have other values. Nothing is claimed of a version that is not in it.
    - `unread` has, of what it reads, the columns that are others than in the data that it was built from,
      and that it does not read: for these it was left as it was, and only published once more.
    - `origins` tell, of each node that was read, of which code its rows come, `origin` of which its own do,
      by digests; empty where tables are not made by version. For these, the code `counts_as` the version that
      it was before a node was renamed; empty where it counts as itself.
    - `follows` names the environment whose view it is, of a node that is one and was taken from there.
    - `tested` has the data versions of the other nodes that its audits read when they passed.
    - `mixed` says that its code does not tell what is there: something that was read was of other code than
      the node was compiled with, so that a star may have stood for other columns, or a view has other words
      than the code that it counts as. Nothing is told then of what it reads.
    - `unshown` says that its `table` is still being filled, and that no view shows it: such a one stands in
      the list of tables alone, never in the log.
    """

    environment: str
    node: NodeId
    number: int
    relation: str
    code: str
    data: str
    inputs: Mapping[NodeId, str]
    ranges: Ranges | None
    run: str
    at: datetime
    epoch: int
    changed: Ranges | None = None
    checksum: str = ""
    stage: str = ""
    table: Relation | None = None
    like: Mapping[str, Columns] = field(default_factory=lambda: MappingProxyType({}))
    unread: Mapping[NodeId, Columns] = field(default_factory=lambda: MappingProxyType({}))
    tested: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    follows: str = ""
    origin: str = ""
    origins: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    unshown: bool = False
    mixed: bool = False
    counts_as: str = ""

    def shown_in(self, other: Publication) -> Publication:
        """Gives what is shown under its name where that is what another environment has published."""
        return replace(
            other,
            environment=self.environment,
            number=self.number,
            relation=self.relation,
            follows=self.follows,
        )

    def columns_since(self, data: str) -> frozenset[str] | None:
        """Gives the columns that differ from those of a data version; None where any row may be another."""
        if data == self.data:
            return frozenset()
        found = self.like.get(data)
        return frozenset(found) if found is not None else None

    def likeness(self, columns: frozenset[str] | None) -> Mapping[str, Columns]:
        """Gives what the next publication is like, if it differs from this one in some columns."""
        if columns is None:
            return {}
        found = {self.data: columns} | {data: columns | set(more) for data, more in self.like.items()}
        return {data: tuple(sorted(each)) for data, each in list(found.items())[:_MOST]}
