"""Events of made-up runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlflow.cli.terminal import Terminal
from sqlflow.cli.views.paint import no_colour
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.ids import NodeId
from sqlflow.state.event import (
    Event,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    StatementSent,
    Status,
)
from tests.cli.shapes import at

AT = datetime(2024, 3, 1, 12, 30, tzinfo=UTC)


def terminal(format_: str = "plain") -> Terminal:
    return Terminal(
        format=format_, live=False, paint=no_colour, paint_data=no_colour, width=100, table_width=None
    )


def started(actions: int) -> RunStarted:
    return RunStarted(run="r1", at=AT, command="build", target="dev", actions=actions, threads=2)


def node_started(name: str, kind: str = "model", materialized: str = "table") -> NodeStarted:
    return NodeStarted(
        node=NodeId(f"{kind}.shop.{name}"), name=name, kind=kind, materialized=materialized, at=AT
    )


def node(
    name: str,
    status: Status = Status.SUCCESS,
    *,
    kind: str = "model",
    materialized: str = "table",
    rows: int | None = None,
    reason: str = "",
    kept: str | None = None,
    diagnostics: Sequence[Diagnostic] = (),
) -> NodeFinished:
    return NodeFinished(
        run="r1",
        node=NodeId(f"{kind}.shop.{name}"),
        name=name,
        kind=kind,
        materialized=materialized,
        status=status,
        at=AT,
        seconds=0.125,
        statements=2,
        rows=rows,
        reason=reason,
        kept=kept,
        diagnostics=tuple(diagnostics),
    )


def finished(
    nodes: Sequence[NodeFinished], *, interrupted: bool = False, diagnostics: Sequence[Diagnostic] = ()
) -> RunFinished:
    statuses = [n.status for n in nodes]
    return RunFinished(
        run="r1",
        at=AT,
        seconds=75.4,
        counts=tuple((status, statuses.count(status)) for status in Status if status in statuses),
        not_done=tuple(n.node for n in nodes if not n.status.is_good),
        interrupted=interrupted,
        diagnostics=tuple(diagnostics),
    )


def failing_run() -> tuple[Event, ...]:
    """A run in which something of each kind happens."""
    refused = Diagnostic(
        code=Code.STATEMENT_FAILED,
        message="the warehouse refused a statement of `orders`: no such column",
        span=at("models/orders.sql", "o.wrong"),
        label="here",
    )
    found = Diagnostic(
        code=Code.TEST_FAILED, message="the test `unique_a` found 2 rows", help="keep them for a look"
    )
    warned = Diagnostic(
        code=Code.TEST_FAILED, severity=Severity.WARNING, message="the test `not_null_b` found 1 row"
    )
    because = "because of orders (error)"
    nodes = [
        node("raw", kind="seed", materialized="seed", rows=1),
        node("stg", materialized="view"),
        node("orders", Status.ERROR, diagnostics=[refused]),
        node("late", Status.SKIPPED, reason=because),
        *(node(f"mart_{i}", Status.SKIPPED, reason=because) for i in range(10)),
        node("unique_a", Status.FAIL, kind="test", materialized="", rows=2, kept="dbg.unique_a",
             diagnostics=[found]),
        node("not_null_b", Status.WARN, kind="test", materialized="", rows=1, diagnostics=[warned]),
        node("slow", Status.CANCELLED),
        node("other", rows=12345),
    ]  # fmt: skip
    statement = StatementSent(node=nodes[1].node, sql="CREATE VIEW x", seconds=0.5, rows=None, ok=True)
    return (started(len(nodes)), node_started("stg"), statement, *nodes, finished(nodes))


class Replay:
    """Events that were written down, as a run that can be stopped."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = iter(events)
        self.stopped = 0

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def stop(self) -> None:
        self.stopped += 1
