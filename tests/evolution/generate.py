"""Random queries and projects, whose results depend on rows alone and not on their order."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.evolution.project import LOG, SOURCES, UNTOLD, Model, Project
from tests.evolution.queries import Column, Cte, Item, Join, Lookup, Query, Select, Star, Style, Union, scope

# Few, so that a name in one model is one in another as well.
NAMES = ("a", "b", "t", "u", "c1", "c2", "c3", "k", "n")
KINDS = ("int", "int", "text", "text", "date", "dec")
# `<int>` stands for a column of that kind, `<any>` for one of any kind.
_SCALARS = {
    "int": (
        "<int>", "<int>", "<int> + 1", "<int> * 2 % 100", "coalesce(<int>, 0)", "length(<text>)",
        "abs(<int> - 3)", "case when <cond> then <int> else 7 end", "year(<date>)", "5", "<int> + <int> % 10",
    ),
    "text": (
        "<text>", "<text>", "upper(<text>)", "left(<text> || 'x', 4)", "coalesce(<text>, 'none')",
        "cast(<int> as varchar)", "case when <cond> then <text> else 'z' end", "left(<text> || <text>, 3)",
    ),
    "date": ("<date>", "coalesce(<date>, date '2020-01-01')", "<date> + 3", "date '2020-02-02'"),
    "dec": ("<dec>", "cast(<dec> + 1.5 as decimal(24,2))", "cast(<int> as decimal(24,2))"),
}  # fmt: skip
_AGGREGATES = {
    "int": (
        "count(*)", "count(*)", "cast(sum(<int>) % 1000 as bigint)", "max(<int>)", "count(distinct <any>)",
        "count(<any>)", "min(<int>)",
    ),
    "text": ("max(<text>)", "min(<text>)"),
    "date": ("max(<date>)", "min(<date>)"),
    "dec": ("cast(sum(<dec>) as decimal(24,2))", "max(<dec>)"),
}  # fmt: skip
_WINDOWS = {
    "int": (
        "count(*) over (partition by <any>)", "rank() over (order by <int>, <any>)",
        "max(<int>) over (partition by <text>)", "dense_rank() over (partition by <any> order by <any>)",
    ),
    "text": ("max(<text>) over (partition by <any>)", "min(<text>) over (order by <any>)"),
}  # fmt: skip
_CONDITIONS = (
    "<int> > 1", "<int> % 3 <> 1", "<text> <> 'b'", "<text> like 'a%'", "<date> >= date '2020-01-06'",
    "<dec> < 5", "<any> is not null", "(<int> > 2 or <text> = 'a')", "<int> in (1, 2, 5)", "<int> <> 4",
    "<int> between 1 and 9", "<int> is distinct from 3", "not (<int> = 2)", "coalesce(<int>, 1) < 4",
)  # fmt: skip
_LITERALS = {"int": "3", "text": "'q'", "date": "date '2020-01-07'", "dec": "1.5", "any": "1"}
_PLACE = re.compile(r"<(int|text|date|dec|any|cond)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What projects are like.

    `stars` is the share of models that take all columns, `odd` that of shapes for which an added column is
    no small thing, `untold` that of the source that tells nothing, `deep` how often a model is read where a
    source could be.
    """

    stars: float = 0.2
    odd: float = 0.35
    untold: float = 0.15
    deep: float = 0.3


def expression(rng: random.Random, template: str, columns: Sequence[tuple[str, Column]]) -> str:
    """Fills a template with columns; a literal stands in where there is none of the kind."""

    def fill(match: re.Match[str]) -> str:
        kind = match[1]
        if kind == "cond":
            return condition(rng, columns)
        fitting = [f"{alias}.{c.name}" for alias, c in columns if kind in (c.kind, "any")]
        return rng.choice(fitting) if fitting else _LITERALS[kind]

    return _PLACE.sub(fill, template)


def condition(rng: random.Random, columns: Sequence[tuple[str, Column]]) -> str:
    """Makes a condition."""
    return expression(rng, rng.choice(_CONDITIONS), columns)


def item(
    rng: random.Random, columns: Sequence[tuple[str, Column]], taken: set[str], kind: str = ""
) -> Item | None:
    """Makes a column of a name that is not taken."""
    made = kind or rng.choice(KINDS)
    sql = expression(rng, rng.choice(_SCALARS[made]), columns)
    return named(rng, sql, made, taken)


def named(
    rng: random.Random, sql: str, kind: str, taken: set[str], *, aggregate: bool = False
) -> Item | None:
    """Gives an expression a name: that of its column, or one of a few."""
    plain = sql.partition(".")[2] if sql.startswith("x") and sql[3:].isidentifier() else ""
    free = [name for name in NAMES if name not in taken]
    name = plain if plain and plain not in taken and rng.random() < 0.8 else rng.choice(free) if free else ""
    if not name:
        return None
    taken.add(name)
    return Item(name, sql, kind, aggregate)


class Maker:
    """Makes queries over the nodes that a project has so far."""

    def __init__(self, rng: random.Random, lookup: Lookup, nodes: Sequence[str], taste: Taste) -> None:
        self.rng = rng
        self._lookup = lookup
        self._nodes = nodes
        self._taste = taste

    def table(self) -> str:
        """Chooses a node to read, one of the last more often."""
        rng = self.rng
        models = [name for name in self._nodes if name not in SOURCES]
        if len(models) > 2 and rng.random() < self._taste.deep:
            return rng.choice(models)
        last = self._nodes[-8:] if rng.random() < 0.6 else self._nodes
        found = rng.choice(last)
        if found == UNTOLD and rng.random() > self._taste.untold:
            return rng.choice([n for n in self._nodes if n != UNTOLD])
        return found

    def query(self) -> Query:
        """Makes a query of one of many shapes."""
        roll = self.rng.random()
        odd = self._taste.odd
        if roll < self._taste.stars:
            return self.star()
        if roll > 1 - odd:
            shape = self.rng.choice((self.union, self.union, self.grouped, self.totals, self.distinct,
                                     self.limited, self.windowed, self.with_cte, self.with_cte,
                                     self.constants))  # fmt: skip
            return shape()
        return self.grouped() if self.rng.random() < 0.25 else self.plain()

    def start(self, joins: bool = True) -> Select:
        """Makes FROM and WHERE."""
        rng, table = self.rng, self.table()
        select = Select(items=(), table=table)
        if joins and rng.random() < 0.4:
            select = Select(items=(), table=table, joins=self.joins(select))
        columns = scope(select, self._lookup)
        where = tuple(condition(rng, columns) for _ in range(rng.choice((0, 0, 1, 1, 2))))
        if rng.random() < 0.12:
            where = (*where, self.subquery(columns))
        bare = not select.joins and rng.random() < 0.4
        return Select(items=(), table=table, joins=select.joins, where=where, bare=bare)

    def joins(self, select: Select) -> tuple[Join, ...]:
        """Makes a join, on what is a key of a source, so that rows don't multiply over and over."""
        other = self.rng.choice(SOURCES[:4]) if self.rng.random() < 0.6 else self.table()
        kind = self.rng.choice(("join", "join", "left join", "left join", "full join", "right join"))
        return (join,) if (join := self.join(select, other, kind, "x2")) else ()

    def join(self, select: Select, other: str, kind: str, alias: str) -> Join | None:
        """Makes a join with a node, None where there is nothing to join on."""
        left = [(a, c) for a, c in scope(select, self._lookup) if c.kind == "int"]
        right = [c.name for c in self._lookup(other) if c.kind == "int"]
        if not left or "id" not in right:
            return None
        if any(c.name == "id" for _, c in left) and self.rng.random() < 0.35 and len(select.relations) == 1:
            return Join(kind, other, alias, using="id")
        a, column = self.rng.choice([p for p in left if p[1].name == "id"] or left)
        return Join(kind, other, alias, on=f"{a}.{column.name} = {alias}.id")

    def subquery(self, columns: Sequence[tuple[str, Column]]) -> str:
        """Makes a condition with a query in it."""
        rng, table = self.rng, self.table()
        inner = [("y1", c) for c in self._lookup(table)]
        numbers = [c.name for _, c in inner if c.kind == "int"] or ["1"]
        name = f"y1.{rng.choice(numbers)}" if numbers != ["1"] else "1"
        outer = expression(rng, "<int>", columns)
        return rng.choice((
            f"{outer} in (select {name} from {{{table}}} as y1 where {condition(rng, inner)})",
            f"exists (select 1 from {{{table}}} as y1 where {name} = {outer})",
            f"{outer} <= (select max({name}) from {{{table}}} as y1)",
            f"(select count(*) from {{{table}}} as y1) > 2",
        ))  # fmt: skip

    def items(self, select: Select, least: int = 2) -> tuple[Item, ...]:
        """Makes columns, the key among them more often than not."""
        rng, columns = self.rng, scope(select, self._lookup)
        taken: set[str] = set()
        keys = [f"{a}.id" for a, c in columns if c.name == "id"]
        found = [Item("id", keys[0], "int")] if keys and rng.random() < 0.8 else []
        taken |= {i.name for i in found}
        for _ in range(rng.randint(least, 5)):
            made = item(rng, columns, taken)
            found += [made] if made is not None else []
        return tuple(found)

    def plain(self, joins: bool = True) -> Select:
        """Makes a query of expressions."""
        return _with(self.start(joins), self.items)

    def star(self) -> Select:
        """Makes a query of all columns, of one relation or of all, perhaps with one more."""
        rng, select = self.rng, self.start()
        columns = scope(select, self._lookup)
        alias, _ = rng.choice(select.relations)
        names = [c.name for a, c in columns if a == alias and c.name != "id"]
        star = Star(alias if select.joins or rng.random() < 0.4 else "")
        if names and rng.random() < 0.2:
            star = star._replace(exclude=rng.choice(names))
        if select.joins and rng.random() < 0.15 and select.joins[0].using:
            # All relations, of which columns may have one name: then it is left out.
            star = Star("")
        taken = {c.name for a, c in columns if not star.of or a == star.of}
        more = item(rng, columns, taken) if rng.random() < 0.4 else None
        return replace(select, items=(star, *([more] if more is not None else [])))

    def grouped(self) -> Select:
        """Makes a query with GROUP BY: of names, of numbers, or of all."""
        rng, select = self.rng, self.start()
        columns, taken = scope(select, self._lookup), set[str]()
        keys = [item(rng, columns, taken) for _ in range(rng.randint(1, 2))]
        found = [k for k in keys if k is not None and any(f"{a}." in k.sql for a, _ in select.relations)]
        numbers = ", ".join(str(i + 1) for i in range(len(found)))
        found += self.aggregates(columns, taken)
        group = "all" if rng.random() < 0.5 or not numbers else numbers
        having = rng.choice(("", "", "count(*) > 1"))
        return replace(
            select, items=tuple(found), group=group if numbers else "", having=having if numbers else ""
        )

    def aggregates(self, columns: Sequence[tuple[str, Column]], taken: set[str]) -> list[Item]:
        """Makes aggregates."""
        found: list[Item] = []
        for _ in range(self.rng.randint(1, 3)):
            kind = self.rng.choice(KINDS)
            sql = expression(self.rng, self.rng.choice(_AGGREGATES[kind]), columns)
            made = named(self.rng, sql, kind, taken, aggregate=True)
            found += [made] if made is not None else []
        return found

    def totals(self) -> Select:
        """Makes a query of aggregates over all rows."""
        select = self.start()
        return replace(select, items=tuple(self.aggregates(scope(select, self._lookup), set())))

    def constants(self) -> Select:
        """Makes a query that takes no column: only how many rows there are."""
        return replace(self.start(joins=False), items=(Item("c1", "1", "int"), Item("c2", "'k'", "text")))

    def distinct(self) -> Select:
        """Makes a query of rows that differ."""
        select = _with(self.start(), lambda s: self.items(s, 1))
        return replace(select, items=tuple(i for i in select.items if i.text != "x1.id")[:2], distinct=True)

    def limited(self) -> Select:
        """Makes a query of the first rows, ordered by all columns."""
        return replace(self.plain(), limit=self.rng.randint(2, 6))

    def windowed(self) -> Select:
        """Makes a query with a window function, in a column or as a condition."""
        rng, select = self.rng, self.plain()
        columns, taken = scope(select, self._lookup), {i.name for i in select.items if isinstance(i, Item)}
        kind = rng.choice(("int", "text"))
        window = expression(rng, rng.choice(_WINDOWS[kind]), columns)
        if rng.random() < 0.3:
            return replace(select, window="rank() over (order by x1.id) <= 5")
        made = named(rng, window, kind, taken)
        return replace(select, items=(*select.items, *([made] if made is not None else [])))

    def with_cte(self) -> Select:
        """Makes a query over a common table expression, which may have the name of what it reads."""
        inner = self.plain() if self.rng.random() < 0.6 else self.star()
        name = inner.table if self.rng.random() < 0.2 and inner.table not in SOURCES else "w"
        select = Select(items=(), table=name, ctes=(Cte(name, inner),))
        columns = scope(select, self._lookup)
        where = (condition(self.rng, columns),) if self.rng.random() < 0.5 else ()
        outer = Select(items=(), table=name, ctes=select.ctes, where=where, bare=self.rng.random() < 0.3)
        if self.rng.random() < 0.25:
            return replace(outer, items=(Star(),))
        return _with(outer, self.items)

    def union(self) -> Query:
        """Makes two queries with the same kinds of columns, put together."""
        rng, left = self.rng, self.plain(joins=False)
        right = self.start(joins=False)
        if rng.random() < 0.2:
            # All columns of one node, twice: then the order of them counts.
            table = self.table()
            left = Select(items=(Star(),), table=table, where=left.where if left.table == table else ())
            right = Select(items=(Star(),), table=table if rng.random() < 0.5 else self.table())
            return Union(operator="union all", left=left, right=right)
        columns = scope(right, self._lookup)
        found: list[Item] = []
        for one in left.items:
            assert isinstance(one, Item)
            sql = expression(rng, rng.choice(_SCALARS[one.kind]), columns)
            found.append(Item(one.name, sql, one.kind))
        operator = rng.choice(("union all", "union all", "union", "except", "intersect"))
        return Union(operator=operator, left=left, right=replace(right, items=tuple(found)))

    def kept(self) -> Select:
        """Makes the query of a model that only ever gets new rows."""
        columns = [("x1", column) for column in self._lookup(LOG)]
        select = Select(items=(), table=LOG, where=("x1.id > 0",))
        found, taken = [Item("id", "x1.id", "int")], {"id"}
        for _ in range(3):
            made = item(self.rng, columns, taken)
            found += [made] if made is not None else []
        return replace(select, items=tuple(found))


def _with(select: Select, items: Callable[[Select], tuple[Item, ...]]) -> Select:
    return replace(select, items=items(select))


def style(rng: random.Random) -> Style:
    """Makes a layout."""
    return Style(
        letter=rng.choice("xxqz"),
        lines=rng.random() < 0.5,
        upper=rng.random() < 0.5,
        comment=rng.choice(("", "", "why", "so it is")),
        turned=rng.random() < 0.5,
        brackets=rng.random() < 0.3,
        ref=rng.random() < 0.4,
    )


def random_project(rng: random.Random, count: int, taste: Taste) -> Project:
    """Makes a project of so many models."""
    rows = tuple((str(i), rng.choice("abc"), str(rng.randint(0, 5))) for i in range(1, 6))
    project = Project(models=(), seeds=(("codes", rows),))
    for number in range(count):
        name = f"m{number}"
        nodes = [*SOURCES, "codes", *(m.name for m in project.models if rng.random() < 0.95)]
        maker = Maker(rng, project.columns, nodes, taste)
        materialized = rng.choices(("view", "table", "ephemeral", "incremental"), (40, 48, 8, 4))[0]
        query = maker.kept() if materialized == "incremental" else maker.query()
        model = Model(name=name, query=query, materialized=materialized, style=style(rng))
        if materialized == "incremental":
            model = Model(name=name, query=query, materialized=materialized, config=(("unique_key", "id"),))
        project = replace(project, models=(*project.models, model))
    return project
