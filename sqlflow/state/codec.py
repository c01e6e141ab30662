"""Writes the events that are kept as JSON, or reads them back.

What is read may be of a newer version: keys that are not known are left out of account, as are events of a
kind that is not known. A diagnostic is kept as its code, severity, message and place; a path or a message
is all that it can tell of a project, and no value of a target's settings is ever in one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Range, Ranges
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.dialect.environments import PROD
from sqlflow.state.event import KeptEvent, NodeFinished, Published, RunFinished, RunStarted, Status
from sqlflow.state.publication import Publication

Record: TypeAlias = dict[str, Any]


class UnreadableEventError(Exception):
    """Raised on a text that is no event, or one of whose values is not what it has to be."""


def encode(event: KeptEvent) -> str:
    """Writes an event as one line of JSON, in ASCII: any store can hold it."""
    return json.dumps(_record(event), separators=(",", ":"))


def decode(text: str) -> KeptEvent | None:
    """Reads an event back; None for one of a kind that only a newer version knows.

    Raises UnreadableEventError.
    """
    try:
        record = json.loads(text)
        if not isinstance(record, dict):
            raise UnreadableEventError("it is no JSON object")
        return _event(cast("Record", record))
    except KeyError as error:
        raise UnreadableEventError(f"it has no {error}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableEventError(str(error)) from error


def publication_record(publication: Publication) -> Record:
    """Gives a publication as plain data; ranges are pairs of moments."""
    return {
        "environment": publication.environment,
        "node": publication.node,
        "number": publication.number,
        "relation": publication.relation,
        "code": publication.code,
        "data": publication.data,
        "inputs": dict(publication.inputs),
        "ranges": _pairs(publication.ranges),
        "changed": _pairs(publication.changed),
        "run": publication.run,
        "at": publication.at.isoformat(),
        "epoch": publication.epoch,
        "checksum": publication.checksum,
        "stage": publication.stage,
        "like": {data: list(columns) for data, columns in publication.like.items()},
        "unread": {node: list(columns) for node, columns in publication.unread.items()},
        "tested": dict(publication.tested),
        "follows": publication.follows,
        "origin": publication.origin,
        "origins": dict(publication.origins),
        "counts_as": publication.counts_as,
        "table": list(publication.table) if publication.table is not None else None,
        **({"unshown": True} if publication.unshown else {}),
        **({"mixed": True} if publication.mixed else {}),
    }


def _pairs(ranges: Ranges | None) -> list[list[str]] | None:
    return None if ranges is None else [[r.start.isoformat(), r.end.isoformat()] for r in ranges]


def _ranges(pairs: list[list[str]] | None) -> Ranges | None:
    return None if pairs is None else tuple(Range(_moment(a), _moment(b)) for a, b in pairs)


def brief_diagnostic(diagnostic: Diagnostic) -> Record:
    """Gives what is kept of a diagnostic; `start` and `end` are offsets in characters."""
    span = diagnostic.span
    return {
        "code": diagnostic.code.value,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "path": span.path if span else None,
        "start": span.start if span else None,
        "end": span.end if span else None,
    }


def _record(event: KeptEvent) -> Record:
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
        case NodeFinished():
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
                "reason": event.reason,
                "kept": event.kept,
                "diagnostics": [brief_diagnostic(d) for d in event.diagnostics],
                "code": event.code,
                "inputs": dict(event.inputs),
                "environment": event.environment,
                "batches": event.batches,
            }
        case Published():
            return {"event": "published", **publication_record(event.publication)}
        case RunFinished():
            return {
                "event": "run_finished",
                "run": event.run,
                "at": event.at.isoformat(),
                "seconds": event.seconds,
                "counts": {status.value: number for status, number in event.counts},
                "not_done": list(event.not_done),
                "interrupted": event.interrupted,
                "diagnostics": [brief_diagnostic(d) for d in event.diagnostics],
            }


def _event(record: Record) -> KeptEvent | None:
    match record["event"]:
        case "run_started":
            return RunStarted(
                run=_text(record, "run"),
                at=_moment(record["at"]),
                command=_text(record, "command"),
                target=_text(record, "target"),
                actions=_whole(record, "actions"),
                threads=_whole(record, "threads"),
            )
        case "node_finished":
            return NodeFinished(
                run=_text(record, "run"),
                node=NodeId(_text(record, "node")),
                name=_text(record, "name"),
                kind=_text(record, "kind"),
                materialized=_text(record, "materialized"),
                status=Status(record["status"]),
                at=_moment(record["at"]),
                seconds=_seconds(record),
                statements=_whole(record, "statements"),
                rows=None if record["rows"] is None else _whole(record, "rows"),
                reason=_text(record, "reason"),
                kept=None if record["kept"] is None else _text(record, "kept"),
                diagnostics=_diagnostics(record["diagnostics"]),
                code=_text(record, "code"),
                inputs=_inputs(record["inputs"]),
                environment=_text(record, "environment") if "environment" in record else PROD,
                batches=None if record.get("batches") is None else _whole(record, "batches"),
            )
        case "published":
            return Published(publication=_publication(record))
        case "run_finished":
            return RunFinished(
                run=_text(record, "run"),
                at=_moment(record["at"]),
                seconds=_seconds(record),
                counts=tuple((Status(name), _whole(record["counts"], name)) for name in record["counts"]),
                not_done=tuple(NodeId(_as_text(node)) for node in record["not_done"]),
                interrupted=_truth(record, "interrupted"),
                diagnostics=_diagnostics(record["diagnostics"]),
            )
        case str():
            return None
        case _:
            raise UnreadableEventError("its kind is no text")


def _publication(record: Record) -> Publication:
    return Publication(
        environment=_text(record, "environment"),
        node=NodeId(_text(record, "node")),
        number=_whole(record, "number"),
        relation=_text(record, "relation"),
        code=_text(record, "code"),
        data=_text(record, "data"),
        inputs=_inputs(record["inputs"]),
        ranges=_ranges(record["ranges"]),
        changed=_ranges(record.get("changed")),
        run=_text(record, "run"),
        at=_moment(record["at"]),
        epoch=_whole(record, "epoch"),
        checksum=_text(record, "checksum") if "checksum" in record else "",
        stage=_text(record, "stage") if "stage" in record else "",
        table=_table(record.get("table")),
        like=MappingProxyType(_lists(record.get("like"))),
        unread=MappingProxyType(
            {NodeId(node): names for node, names in _lists(record.get("unread")).items()}
        ),
        tested=_inputs(record.get("tested") or {}),
        follows=_text(record, "follows") if "follows" in record else "",
        origin=_text(record, "origin") if "origin" in record else "",
        origins=_inputs(record.get("origins") or {}),
        unshown="unshown" in record and _truth(record, "unshown"),
        mixed="mixed" in record and _truth(record, "mixed"),
        counts_as=_text(record, "counts_as") if "counts_as" in record else "",
    )


def _lists(found: Mapping[object, list[object]] | None) -> dict[str, tuple[str, ...]]:
    return {_as_text(key): tuple(_as_text(name) for name in names) for key, names in (found or {}).items()}


def _table(parts: list[object] | None) -> Relation | None:
    if parts is None:
        return None
    database, schema, identifier = parts
    return Relation(_part(database), _part(schema), _as_text(identifier))


def _part(value: object) -> str | None:
    return None if value is None else _as_text(value)


def _diagnostics(records: list[Record]) -> tuple[Diagnostic, ...]:
    """Reads diagnostics; one whose code only a newer version knows is left out."""
    known = set(Code)
    return tuple(_diagnostic(record) for record in records if record["code"] in known)


def _diagnostic(record: Record) -> Diagnostic:
    path = record["path"]
    return Diagnostic(
        code=Code(record["code"]),
        severity=Severity(record["severity"]),
        message=_text(record, "message"),
        span=None if path is None else Span(_as_text(path), _whole(record, "start"), _whole(record, "end")),
    )


def _inputs(found: Mapping[object, object]) -> Mapping[NodeId, str]:
    return MappingProxyType({NodeId(_as_text(node)): _as_text(data) for node, data in found.items()})


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(_as_text(value))


def _text(record: Record, key: str) -> str:
    return _as_text(record[key])


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableEventError("a text is missing")
    return value


def _whole(record: Record, key: str) -> int:
    value = record[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableEventError(f"its {key} is no whole number")
    return value


def _seconds(record: Record) -> float:
    value = record["seconds"]
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise UnreadableEventError("its seconds are no number")
    return float(value)


def _truth(record: Record, key: str) -> bool:
    value = record[key]
    if not isinstance(value, bool):
        raise UnreadableEventError(f"its {key} is neither true nor false")
    return value
