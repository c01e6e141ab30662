"""Takes a project's events out of its store as lines of JSON, or puts such lines into one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlflow.state.codec import UnreadableEventError, decode
from sqlflow.store import failures
from sqlflow.store.log import EventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did: how many events it put `into` a place; `copy` has those that it took out."""

    events: int
    into: str
    copy: str | None


def import_lines(log: EventLog, lines: Iterable[str], path: str, *, replace: bool) -> Imported:
    """Puts an export's events into a log, as they are written: also what only a newer version knows.

    Every line is read before anything is changed. Raises StoreError where one is no event, or where there
    are events that are not to be replaced.
    """
    texts: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        try:
            decode(text)
        except UnreadableEventError as error:
            raise failures.no_export(path, number, str(error)) from error
        texts.append(text)
    copy = log.database.back_up("replaced") if replace and log.count() else None
    log.take(texts, replace=replace)
    return Imported(events=len(texts), into=log.where, copy=copy)
