"""Remembers what stands in the schemas that a run writes to."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from sqlflow.adapter.protocol import Session
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec


class Catalog:
    """The relations of each schema, asked for once a run; what the run itself changes is told to it.

    A question for a whole schema is slow where there are thousands of tables, so no node asks it for itself.
    """

    def __init__(self, spec: DialectSpec) -> None:
        self._spec = spec
        self._lock = Lock()
        self._schemas: dict[tuple[str | None, str], dict[str, tuple[str, RelationKind]]] = {}

    def relations(self, session: Session, database: str | None, schema: str) -> Mapping[str, RelationKind]:
        """Gives what stands in a schema by its name as stored."""
        return dict(self._known(session, database, schema).values())

    def kind(self, session: Session, relation: Relation) -> RelationKind | None:
        """Says what stands under a name; None where nothing does."""
        known = self._known(session, relation.database, relation.schema or self._spec.default_schema)
        found = known.get(name_key(self._spec, relation.identifier))
        return found[1] if found is not None else None

    def put(self, relation: Relation, kind: RelationKind | None) -> None:
        """Notes what was made under a name, or with None that nothing is there any more."""
        with self._lock:
            known = self._schemas.get((relation.database, relation.schema or self._spec.default_schema))
            key = name_key(self._spec, relation.identifier)
            if known is None:
                return
            if kind is None:
                known.pop(key, None)
            else:
                known[key] = (relation.identifier, kind)

    def forget(self, relation: Relation) -> None:
        """Takes what is known of a relation's schema for old: another run has changed something there."""
        with self._lock:
            self._schemas.pop((relation.database, relation.schema or self._spec.default_schema), None)

    def forget_all(self) -> None:
        """Takes all that is known for old."""
        with self._lock:
            self._schemas.clear()

    def _known(
        self, session: Session, database: str | None, schema: str
    ) -> dict[str, tuple[str, RelationKind]]:
        with self._lock:
            known = self._schemas.get((database, schema))
            if known is None:
                found = session.relations(database, schema)
                known = {name_key(self._spec, name): (name, kind) for name, kind in found.items()}
                self._schemas[(database, schema)] = known
            return known
