"""Finds what is wrong in a store, and takes out what can't be read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sqlflow.core.codes import Code
from sqlflow.state.codec import UnreadableEventError, decode
from sqlflow.store import failures
from sqlflow.store.database import TroubleKind
from sqlflow.store.log import EventLog
from sqlflow.store.open import Home, open_file, open_log
from sqlflow.store.place import DEFAULT_FILE, FilePlace, Place
from sqlflow.store.sqlite import SqliteFile, beside, free_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair found and did.

    - `events` can be read and are there; `removed` could not be, and are now in the file `aside`.
    - `missing` were there once, by the log's own count, and are not; None where that count was lost too.
    - `damaged` is the file that was damaged, under the name that it has now; what could be read of it is in
      a new one.
    """

    where: str
    events: int
    removed: int
    aside: str | None
    missing: int | None
    damaged: str | None

    @property
    def was_sound(self) -> bool:
        """Whether there was nothing to repair."""
        return not self.removed and not self.missing and self.damaged is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Salvaged:
    rows: tuple[tuple[int, str, str], ...]
    last: int
    kept: int | None
    moved: str


def repair(place: Place, home: Home) -> Repaired:
    """Checks a store, of all that share it: each page of a file, the count of events, each event.

    Raises StoreError where it can't be reached, or is of a newer version.
    """
    salvaged = _salvage(place, home) if isinstance(place, FilePlace) else None
    log = open_log(place, home)
    try:
        if salvaged is not None:
            _put_back(log, salvaged)
        return _checked(log, home, salvaged)
    finally:
        log.close()


def _checked(log: EventLog, home: Home, salvaged: _Salvaged | None) -> Repaired:
    """Takes out events that can't be read, and brings the log's count up to date."""
    names, database = log.names, log.database
    path = free_name(os.path.join(home.root, DEFAULT_FILE), "removed") + ".jsonl"

    def work() -> tuple[int, int, int]:
        log.lock()
        good, bad, highest = 0, list[tuple[int, str]](), 0
        for number, text in log.pages("1 = 1"):
            highest = number
            if _is_readable(text):
                good += 1
            else:
                bad.append((number, text))
        if bad:
            # Before they are taken out: what fails now leaves them in both places.
            _write_lines(path, bad)
        for number, _ in bad:
            database.execute(f"DELETE FROM {names.events} WHERE {names.number} = $1", [number])
        ((last, kept),) = database.fetch(f"SELECT {names.last}, {names.kept} FROM {names.state}")
        last, kept = cast("int", last), cast("int", kept)
        database.execute(
            f"UPDATE {names.state} SET {names.last} = $1, {names.kept} = $2", [max(last, highest), good]
        )
        return good, len(bad), kept - good - len(bad)

    try:
        good, removed, missing = log.transaction(work)
    except failures.StoreError:
        raise
    except Exception as error:
        raise log.failed(error) from error
    counted = salvaged is None or salvaged.kept is not None
    return Repaired(
        where=log.where,
        events=good,
        removed=removed,
        aside=beside(DEFAULT_FILE, path) if removed else None,
        missing=max(0, missing) if counted else None,
        damaged=salvaged.moved if salvaged is not None else None,
    )


def _is_readable(text: object) -> bool:
    try:
        decode(cast("str", text))
    except UnreadableEventError:
        return False
    return True


def _write_lines(path: str, rows: list[tuple[int, str]]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", encoding="utf-8", errors="backslashreplace") as file:
        for number, text in rows:
            file.write(json.dumps({"number": number, "text": str(text)}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _salvage(place: FilePlace, home: Home) -> _Salvaged | None:
    """Reads what can be read of a damaged file, and moves it aside; None where it is sound, or not there."""
    path = os.path.join(home.root, place.path)
    if not os.path.lexists(path):
        return None
    database = open_file(place, home)
    try:
        if _is_sound(database, place, home):
            return None
    finally:
        database.close()
    # A connection that has met the damage gives nothing any more.
    database = open_file(place, home)
    try:
        rows = {row[0]: row for row in (*_rows(database, "ASC"), *_rows(database, "DESC"))}
        counts = _counts(database)
    finally:
        database.close()
    moved = free_name(path, "damaged")
    Path(path).replace(moved)
    # A transaction that was cut off belongs to that file: on a new one it would be rolled back.
    with suppress(FileNotFoundError):
        Path(f"{path}-journal").replace(f"{moved}-journal")
    last, kept = counts or (0, None)
    return _Salvaged(
        rows=tuple(rows[number] for number in sorted(rows)),
        last=max([last, *rows]),
        kept=kept,
        moved=beside(place.path, moved),
    )


def _is_sound(database: SqliteFile, place: FilePlace, home: Home) -> bool:
    try:
        if not database.is_sound():
            return False
        # Tables that others made, or that lack a column, are as bad as broken pages.
        log = EventLog(database, home.project, span=place.span)
        return not log.check() or log.count() >= 0
    except failures.StoreError as error:
        if error.diagnostic.code is not Code.STATE_DAMAGED:
            raise
        return False
    except Exception as error:
        trouble = database.trouble(error)
        if trouble.kind is not TroubleKind.DAMAGED:
            raise failures.unreachable(database.where, trouble.message, place.span) from error
        return False


def _rows(database: SqliteFile, order: str) -> Iterator[tuple[int, str, str]]:
    """Reads rows one by one until a page is met that can't be read; from the other end there may be more."""
    with suppress(Exception):
        for row in database.rows(f"SELECT number, scope, event FROM events ORDER BY number {order}"):
            match row:
                case (int() as number, str() as scope, str() as text):
                    yield number, scope, text
                case _:
                    pass


def _counts(database: SqliteFile) -> tuple[int, int] | None:
    with suppress(Exception):
        match database.fetch("SELECT last, kept FROM state"):
            case [(int() as last, int() as kept)]:
                return last, kept
            case _:
                pass
    return None


def _put_back(log: EventLog, salvaged: _Salvaged) -> None:
    """Writes what was read of a damaged file into a new one, under the numbers that it had."""
    names, database = log.names, log.database

    def work() -> None:
        for row in salvaged.rows:
            database.execute(
                f"INSERT INTO {names.events} ({names.number}, {names.scope}, {names.event}) "
                "VALUES ($1, $2, $3)",
                list(row),
            )
        kept = len(salvaged.rows) if salvaged.kept is None else salvaged.kept
        database.execute(
            f"UPDATE {names.state} SET {names.last} = $1, {names.kept} = $2", [salvaged.last, kept]
        )

    try:
        log.transaction(work)
    except Exception as error:
        raise log.failed(error) from error
