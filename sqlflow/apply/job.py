"""What goes with the building of a node."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sqlflow.apply.audit import Audits
from sqlflow.apply.leases import Lease
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.publish import Written
from sqlflow.bind.types import BoundModel, BoundQuery, BoundSeed, Docs, Grants
from sqlflow.core.config import Index, Materialization
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Range, Ranges
from sqlflow.core.relation import Column, Relation, RelationKind
from sqlflow.core.span import Span
from sqlflow.plan.types import Action, BuildModel, LoadSeed, LoadSource
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication

CURRENT = Outcome(Status.UNCHANGED, reason="what it reads is unchanged")


class Job(NamedTuple):
    """What a node is built from, its tests, the lease on its table.

    `like` has the earlier data versions that what is built differs from in some columns, `unread` the columns
    that it is not built for, `tested` the data versions of what its tests read besides, `origins` of which
    code the rows come that it reads. It is `mixed` where its code does not tell what is going to be there.

    Where several batches are built at once, the lease `is_shared` among them, and each waits for its turn
    before it is tested and published.
    """

    code: str
    inputs: Mapping[NodeId, str]
    audits: Audits
    lease: Lease | None
    is_shared: bool = False
    like: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    unread: Mapping[NodeId, tuple[str, ...]] = MappingProxyType({})
    tested: Mapping[NodeId, str] = MappingProxyType({})
    origins: Mapping[NodeId, str] = MappingProxyType({})
    mixed: bool = False


class Fill(NamedTuple):
    """A table by version that is filled anew, and shown once it covers all of its `goal`.

    There is no `table` before its first batch.
    """

    goal: Ranges
    table: Relation | None = None


class Batch(NamedTuple):
    """A batch of a model, the ranges that are left to be built after it, whether it makes the table anew.

    Where there is a `fill`, it is a part of that.
    """

    range: Range
    left: Ranges
    anew: bool
    fill: Fill | None = None


class FileTable(NamedTuple):
    """A table that a file is loaded into."""

    relation: Relation
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    pre_hooks: tuple[BoundQuery, ...] = ()
    post_hooks: tuple[BoundQuery, ...] = ()
    docs: Docs | None = None
    checksum: bool = False
    grants: Grants | None = None


def kind_of(node: BoundModel | BoundSeed) -> RelationKind:
    """Says what a node becomes in the warehouse."""
    is_view = node.config.materialized is Materialization.VIEW
    return RelationKind.VIEW if is_view else RelationKind.TABLE


def success(publication: Publication, written: Written, *remarks: str) -> Outcome:
    """Tells of a node that was built and published."""
    said = [remark for remark in (*remarks, *written.remarks) if remark]
    return Outcome(Status.SUCCESS, written.rows, "; ".join(said), publication=publication)


def timeout_of(action: Action) -> float | None:
    """Gives the seconds that an action may take, None where there is no limit."""
    match action.work:
        case BuildModel():
            return action.work.model.config.timeout
        case LoadSeed():
            return action.work.seed.config.timeout
        case _:
            return None


def span_of(action: Action) -> Span:
    """Gives the place of what an action does."""
    match action.work:
        case BuildModel():
            return action.work.model.span
        case LoadSeed():
            return action.work.seed.span
        case LoadSource():
            return action.work.source.span
        case _:
            return action.work.span
