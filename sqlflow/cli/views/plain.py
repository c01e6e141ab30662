"""A line for each node that ends: for logs and pipes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlflow.cli.terminal import Terminal
from sqlflow.cli.views.diagnostics import Lines
from sqlflow.cli.views.paint import count, seconds, visible
from sqlflow.cli.views.summary import hooks_line, node_line, summary
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.state.event import (
    Event,
    LeaseAwaited,
    NodeFinished,
    NodesRenamed,
    NodesTaken,
    NodeStarted,
    Published,
    RunFinished,
    RunHooksFinished,
    RunStarted,
    StatementSent,
    Status,
    Unchanged,
)


class PlainView:
    """Tells a run line by line, with the account at its end."""

    def __init__(self, terminal: Terminal, lines: Lines) -> None:
        self._terminal = terminal
        self._lines = lines
        self._nodes: list[NodeFinished] = []
        self._actions = 0
        self._done = 0

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, event: Event) -> None:
        """Tells an event."""
        paint = self._terminal.paint
        match event:
            case RunStarted():
                self._actions = event.actions
                self._terminal.tell(started(event))
            case Unchanged():
                self._terminal.tell(unchanged(event))
            case NodesRenamed():
                self._terminal.tell(renamed(event))
            case NodesTaken():
                self._terminal.tell(taken(event))
            case LeaseAwaited():
                self._terminal.tell(awaited(event))
            case NodeFinished():
                self._done += 1
                if is_remarkable(event):
                    self._nodes.append(event)
                number = f"{self._done:>{len(str(self._actions))}}/{self._actions}"
                self._terminal.tell(f"{number} {node_line(event, paint)}")
            case RunHooksFinished():
                self._terminal.tell(hooks_line(event, paint))
            case RunFinished():
                self._terminal.tell(
                    "\n" + summary(event, self._nodes, self._lines, paint=paint, width=self._terminal.width)
                )
            case NodeStarted() | StatementSent() | Published():
                pass


def started(event: RunStarted) -> str:
    """Says what begins."""
    threads = count(event.threads, "thread")
    return f"{event.command} on target {visible(event.target)}: {count(event.actions, 'step')}, {threads}"


def unchanged(event: Unchanged) -> str:
    """Says how much need not be done, and what can't tell."""
    told = (("unchanged", event.nodes), ("not filled, by --skip-backfill", event.left))
    lines = [f"{what}: {_counted(nodes)}" for what, nodes in told if nodes]
    if event.untold:
        names = ", ".join(visible(name) for name in event.untold)
        lines.append(f"always built is what reads a source that can't tell whether it changed: {names}")
    return "\n".join(lines)


def _counted(nodes: Sequence[NodeId]) -> str:
    tests = sum(kind_of(node) is NodeKind.TEST for node in nodes)
    return count(len(nodes) - tests, "node") + (f" and {count(tests, 'test')}" if tests else "")


def renamed(event: NodesRenamed) -> str:
    """Says what got the name that its node has now."""
    names = (f"{visible(old)} -> {visible(node.rpartition('.')[2])}" for old, node in event.nodes)
    return f"renamed: {', '.join(names)}"


def taken(event: NodesTaken) -> str:
    """Says what was published without being computed."""
    nodes = count(len(event.nodes), "node")
    return f"taken, as {visible(event.source)} has it: {nodes}, {seconds(event.seconds)}"


def awaited(event: LeaseAwaited) -> str:
    """Says whom an action waits for."""
    return f"{visible(event.name)} waits for {visible(event.holder)}, which builds it"


def is_remarkable(event: NodeFinished) -> bool:
    """Whether the account at the end has something to say about the node."""
    return event.status not in (Status.SUCCESS, Status.UNCHANGED) or bool(event.diagnostics)
