"""A live line on a terminal, above which the nodes that ended scroll by."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from threading import Lock

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sqlflow.cli.terminal import Terminal
from sqlflow.cli.views.diagnostics import Lines
from sqlflow.cli.views.paint import visible
from sqlflow.cli.views.plain import awaited, is_remarkable, renamed, started, taken, unchanged
from sqlflow.cli.views.summary import hooks_line, node_line, summary
from sqlflow.core.ids import NodeId
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

# How many of the running nodes the live line names.
RUNNING = 4


class HumanView:
    """Tells a run on a terminal; the live line is gone when the account comes."""

    def __init__(
        self, terminal: Terminal, lines: Lines, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._terminal = terminal
        self._lines = lines
        self._clock = clock
        self._begun = clock()
        self._nodes: list[NodeFinished] = []
        self._running: dict[NodeId, str] = {}
        self._actions = 0
        self._done = 0
        self._failed = 0
        self._lock = Lock()  # rich draws the line from a thread of its own
        console = Console(
            file=sys.stderr,
            force_terminal=True,
            highlight=False,
            markup=False,
            emoji=False,
            no_color=terminal.paint("x", "error") == "x",
        )
        self._live = Live(
            console=console,
            get_renderable=self._line,
            refresh_per_second=8,
            transient=True,
            # What a Python model prints must not tear the line; but a pipe gets it unchanged.
            redirect_stdout=terminal.table_width is not None,
        )

    def __enter__(self) -> HumanView:
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Tells an event."""
        with self._lock:
            self._count(event)
        match event:
            case RunStarted():
                self._terminal.tell(started(event))
                self._live.start()
            case Unchanged():
                self._above(unchanged(event))
            case NodesRenamed():
                self._above(renamed(event))
            case NodesTaken():
                self._above(taken(event))
            case LeaseAwaited():
                self._above(awaited(event))
            case NodeFinished():
                self._above(node_line(event, self._terminal.paint))
            case RunHooksFinished():
                self._above(hooks_line(event, self._terminal.paint))
            case RunFinished():
                self._live.stop()
                self._terminal.tell(
                    "\n"
                    + summary(
                        event,
                        self._nodes,
                        self._lines,
                        paint=self._terminal.paint,
                        width=self._terminal.width,
                    )
                )
            case NodeStarted() | StatementSent() | Published():
                pass

    def _count(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._actions = event.actions
            case NodeStarted():
                self._running[event.node] = event.name
            case NodeFinished():
                self._running.pop(event.node, None)
                self._done += 1
                self._failed += event.status in (Status.FAIL, Status.ERROR)
                if is_remarkable(event):
                    self._nodes.append(event)
            case _:
                pass

    def _above(self, line: str) -> None:
        self._live.console.print(Text.from_ansi(line), soft_wrap=True)

    def _line(self) -> Text:
        with self._lock:
            return live_line(
                self._done, self._actions, self._running, self._failed, self._clock() - self._begun
            )


def live_line(done: int, actions: int, running: Mapping[NodeId, str], failed: int, elapsed: float) -> Text:
    """Draws the live line: `12/40  0:07  1 failed  running stg_orders, stg_flights +2`."""
    # Cropped and not marked: the mark would be a character that not every terminal has. Nothing is bold:
    # that would stay where colours are not wanted.
    line = Text(no_wrap=True, overflow="crop", end="")
    line.append(f"{done}/{actions}")
    line.append(f"  {int(elapsed) // 60}:{int(elapsed) % 60:02d}")
    if failed:
        line.append(f"  {failed} failed", style="red")
    names = list(running.values())
    if names:
        more = f" +{len(names) - RUNNING}" if len(names) > RUNNING else ""
        line.append(f"  running {', '.join(visible(name) for name in names[:RUNNING])}{more}")
    return line
