"""A file of SQLite, through Python's standard library.

The file keeps SQLite's own rollback journal, and is not put into WAL mode: an append is small and rare, a
reader waits for it a millisecond at most, and between two appends the one file is all there is. A copy of
it is complete, it can be put back or deleted by itself, where a `-wal` file that stayed behind would be
replayed onto another file. `synchronous` is FULL, SQLite's default: an event outlives a loss of power.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from sqlflow.core.relation import Relation
from sqlflow.core.value import Value, thaw
from sqlflow.dialect.spec import DialectSpec, Folding
from sqlflow.store.database import Trouble, TroubleKind

# How long a call waits for a process that writes.
_BUSY_SECONDS = 10.0
_SPEC = DialectSpec(
    name="sqlite",
    folding=Folding.INSENSITIVE,
    arrow_types=MappingProxyType({"string": "TEXT", "int64": "INTEGER"}),
)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# What can only be of another file, or of a part of this one that was overwritten.
_DAMAGED = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}
)


class SqliteFile:
    """A connection to a file, which is made with its folder where there is none.

    With `read_only` it has to be there, and no statement changes it. Raises OSError or sqlite3.Error.
    """

    def __init__(self, path: str, where: str, *, read_only: bool = False) -> None:
        self.path = path
        self._where = where
        if not read_only:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        # A process that was killed while it wrote leaves a journal, to be rolled back before anybody can
        # read. So a reader has the file to write as well, as far as it may.
        mode = "rw" if read_only else "rwc"
        self._connection = sqlite3.connect(
            f"{Path(path).absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        # Bytes that are no text would raise while they are fetched: so they are read, and found wrong later.
        self._connection.text_factory = lambda content: content.decode("utf-8", "backslashreplace")
        if read_only:
            self._connection.execute("PRAGMA query_only = ON")

    @property
    def spec(self) -> DialectSpec:
        """SQLite's quotes and types."""
        return _SPEC

    @property
    def where(self) -> str:
        """The file's path as the user knows it."""
        return f"`{self._where}`"

    @property
    def advice(self) -> str:
        """A file needs the right to write."""
        return "let the user that sqlflow runs as write there, or name another place in `state:`"

    def relation(self, name: str) -> Relation:
        """Gives the name itself: a file has no schemas."""
        return Relation(None, None, name)

    def tables(self) -> frozenset[str]:
        """Gives the names of the tables that are there."""
        rows = self.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
        return frozenset(str(name) for (name,) in rows)

    def make_room(self) -> None:
        """Does nothing: there are no schemas."""

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> None:
        """Runs a statement."""
        self._connection.execute(sql, _bound(parameters))

    def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[object, ...]]:
        """Runs a query and reads it to the end."""
        return self._connection.execute(sql, _bound(parameters)).fetchall()

    def rows(self, sql: str) -> Iterator[tuple[object, ...]]:
        """Runs a query on a damaged file, and gives the rows as they are read: those before a broken page."""
        # Without this a file that is shorter than its header says gives no row at all.
        self._connection.execute("PRAGMA writable_schema = ON")
        return iter(self._connection.execute(sql))

    def begin(self) -> None:
        """Begins a transaction, with the lock that writing takes: none fails half way for want of it."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commits."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Rolls back; does nothing where no transaction is open."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def back_up(self, label: str) -> str:
        """Copies the file beside itself; a copy is whole when it has its name."""
        target = free_name(self.path, label)
        unfinished = f"{target}.part"
        try:
            copy = sqlite3.connect(unfinished)
            try:
                self._connection.backup(copy)
            finally:
                copy.close()
            Path(unfinished).replace(target)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
        return beside(self._where, target)

    def reopen(self) -> None:
        """Does nothing: no connection to a file is lost."""

    def is_sound(self) -> bool:
        """Says whether every page of the file can be read and fits the others."""
        return self.fetch("PRAGMA integrity_check(1)") == [("ok",)]

    def trouble(self, error: Exception) -> Trouble:
        """Reads an error of SQLite or of the file system."""
        if isinstance(error, sqlite3.Error):
            # The extended code has the plain one in its last eight bits.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in _BUSY:
                return Trouble(TroubleKind.BUSY, str(error))
            return Trouble(TroubleKind.DAMAGED if code in _DAMAGED else TroubleKind.GONE, str(error))
        if isinstance(error, OSError):
            return Trouble(TroubleKind.GONE, error.strerror or type(error).__name__)
        # A row that is not what the log writes.
        return Trouble(TroubleKind.DAMAGED, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def free_name(path: str, label: str) -> str:
    """Gives a name beside a file that nothing has: `state.db.v1-20260102T030405Z`."""
    name = f"{path}.{label}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    tried, found = 1, name
    while os.path.lexists(found):
        tried += 1
        found = f"{name}-{tried}"
    return found


def beside(shown: str, path: str) -> str:
    """Gives the path of a file that lies beside another one, written as that one's is shown."""
    return os.path.join(os.path.dirname(shown), os.path.basename(path))


def _bound(parameters: Sequence[Value]) -> dict[str, object]:
    """SQLite takes `$1` for a name."""
    return {str(i): thaw(value) for i, value in enumerate(parameters, 1)}
