"""An append-only log of events, in whatever database.

Two tables: `events` has one row an event, `state` has one row that says the version of the schema, the last
number that was given and how many events there are. An append raises the last number first: on a server
that row is then locked until the commit, so numbers are given in the order of commits, without a gap, and
who reads from a number on misses nothing.

A log may hold several histories, each under a scope of its own: the targets of a project, the projects of
a warehouse.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar, cast

from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.state.codec import UnreadableEventError, decode, encode
from sqlflow.state.event import KeptEvent
from sqlflow.store import failures
from sqlflow.store.database import Database, TroubleKind
from sqlflow.store.failures import StoreError

T = TypeVar("T")

EVENTS, STATE = "events", "state"
# Rows a statement: three parameters each, and SQLite took 999 parameters before 3.32.
_CHUNK = 300
_PAGE = 5_000
_TRIES = 12
# How long to wait, in seconds, before each try to connect anew.
_PAUSES = (0.1, 0.5, 2.0)

# Brings a log from one version of its schema to the next; runs in a transaction.
Migration = Callable[[Database], None]


class NumberedEvent(NamedTuple):
    """An event with its number in the log; None is one of a kind that only a newer version knows."""

    number: int
    event: KeptEvent | None


class LogTables:
    """The names of a log's tables and columns, as its database writes them."""

    def __init__(self, database: Database) -> None:
        spec = database.spec
        self.events = relation_sql(spec, database.relation(EVENTS))
        self.state = relation_sql(spec, database.relation(STATE))
        self.number, self.scope, self.event, self.row, self.version, self.last, self.kept = (
            quote(spec, name) for name in ("number", "scope", "event", "row", "version", "last", "kept")
        )


def create_tables(database: Database) -> None:
    """Makes the tables of version 1."""
    names, types = LogTables(database), database.spec.arrow_types
    number, text = types["int64"], types["string"]
    database.execute(
        f"CREATE TABLE IF NOT EXISTS {names.events} ({names.number} {number} PRIMARY KEY, "
        f"{names.scope} {text} NOT NULL, {names.event} {text} NOT NULL)"
    )
    database.execute(
        f"CREATE TABLE IF NOT EXISTS {names.state} ({names.row} {number} PRIMARY KEY, "
        f"{names.version} {number} NOT NULL, "
        f"{names.last} {number} NOT NULL, {names.kept} {number} NOT NULL)"
    )
    # Of two processes that come here at once, the second runs into the key, and finds the work done.
    database.execute(f"INSERT INTO {names.state} VALUES ($1, $2, $3, $4)", [1, 0, 0, 0])


MIGRATIONS: tuple[Migration, ...] = (create_tables,)


class EventLog:
    """The log of one scope. Every call raises StoreError where the database refuses."""

    def __init__(
        self,
        database: Database,
        scope: str,
        *,
        span: Span | None = None,
        migrations: Sequence[Migration] = MIGRATIONS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.database = database
        self.names = LogTables(database)
        self._scope = scope
        self._span = span
        self._migrations = tuple(migrations)
        self._sleep = sleep

    @property
    def where(self) -> str:
        """Names the place for the user."""
        return self.database.where

    @property
    def span(self) -> Span | None:
        """Where the project says that the state is kept."""
        return self._span

    def prepare(self) -> str | None:
        """Makes the tables where there are none, or brings them to this version's schema.

        What is there is copied aside before it is changed; gives the name of that copy. Raises StoreError
        also where the schema is newer than this version.
        """
        with self._guarded():
            found = self.version()
            if found == len(self._migrations):
                return None
            self._refuse_newer(found)
            copy = self.database.back_up(f"v{found}") if found else None
            if not found:
                # The schema may be there, without the right to make it: then making the tables will tell.
                with suppress(Exception):
                    self.transaction(self.database.make_room)
            try:
                self.transaction(self._migrate)
            except Exception:
                # Of two that make the tables at once, one may be told that they are there, and finds them.
                if self.version() != len(self._migrations):
                    raise
            return copy

    def version(self) -> int:
        """Gives the version of the schema; 0 where there are no tables."""
        with self._guarded():
            if STATE not in self.database.tables():
                return 0
            rows = self.database.fetch(f"SELECT {self.names.version} FROM {self.names.state}")
            if len(rows) != 1 or not isinstance(rows[0][0], int):
                raise failures.damaged(self.where, "its version can't be read", self._span)
            return rows[0][0]

    def check(self) -> bool:
        """Says whether there is a log to read; raises StoreError where only a newer version can read it.

        One of an older version is read as it is: nothing is changed for that.
        """
        found = self.version()
        self._refuse_newer(found)
        return found > 0

    def append(self, events: Sequence[KeptEvent]) -> None:
        """Appends events in one transaction: all of them are there afterwards, or none.

        Where the connection is lost, another one is opened, and it is looked whether the events are there.
        """
        texts = [encode(event) for event in events]
        with self._guarded():
            try:
                self.transaction(lambda: self._add(texts))
            except StoreError:
                raise
            except Exception as error:
                if not texts or self.database.trouble(error).kind is not TroubleKind.LOST:
                    raise
                self._reopen(error)
                if not self._has(texts[-1]):
                    self.transaction(lambda: self._add(texts))

    def _reopen(self, lost: Exception) -> None:
        """Opens another connection; raises what went wrong with the last one where none can be had."""
        for pause in _PAUSES:
            self._sleep(pause)
            with suppress(Exception):
                self.database.reopen()
                return
        raise lost

    def _has(self, text: str) -> bool:
        """Looks for an event; no two are the same, since each says of which run and of when it is."""
        names = self.names
        found = self.database.fetch(
            f"SELECT {names.number} FROM {names.events} WHERE {names.scope} = $1 AND {names.event} = $2",
            [self._scope, text],
        )
        return bool(found)

    def take(self, texts: Sequence[str], *, replace: bool = False) -> None:
        """Puts events in as they were written elsewhere, in one transaction.

        Those that are there are taken out with `replace`; without, there must be none.
        """
        names, database = self.names, self.database

        def work() -> None:
            self.lock()
            there = self.count()
            if there and not replace:
                raise failures.not_empty(self.where, there, self._span)
            database.execute(f"UPDATE {names.state} SET {names.kept} = {names.kept} - $1", [there])
            database.execute(f"DELETE FROM {names.events} WHERE {names.scope} = $1", [self._scope])
            self._add(texts)

        with self._guarded():
            self.transaction(work)

    def read(self, after: int = 0) -> Iterator[NumberedEvent]:
        """Gives the events of the scope whose number is above `after`, in order."""
        for number, text in self.texts(after):
            try:
                yield NumberedEvent(number, decode(text))
            except UnreadableEventError as error:
                why = f"event {number} can't be read: {error}"
                raise failures.damaged(self.where, why, self._span) from error

    def texts(self, after: int = 0) -> Iterator[tuple[int, str]]:
        """Gives the same as they are written, unread."""
        names = self.names
        return self.pages(f"{names.scope} = $2", [self._scope], after)

    def pages(
        self, condition: str, parameters: Sequence[Value] = (), after: int = 0
    ) -> Iterator[tuple[int, str]]:
        """Gives numbers and texts in order, a page a query; `$1` is the number that a page begins after."""
        names = self.names
        while True:
            with self._guarded():
                page = self.database.fetch(
                    f"SELECT {names.number}, {names.event} FROM {names.events} "
                    f"WHERE {names.number} > $1 AND {condition} ORDER BY {names.number} LIMIT {_PAGE}",
                    [after, *parameters],
                )
            for row in page:
                number, text = cast("tuple[int, str]", row)
                yield number, text
                after = number
            if len(page) < _PAGE:
                return

    def events(self) -> Iterator[KeptEvent]:
        """Gives the events that this version knows, in order."""
        return (found.event for found in self.read() if found.event is not None)

    def count(self) -> int:
        """Gives how many events the scope has."""
        names = self.names
        with self._guarded():
            ((found,),) = self.database.fetch(
                f"SELECT count(*) AS n FROM {names.events} WHERE {names.scope} = $1", [self._scope]
            )
            return cast("int", found)

    def close(self) -> None:
        """Closes the connection; a broken one may refuse."""
        with suppress(Exception):
            self.database.close()

    def lock(self) -> None:
        """Keeps other writers out until the transaction ends."""
        self.database.execute(f"UPDATE {self.names.state} SET {self.names.last} = {self.names.last}")

    def transaction(self, work: Callable[[], T]) -> T:
        """Does something in a transaction; one that ran into another is tried again as a whole."""
        tried = 0
        while True:
            tried += 1
            try:
                self.database.begin()
                result = work()
                self.database.commit()
            except BaseException as error:
                with suppress(Exception):
                    self.database.rollback()
                if not isinstance(error, Exception) or isinstance(error, StoreError) or tried == _TRIES:
                    raise
                if self.database.trouble(error).kind is not TroubleKind.BUSY:
                    raise
                self._sleep(min(1.0, 0.01 * 2**tried))
            else:
                return result

    def _migrate(self) -> None:
        """Applies what is missing, unless another process has done so meanwhile."""
        names, database = self.names, self.database
        if STATE in database.tables():
            # Whoever comes second waits here, and finds the work done.
            self.lock()
        found = self.version()
        self._refuse_newer(found)
        for migration in self._migrations[found:]:
            migration(database)
        database.execute(f"UPDATE {names.state} SET {names.version} = $1", [len(self._migrations)])

    def _refuse_newer(self, found: int) -> None:
        if found > len(self._migrations):
            raise failures.newer(self.where, found, len(self._migrations), self._span)

    def _add(self, texts: Sequence[str]) -> None:
        names, database = self.names, self.database
        database.execute(
            f"UPDATE {names.state} SET {names.last} = {names.last} + $1, {names.kept} = {names.kept} + $1",
            [len(texts)],
        )
        ((version, last),) = database.fetch(f"SELECT {names.version}, {names.last} FROM {names.state}")
        if version != len(self._migrations):
            # Another process has brought the log to a version that this one can't write.
            raise failures.newer(self.where, cast("int", version), len(self._migrations), self._span)
        first = cast("int", last) - len(texts) + 1
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            rows = ", ".join(f"(${3 * i + 1}, ${3 * i + 2}, ${3 * i + 3})" for i in range(len(chunk)))
            values = [
                value for i, text in enumerate(chunk, first + start) for value in (i, self._scope, text)
            ]
            database.execute(
                f"INSERT INTO {names.events} ({names.number}, {names.scope}, {names.event}) VALUES {rows}",
                values,
            )

    @contextmanager
    def _guarded(self) -> Generator[None]:
        """Makes a StoreError of whatever the database raises."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            raise self.failed(error) from error

    def failed(self, error: Exception) -> StoreError:
        """Says what an error of the database means."""
        trouble = self.database.trouble(error)
        if trouble.kind is TroubleKind.DAMAGED:
            return failures.damaged(self.where, trouble.message, self._span)
        if trouble.kind is TroubleKind.BUSY:
            help_ = "another sqlflow writes to it: try again when that has ended"
            return failures.unreachable(self.where, trouble.message, self._span, help_)
        return failures.unreachable(self.where, trouble.message, self._span, self.database.advice)
