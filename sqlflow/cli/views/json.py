"""The JSON form of diagnostics, events and rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias, assert_never, cast

from sqlflow.cli.terminal import Terminal
from sqlflow.cli.views.diagnostics import Lines
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.state.codec import publication_record
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
    Unchanged,
)

Record: TypeAlias = dict[str, object]


class JsonView:
    """Tells a run as one JSON object a line; the last is `run_finished`."""

    def __init__(self, terminal: Terminal, lines: Lines) -> None:
        self._terminal = terminal
        self._lines = lines

    def __enter__(self) -> JsonView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, event: Event) -> None:
        """Writes an event."""
        self._terminal.record(event_record(event, self._lines))


def diagnostic_record(diagnostic: Diagnostic, lines: Lines) -> Record:
    """Gives a diagnostic with places as path, line and column, counted from 1."""
    return {
        "event": "diagnostic",
        "code": diagnostic.code.value,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_place(diagnostic.span, lines),
        "label": diagnostic.label,
        "labels": [{**_place(label.span, lines), "message": label.message} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
    }


def _place(span: Span | None, lines: Lines) -> Record:
    """The columns of an end are exclusive; a file whose text is not known has no lines."""
    place: Record = {"path": None, "line": None, "column": None, "end_line": None, "end_column": None}
    if span is None:
        return place
    place["path"] = span.path
    index = lines(span.path)
    if index is not None:
        place["line"], place["column"] = index.position(span.start)
        place["end_line"], place["end_column"] = index.position(span.end)
    return place


def event_record(event: Event, lines: Lines) -> Record:
    """Gives an event of a run; times are in ISO 8601 with their zone, durations in seconds."""
    match event:
        case RunStarted():
            return {
                "event": "run_started",
                "run": event.run,
                "at": event.at.isoformat(),
                "command": event.command,
                "target": event.target,
                "actions": event.actions,
                "threads": event.threads,
            }
        case Unchanged():
            return {
                "event": "unchanged",
                "nodes": list(event.nodes),
                "untold": list(event.untold),
                "left": list(event.left),
            }
        case NodeStarted():
            return {
                "event": "node_started",
                "node": event.node,
                "name": event.name,
                "kind": event.kind,
                "materialized": event.materialized,
                "at": event.at.isoformat(),
            }
        case NodesRenamed():
            return _renamed(event)
        case NodesTaken():
            return _taken(event)
        case LeaseAwaited():
            return {
                "event": "lease_awaited",
                "node": event.node,
                "name": event.name,
                "holder": event.holder,
            }
        case StatementSent():
            return {
                "event": "statement_sent",
                "node": event.node,
                "sql": event.sql,
                "seconds": event.seconds,
                "rows": event.rows,
                "ok": event.ok,
            }
        case NodeFinished():
            return _node_finished(event, lines)
        case Published():
            return {"event": "published", **publication_record(event.publication)}
        case RunHooksFinished():
            return _hooks_finished(event, lines)
        case RunFinished():
            return _run_finished(event, lines)
        case _:
            assert_never(event)


def _renamed(event: NodesRenamed) -> Record:
    return {"event": "nodes_renamed", "nodes": [{"from": old, "id": node} for old, node in event.nodes]}


def _taken(event: NodesTaken) -> Record:
    return {
        "event": "nodes_taken",
        "source": event.source,
        "nodes": list(event.nodes),
        "seconds": event.seconds,
    }


def _hooks_finished(event: RunHooksFinished, lines: Lines) -> Record:
    return {
        "event": "run_hooks_finished",
        "hook": event.hook,
        "status": event.status.value,
        "at": event.at.isoformat(),
        "seconds": event.seconds,
        "statements": event.statements,
        "diagnostics": [diagnostic_record(d, lines) for d in event.diagnostics],
    }


def _node_finished(event: NodeFinished, lines: Lines) -> Record:
    return {
        "event": "node_finished",
        "run": event.run,
        "node": event.node,
        "name": event.name,
        "kind": event.kind,
        "materialized": event.materialized,
        "status": event.status.value,
        "at": event.at.isoformat(),
        "seconds": event.seconds,
        "statements": event.statements,
        "rows": event.rows,
        "batches": event.batches,
        "reason": event.reason,
        "kept": event.kept,
        "diagnostics": [diagnostic_record(d, lines) for d in event.diagnostics],
    }


def _run_finished(event: RunFinished, lines: Lines) -> Record:
    return {
        "event": "run_finished",
        "run": event.run,
        "at": event.at.isoformat(),
        "seconds": event.seconds,
        "ok": event.ok,
        "interrupted": event.interrupted,
        "counts": {status.value: number for status, number in event.counts},
        "not_done": list(event.not_done),
        "diagnostics": [diagnostic_record(d, lines) for d in event.diagnostics],
    }


def never_started(at: datetime, *, interrupted: bool) -> Record:
    """Gives the last line of a run that did not come to its start, in the form of any other."""
    return {
        "event": "run_finished",
        "run": None,
        "at": at.isoformat(),
        "seconds": 0.0,
        "ok": False,
        "interrupted": interrupted,
        "counts": {},
        "not_done": [],
        "diagnostics": [],
    }


def json_value(value: object) -> object:
    """Gives a value of a row as JSON can say it.

    Times are in ISO 8601, durations in seconds, bytes in hex digits; decimals and numbers beyond what JSON
    has are text, so that no digit is lost.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return str(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case Mapping():
            items = cast("Mapping[object, object]", value)
            return {str(key): json_value(item) for key, item in items.items()}
        case list() | tuple() | set() | frozenset():
            return [json_value(item) for item in cast("list[object]", value)]
        case _:
            return str(value)
