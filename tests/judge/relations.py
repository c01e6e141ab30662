"""Random relations: tables, joins, subqueries, values, unnested lists, pivots, recursion."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from tests.judge.expressions import Column, Scope
from tests.judge.tree import Part, Tree, items, optional, seq
from tests.judge.world import KINDS, TABLES

if TYPE_CHECKING:
    from tests.judge.generate import Generator


class Relation(NamedTuple):
    """What stands in FROM, and the columns that it gives."""

    tree: Tree
    columns: tuple[Column, ...]


class Relations:
    """Makes what stands in FROM."""

    def __init__(self, rng: random.Random, generator: Generator) -> None:
        self._rng = rng
        self._generator = generator

    def relation(self, depth: int, outer: Scope = ()) -> Relation:
        """Makes one relation with an alias of its own."""
        roll = self._rng.random()
        alias = self._generator.fresh("t")
        if self._generator.ctes and roll < 0.35:
            name, columns = self._rng.choice(self._generator.ctes)
            return Relation(seq(f"{name} AS {alias}"), _of(alias, columns))
        if depth > 0 and roll < 0.5:
            made = self._generator.query((), depth - 1, named=True)
            if made.columns:
                return Relation(seq("(", made.tree, f") AS {alias}"), _of(alias, made.columns))
        if depth > 0 and roll < 0.58:
            return self._rng.choice((self._values, self._series, self._pivot, self._unpivot))(alias)
        name = self._rng.choice(tuple(TABLES))
        return Relation(seq(f"{name} AS {alias}"), _of(alias, _table(name)))

    def from_clause(self, outer: Scope, depth: int) -> Relation:
        """Makes a relation or several that are joined."""
        result = self.relation(depth, outer)
        for _ in range(self._rng.choice((0, 0, 1, 1, 2)) if depth > 0 else 0):
            result = self._join(result, depth)
        return result

    def _join(self, left: Relation, depth: int) -> Relation:
        roll = self._rng.random()
        if roll < 0.12:
            return self._unnested(left)
        if roll < 0.2:
            return self._lateral(left)
        right = self.relation(depth - 1)
        if roll < 0.27:
            joint = self._rng.choice((" CROSS JOIN ", ", "))
            return Relation(seq(left.tree, joint, right.tree), (*left.columns, *right.columns))
        if roll < 0.42:
            return self._merged(left, right)
        if roll < 0.5:
            kind = self._rng.choice(("SEMI", "ANTI"))
            tree = seq(left.tree, f" {kind} JOIN ", right.tree, " ON ", self._condition(left, right))
            return Relation(tree, left.columns)
        if roll < 0.54:
            return self._asof(left, right)
        kind = self._rng.choice(("JOIN", "INNER JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
        tree = seq(left.tree, f" {kind} ", right.tree, " ON ", self._condition(left, right))
        return Relation(tree, (*left.columns, *right.columns))

    def _condition(self, left: Relation, right: Relation) -> Tree:
        kinds = ("int", "str", "date", "dec")
        pairs = [(a, b) for a in left.columns for b in right.columns if a.kind == b.kind and a.kind in kinds]
        if not pairs:
            return seq("1 = 1")
        a, b = self._rng.choice(pairs)
        more: Part = ""
        if self._generator.chance(0.3):
            scope = (*left.columns, *right.columns)
            more = optional(" AND ", self._generator.expressions.scalar("bool", scope, 1))
        return seq(f"{a.text} = {b.text}", more)

    def _merged(self, left: Relation, right: Relation) -> Relation:
        """Joins by equal names: USING or NATURAL."""
        sides = [{c.name: c.kind for c in side.columns} for side in (left, right)]
        shared = [name for name, kind in sides[0].items() if sides[1].get(name) == kind and kind != "map"]
        shared = [name for name in shared if _once(name, left) and _once(name, right)]
        kind = self._rng.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
        if not shared:
            tree = seq(left.tree, f" {kind} ", right.tree, " ON ", self._condition(left, right))
            return Relation(tree, (*left.columns, *right.columns))
        if self._generator.chance(0.25) and len(shared) == len(sides[0].keys() & sides[1].keys()):
            tree, used = seq(left.tree, f" NATURAL {kind} ", right.tree), shared
        else:
            used = shared[: self._rng.randint(1, min(2, len(shared)))]
            tree = seq(left.tree, f" {kind} ", right.tree, f" USING ({', '.join(used)})")
        rest = [c for c in (*left.columns, *right.columns) if c.name not in used]
        return Relation(tree, (*(Column(name, name, sides[0][name]) for name in used), *rest))

    def _asof(self, left: Relation, right: Relation) -> Relation:
        pairs = [
            (a, b)
            for a in left.columns
            for b in right.columns
            if a.kind == b.kind and a.kind in ("date", "ts", "int")
        ]
        if not pairs:
            return Relation(seq(left.tree, " CROSS JOIN ", right.tree), (*left.columns, *right.columns))
        a, b = self._rng.choice(pairs)
        # Rows that are equally near are told apart by nothing.
        kind = "CROSS JOIN" if self._generator.exact else self._rng.choice(("ASOF JOIN", "ASOF LEFT JOIN"))
        condition: Part = "" if self._generator.exact else f" ON {a.text} >= {b.text}"
        return Relation(seq(left.tree, f" {kind} ", right.tree, condition), (*left.columns, *right.columns))

    def _unnested(self, left: Relation) -> Relation:
        alias, name = self._generator.fresh("u"), self._generator.fresh("e")
        kind = self._rng.choice(("list_int", "list_str"))
        listed = self._generator.expressions.scalar(kind, left.columns, 1)
        tree = seq(left.tree, ", unnest(", listed, f") AS {alias}({name})")
        element = "int" if kind == "list_int" else "str"
        return Relation(tree, (*left.columns, Column(f"{alias}.{name}", name, element)))

    def _lateral(self, left: Relation) -> Relation:
        alias, name = self._generator.fresh("l"), self._generator.fresh("c")
        kind = self._rng.choice(("int", "str", "dec"))
        inner = self.relation(0)
        scope = (*left.columns, *inner.columns)
        expressions = self._generator.expressions
        if self._generator.chance(0.5):
            what = expressions.aggregate(kind, inner.columns, 1)
        else:
            what = expressions.scalar(kind, scope, 2)
        where = optional(" WHERE ", expressions.scalar("bool", scope, 1))
        joint = self._rng.choice((", LATERAL (", " LEFT JOIN LATERAL ("))
        condition = " ON true" if joint.startswith(" LEFT") else ""
        tree = seq(
            left.tree, f"{joint}SELECT ", what, f" AS {name} FROM ", inner.tree, where, f") AS {alias}"
        )
        return Relation(seq(tree, condition), (*left.columns, Column(f"{alias}.{name}", name, kind)))

    def _values(self, alias: str) -> Relation:
        kinds = [self._rng.choice(("int", "dec", "str", "date")) for _ in range(self._rng.randint(1, 3))]
        names = [self._generator.fresh("v") for _ in kinds]
        tree = seq("(VALUES ", self._rows(kinds), f") AS {alias}({', '.join(names)})")
        columns = tuple(Column(f"{alias}.{n}", n, k) for n, k in zip(names, kinds, strict=True))
        return Relation(tree, columns)

    def _rows(self, kinds: list[str]) -> Tree:
        """Makes rows of VALUES, of mixed numbers in one column."""
        rows: list[Part] = []
        for _ in range(self._rng.randint(1, 3)):
            cells: list[Part] = []
            for kind in kinds:
                mixed = self._rng.choice(("int", "dec")) if kind in ("int", "dec") else kind
                null = self._generator.chance(0.15)
                cells.append("NULL" if null else self._generator.expressions.scalar(mixed, (), 1))
            rows.append(seq("(", items(cells, least=len(cells)), ")"))
        return items(rows)

    def _series(self, alias: str) -> Relation:
        name = self._generator.fresh("n")
        function = self._rng.choice(("range(5)", "generate_series(1, 4)", "range(0, 9, 3)"))
        return Relation(seq(f"{function} AS {alias}({name})"), (Column(f"{alias}.{name}", name, "int"),))

    def _pivot(self, alias: str) -> Relation:
        table, keys, values = self._pivot_parts()
        how = self._rng.choice(("sum", "max", "count"))
        new = [f"p{i}_{self._generator.fresh('x')}" for i in (1, 2)]
        inside = f"{values[0]} AS {new[0]}, {values[1]} AS {new[1]}"
        key, value, group = keys
        tree = seq(
            f"(SELECT * FROM (SELECT {group}, {key}, {value} FROM {table}) ",
            f"PIVOT ({how}({value}) FOR {key} IN ({inside}) GROUP BY {group})) AS {alias}",
        )
        kinds = {c.name: c.kind for c in _table(table)}
        kind = "int" if how == "count" else kinds[value]
        columns = (Column(f"{alias}.{group}", group, kinds[group]),)
        return Relation(tree, (*columns, *(Column(f"{alias}.{name}", name, kind) for name in new)))

    def _pivot_parts(self) -> tuple[str, tuple[str, str, str], tuple[str, str]]:
        return self._rng.choice(
            (
                ("items", ("label", "price", "parent"), ("'a'", "'b'")),
                ("sales", ("qty", "amount", "paid"), ("1", "2")),
                ("people", ("small", "score", "name"), ("1", "3")),
                ("items", ("active", "weight", "name"), ("true", "false")),
            )
        )

    def _unpivot(self, alias: str) -> Relation:
        table, columns, kind, kept = self._rng.choice(
            (
                ("items", ("price", "tax"), "dec", "id"),
                ("items", ("name", "label"), "str", "parent"),
                ("sales", ("id", "item_id", "qty"), "int", "sold"),
                ("people", ("small", "code"), "int", "name"),
            )
        )
        name, value = self._generator.fresh("k"), self._generator.fresh("v")
        nulls = self._rng.choice(("", "INCLUDE NULLS "))
        listed = ", ".join(columns)
        tree = seq(
            f"(SELECT * FROM (SELECT {kept}, {listed} FROM {table}) ",
            f"UNPIVOT {nulls}({value} FOR {name} IN ({listed}))) AS {alias}",
        )
        kinds = {c.name: c.kind for c in _table(table)}
        names = ((kept, kinds[kept]), (name, "str"), (value, kind))
        return Relation(tree, tuple(Column(f"{alias}.{n}", n, k) for n, k in names))

    def values_query(self) -> Tree:
        """Makes a bare VALUES."""
        kinds = [self._rng.choice(("int", "dec", "str", "bool")) for _ in range(self._rng.randint(1, 3))]
        return seq("VALUES ", self._rows(kinds), sort="query")

    def pivot_statement(self) -> Tree:
        """Makes PIVOT or UNPIVOT as a statement."""
        if self._generator.chance(0.5):
            columns = self._rng.choice(("price, tax", "name, label", "id, parent"))
            return seq(f"UNPIVOT (SELECT id AS k, {columns} FROM items) ON {columns} INTO NAME n VALUE v")
        table, (key, value, group), values = self._pivot_parts()
        how = self._rng.choice((f"sum({value})", f"max({value}) AS m", f"count(*), max({value})"))
        inside = ", ".join(values)
        return seq(f"PIVOT {table} ON {key} IN ({inside}) USING {how}", optional(f" GROUP BY {group}"))

    def recursion(self, name: str) -> Relation:
        """Makes a recursive CTE that ends."""
        columns = (Column("n", "n", "int"), Column("s", "s", "str"), Column("d", "d", "dec"))
        steps = self._rng.choice(("n + 1", "n + 1::BIGINT", "(n + 1)::INTEGER"))
        text = self._rng.choice(("s", "s || 'x'", "upper(s)"))
        number = self._rng.choice(("d", "d + 1", "CAST(d AS DECIMAL(12,2))"))
        start = self._rng.choice(("SELECT 1, 'a', 1.5", "SELECT id, label, tax FROM items WHERE id < 4"))
        union = self._rng.choice(("UNION ALL", "UNION"))
        body = f"{start} {union} SELECT {steps}, {text}, {number} FROM {name} WHERE n < 6"
        return Relation(seq(f"{name}(n, s, d) AS ({body})"), columns)


def _table(name: str) -> tuple[Column, ...]:
    return tuple(Column(column, column, KINDS[kind]) for column, kind, _ in TABLES[name])


def _of(alias: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(Column(f"{alias}.{column.name}", column.name, column.kind) for column in columns)


def _once(name: str, relation: Relation) -> bool:
    return sum(column.name == name for column in relation.columns) == 1
