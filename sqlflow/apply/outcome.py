"""How an action ended."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.plan.types import RunTest
from sqlflow.state.event import Status
from sqlflow.state.publication import Publication


class Outcome(NamedTuple):
    """How an action ended: its status, rows written or found, a remark, what was kept, diagnostics.

    `audits` are the tests that ran within it; those that did not get to run are left out. `publication` is
    what was published; `inputs` are the data versions of what a test read, `batches` is how many were built
    of a model by time range.
    """

    status: Status
    rows: int | None = None
    reason: str = ""
    kept: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    audits: tuple[AuditOutcome, ...] = ()
    publication: Publication | None = None
    inputs: Mapping[NodeId, str] = MappingProxyType({})
    batches: int | None = None


class AuditOutcome(NamedTuple):
    """How a test ended that ran within the action of the node it audits, and how many seconds it took."""

    test: RunTest
    ended: Outcome
    seconds: float
