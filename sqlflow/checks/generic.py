"""The queries of the generic tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TypeAlias

from sqlflow.bind.types import BoundGenericTest, BoundQuery, Read, TableClause
from sqlflow.core.textmap import Segment, TextMap
from sqlflow.core.value import Value
from sqlflow.dialect.names import literal, quote
from sqlflow.dialect.spec import DialectSpec

_Part: TypeAlias = str | TableClause
_Write: TypeAlias = Callable[[BoundGenericTest, DialectSpec], Sequence[_Part]]


def generic_query(test: BoundGenericTest, spec: DialectSpec) -> BoundQuery:
    """Writes the query of a generic test, mapped to the place where the test is declared."""
    sql = ""
    reads: list[Read] = []
    for part in _WRITERS[test.test](test, spec):
        if isinstance(part, TableClause):
            reads.extend(read.shifted(len(sql)) for read in part.reads)
            sql += part.text
        else:
            sql += part
    text_map = TextMap((Segment(0, (test.span,), False),), len(sql))
    return BoundQuery(sql=sql, map=text_map, reads=tuple(reads))


def _not_null(test: BoundGenericTest, spec: DialectSpec) -> Sequence[_Part]:
    return ("SELECT * FROM ", test.table, f"\nWHERE {_column(test, spec)} IS NULL")


def _unique(test: BoundGenericTest, spec: DialectSpec) -> Sequence[_Part]:
    column = _column(test, spec)
    return (
        f"SELECT {column}, count(*) AS n FROM ",
        test.table,
        f"\nWHERE {column} IS NOT NULL\nGROUP BY {column}\nHAVING count(*) > 1",
    )


def _accepted_values(test: BoundGenericTest, spec: DialectSpec) -> Sequence[_Part]:
    """NULL is accepted, as in dbt: `not_null` is the test for it."""
    column = _column(test, spec)
    values = test.arguments.get("values")
    quoted = test.arguments.get("quote") is not False
    texts = [_value(value, quoted, spec) for value in values] if isinstance(values, tuple) else []
    return (
        f"SELECT {column}, count(*) AS n FROM ",
        test.table,
        f"\nWHERE {column} IS NOT NULL AND {column} NOT IN ({', '.join(texts)})\nGROUP BY {column}",
    )


def _relationships(test: BoundGenericTest, spec: DialectSpec) -> Sequence[_Part]:
    """Every value has a row on the other side; NULL needs none."""
    column = _column(test, spec)
    field = quote(spec, str(test.arguments.get("field", "")))
    if test.to is None:
        raise ValueError(f"{test.id} compares with nothing")
    return (
        f"SELECT {column} FROM ",
        test.table,
        f"\nWHERE {column} IS NOT NULL AND {column} NOT IN (\n  SELECT {field} FROM ",
        test.to,
        f" WHERE {field} IS NOT NULL\n)",
    )


_WRITERS: Mapping[str, _Write] = {
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
}


def _column(test: BoundGenericTest, spec: DialectSpec) -> str:
    return quote(spec, test.column or str(test.arguments.get("column_name", "")))


def _value(value: Value, quoted: bool, spec: DialectSpec) -> str:
    """Writes a value as a literal: text as text, unless `quote: false` says that it is a number or a word."""
    if isinstance(value, (bool, int, float, date, datetime)):
        return literal(spec, value)
    text = str(value)
    if not quoted:
        try:
            return literal(spec, int(text))
        except ValueError:
            pass
    return literal(spec, text)
