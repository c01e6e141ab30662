"""The events of a run, in the order in which they happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId
from sqlflow.dialect.environments import PROD
from sqlflow.state.publication import Publication


class Status(StrEnum):
    """How an action ended.

    SUCCESS: done, a test found nothing. UNCHANGED: nothing had to be done. WARN: a test of severity warn
    found rows. FAIL: a test of severity error found rows, or what it audits was not published for that.
    ERROR: it could not be done. HELD: it waits for something outside, or something that it needs does: what
    is published stays, and nothing is wrong. SKIPPED: something that it needs did not end well, or the run
    was stopped before it began. CANCELLED: stopped while it ran.
    """

    SUCCESS = "success"
    UNCHANGED = "unchanged"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    HELD = "held"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_good(self) -> bool:
        """Whether what depends on the action may go on."""
        return self in (Status.SUCCESS, Status.UNCHANGED, Status.WARN)

    @property
    def is_bad(self) -> bool:
        """Whether the run has not done what it was to do."""
        return not self.is_good and self is not Status.HELD


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run begins. `at` is its one 'now'; `actions` is how many there are to do."""

    run: str
    at: datetime
    command: str
    target: str
    actions: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The selected nodes for which nothing has to be done.

    `left` are those that are due and not built, since no rows are to be computed; `untold` are the sources
    that can't tell whether they changed: what reads them is always built.
    """

    nodes: tuple[NodeId, ...]
    untold: tuple[str, ...]
    left: tuple[NodeId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesRenamed:
    """Nodes go on with what was published under names that they had before: each of these, and the node."""

    nodes: tuple[tuple[str, NodeId], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesTaken:
    """Nodes were published as the environment `source` has them, all at once: nothing of them was computed.

    Where that is the environment of the run, their tables got names by version.
    """

    source: str
    nodes: tuple[NodeId, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted:
    """An action begins; `kind` is the action's: "model", "seed", "source", "test"."""

    node: NodeId
    name: str
    kind: str
    materialized: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAwaited:
    """An action waits, since another run, which `holder` names, writes to the same table."""

    node: NodeId
    name: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSent:
    """A statement went to the warehouse; `rows` as the engine told, None where it didn't."""

    node: NodeId | None
    sql: str
    seconds: float
    rows: int | None
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFinished:
    """An action ended.

    `rows` were written, by a test: found. `reason` says in a few words why it was skipped, or what else
    there is to say; `kept` is the table that holds a failed test's rows. Of a test, `code` is the digest of
    its query, and `inputs` has the data version of each node that it read. Of a model by time range, the
    rows are those of so many `batches`.
    """

    run: str
    node: NodeId
    name: str
    kind: str
    materialized: str
    status: Status
    at: datetime
    seconds: float
    statements: int
    rows: int | None
    reason: str
    kept: str | None
    diagnostics: tuple[Diagnostic, ...]
    code: str = ""
    inputs: Mapping[NodeId, str] = field(default_factory=lambda: MappingProxyType({}))
    environment: str = PROD
    batches: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A node's data was published; the publish log in the warehouse says the same."""

    publication: Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHooksFinished:
    """The statements of `hook`, "on-run-start" or "on-run-end", have run, all in one transaction.

    `statements` is how many were sent.
    """

    hook: str
    status: Status
    at: datetime
    seconds: float
    statements: int
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended. `counts` has each status that occurred; `not_done` names what did not end well."""

    run: str
    at: datetime
    seconds: float
    counts: tuple[tuple[Status, int], ...]
    not_done: tuple[NodeId, ...]
    interrupted: bool
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that was planned ended well."""
        return not self.not_done and not self.interrupted and not any(d.is_error for d in self.diagnostics)


Event: TypeAlias = (
    RunStarted
    | Unchanged
    | NodesRenamed
    | NodesTaken
    | NodeStarted
    | LeaseAwaited
    | StatementSent
    | NodeFinished
    | Published
    | RunHooksFinished
    | RunFinished
)
# What outlives its run: the rest is of use only while one watches.
KeptEvent: TypeAlias = RunStarted | NodeFinished | Published | RunFinished
