"""Fills in what is unknown of a query's columns with what an engine says of it over empty tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from sqlflow.bind.query.values import Table
from sqlflow.bind.types import NodeSchema
from sqlflow.core.relation import Column
from sqlflow.core.schema import SqlType
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules

_NULL = str(SqlType("NULL"))

# Gives the columns that a query has over empty tables, given by name; None where there is no answer. Takes
# the name of the dialect that the query is written in, the query, the tables.
DescribeQuery: TypeAlias = Callable[[str, str, Mapping[str, Sequence[Column]]], tuple[Column, ...] | None]


def lacks_something(table: Table) -> bool:
    """Whether the number of a query's columns is known, but not the name or the type of each."""
    return not table.open and any(
        column.name is None or column.value.type is None for column in table.columns
    )


def known_columns(schema: NodeSchema | None) -> tuple[Column, ...] | None:
    """Gives a node's columns to make a table of; None where something of them is unknown."""
    if schema is None or schema.open:
        return None
    found = tuple(
        Column(column.name, str(column.type))
        for column in schema.columns
        # What a table makes of a column that only ever was NULL is another type.
        if column.name is not None and column.type is not None and _NULL not in str(column.type)
    )
    return found if found and len(found) == len(schema.columns) else None


def filled(table: Table, described: Sequence[Column], spec: DialectSpec, rules: TypeRules) -> Table:
    """Gives the table with names and types where it had none.

    Nothing that is known is overridden: where the engine says otherwise of it, the engine was asked
    something else than was bound, and none of its answers is taken. What it says of NULL is never taken: it
    calls columns not null that an outer join fills with NULLs.
    """
    if len(described) != len(table.columns):
        return table
    types = [rules.cast(column.type) for column in described]
    for column, told, kind in zip(table.columns, described, types, strict=True):
        if column.name is not None and column.name != told.name:
            return table
        if column.value.type is not None and column.value.type != kind:
            return table
    # The second column of a name gets another one in a table.
    names = Counter(name_key(spec, column.name) for column in described)
    columns = (
        replace(
            column,
            name=column.name or (told.name if names[name_key(spec, told.name)] == 1 else None),
            value=column.value
            if column.value.type is not None or kind is None
            else replace(column.value, type=kind, why=""),
        )
        for column, told, kind in zip(table.columns, described, types, strict=True)
    )
    return replace(table, columns=tuple(columns))
