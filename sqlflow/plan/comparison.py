"""How two tables or views of one model differ, as values; what follows from their columns alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlflow.bind.types import Program
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect.comparison import Pair, pair_of
from sqlflow.dialect.names import name_key, same_name
from sqlflow.dialect.spec import DialectSpec

Row: TypeAlias = tuple[object, ...]


class KeyOrigin(StrEnum):
    """Where the columns that rows are matched by come from; NONE: whole rows are compared."""

    ASKED = "--on"
    UNIQUE_KEY = "unique_key"
    UNIQUE_TEST = "unique test"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The columns by which rows are matched; `why_none` says why there are none that could be used."""

    columns: tuple[str, ...] = ()
    origin: KeyOrigin = KeyOrigin.NONE
    why_none: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsChanged:
    """How the columns of two relations differ; of a retyped one, its name and both types."""

    added: tuple[Column, ...] = ()
    removed: tuple[Column, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.retyped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value that differs: the row's key, and what is on the left and on the right."""

    key: Row
    left: object
    right: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDifference:
    """In how many rows that both sides have a column differs, and the first of them."""

    name: str
    rows: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side: its rows; of them, those without a key, and the keys that several rows have.

    Neither are matched with anything.
    """

    rows: int
    no_key: int = 0
    repeated_keys: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsCompared:
    """How rows compare: by key, or as whole rows where there is none, which then can't be `different`.

    `only_left` and `only_right` are rows of one side, `first_left` and `first_right` the first of them: their
    keys, or the values of `columns`. `changed` are the columns that differ somewhere.
    """

    key: Key
    columns: tuple[str, ...]
    left: Side
    right: Side
    only_left: int
    only_right: int
    equal: int
    different: int
    changed: tuple[ColumnDifference, ...] = ()
    first_left: tuple[Row, ...] = ()
    first_right: tuple[Row, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether both sides are known to have the same rows."""
        sides = (self.left, self.right)
        unmatched = any(side.no_key or side.repeated_keys for side in sides)
        return not (self.only_left or self.only_right or self.different or unmatched)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the two relations of a model compare.

    A relation of None is not there. Where both are one, they are not looked at: there are no `rows`, as where
    one is missing, or where they have no column in common.
    """

    node: NodeId
    name: str
    left: Relation | None
    right: Relation | None
    columns: ColumnsChanged
    rows: RowsCompared | None

    @property
    def is_one(self) -> bool:
        """Whether both are the same table."""
        return self.left == self.right

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        if self.is_one:
            return True
        return not self.columns and self.rows is not None and self.rows.is_equal


def columns_changed(spec: DialectSpec, left: Sequence[Column], right: Sequence[Column]) -> ColumnsChanged:
    """Compares columns by name, as the engine compares names; their order plays no part."""
    old, new = _by_name(spec, left), _by_name(spec, right)
    return ColumnsChanged(
        added=tuple(column for name, column in new.items() if name not in old),
        removed=tuple(column for name, column in old.items() if name not in new),
        retyped=tuple(
            (column.name, column.type, new[name].type)
            for name, column in old.items()
            if name in new and new[name].type != column.type
        ),
    )


def common_columns(
    spec: DialectSpec, left: Sequence[Column], right: Sequence[Column], *, near: bool
) -> tuple[Pair, ...]:
    """Pairs the columns that both sides have; `near` where numbers that are not exact may differ a little."""
    new = _by_name(spec, right)
    found = ((column, new.get(name)) for name, column in _by_name(spec, left).items())
    return tuple(pair_of(spec, old, other, near=near) for old, other in found if other is not None)


def _by_name(spec: DialectSpec, columns: Sequence[Column]) -> Mapping[str, Column]:
    return {name_key(spec, column.name): column for column in columns}


def declared_keys(program: Program, node: NodeId) -> Iterator[Key]:
    """Gives what a node says of itself that tells its rows apart, the strongest first."""
    model = program.models.get(node)
    # A snapshot has a row for each version of what its key names.
    if model is not None and model.config.unique_key and model.config.snapshot is None:
        yield Key(columns=model.config.unique_key, origin=KeyOrigin.UNIQUE_KEY)
    for id, test in program.generic_tests.items():
        if test.test == "unique" and test.column and program.graph.nodes[id].attached == node:
            yield Key(columns=(test.column,), origin=KeyOrigin.UNIQUE_TEST)


def usable_key(spec: DialectSpec, keys: Sequence[Key], common: Sequence[Pair]) -> Key:
    """Gives the first key whose columns both sides have, in their spelling on the left."""
    for key in keys:
        columns = _found(spec, key.columns, common)
        if columns is not None:
            return Key(columns=columns, origin=key.origin)
    if keys:
        return Key(why_none=f"{keys[0].origin.value} ({', '.join(keys[0].columns)}) is not on both sides")
    return Key(why_none="there is no key: no unique_key, and no test that a column is unique")


def _found(spec: DialectSpec, names: Sequence[str], common: Sequence[Pair]) -> tuple[str, ...] | None:
    found = [
        next((p.left.name for p in common if same_name(spec, p.left.name, name)), None) for name in names
    ]
    return tuple(name for name in found if name is not None) if None not in found else None
