"""Leases: who may write a table of a server that several builds write to.

A lease is a row of a table in the warehouse. It has an epoch, which grows whenever somebody takes it, and
ends at a time by the warehouse's clock, unless its holder renews it. The transaction that publishes gives
the lease back under its epoch: where somebody else has taken it meanwhile there is nothing to give back, and
the transaction is rolled back. So a holder that wakes up late writes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from sqlflow.adapter.protocol import Adapter, FailureKind, Session, Warehouse
from sqlflow.apply.attempts import again
from sqlflow.apply.failures import WorkFailedError, lease_held, lease_lost
from sqlflow.apply.pauses import growing_pauses
from sqlflow.apply.publish_log import SCHEMA
from sqlflow.apply.sender import Sender
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.state.event import LeaseAwaited

# A lease is renewed three times before it would end.
_BEATS = 3
# How long the end of a run waits for the last renewal, in seconds: a connection may hang.
_GRACE_SECONDS = 5.0
_COLUMNS = ("relation", "holder", "told", "epoch", "expires")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease on a relation, by the name that it has in SQL."""

    relation: str
    epoch: int


class Leases:
    """The leases of one run; may be used from any thread.

    `told` names the run's process to those who wait for it. A lease ends `seconds` after it was renewed
    last; `patience` is how long another run's is waited for.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        adapter: Adapter,
        database: str | None,
        *,
        run: str,
        told: str,
        seconds: float,
        patience: float,
        clock: Callable[[], float],
    ) -> None:
        self.relation = Relation(database, SCHEMA, "leases")
        self._warehouse = warehouse
        self._adapter = adapter
        self._spec = adapter.spec
        self._run = run
        self._told = told
        self._seconds = seconds
        self._patience = patience
        self._clock = clock
        self._held: set[str] = set()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._beating: threading.Thread | None = None
        self._table = relation_sql(self._spec, self.relation)
        self._names = {name: quote(self._spec, name) for name in _COLUMNS}

    @property
    def needed(self) -> bool:
        """Whether anybody else can write to the warehouse at all while this process does."""
        return bool(self._spec.clock)

    def create(self) -> str:
        """Gives the statement that makes the table, if it is not there."""
        types = self._spec.arrow_types
        kinds = (types["string"], types["string"], types["string"], types["int64"], types["double"])
        columns = [Column(name, kind) for name, kind in zip(_COLUMNS, kinds, strict=True)]
        return sql.create_table(
            self._spec, self.relation, columns, if_not_exists=True, primary_key=("relation",)
        )

    @contextmanager
    def held(self, relation: Relation, sender: Sender) -> Generator[Lease | None]:
        """Holds the lease on a relation, None where none is needed; waits for whoever has it.

        Raises WorkFailedError where that takes too long.
        """
        if not self.needed:
            yield None
            return
        name = relation_sql(self._spec, relation)
        lease = again(sender, lambda: self._take(name, sender))
        with self._lock:
            self._held.add(name)
        self._beat()
        try:
            yield lease
        finally:
            # Where nothing was published; a session that is broken leaves it to `close`.
            if name in self._held:
                with suppress(Exception):
                    self._give_back(lease, sender.session)
                self._drop(name)

    def claim(self, environment: str, sender: Sender) -> str | None:
        """Takes the lease on an environment until the run ends; names who has it, None where that is the run.

        Nobody is waited for: what another run changes there is to be looked at first. Where there is no table
        of leases yet, nobody has anything.
        """
        if not self.needed:
            return None
        name = f"environment {environment}"
        with sender.asking() as session:
            if session.columns(self.relation) is None:
                return None
            taken = self._try(name, session)
            if taken is None:
                return self._holder(name, session) or "another run"
        with self._lock:
            self._held.add(name)
        self._beat()
        return None

    def publish(self, lease: Lease | None, sender: Sender, *, keep: bool = False) -> int:
        """Gives the lease back within the transaction that publishes; gives its epoch, 0 without a lease.

        Where more is published under it, it is to `keep`: it is renewed instead. Raises WorkFailedError
        where it is no longer this run's.
        """
        if lease is None:
            return 0
        with sender.asking() as session:
            if not (self._prolong(lease, session) if keep else self._give_back(lease, session)):
                raise WorkFailedError(
                    lease_lost(sender.name, self._holder(lease.relation, session), sender.span)
                )
        if not keep:
            self._drop(lease.relation)
        return lease.epoch

    def close(self) -> None:
        """Stops renewing, and gives back whatever is left."""
        self._closing.set()
        if self._beating is None:
            return
        self._beating.join(_GRACE_SECONDS)
        with suppress(Exception), closing(self._warehouse.session()) as session:
            session.execute(
                f"UPDATE {self._table} SET {self._names['holder']} = '' WHERE {self._names['holder']} = $1",
                [self._run],
            )

    def line_up(self, lease: Lease, sender: Sender) -> None:
        """Makes what those wait for who publish under one lease, each in its turn."""
        with sender.asking() as session:
            self._insert(_turn(lease.relation), "", "", session)

    def wait(self, lease: Lease, sender: Sender) -> None:
        """Waits within a transaction, which from then on is the only one of this run under the lease.

        The warehouse does the waiting: it finds out where two of them wait for each other.
        """
        names = self._names
        with sender.asking() as session:
            session.execute(
                f"UPDATE {self._table} SET {names['epoch']} = {names['epoch']} + 1 "
                f"WHERE {names['relation']} = $1",
                [_turn(lease.relation)],
            )

    def _take(self, relation: str, sender: Sender) -> Lease:
        end = self._clock() + self._patience
        pauses, told = growing_pauses(), ""
        while True:
            pause = next(pauses)
            with sender.asking() as session:
                epoch = self._try(relation, session)
                if epoch is not None:
                    return Lease(relation=relation, epoch=epoch)
                holder = self._holder(relation, session)
            if self._clock() + pause > end:
                raise WorkFailedError(lease_held(sender.name, holder, self._patience, sender.span))
            if holder and holder != told:
                told = holder
                sender.tell(LeaseAwaited(node=sender.node, name=sender.name, holder=holder))
            sender.wait(pause)

    def _try(self, relation: str, session: Session) -> int | None:
        """Takes the lease where it is free or has ended; gives its epoch, None where somebody has it."""
        names = self._names
        taken = session.execute(
            f"UPDATE {self._table} SET {names['holder']} = $2, {names['told']} = $3, "
            f"{names['epoch']} = {names['epoch']} + 1, {names['expires']} = {self._end()}\n"
            f"WHERE {names['relation']} = $1 AND ({names['holder']} IN ('', $2) "
            f"OR {names['expires']} < {self._spec.clock})",
            [relation, self._run, self._told],
        )
        if taken:
            rows = session.fetch(
                f"SELECT {names['epoch']} FROM {self._table} "
                f"WHERE {names['relation']} = $1 AND {names['holder']} = $2",
                [relation, self._run],
            )
            # None where this process slept in between for longer than a lease lasts.
            return int(rows.column(0)[0].as_py()) if rows.num_rows else None
        return 1 if self._insert(relation, self._run, self._told, session) else None

    def _insert(self, relation: str, holder: str, told: str, session: Session) -> bool:
        """Adds a row where there is none for a relation; says whether it did."""
        try:
            made = session.execute(
                f"INSERT INTO {self._table} ({sql.names(self._spec, _COLUMNS)})\n"
                f"SELECT $1, $2, $3, 1, {self._end()} WHERE NOT EXISTS "
                f"(SELECT 1 FROM {self._table} WHERE {self._names['relation']} = $1)",
                [relation, holder, told],
            )
        except Exception as error:
            # Somebody else made the row at the same moment.
            if self._adapter.classify(error).kind is FailureKind.CONSTRAINT:
                session.rollback()
                return False
            raise
        return bool(made)

    def _end(self) -> str:
        return f"{self._spec.clock} + {self._seconds}"

    def _holder(self, relation: str, session: Session) -> str:
        """Names who has a lease; empty where nobody has it."""
        names = self._names
        rows = session.fetch(
            f"SELECT {names['told']} FROM {self._table} "
            f"WHERE {names['relation']} = $1 AND {names['holder']} <> ''",
            [relation],
        )
        return str(rows.column(0)[0].as_py()) if rows.num_rows else ""

    def _give_back(self, lease: Lease, session: Session) -> bool:
        return self._set(f"{self._names['holder']} = ''", lease, session)

    def _prolong(self, lease: Lease, session: Session) -> bool:
        return self._set(f"{self._names['expires']} = {self._end()}", lease, session)

    def _set(self, what: str, lease: Lease, session: Session) -> bool:
        """Changes the row of a lease; says whether it is still this run's."""
        names = self._names
        return bool(
            session.execute(
                f"UPDATE {self._table} SET {what}\n"
                f"WHERE {names['relation']} = $1 AND {names['holder']} = $2 AND {names['epoch']} = $3",
                [lease.relation, self._run, lease.epoch],
            )
        )

    def _drop(self, relation: str) -> None:
        with self._lock:
            self._held.discard(relation)

    def _beat(self) -> None:
        with self._lock:
            if self._beating is None:
                self._beating = threading.Thread(target=self._renew, name="sqlflow-leases", daemon=True)
                self._beating.start()

    def _renew(self) -> None:
        """Renews what the run holds; one that ended unnoticed is still the run's, if nobody has taken it."""
        session: Session | None = None
        names = self._names
        while not self._closing.wait(self._seconds / _BEATS):
            try:
                session = session or self._warehouse.session()
                session.execute(
                    f"UPDATE {self._table} SET {names['expires']} = {self._end()} "
                    f"WHERE {names['holder']} = $1",
                    [self._run],
                )
            except Exception:
                # The next beat connects anew; a lease that is lost for good is found so when it publishes.
                session = _closed(session)
        _closed(session)


def _turn(relation: str) -> str:
    return f"{relation} (turn)"


def _closed(session: Session | None) -> None:
    if session is not None:
        with suppress(Exception):
            session.close()
