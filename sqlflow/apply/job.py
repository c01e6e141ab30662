"""What goes with the building of a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlflow.apply.audit import Audits
from sqlflow.apply.leases import Lease
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Range, Ranges


class Job(NamedTuple):
    """What goes with the building of one node: what it is built from, its tests, the lease on its table."""

    code: str
    inputs: Mapping[NodeId, str]
    audits: Audits
    lease: Lease | None


class Batch(NamedTuple):
    """A batch of a model, the ranges that are left to be built after it, whether it makes the table anew."""

    range: Range
    left: Ranges
    anew: bool
