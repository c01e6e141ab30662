"""The tables by version that the views of environments show: whose each is, and what it holds.

They are listed in the warehouse, in a table that the transactions which write them change as well. Only the
environment that owns one writes it; the others read it, or copy it first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from sqlflow.adapter.protocol import Session
from sqlflow.apply.sender import Sender
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.versions import same_rows
from sqlflow.state.codec import UnreadableEventError, decode, encode
from sqlflow.state.event import Published
from sqlflow.state.publication import Publication

_COLUMNS = ("relation", "environment", "released", "publication")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A table: the environment that owns it, and what was last written into it.

    It was `released` when the last view of its owner stopped showing it; None where one does.
    """

    owner: str
    publication: Publication
    released: datetime | None


class Tables:
    """The list of tables by version; may be used from any thread."""

    def __init__(self, spec: DialectSpec, relation: Relation, environment: str) -> None:
        self.relation = relation
        self._spec = spec
        self._environment = environment
        self._names = {name: quote(spec, name) for name in _COLUMNS}
        self._lock = Lock()
        self._held: dict[Relation, Held] = {}
        self._written: set[Relation] = set()

    def create(self) -> str:
        """Gives the statement that makes the list, if it is not there."""
        columns = [Column(name, self._spec.arrow_types["string"]) for name in _COLUMNS]
        return sql.create_table(self._spec, self.relation, columns, if_not_exists=True)

    def read(self, session: Session) -> Mapping[Relation, Held]:
        """Reads the list; one that can't be read counts as not there, and is left alone."""
        if session.columns(self.relation) is None:
            return {}
        found = self._rows(session)
        with self._lock:
            self._held = found
        return found

    def _rows(self, session: Session, table: Relation | None = None) -> dict[Relation, Held]:
        """Reads the list, or the row of one table."""
        text = f"SELECT {sql.names(self._spec, _COLUMNS)} FROM {self._table}"
        if table is None:
            rows = session.fetch(text)
        else:
            text += f" WHERE {self._names['relation']} = $1"
            rows = session.fetch(text, [relation_sql(self._spec, table)])
        found: dict[Relation, Held] = {}
        for _, owner, released, text in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            with suppress(UnreadableEventError, ValueError):
                event = decode(str(text))
                if isinstance(event, Published) and event.publication.table is not None:
                    found[event.publication.table] = Held(
                        owner=str(owner),
                        publication=event.publication,
                        released=datetime.fromisoformat(str(released)) if released else None,
                    )
        return found

    def translate(self, now: Callable[[Publication], Publication]) -> None:
        """Gives what is listed other words."""
        with self._lock:
            self._held = {
                table: replace(held, publication=now(held.publication)) for table, held in self._held.items()
            }

    def owners(self) -> Mapping[Relation, str]:
        """Gives the environment that owns each table."""
        with self._lock:
            return {table: held.owner for table, held in self._held.items()}

    def kept(self, is_there: Callable[[Relation], bool]) -> Mapping[NodeId, tuple[Publication, ...]]:
        """Gives what the environment's own tables hold that it does not show any more, the newest first."""
        with self._lock:
            own = [held for held in self._held.values() if held.owner == self._environment and held.released]
        found: dict[NodeId, tuple[Publication, ...]] = {}
        for held in sorted(own, key=lambda one: one.publication.at, reverse=True):
            publication = held.publication
            if publication.table is not None and is_there(publication.table):
                found[publication.node] = (*found.get(publication.node, ()), publication)
        return found

    def held(self, table: Relation) -> Held | None:
        """Says what is known of a table."""
        with self._lock:
            return self._held.get(table)

    def fills(self) -> Mapping[NodeId, Publication]:
        """Gives what the environment is filling of each node, in the newest table where there are several."""
        with self._lock:
            own = [held.publication for held in self._held.values() if held.owner == self._environment]
        return {one.node: one for one in sorted(own, key=lambda one: one.at) if one.unshown}

    def is_own(self, table: Relation) -> bool:
        """Whether the environment may write a table."""
        found = self.held(table)
        return found is not None and found.owner == self._environment

    def resolved(self, publication: Publication) -> Publication:
        """Gives what an environment shows: its own publication, or what the owner has written since."""
        held = self.held(publication.table) if publication.table is not None else None
        if held is None or held.publication.data == publication.data:
            return publication
        now = held.publication
        same = same_rows(now.code, publication.code)
        return replace(
            now,
            environment=publication.environment,
            node=publication.node,
            number=publication.number,
            relation=publication.relation,
            code=publication.code if same else now.code,
            unshown=False,
        )

    def refresh_fills(self, session: Session) -> None:
        """Reads again what is being filled, which other runs may have begun."""
        found = {table: held for table, held in self._rows(session).items() if held.publication.unshown}
        with self._lock:
            self._held.update(found)

    def refresh(self, table: Relation, session: Session) -> None:
        """Reads again what a table holds, which other runs may have written."""
        found = self._rows(session, table)
        with self._lock:
            self._held.pop(table, None)
            self._held.update(found)

    def holds(self, publication: Publication, session: Session) -> bool:
        """Asks whether the transaction has been committed that wrote a publication into a table."""
        rows = self._rows(session, publication.table) if publication.table is not None else {}
        text = encode(Published(publication=publication))
        return any(encode(Published(publication=held.publication)) == text for held in rows.values())

    def write(self, publication: Publication, sender: Sender) -> None:
        """Lists what a table holds from now on, and that it is the environment's."""
        if publication.table is None:
            return
        with self._lock:
            self._written.add(publication.table)
        name = relation_sql(self._spec, publication.table)
        self._delete([name], sender)
        places = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
        text = encode(Published(publication=publication))
        sender.execute(
            f"INSERT INTO {self._table} ({sql.names(self._spec, _COLUMNS)})\nVALUES ({places})",
            parameters=[name, self._environment, "", text],
        )

    def release(self, table: Relation, at: datetime, sender: Sender) -> None:
        """Notes that no view of its owner shows a table any more."""
        names = self._names
        sender.execute(
            f"UPDATE {self._table} SET {names['released']} = $2 WHERE {names['relation']} = $1",
            parameters=[relation_sql(self._spec, table), at.isoformat()],
        )

    def hand_over(self, table: Relation, environment: str, sender: Sender) -> None:
        """Makes a table another environment's."""
        names = self._names
        sender.execute(
            f"UPDATE {self._table} SET {names['environment']} = $2, {names['released']} = '' "
            f"WHERE {names['relation']} = $1",
            parameters=[relation_sql(self._spec, table), environment],
        )

    def forget(self, tables: Iterable[Relation], sender: Sender) -> None:
        """Takes tables off the list, which have been dropped."""
        self._delete([relation_sql(self._spec, table) for table in tables], sender)

    def put(self, publication: Publication) -> None:
        """Notes what has been committed."""
        with self._lock:
            if publication.table is not None and publication.table in self._written:
                held = Held(owner=self._environment, publication=publication, released=None)
                self._held[publication.table] = held

    def _delete(self, names: Iterable[str], sender: Sender) -> None:
        for name in names:
            sender.execute(
                f"DELETE FROM {self._table} WHERE {self._names['relation']} = $1", parameters=[name]
            )

    @property
    def _table(self) -> str:
        return relation_sql(self._spec, self.relation)
