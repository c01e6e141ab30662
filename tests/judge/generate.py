"""Random queries that are mostly valid, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from tests.judge.expressions import Column, Expressions, Scope
from tests.judge.relations import Relations
from tests.judge.tree import Part, Tree, items, optional, seq
from tests.judge.world import NUMBERS, PLAIN

_DEPTH = 3


class Made(NamedTuple):
    """A query and the columns that a query around it can read."""

    tree: Tree
    columns: tuple[Column, ...]


def random_query(seed: int | str, *, exact: bool = False, depth: int = _DEPTH) -> Tree:
    """Makes a query over `world.TABLES`, of which `depth` says how far things nest.

    `exact` makes one whose result depends on the rows alone, not on their order: LIMIT and DISTINCT ON
    come with an order by all columns, nothing picks among rows that compare as equal.
    """
    return Generator(random.Random(seed), exact=exact, depth=depth).statement()


class Generator:
    """Makes one query."""

    def __init__(self, rng: random.Random, *, exact: bool, depth: int = _DEPTH) -> None:
        self._rng = rng
        self._depth = depth
        self.exact = exact
        self._number = 0
        self.expressions = Expressions(rng, self.subquery, exact=exact)
        self._relations = Relations(rng, self)
        self.ctes: list[tuple[str, tuple[Column, ...]]] = []

    def fresh(self, prefix: str) -> str:
        """Gives a name that this query has nowhere else."""
        self._number += 1
        return f"{prefix}{self._number}"

    def chance(self, share: float) -> bool:
        """Says yes with a probability."""
        return self._rng.random() < share

    def statement(self) -> Tree:
        """Makes a whole query."""
        roll = self._rng.random()
        if roll < 0.02:
            return self._relations.values_query()
        if roll < 0.05:
            return self._relations.pivot_statement()
        ctes: list[Part] = []
        recursive = ""
        for _ in range(self._rng.choice((0, 0, 0, 1, 1, 2))):
            name = self.fresh("w")
            if self.chance(0.2):
                tree, columns = self._relations.recursion(name)
                recursive = "RECURSIVE "
            else:
                made = self.query((), self._depth - 1, named=True)
                tree = seq(f"{name} AS {self._rng.choice(('', '', 'MATERIALIZED '))}(", made.tree, ")")
                columns = made.columns
            ctes.append(tree)
            self.ctes.append((name, columns))
        body = self.query((), self._depth, named=False).tree
        if not ctes:
            return body
        return seq(optional(f"WITH {recursive}", items(ctes), " "), body, sort="query")

    def subquery(self, kind: str, scope: Scope, depth: int) -> Tree:
        """Makes a query of one column and at most one row, often correlated; EXISTS and IN take it too."""
        relation = self._relations.relation(0, scope)
        inner = [*relation.columns, *(c for c in scope if "." in c.text)]
        if self.chance(0.7):
            one = self.expressions.aggregate(kind, relation.columns, 1)
        else:
            one = self.expressions.scalar(kind, relation.columns, 1)
        where = optional(" WHERE ", self.expressions.scalar("bool", inner, min(depth, 1)))
        order = " ORDER BY 1" if self.exact or self.chance(0.5) else ""
        limit = f"{order} LIMIT 1"
        return seq("SELECT ", one, " FROM ", relation.tree, where, limit, sort="query")

    def query(self, outer: Scope, depth: int, *, named: bool) -> Made:
        """Makes a select or a set operation; `named` gives every column a name of its own."""
        if depth > 0 and self.chance(0.15):
            made = self._set_operation(outer, depth, named=named)
        else:
            made = self.select(outer, depth, named=named)
        return made

    def _set_operation(self, outer: Scope, depth: int, *, named: bool) -> Made:
        count = self._rng.randint(1, 4)
        kinds = [self._rng.choice((*PLAIN, "list_int")) for _ in range(count)]
        left = self.select(outer, depth - 1, named=named, kinds=kinds)
        mixed = [self._rng.choice(NUMBERS) if kind in NUMBERS else kind for kind in kinds]
        by_name = named and self.chance(0.3)
        names = [column.name for column in left.columns] if by_name else None
        if by_name and names is not None and len(names) == len(mixed):
            pairs = list(zip(names, mixed, strict=True))
            self._rng.shuffle(pairs)
            names, mixed = [n for n, _ in pairs], [k for _, k in pairs]
        right = self.select(outer, depth - 1, named=named, kinds=mixed, names=names)
        operators = ("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL")
        operator = self._rng.choice(("UNION BY NAME", "UNION ALL BY NAME") if by_name else operators)
        tree = seq("(", left.tree, f") {operator} (", right.tree, ")", sort="query")
        return Made(seq(tree, self._limit(count), sort="query"), left.columns)

    def _limit(self, count: int) -> Part:
        """Makes ORDER BY, LIMIT, OFFSET; by all columns where the result has to be exact."""
        if not self.chance(0.3):
            return ""
        keys = [str(i + 1) for i in range(count)] if count else ["ALL"]
        if not self.exact:
            self._rng.shuffle(keys)
            keys = keys[: self._rng.randint(1, len(keys))]
        keys = [key + self._rng.choice(("", " DESC", " NULLS LAST")) for key in keys]
        if self.chance(0.2):
            keys = ["ALL"]
        limit = self._rng.choice(("", "", f" LIMIT {self._rng.randint(1, 9)}", " LIMIT 5 OFFSET 2"))
        if self.exact and limit:
            return optional(" ORDER BY ", ", ".join(keys), optional(limit))
        return optional(" ORDER BY ", items(keys), optional(limit))

    def select(
        self,
        outer: Scope,
        depth: int,
        *,
        named: bool,
        kinds: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
    ) -> Made:
        """Makes a SELECT, of columns of the kinds and names given or of any."""
        source = self._relations.from_clause(outer, depth)
        scope = [*source.columns, *(c for c in outer if self.chance(0.3))]
        where: Part = ""
        if self.chance(0.55):
            where = optional(" WHERE ", self.expressions.scalar("bool", scope, depth))
        if kinds is None and not named and self.chance(0.03):
            return Made(seq("FROM ", source.tree, where, sort="query"), ())
        if kinds is None and self.chance(0.15):
            return self._star(source.tree, where, source.columns)
        wanted = list(kinds) if kinds is not None else self._kinds()
        if self.chance(0.35):
            return self._grouped(source.tree, where, source.columns, depth, wanted, names, named=named)
        return self._plain(source.tree, where, scope, depth, wanted, names, named=named)

    def _kinds(self) -> list[str]:
        kinds = (*PLAIN, *PLAIN, "int", "dec", "list_int", "list_str", "info", "map", "json")
        return [self._rng.choice(kinds) for _ in range(self._rng.randint(1, 5))]

    def _plain(
        self,
        source: Tree,
        where: Part,
        scope: Scope,
        depth: int,
        wanted: Sequence[str],
        names: Sequence[str] | None,
        *,
        named: bool,
    ) -> Made:
        with_windows = self.chance(0.25)
        window = self.fresh("win") if with_windows and self.chance(0.4) else None
        expressions: list[Tree] = []
        for kind in wanted:
            if with_windows and self.expressions.has_window(kind) and self.chance(0.6):
                expressions.append(self.expressions.window(kind, scope, depth, window))
            else:
                expressions.append(self.expressions.scalar(kind, scope, depth))
        listed, columns = self._output(expressions, wanted, names, named=named)
        tail: list[Part] = []
        if window is not None:
            tail.append(optional(f" WINDOW {window} AS (", self.expressions.over(scope, 1), ")"))
        if with_windows and self.chance(0.3):
            rank = self.expressions.window("int", scope, 1, window)
            tail.append(optional(" QUALIFY ", rank, f" <= {self._rng.randint(1, 3)}"))
        distinct, order = self._distinct(scope, len(wanted))
        if self.chance(0.04):
            tree = seq("FROM ", source, " SELECT ", distinct, listed, where, *tail, order, sort="query")
        else:
            tree = seq("SELECT ", distinct, listed, " FROM ", source, where, *tail, order, sort="query")
        return Made(tree, columns)

    def _distinct(self, scope: Scope, count: int) -> tuple[Part, Part]:
        roll = self._rng.random()
        if roll < 0.1:
            return optional("DISTINCT "), self._limit(count)
        if roll < 0.14 and scope:
            key = self._rng.choice(scope).text
            if self.exact:
                every = ", ".join(str(i + 1) for i in range(count))
                return f"DISTINCT ON ({key}) ", f" ORDER BY {key}, {every}"
            return seq(f"DISTINCT ON ({key}) "), optional(f" ORDER BY {key}")
        return "", self._limit(count)

    def _grouped(
        self,
        source: Tree,
        where: Part,
        scope: Scope,
        depth: int,
        wanted: Sequence[str],
        names: Sequence[str] | None,
        *,
        named: bool,
    ) -> Made:
        expressions: list[Tree] = []
        positions: list[str] = []
        keys: list[Part] = []
        for i, kind in enumerate(wanted):
            if self.chance(0.4) and kind != "map":
                key = self.expressions.scalar(kind, scope, 1)
                if str(key).replace(".", "").replace("_", "").isalnum() and any(
                    c.text == str(key) for c in scope
                ):
                    expressions.append(key)
                    positions.append(str(i + 1))
                    keys.append(key)
                    continue
            expressions.append(self.expressions.aggregate(kind, scope, depth))
        listed, columns = self._output(expressions, wanted, names, named=named)
        group = self._grouping(positions, keys)
        having: Part = ""
        if self.chance(0.25):
            having = optional(
                " HAVING ", self.expressions.aggregate("int", scope, 1), f" > {self._rng.randint(0, 2)}"
            )
        order = self._limit(len(wanted))
        return Made(
            seq("SELECT ", listed, " FROM ", source, where, group, having, order, sort="query"), columns
        )

    def _grouping(self, positions: list[str], keys: list[Part]) -> Part:
        if not keys:
            return ""
        form = self._rng.choice(("keys", "keys", "positions", "all", "rollup", "cube", "sets"))
        inside = items(keys)
        match form:
            case "positions":
                return seq(" GROUP BY ", ", ".join(positions))
            case "all":
                return seq(" GROUP BY ALL")
            case "rollup":
                return seq(" GROUP BY ROLLUP (", inside, ")")
            case "cube" if len(keys) < 4:
                return seq(" GROUP BY CUBE (", inside, ")")
            case "sets":
                sets = items([*(seq("(", key, ")") for key in keys), "()"])
                return seq(" GROUP BY GROUPING SETS (", sets, ")")
            case _:
                return seq(" GROUP BY ", inside)

    def _output(
        self, expressions: Sequence[Tree], kinds: Sequence[str], names: Sequence[str] | None, *, named: bool
    ) -> tuple[Tree, tuple[Column, ...]]:
        listed: list[Part] = []
        columns: list[Column] = []
        for i, (expression, kind) in enumerate(zip(expressions, kinds, strict=True)):
            name = names[i] if names is not None and i < len(names) else self.fresh("c")
            if not named and self.chance(0.25):
                listed.append(expression)
                continue
            shown = self._rng.choice((name, name, name, f'"{name}"'))
            if self.chance(0.05):
                listed.append(seq(f"{shown}: ", expression))
            else:
                listed.append(seq(expression, self._rng.choice((" AS ", " AS ", " ")), shown))
            columns.append(Column(name, name, kind))
        return items(listed), tuple(columns)

    def _star(self, source: Tree, where: Part, columns: Scope) -> Made:
        """Makes a SELECT of stars, with what stars can be written with."""
        names = [column.name for column in columns]
        once = [column for column in columns if names.count(column.name) == 1]
        plain = tuple(Column(c.name, c.name, c.kind) for c in once)
        form = self._rng.choice(
            ("star", "exclude", "replace", "rename", "columns", "lambda", "like", "table")
        )
        if not once:
            form = "star"
        if form == "exclude":
            out = self._rng.choice(once)
            kept = tuple(c for c in plain if c.name != out.name)
            listed = f"* EXCLUDE ({out.name})"
        elif form == "replace":
            changed = self._rng.choice(once)
            expression = self.expressions.scalar(changed.kind, columns, 2)
            tree = seq(
                "SELECT * REPLACE (", expression, f" AS {changed.name}) FROM ", source, where, sort="query"
            )
            return Made(tree, plain)
        elif form == "rename":
            out = self._rng.choice(once)
            new = self.fresh("r")
            kept = tuple(Column(new, new, c.kind) if c.name == out.name else c for c in plain)
            listed = f"* RENAME ({out.name} AS {new})"
        elif form == "columns":
            listed, kept = "COLUMNS('^[a-m]')", tuple(c for c in plain if "a" <= c.name[:1] <= "m")
        elif form == "lambda":
            listed, kept = "COLUMNS(lambda c: c NOT LIKE '%a%')", tuple(c for c in plain if "a" not in c.name)
        elif form == "like":
            listed, kept = "* LIKE '%e%'", tuple(c for c in plain if "e" in c.name)
        else:
            qualifier = self._rng.choice(columns).text.rpartition(".")[0] if columns else ""
            prefix = f"{qualifier}." if form == "table" and qualifier else ""
            kept = tuple(c for c in once_named(plain, columns, prefix))
            listed = f"{prefix}*"
        return Made(seq("SELECT ", listed, " FROM ", source, where, self._limit(0), sort="query"), kept)


def once_named(plain: Sequence[Column], columns: Scope, prefix: str) -> list[Column]:
    """Gives those of the columns that come from the table of a prefix, all for none."""
    inside = {column.name for column in columns if column.text.startswith(prefix)}
    return [column for column in plain if column.name in inside]
