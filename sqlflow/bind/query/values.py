"""What is known of an expression, a column, a table while a query is bound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlflow.core.schema import Nullability, SqlType

NONE: frozenset[ColumnRef] = frozenset()


class ColumnRef(NamedTuple):
    """A column of a table outside the query; `table` is whatever the caller knows tables by."""

    table: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An expression: its type, or why that is unknown; whether it can be NULL; what it takes values from.

    `constant` is the value of a literal; `is_constant` tells a literal NULL from no literal. `literal` is the
    type that a column had before it was settled, where it is a literal: in a set operation it fits itself to
    the other side.
    """

    type: SqlType | None
    why: str = ""
    null: Nullability = Nullability.UNKNOWN
    sources: frozenset[ColumnRef] = NONE
    constant: object = None
    is_constant: bool = False
    literal: SqlType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table or of a query's result; a `name` of None is one that the engine makes up.

    `text` is the SQL of the expression that it comes from, for showing a hop of its lineage.
    """

    name: str | None
    value: Value
    text: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or a query's result.

    `rows` are the columns that decide which rows it has. Where it is `open`, it may have columns that are
    not listed: why is said in `why_open`. An `undeclared` one is open for want of a declaration.
    """

    columns: tuple[Column, ...]
    rows: frozenset[ColumnRef] = NONE
    open: bool = False
    why_open: str = ""
    undeclared: bool = False


def sources_of(values: Iterable[Value]) -> frozenset[ColumnRef]:
    """Joins the sources of several values."""
    return NONE.union(*(value.sources for value in values))


def column_sources(columns: Iterable[Column]) -> frozenset[ColumnRef]:
    """Joins the sources of several columns."""
    return NONE.union(*(column.value.sources for column in columns))


def unknown(why: str, *parts: Value, null: Nullability = Nullability.UNKNOWN) -> Value:
    """A value whose type is not known, but whose sources are those of its parts."""
    return Value(type=None, why=why, null=null, sources=sources_of(parts))


def any_null(values: Iterable[Value]) -> Nullability:
    """The nullability of what can be NULL where any of the values is NULL, and nowhere else."""
    found = {value.null for value in values}
    if Nullability.NULLABLE in found:
        return Nullability.NULLABLE
    return Nullability.UNKNOWN if Nullability.UNKNOWN in found else Nullability.NOT_NULL


def doubtful(null: Nullability) -> Nullability:
    """The nullability of an operation that may give NULL of its own."""
    return Nullability.UNKNOWN if null is Nullability.NOT_NULL else null


def opened(table: Table, why: str) -> Table:
    """The table as one that may have further columns."""
    return replace(table, open=True, why_open=why)


def renamed(table: Table, names: Sequence[str]) -> Table:
    """The table with its first columns named anew."""
    if not names:
        return table
    columns = [
        replace(column, name=names[i]) if i < len(names) else column for i, column in enumerate(table.columns)
    ]
    return replace(table, columns=tuple(columns))
