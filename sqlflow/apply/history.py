"""What environments were before their code changed: what a rollback goes back to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlflow.adapter.protocol import Session
from sqlflow.apply.sender import Sender
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.state.codec import UnreadableEventError, decode, encode
from sqlflow.state.event import Published
from sqlflow.state.publication import Publication

_COLUMNS = ("environment", "number", "run", "at", "before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A change of an environment's code, the `number`-th: what its nodes were `before`, None for new ones."""

    environment: str
    number: int
    run: str
    at: datetime
    before: Mapping[NodeId, Publication | None]


class History:
    """The table of these; an entry is taken out when it was gone back to."""

    def __init__(self, spec: DialectSpec, relation: Relation) -> None:
        self.relation = relation
        self._spec = spec
        self._names = {name: quote(spec, name) for name in _COLUMNS}

    def create(self) -> str:
        """Gives the statement that makes the table, if it is not there."""
        text, number = self._spec.arrow_types["string"], self._spec.arrow_types["int64"]
        columns = [Column(name, number if name == "number" else text) for name in _COLUMNS]
        return sql.create_table(self._spec, self.relation, columns, if_not_exists=True)

    def read(self, session: Session, environment: str | None = None) -> tuple[Entry, ...]:
        """Reads the entries in their order, of one environment or of all; what can't be read is left out."""
        if session.columns(self.relation) is None:
            return ()
        where = "" if environment is None else f" WHERE {self._names['environment']} = $1"
        rows = session.fetch(
            f"SELECT {sql.names(self._spec, _COLUMNS)} FROM {self._table}{where} "
            f"ORDER BY {self._names['environment']}, {self._names['number']}",
            [] if environment is None else [environment],
        )
        found: list[Entry] = []
        for name, number, run, at, before in zip(*(c.to_pylist() for c in rows.columns), strict=True):
            with suppress(UnreadableEventError, ValueError, TypeError, AttributeError):
                nodes = cast("dict[str, Any]", json.loads(before))
                entry = Entry(
                    environment=str(name),
                    number=int(number),
                    run=str(run),
                    at=datetime.fromisoformat(at),
                    before={NodeId(node): _read(text) for node, text in nodes.items()},
                )
                found.append(entry)
        return tuple(found)

    def add(
        self,
        environment: str,
        run: str,
        at: datetime,
        before: Mapping[NodeId, Publication | None],
        sender: Sender,
    ) -> None:
        """Writes down what nodes are before they change."""
        texts = {
            node: encode(Published(publication=found)) if found is not None else None
            for node, found in before.items()
        }
        number = self._names["number"]
        sender.execute(
            f"INSERT INTO {self._table} ({sql.names(self._spec, _COLUMNS)})\n"
            f"SELECT $1, coalesce(max({number}), 0) + 1, $2, $3, $4 FROM {self._table} "
            f"WHERE {self._names['environment']} = $1",
            parameters=[environment, run, at.isoformat(), json.dumps(texts)],
        )

    def remove(self, environment: str, number: int, sender: Sender) -> None:
        """Takes an entry out."""
        names = self._names
        sender.execute(
            f"DELETE FROM {self._table} WHERE {names['environment']} = $1 AND {names['number']} = $2",
            parameters=[environment, number],
        )

    def remove_all(self, environment: str, sender: Sender) -> None:
        """Takes out all of an environment."""
        sender.execute(
            f"DELETE FROM {self._table} WHERE {self._names['environment']} = $1", parameters=[environment]
        )

    @property
    def _table(self) -> str:
        return relation_sql(self._spec, self.relation)


def _read(text: str | None) -> Publication | None:
    if text is None:
        return None
    event = decode(text)
    if not isinstance(event, Published):
        raise UnreadableEventError("it is no publication")
    return event.publication
