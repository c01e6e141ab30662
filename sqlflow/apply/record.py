"""Writes down what a run does, below the target folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.state.codec import brief_diagnostic
from sqlflow.state.event import Event, KeptEvent, NodeFinished, RunFinished, RunStarted, StatementSent
from sqlflow.state.state import State, fold
from sqlflow.store.failures import StoreError, not_written
from sqlflow.store.log import EventLog
from sqlflow.system.protocol import System

STATEMENTS = "run/statements.sql"
RESULTS = "run/results.json"


class Stoppable(Protocol):
    """A run as it goes on."""

    def __next__(self) -> Event:
        """The next event."""
        ...

    def stop(self) -> None:
        """Asks the run to end."""
        ...

    def close(self) -> None:
        """Ends the run at once, without further events."""
        ...


class Recorded:
    """A run whose events are kept as they come: in the log of the project's state, and in files.

    An event is in the log before it is given out, and after the warehouse has done what it tells of. A log
    or a file that can't be written any more stops the record, and not the run.

    `run/statements.sql` has every statement that was sent, in the order in which they ended;
    `run/results.json` has how each node ended. Both are of the last run only.
    """

    def __init__(self, events: Stoppable, system: System, folder: str, log: EventLog) -> None:
        self._events = events
        self._system = system
        self._folder = folder
        self._log = log
        self._lost: StoreError | None = None
        self._past: list[KeptEvent] = []
        self._unwritten = False
        self._results: dict[str, object] = {}
        self._nodes: list[dict[str, object]] = []
        self._why = ""

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = next(self._events)
        if isinstance(event, KeptEvent):
            self._past.append(event)
            self._keep(event)
        try:
            if not self._unwritten:
                self._write(event)
        except OSError as error:
            self._unwritten = True
            self._why = error.strerror or str(error)
        if not isinstance(event, RunFinished):
            return event
        self._log.close()
        found = [self._not_written()] if self._unwritten else []
        found += [not_written(self._lost)] if self._lost is not None else []
        return replace(event, diagnostics=(*event.diagnostics, *found))

    def __enter__(self) -> Recorded:
        """Gives itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes."""
        self.close()

    def close(self) -> None:
        """Ends the run without further events, should it still go on: what runs is cancelled."""
        self._events.close()
        self._log.close()

    def stop(self) -> None:
        """Asks the run to end; may be called from a signal handler."""
        self._events.stop()

    @property
    def state(self) -> State:
        """What the events so far add up to."""
        return fold(State(), self._past)

    def _keep(self, event: KeptEvent) -> None:
        if self._lost is not None:
            return
        try:
            self._log.append([event])
        except StoreError as error:
            self._lost = error

    def _not_written(self) -> Diagnostic:
        return Diagnostic(
            code=Code.UNREADABLE_FILE,
            severity=Severity.WARNING,
            message=f"what the run did could not be written below `{self._folder}`: {self._why}",
            help="the warehouse is as the run left it; only the record of it is not complete",
        )

    def _write(self, event: Event) -> None:
        match event:
            case RunStarted():
                header = f"-- run {event.run}, {event.command} on {event.target}, {event.at.isoformat()}\n"
                self._system.write(f"{self._folder}/{STATEMENTS}", header.encode())
                self._results = {
                    "run": event.run,
                    "command": event.command,
                    "target": event.target,
                    "started_at": event.at.isoformat(),
                    "finished_at": None,
                }
                # What an earlier run left must not be taken for this one's, should it never end.
                self._write_results()
            case StatementSent():
                end = "" if event.ok else ", failed"
                rows = "" if event.rows is None else f", {event.rows} rows"
                head = f"\n-- {event.node or 'run'}, {event.seconds:.3f} s{rows}{end}\n"
                text = f"{head}{event.sql.rstrip()}\n;\n"
                self._system.append(f"{self._folder}/{STATEMENTS}", text.encode("utf-8", "replace"))
            case NodeFinished():
                self._nodes.append(_result(event))
            case RunFinished():
                self._results |= {
                    "finished_at": event.at.isoformat(),
                    "seconds": round(event.seconds, 3),
                    "interrupted": event.interrupted,
                    "diagnostics": [brief_diagnostic(diagnostic) for diagnostic in event.diagnostics],
                    "nodes": self._nodes,
                }
                self._write_results()
            case _:
                pass

    def _write_results(self) -> None:
        text = json.dumps(self._results, indent=2) + "\n"
        self._system.write(f"{self._folder}/{RESULTS}", text.encode())


def _result(event: NodeFinished) -> dict[str, object]:
    return {
        "node": event.node,
        "status": event.status.value,
        "finished_at": event.at.isoformat(),
        "seconds": round(event.seconds, 3),
        "statements": event.statements,
        "rows": event.rows,
        "reason": event.reason,
        "kept": event.kept,
        "diagnostics": [brief_diagnostic(diagnostic) for diagnostic in event.diagnostics],
    }
