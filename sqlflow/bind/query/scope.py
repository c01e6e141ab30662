"""The tables that a place in a query sees, and the columns that a name means there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec


class ScopeColumn:
    """A column in scope. `merged` is what USING made of it and another; stars leave out a `hidden` one."""

    __slots__ = ("column", "hidden", "key", "merged", "null")

    def __init__(self, column: Column, key: str) -> None:
        self.column = column
        self.key = key
        self.hidden = False
        self.merged: Value | None = None
        self.null: Nullability | None = None

    def value(self) -> Value:
        """The column's own value, with what joins and filters say of its NULLs."""
        return self._with_null(self.column.value)

    def unqualified(self) -> Value:
        """What the bare name means."""
        return self._with_null(self.merged if self.merged is not None else self.column.value)

    def _with_null(self, value: Value) -> Value:
        return value if self.null is None else replace(value, null=self.null)


class ScopeTable:
    """A table in scope under a name, or under none."""

    __slots__ = ("columns", "key", "name", "open", "qualifiers", "why_open")

    def __init__(self, name: str, table: Table, spec: DialectSpec, qualifiers: tuple[str, ...] = ()) -> None:
        self.name = name
        self.key = lookup_key(spec, name, True) if name else ""
        self.qualifiers = qualifiers
        self.open = table.open
        self.why_open = table.why_open
        self.columns = [
            ScopeColumn(column, lookup_key(spec, column.name, True) if column.name else "")
            for column in table.columns
        ]

    def named(self, key: str) -> list[ScopeColumn]:
        """The columns of a name; several where a query's result has the name more than once."""
        return [column for column in self.columns if column.key == key]


class Scope:
    """One SELECT's tables, in the order of its FROM, inside the scopes around it."""

    def __init__(self, spec: DialectSpec, parent: Scope | None, ctes: Mapping[str, Table]) -> None:
        self.spec = spec
        self.parent = parent
        self.ctes: dict[str, Table] = dict(ctes)
        self.tables: list[ScopeTable] = []
        self.aliases: dict[str, Value] = {}
        self.lambdas: dict[str, Value] = {}
        self.windows: dict[str, frozenset[ColumnRef]] = {}
        self.rows: set[ColumnRef] = set()
        self.grouped = False
        self.keys_may_be_null = False

    def add(self, table: ScopeTable, rows: Iterable[ColumnRef] = ()) -> None:
        """Puts a table into scope."""
        self.tables.append(table)
        self.rows.update(rows)

    def find_table(self, key: str, qualifiers: tuple[str, ...] = ()) -> ScopeTable | None:
        """Gives the table of a name; the nearest scope that has one wins."""
        for table in self.tables:
            if table.key == key and (not qualifiers or table.qualifiers[-len(qualifiers) :] == qualifiers):
                return table
        return self.parent.find_table(key, qualifiers) if self.parent is not None else None

    def find_columns(self, key: str) -> list[ScopeColumn]:
        """Gives the columns that a bare name could mean in this scope alone."""
        return [
            column
            for table in self.tables
            for column in table.named(key)
            if not (column.hidden and column.merged is None)
        ]

    @property
    def is_open(self) -> bool:
        """Whether some table may have columns that are not known."""
        return any(table.open for table in self.tables)

    def visible(self) -> Iterator[tuple[ScopeTable, ScopeColumn]]:
        """The columns that a star stands for, in order."""
        for table in self.tables:
            for column in table.columns:
                if not column.hidden:
                    yield table, column

    def names(self) -> list[str]:
        """The names of all columns in reach, for suggestions."""
        own = [c.column.name for table in self.tables for c in table.columns if c.column.name]
        return own + (self.parent.names() if self.parent is not None else [])
