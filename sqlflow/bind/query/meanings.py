"""What the names of a query mean, as binding finds it out, by the identity of nodes."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from sqlglot import exp

from sqlflow.bind.query.resolve import STORED
from sqlflow.bind.query.scope import Scope, ScopeTable
from sqlflow.core.schema import SqlType
from sqlflow.dialect.names import lookup_key


class Kind(Enum):
    """What sort of thing a name means.

    `MERGED` is what USING makes of two columns, `ITEM` an item of the SELECT's own list, `ROW` a table as a
    value. `OPEN` may be a column of a table of which not all columns are known, or something further out.
    """

    COLUMN = "column"
    MERGED = "merged"
    ITEM = "item"
    PARAMETER = "parameter"
    ROW = "row"
    OPEN = "open"


class Meaning(NamedTuple):
    """What a name means: `used` are how many of its parts say so, what follows are fields.

    `origin` is the identity of the node in FROM that has the column, or of the item of the list; 0 for what
    is none. `item` is the item of the list that has the same name, which some clauses of some engines mean
    instead; 0 where there is none. `names` are the columns of a row.
    """

    kind: Kind
    origin: int
    key: str
    used: int
    item: int = 0
    names: tuple[str, ...] = ()


class StarColumn(NamedTuple):
    """A column that a star stands for: its table, empty where its name alone says it; what replaces it.

    `origin` and `key` are those of its meaning; a `merged` one is what USING made of two.
    """

    table: str
    column: str
    name: str
    instead: exp.Expr | None
    origin: int = 0
    key: str = ""
    merged: bool = False


class Meanings:
    """Meanings by the identity of nodes; the tree has to be kept as long as these.

    `stars` has what each star stands for, `outputs` the names of a query's columns, None where not all are
    known; an empty name is one that the engine makes up. `natural` has the columns that a NATURAL join
    compares.
    """

    def __init__(self) -> None:
        self.columns: dict[int, Meaning] = {}
        self.expanded: dict[int, tuple[StarColumn, ...]] = {}
        self.outputs: dict[int, tuple[str, ...] | None] = {}
        self.natural: dict[int, tuple[str, ...]] = {}
        self.owners: dict[int, int] = {}

    def note(self, node: exp.Expr, kind: SqlType | None, scope: Scope) -> None:
        """Keeps what is known of a node."""
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier):
            meaning = column_meaning(node, scope)
            if meaning is not None:
                self.columns[id(node)] = meaning

    def note_owner(self, item: exp.Expr, scope: Scope) -> None:
        """Keeps which table the name before a star means."""
        parts = _parts(item)
        keys = [lookup_key(scope.spec, part.name, bool(part.args.get("quoted"))) for part in parts]
        table = scope.find_table(keys[-1], tuple(keys[:-1])) if keys else None
        if table is not None:
            self.owners[id(item)] = table.origin


def _parts(node: exp.Expr) -> list[exp.Identifier]:
    return [
        p for key in ("catalog", "db", "table", "this") if isinstance(p := node.args.get(key), exp.Identifier)
    ]


def column_meaning(node: exp.Expr, scope: Scope) -> Meaning | None:
    """Gives what a column's name means, looked for as in `resolve.name_value`; None for nothing."""
    keys = [lookup_key(scope.spec, part.name, bool(part.args.get("quoted"))) for part in _parts(node)]
    for size in range(len(keys) - 1, 0, -1):
        table = scope.find_table(keys[size - 1], tuple(keys[: size - 1]))
        if table is not None and (table.named(keys[size]) is not None or _lists_not(table, keys[size])):
            return Meaning(Kind.COLUMN, table.origin, keys[size], size + 1)
    here: Scope | None = scope
    while here is not None:
        found = _in_scope(keys, here)
        if found is not None:
            return found
        here = here.parent
    return None


def _in_scope(keys: list[str], scope: Scope) -> Meaning | None:
    key = keys[0]
    if key in scope.lambdas:
        return Meaning(Kind.PARAMETER, 0, key, 1)
    lazy = scope.aliases.get(key)
    item = lazy.item if lazy is not None else 0
    owners = [(table, column) for table in scope.tables if (column := table.named(key)) is not None]
    if owners:
        merged = next((pair for pair in owners if pair[1].merged is not None), None)
        table = (merged or owners[0])[0]
        return Meaning(Kind.MERGED if merged else Kind.COLUMN, table.origin, key, 1, item)
    if lazy is not None and lazy.get() is not None:
        open_too = Kind.OPEN if scope.is_open else Kind.ITEM
        return Meaning(open_too, 0 if scope.is_open else item, key, 1, item)
    row = next((table for table in scope.tables if table.key == key), None)
    if row is not None and len(keys) == 1:
        return Meaning(Kind.ROW, row.origin, key, 1, names=tuple(c.column.name or "" for c in row.columns))
    return _unlisted(key, scope)


def _unlisted(key: str, scope: Scope) -> Meaning | None:
    """A name that may be a column of a table that doesn't list all of its own."""
    table = next((table for table in scope.tables if _lists_not(table, key)), None)
    if table is None:
        return None
    alone = len(scope.tables) == 1 and not _may_be_further_out(key, scope.parent)
    return Meaning(Kind.COLUMN, table.origin, key, 1) if alone else Meaning(Kind.OPEN, 0, key, 1)


def _lists_not(table: ScopeTable, key: str) -> bool:
    """Whether a table may have a column that is not listed."""
    return table.open or table.nameless or (table.stored and key in STORED)


def _may_be_further_out(key: str, scope: Scope | None) -> bool:
    here = scope
    while here is not None:
        if here.is_open or here.find_columns(key) or key in here.aliases or key in here.lambdas:
            return True
        if any(table.key == key or table.nameless for table in here.tables):
            return True
        here = here.parent
    return False
