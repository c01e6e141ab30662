"""Says which columns of a query differ between two versions of it, or of what it reads.

What is not understood is taken for a difference: the answer then is that any row may be another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from sqlflow.bind.canonical.apart import Apart
from sqlflow.bind.canonical.form import canonical_apart
from sqlflow.bind.canonical.loose import Looseness
from sqlflow.bind.canonical.parts import split_query
from sqlflow.bind.query.values import Table
from sqlflow.bind.reread import Reread
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.rules import TypeRules
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.calls import volatile_calls
from sqlflow.parse.parse import deep_nesting

# The columns of nodes that differ from what was read before, by the keys that their names are looked up by.
Changes: TypeAlias = Mapping[NodeId, frozenset[str]]


class Column(NamedTuple):
    """A column of a query: its name, and a form of its value."""

    name: str
    form: str


class Parted(NamedTuple):
    """A query with its columns apart.

    Over the same tables, two queries of equal `rows` have the same rows, and in each of them the same values
    in the columns that are equal. `columns` are in their order, by their keys.
    """

    rows: str
    columns: Mapping[str, Column]


class Reading:
    """A query that was kept, read again, with its columns apart; the arguments are those of `Reread`."""

    def __init__(
        self,
        sql: str,
        spec: DialectSpec,
        rules: TypeRules | None,
        tables: Mapping[str, Table],
        own: tuple[Relation, Table] | None = None,
    ) -> None:
        self._kept = Reread(sql, spec, rules, tables, own)

    def parted(self, changes: Changes, mark: str, *, marks_loose: bool = True) -> Parted | None:
        """Gives the query with its columns apart; None where that can't be done.

        What is made of `changes`, and, if `marks_loose`, what the query leaves open, is equal only to what
        has the same mark.
        """
        kept = self._kept
        if kept.tree is None or (marks_loose and volatile_calls(kept.tree, kept.tokens, kept.spec)):
            return None
        found = self._split(changes, mark, marks_loose=marks_loose)
        return found[0] if found is not None else None

    def meaning(self) -> tuple[str, tuple[Column, ...]] | None:
        """Gives a form that is equal for what differs only in columns of subqueries that nothing reads."""
        found = self.parted({}, "", marks_loose=False)
        return (found.rows, tuple(found.columns.values())) if found is not None else None

    def reads_any(self, changes: Changes, *, or_names: bool = False) -> bool:
        """Whether some of the columns decide which rows there are, or a value; True where nobody can tell.

        With `or_names`, naming one is enough, wherever that is.
        """
        found = [self._split(changes, mark, marks_loose=False) for mark in ("<1>", "<2>")]
        if found[0] is None or found[1] is None or found[0][0] != found[1][0]:
            return True
        return or_names and found[0][1]

    def readers(self, changes: Changes) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Gives the columns, of tables, that each column takes values from, of those that changed; those that
        decide which rows there are under an empty name."""
        out: dict[str, tuple[tuple[str, str], ...]] = {}
        for name, sources in (
            ("", self._kept.table.rows),
            *((c.name, c.value.sources) for c in self._kept.table.columns),
        ):
            hit = sorted((ref.table, ref.column) for ref in sources if self._is_changed(ref, changes))
            if hit and name is not None:
                out[name] = tuple(hit)
        return out

    def _split(self, changes: Changes, mark: str, *, marks_loose: bool) -> tuple[Parted, bool] | None:
        kept = self._kept
        tree, table = kept.tree, kept.table
        if tree is None or table.open or any(self._is_changed(ref, changes) for ref in table.rows):
            return None
        apart = Apart(
            kept.spec,
            {str(node): columns for node, columns in changes.items()},
            f"<{mark}>",
            Looseness(kept.sql, kept.notes.types, kept.is_known),
            split_query,
            marks_loose=marks_loose,
        )
        with deep_nesting():
            split = canonical_apart(
                tree,
                kept.tokens,
                kept.sql,
                kept.notes,
                kept.spec,
                relation=kept.relation,
                is_known=kept.is_known,
                apart=apart,
            )
        if split is None or split.columns is None or len(split.columns) != len(table.columns):
            return None
        columns: dict[str, Column] = {}
        for place, (column, form) in enumerate(zip(table.columns, split.columns, strict=True)):
            if not column.name and marks_loose:
                # The engine makes a name up, of the text.
                return None
            made_of = [ref for ref in column.value.sources if self._is_changed(ref, changes)]
            name = column.name or f"column {place}"
            columns[lookup_key(kept.spec, name, True)] = Column(name, f"{form}{mark if made_of else ''}")
        return (Parted(split.rows, columns), apart.touched) if len(columns) == len(split.columns) else None

    def _is_changed(self, ref: tuple[str, str], changes: Changes) -> bool:
        found = changes.get(NodeId(ref[0]))
        return found is not None and lookup_key(self._kept.spec, ref[1], True) in found


def differing(old: Parted | None, new: Parted | None) -> frozenset[str] | None:
    """Gives the columns in which two queries differ, by their keys; None where any row may be another one."""
    if old is None or new is None or old.rows != new.rows:
        return None
    keys = old.columns.keys() | new.columns.keys()
    return frozenset(key for key in keys if old.columns.get(key) != new.columns.get(key))
