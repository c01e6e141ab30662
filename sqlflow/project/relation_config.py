"""Reads what is set on the table or view that a node becomes, apart from its rows."""

from __future__ import annotations

from sqlflow.core.config import PersistDocs
from sqlflow.project.decode import Section


def decode_persist_docs(section: Section) -> PersistDocs:
    """Reads `persist_docs`."""
    below = section.section("persist_docs", "`persist_docs`")
    if below is None:
        return PersistDocs()
    relation, columns = below.flag("relation"), below.flag("columns")
    below.finish()
    return PersistDocs(relation=bool(relation), columns=bool(columns))
