"""Lets a query read typed columns without rows in the place of a relation."""

from __future__ import annotations

from collections.abc import Sequence

from sqlflow.core.relation import Column, Relation
from sqlflow.core.textmap import Edit, TextMap, splice
from sqlflow.dialect import statements as sql
from sqlflow.dialect.names import lookup_key, quote
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.parse import parse_query
from sqlflow.parse.types import TableUse


def reading_instead(
    query: str, relation: Relation, columns: Sequence[Column], spec: DialectSpec
) -> str | None:
    """Puts columns in the place of a relation that a query, as the engine wrote it down, reads.

    None where it can't be parsed, or where the relation is not found in it.
    """
    facts, _ = parse_query(query, TextMap((), len(query)), spec)
    if facts is None:
        return None
    schema = relation.schema or spec.default_schema
    named = [use for use in facts.tables if _key(use, spec)[-1] == relation.identifier]
    # An engine leaves the schema out only where the name alone leads there.
    uses = [use for use in named if _key(use, spec)[-2:-1] == (schema,)]
    uses = uses or [use for use in named if len(use.parts) == 1]
    if not uses:
        return None
    rows = f"({sql.typed_columns(spec, columns)})"
    alias = f" AS {quote(spec, relation.identifier)}"
    edits = [Edit(use.start, use.end, rows if use.aliased else rows + alias) for use in uses]
    return splice(query, TextMap((), len(query)), edits)[0]


def _key(use: TableUse, spec: DialectSpec) -> tuple[str, ...]:
    return tuple(lookup_key(spec, part.text, part.quoted) for part in use.parts)
