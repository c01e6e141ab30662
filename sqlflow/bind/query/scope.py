"""The tables that a place in a query sees, and the columns that a name means there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec


class ScopeColumn:
    """A column in scope.

    Where USING or NATURAL merged it with another, `merged` is what the two are to a bare name and to a
    star; stars leave out the `hidden` one. A `coalesced` one is an expression over both.
    """

    __slots__ = ("coalesced", "column", "hidden", "key", "merged", "null")

    def __init__(self, column: Column, key: str) -> None:
        self.column = column
        self.key = key
        self.hidden = False
        self.coalesced = False
        self.merged: Column | None = None
        self.null: Nullability | None = None

    def value(self) -> Value:
        """The column's own value, with what joins and filters say of its NULLs."""
        return self.column.value if self.null is None else replace(self.column.value, null=self.null)

    def bare(self) -> Column:
        """What the name means without a table before it."""
        if self.merged is not None:
            return self.merged
        return self.column if self.null is None else replace(self.column, value=self.value())

    def set_null(self, null: Nullability) -> None:
        """Says of the column, and of what it was merged to, whether it can be NULL."""
        self.null = null
        if self.merged is not None:
            self.merged = replace(self.merged, value=replace(self.merged.value, null=null))


class ScopeTable:
    """A table in scope under a name, or under none.

    Columns of one name are told apart by a number behind it, as engines do. `stored` says that it is a
    table or view of the warehouse, which may have columns of the engine's own. `origin` is the identity of
    the node that it stands for, 0 for none.
    """

    __slots__ = (
        *("_by_key", "_numbers", "columns", "key", "name", "nameless", "open", "origin", "qualifiers"),
        *("stored", "undeclared", "why_open"),
    )

    def __init__(
        self,
        name: str,
        table: Table,
        spec: DialectSpec,
        qualifiers: tuple[str, ...] = (),
        *,
        stored: bool = False,
        origin: int = 0,
    ) -> None:
        self.name = name
        self.origin = origin
        self.key = lookup_key(spec, name, True) if name else ""
        self.qualifiers = qualifiers
        self.open = table.open
        self.why_open = table.why_open
        self.undeclared = table.undeclared
        self.stored = stored
        self.nameless = any(column.name is None for column in table.columns)
        self._by_key: dict[str, ScopeColumn] = {}
        # The last number behind each name, so that a thousand columns of one name are not counted anew.
        self._numbers: dict[str, int] = {}
        self.columns = [self._added(column, spec) for column in table.columns]

    def _added(self, column: Column, spec: DialectSpec) -> ScopeColumn:
        if column.value.literal is not None:
            column = replace(column, value=replace(column.value, literal=None))
        if column.name is None:
            return ScopeColumn(column, "")
        own_key = key = lookup_key(spec, column.name, True)
        name, number = column.name, self._numbers.get(own_key, 0)
        while key in self._by_key:
            number += 1
            name = f"{column.name}_{number}"
            key = lookup_key(spec, name, True)
        self._numbers[own_key] = number
        added = ScopeColumn(column if name == column.name else replace(column, name=name), key)
        self._by_key[key] = added
        return added

    @property
    def outside(self) -> str | None:
        """What the caller knows the table by, where it is one of the warehouse with columns."""
        refs = self.columns[0].column.value.sources if self.stored and self.columns else ()
        return next((ref.table for ref in refs), None)

    def named(self, key: str) -> ScopeColumn | None:
        """The column of a name."""
        return self._by_key.get(key)


class Lazy:
    """An expression of a SELECT's list, bound when it is first asked for; `item` is its node's identity."""

    __slots__ = ("_bind", "_bound", "_busy", "item")

    def __init__(self, bind: Callable[[], Value], item: int) -> None:
        self.item = item
        self._bind = bind
        self._bound: Value | None = None
        self._busy = False

    def get(self) -> Value | None:
        """Gives the value; None while it is being bound: a name does not mean itself."""
        if self._bound is None and not self._busy:
            self._busy = True
            try:
                self._bound = self._bind()
            finally:
                self._busy = False
        return self._bound

    def forget(self) -> None:
        """Has it bound again: the query says more of its columns by now."""
        self._bound = None


class Scope:
    """One SELECT's tables, in the order of its FROM, inside the scopes around it."""

    def __init__(self, spec: DialectSpec, parent: Scope | None, ctes: Mapping[str, Table]) -> None:
        self.spec = spec
        self.parent = parent
        self.ctes = ctes
        self.tables: list[ScopeTable] = []
        self.aliases: dict[str, Lazy] = {}
        self.lambdas: dict[str, Value] = {}
        self.windows: dict[str, frozenset[ColumnRef]] = {}
        self.rows: set[ColumnRef] = set()
        # Whether there is at least one row behind each row of the result.
        self.grouped = False
        # Whether rows are grouped in several ways by expressions, each of which is NULL where it is left out.
        self.keys_are_expressions = False

    def add(self, table: ScopeTable, rows: Iterable[ColumnRef] = ()) -> None:
        """Puts a table into scope."""
        self.tables.append(table)
        self.rows.update(rows)

    def find_table(self, key: str, qualifiers: tuple[str, ...] = ()) -> ScopeTable | None:
        """Gives the table of a name; the nearest scope that has one wins.

        A schema before the name has to be the one that FROM says, where it says one.
        """
        here: Scope | None = self
        while here is not None:
            for table in here.tables:
                if table.key == key and key and _agree(table, qualifiers):
                    return table
            here = here.parent
        return None

    def find_columns(self, key: str) -> list[ScopeColumn]:
        """Gives the columns that a bare name could mean in this scope alone."""
        found = [column for table in self.tables if (column := table.named(key)) is not None]
        if len(found) < 2:
            return found
        merged = [column for column in found if column.merged is not None]
        return merged[:1] or found

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


def _agree(table: ScopeTable, qualifiers: tuple[str, ...]) -> bool:
    if not qualifiers:
        return True
    if not table.stored:
        return False
    size = min(len(qualifiers), len(table.qualifiers))
    return size == 0 or table.qualifiers[-size:] == qualifiers[-size:]
