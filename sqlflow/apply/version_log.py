"""The versions of code that the publish log names, in a table beside it: what its digests are of.

A version is written in the transaction of the first publishing that is of it, and never changed. So a later
build can ask whether the code means the same, and a plan can say what differs, whatever became of the state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlflow.adapter.protocol import Session
from sqlflow.apply.sender import Sender
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.plan.versions import Version, decode_version, encode_version

_COLUMNS = ("version", "record")
# How many are asked for at once.
_CHUNK = 500


class VersionLog:
    """The table of versions; may be used from any thread."""

    def __init__(self, spec: DialectSpec, relation: Relation) -> None:
        self.relation = relation
        self._spec = spec
        self._names = {name: quote(spec, name) for name in _COLUMNS}
        self._now: Mapping[NodeId, Version] = MappingProxyType({})
        self._noted: dict[str, Version] = {}

    def create(self) -> str:
        """Gives the statement that makes the table, if it is not there."""
        columns = [Column(name, self._spec.arrow_types["string"]) for name in _COLUMNS]
        return sql.create_table(self._spec, self.relation, columns, if_not_exists=True)

    def begin(self, now: Mapping[NodeId, Version]) -> None:
        """Takes what the nodes of the project are built from now."""
        self._now = now

    def now(self, node: NodeId) -> Version | None:
        """Gives what a node of the project is built from now."""
        return self._now.get(node)

    def note(self, version: Version) -> None:
        """Notes a version that no node is of any more, and that may have to be kept."""
        self._noted[version.id] = version

    def read(self, session: Session, ids: Sequence[str]) -> Mapping[str, Version]:
        """Reads versions by their ids; one that is not there, or can't be read, is left out."""
        out = {id: self._noted[id] for id in ids if id in self._noted}
        asked = [id for id in ids if id not in out]
        if not asked or session.columns(self.relation) is None:
            return out
        for start in range(0, len(asked), _CHUNK):
            chunk = asked[start : start + _CHUNK]
            places = ", ".join(f"${place}" for place in range(1, len(chunk) + 1))
            rows = session.fetch(
                f"SELECT {sql.names(self._spec, _COLUMNS)} FROM {relation_sql(self._spec, self.relation)}\n"
                f"WHERE {self._names['version']} IN ({places})",
                list(chunk),
            )
            for id, text in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                version = decode_version(str(text))
                if version is not None:
                    out[str(id)] = version
        return out

    def keep(self, node: NodeId, id: str, sender: Sender) -> None:
        """Adds the version of a node, within the transaction that publishes, if it is not there yet.

        Where the node is of an older version that means the same, that one is there.
        """
        version = self._now.get(node)
        if version is None or version.id != id:
            version = self._noted.get(id)
        if version is None:
            return
        table = relation_sql(self._spec, self.relation)
        sender.execute(
            f"INSERT INTO {table} ({sql.names(self._spec, _COLUMNS)})\n"
            f"SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {self._names['version']} = $1)",
            parameters=[id, encode_version(version)],
        )
