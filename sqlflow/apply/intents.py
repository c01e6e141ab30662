"""What is about to be published, where an engine has no transactions: a table beside the publish log.

A row is written when a node's new contents are there and have passed their audits, before the one statement
that publishes them, and taken out once the publish log has them. So a run that dies in between leaves word:
the next one sends the statement again, which does no harm where it was sent, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlflow.adapter.protocol import Session
from sqlflow.apply.publish_log import SCHEMA
from sqlflow.apply.sender import Sender
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.state.codec import UnreadableEventError, decode, encode
from sqlflow.state.event import Published
from sqlflow.state.publication import Publication

if TYPE_CHECKING:
    import pyarrow

_COLUMNS = ("environment", "node", "relation", "number", "publication", "statement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A publication that is not in the log yet, and the statement that makes it seen."""

    publication: Publication
    statement: str


class Intents:
    """The table of intents; may be used from any thread."""

    def __init__(self, spec: DialectSpec, database: str | None, environment: str) -> None:
        self.relation = Relation(database, SCHEMA, "publishing")
        self._spec = spec
        self._environment = environment
        self._names = {name: quote(spec, name) for name in _COLUMNS}

    def create(self) -> str:
        """Gives the statement that makes the table, if it is not there."""
        text, number = self._spec.arrow_types["string"], self._spec.arrow_types["int64"]
        columns = [Column(name, number if name == "number" else text) for name in _COLUMNS]
        return sql.create_table(self._spec, self.relation, columns, if_not_exists=True)

    def read_all(
        self, session: Session, relations: Mapping[NodeId, Relation]
    ) -> Mapping[NodeId, Publication]:
        """Reads what is about to be published under the names that nodes have; nothing with transactions."""
        if self._spec.transactions or session.columns(self.relation) is None:
            return {}
        found = self.read(session)
        names = {node: relation_sql(self._spec, relation) for node, relation in relations.items()}
        return {node: found[node, name].publication for node, name in names.items() if (node, name) in found}

    def read(self, session: Session, nodes: Sequence[NodeId] = ()) -> Mapping[tuple[NodeId, str], Intent]:
        """Reads what is about to be published, of some nodes where any are given: by node and relation."""
        names = self._names
        places = ", ".join(f"${place}" for place in range(2, len(nodes) + 2))
        rows = session.fetch(
            f"SELECT {names['publication']}, {names['statement']} FROM {self._table}\n"
            f"WHERE {names['environment']} = $1"
            + (f" AND {names['node']} IN ({places})" if nodes else "")
            + f" ORDER BY {names['number']}",
            [self._environment, *nodes],
        )
        return {(i.publication.node, i.publication.relation): i for i in _intents(rows)}

    def write(self, intent: Intent, sender: Sender) -> None:
        """Says what is about to be published."""
        found = intent.publication
        places = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
        text = encode(Published(publication=found))
        sender.execute(
            f"INSERT INTO {self._table} ({sql.names(self._spec, _COLUMNS)})\nVALUES ({places})",
            parameters=[self._environment, found.node, found.relation, found.number, text, intent.statement],
        )

    def settle(self, publication: Publication, sender: Sender) -> None:
        """Takes out what was said of a publication, and of those before it."""
        names = self._names
        sender.execute(
            f"DELETE FROM {self._table} WHERE {names['environment']} = $1 AND {names['node']} = $2 "
            f"AND {names['relation']} = $3 AND {names['number']} <= $4",
            parameters=[self._environment, publication.node, publication.relation, publication.number],
        )

    @property
    def _table(self) -> str:
        return relation_sql(self._spec, self.relation)


def _intents(rows: pyarrow.Table) -> Iterator[Intent]:
    """One that can't be read is left out: what it tells of is built again."""
    for text, statement in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        with suppress(UnreadableEventError):
            event = decode(str(text))
            if isinstance(event, Published):
                yield Intent(publication=event.publication, statement=str(statement))
