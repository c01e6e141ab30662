"""What goes with writing the columns of a query apart, each by what it is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from sqlflow.bind.canonical.loose import Looseness
from sqlflow.bind.query.resolve import STORED
from sqlflow.core.digest import digest
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec

if TYPE_CHECKING:
    from sqlflow.bind.canonical.context import Context


class Split(NamedTuple):
    """A query: a form of which rows it has, the names of its columns, a form of each; None if not apart.

    Over the same tables, two queries of equal `rows` have the same rows, and in each of them the same values
    in the columns of equal forms.
    """

    rows: str
    names: tuple[str, ...] | None
    columns: tuple[str, ...] | None


class Apart:
    """The state of such a writing.

    `changed` has columns of tables outside the query that are written with a `mark`, so that they are equal
    to none with another; a table that is in it is so too where it is read as a whole. `looseness`, if set,
    has what a query leaves open marked as well. `touched` is set where any of `changed` is named, `undecided`
    where something is not understood.
    """

    def __init__(
        self,
        spec: DialectSpec,
        changed: Mapping[str, Collection[str]],
        mark: str,
        looseness: Looseness,
        split: Callable[[exp.Expr, Context], Split],
        *,
        marks_loose: bool,
    ) -> None:
        self.mark = mark
        self.looseness = looseness
        self.touched = self.undecided = False
        self._spec = spec
        self._changed = changed
        self._split = split
        self._marks_loose = marks_loose
        self._tables: dict[int, str] = {}
        self._made: dict[int, Mapping[str, str]] = {}
        self._known: dict[int, Split] = {}

    def loose(self, node: exp.Expr | None) -> str:
        """Gives the mark where a part of a query may have another value for the same rows."""
        if node is None or not self._marks_loose:
            return ""
        return self.mark if self.looseness.is_loose(node) else ""

    def open(self) -> str:
        """Gives the mark for what is always left open."""
        return self.mark if self._marks_loose else ""

    def table(self, node: exp.Expr, relation: str, *, renamed: bool) -> str:
        """Takes a table outside the query; gives the mark where it is read by the places of its columns."""
        self._tables[id(node)] = relation
        if renamed and relation in self._changed:
            self.touched = True
            return self.mark
        return ""

    def derived(self, node: exp.Expr, body: exp.Expr, aliases: Sequence[object], context: Context) -> str:
        """Takes a query in FROM; gives the form of its rows."""
        found = self._known.get(id(body))
        if found is None:
            found = self._known[id(body)] = self._split(body, context)
        if found.columns is None:
            return found.rows
        names = list(found.names or ())
        for alias in aliases:
            given = alias.args.get("columns") or () if isinstance(alias, exp.TableAlias) else ()
            for place, part in enumerate(given[: len(names)]):
                names[place] = part.name
        keys = [lookup_key(self._spec, name, True) for name in names]
        if len(keys) != len(found.columns) or len(set(keys)) < len(keys) or not all(keys):
            return digest(json.dumps([found.rows, found.columns]))
        self._made[id(node)] = dict(zip(keys, found.columns, strict=True))
        return found.rows

    def made_of(self, origin: int, key: str) -> str:
        """Says what a column of a table in FROM is made of, behind its name; `*` is all of them."""
        relation = self._tables.get(origin)
        if relation is not None:
            self.undecided = self.undecided or key in STORED
            changed = self._changed.get(relation)
            if changed is None or (key != "*" and key not in changed):
                return ""
            self.touched = True
            return self.mark
        made = self._made.get(origin)
        if made is None:
            return ""
        if key == "*":
            return f"[{digest(json.dumps(list(made.items())))}]"
        self.undecided = self.undecided or key not in made
        return f"[{made.get(key, '')}]"

    def keys(self, origins: Collection[int], keys: Collection[str]) -> str:
        """Says what columns that a join compares by their names are made of, in each of its tables."""
        made = (
            (origin, key)
            for origin in origins
            for key in keys
            if origin in self._tables or key in self._made.get(origin, {})
        )
        return " ".join(self.made_of(origin, key) for origin, key in made)
