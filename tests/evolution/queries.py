"""Queries as values that can be edited, and their texts in many layouts.

Expressions are text in which `x1.a` is column `a` of the relation that the query calls `x1`; that form is
found and replaced by pattern, so no column is called `x` and a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

_ALIAS = re.compile(r"\bx(\d)\b")
# A table in FROM, which may be a common table expression; in a subquery it has one pair of braces.
_OUTER, _INNER = re.compile(r"\{\{(\w+)\}\}"), r"{\g<1>}"


class Column(NamedTuple):
    """A column, by its name, and its kind: int, text, date, dec, or ts, which nothing is computed from."""

    name: str
    kind: str


class Item(NamedTuple):
    """A column of the output; `aggregate` where it is one, `alias` where it has to be given its name."""

    name: str
    sql: str
    kind: str
    aggregate: bool = False

    @property
    def text(self) -> str:
        """The item as it is written."""
        plain = re.fullmatch(r"x\d\.(\w+)", self.sql)
        return self.sql if plain is not None and plain[1] == self.name else f"{self.sql} as {self.name}"


class Star(NamedTuple):
    """All columns of the relation `of`, or of all relations where that is empty, but for one."""

    of: str = ""
    exclude: str = ""

    @property
    def text(self) -> str:
        """The star as it is written."""
        star = f"{self.of}.*" if self.of else "*"
        return f"{star} exclude ({self.exclude})" if self.exclude else star


class Join(NamedTuple):
    """A relation that is joined: `using` names a column, or `on` is a condition."""

    kind: str
    table: str
    alias: str
    on: str = ""
    using: str = ""


class Cte(NamedTuple):
    """A common table expression."""

    name: str
    query: Select


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """One SELECT.

    `group` is empty, "all", or one of the items' numbers, comma separated. `window` stands after QUALIFY;
    with a `limit` the rows are ordered by all columns.
    """

    items: tuple[Item | Star, ...]
    table: str
    alias: str = "x1"
    joins: tuple[Join, ...] = ()
    where: tuple[str, ...] = ()
    group: str = ""
    having: str = ""
    window: str = ""
    distinct: bool = False
    limit: int = 0
    ctes: tuple[Cte, ...] = ()
    bare: bool = False

    @property
    def relations(self) -> tuple[tuple[str, str], ...]:
        """What it reads: alias and name."""
        return (
            *([(self.alias, self.table)] if self.table else []),
            *((j.alias, j.table) for j in self.joins),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """Two queries put together."""

    operator: str
    left: Select
    right: Select


Query: TypeAlias = Select | Union
Lookup: TypeAlias = Callable[[str], tuple[Column, ...]]


class Style(NamedTuple):
    """How a text is laid out, which means nothing."""

    letter: str = "x"
    lines: bool = False
    upper: bool = False
    comment: str = ""
    turned: bool = False
    brackets: bool = False
    ref: bool = False


def selects(query: Query) -> Iterator[tuple[str, Select]]:
    """Gives each SELECT of a query, with the path by which `put` finds it."""
    if isinstance(query, Union):
        yield "left", query.left
        yield "right", query.right
        return
    yield "", query
    for number, cte in enumerate(query.ctes):
        yield str(number), cte.query


def put(query: Query, path: str, select: Select) -> Query:
    """Replaces one SELECT of a query."""
    if isinstance(query, Union):
        return replace(query, left=select) if path == "left" else replace(query, right=select)
    if not path:
        return select
    ctes = list(query.ctes)
    ctes[int(path)] = ctes[int(path)]._replace(query=select)
    return replace(query, ctes=tuple(ctes))


def tables(query: Query) -> frozenset[str]:
    """Gives the names of the nodes that a query reads, in subqueries as well."""
    found: set[str] = set()
    for _, select in selects(query):
        own = {cte.name for cte in query.ctes} if isinstance(query, Select) and select is query else set()
        texts = (*select.where, select.having, *(item.sql for item in select.items if isinstance(item, Item)))
        inner = {name for text in texts for name in re.findall(r"\{(\w+)\}", text)}
        found |= ({table for _, table in select.relations} - own) | inner
    return frozenset(found)


def scope(select: Select, lookup: Lookup) -> tuple[tuple[str, Column], ...]:
    """Gives the columns that expressions of a SELECT can name, each with the alias of its relation."""
    known = {cte.name: cte.query for cte in select.ctes}
    found: list[tuple[str, Column]] = []
    for alias, table in select.relations:
        columns = outputs(known[table], lookup) if table in known else lookup(table)
        found += [(alias, column) for column in columns]
    return tuple(found)


def outputs(query: Query, lookup: Lookup) -> tuple[Column, ...]:
    """Gives the columns of a query; what a star stands for is looked up."""
    select = query.left if isinstance(query, Union) else query
    inside: tuple[tuple[str, Column], ...] | None = None
    merged = {join.using for join in select.joins if join.using}
    found: list[Column] = []
    for item in select.items:
        if isinstance(item, Item):
            found.append(Column(item.name, item.kind))
            continue
        inside = scope(select, lookup) if inside is None else inside
        seen: set[str] = set()
        for alias, column in inside:
            wanted = (not item.of or alias == item.of) and column.name != item.exclude
            if wanted and not (not item.of and column.name in merged and column.name in seen):
                found.append(column)
                seen.add(column.name)
    return tuple(found)


def text_of(query: Query, style: Style, refer: Callable[[str], str]) -> str:
    """Writes a query; `refer` says how a node is named."""
    gap = "\n  " if style.lines else " "
    if isinstance(query, Union):
        left, right = (_select(part, style, gap) for part in (query.left, query.right))
        left, right = (f"({part})" if s.limit else part
                       for part, s in ((left, query.left), (right, query.right)))  # fmt: skip
        text = f"{left}{gap}{query.operator}{gap}{right}"
    else:
        text = _select(query, style, gap)
    own = {cte.name for cte in query.ctes} if isinstance(query, Select) else set[str]()
    text = _OUTER.sub(lambda m: m[1] if m[1] in own else refer(m[1]), text)
    text = re.sub(r"\{(\w+)\}", lambda m: refer(m[1]), text)
    if style.letter != "x":
        text = _ALIAS.sub(lambda m: style.letter + m[1], text)
    return f"{text}\n-- {style.comment}" if style.comment and style.lines else text


def _select(select: Select, style: Style, gap: str) -> str:
    def word(text: str) -> str:
        return text.upper() if style.upper else text

    items = [item.text for item in select.items]
    parts = [f"{word('select')}{word(' distinct') if select.distinct else ''} {f',{gap}'.join(items)}"]
    if style.comment:
        parts[0] += f" /* {style.comment} */"
    if select.table:
        parts.append(f"{word('from')} {{{{{select.table}}}}} {word('as')} {select.alias}")
    for join in select.joins:
        tail = f"using ({join.using})" if join.using else f"on {join.on}"
        parts.append(f"{word(join.kind)} {{{{{join.table}}}}} as {join.alias} {tail}")
    if select.where:
        conditions = [f"({c})" if style.brackets else c for c in select.where]
        conditions = conditions[::-1] if style.turned else conditions
        between = f"{gap}{word('and')} "
        parts.append(f"{word('where')} {between.join(conditions)}")
    if select.group:
        parts.append(f"{word('group by')} {select.group}")
    if select.having:
        parts.append(f"{word('having')} {select.having}")
    if select.window:
        parts.append(f"{word('qualify')} {select.window}")
    if select.limit:
        parts.append(f"{word('order by all limit')} {select.limit}")
    text = gap.join(parts)
    if select.bare and not select.joins:
        text = text.replace(f"{select.alias}.", "")
    if select.ctes:
        # A table expression that has the name of what it reads reads that, and not itself.
        inner = [f"{c.name} as ({_OUTER.sub(_INNER, _select(c.query, style, gap))})" for c in select.ctes]
        text = f"{word('with')} {f',{gap}'.join(inner)}{gap}{text}"
    return text
