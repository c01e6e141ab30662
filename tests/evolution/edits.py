"""Edits of a project, by kind: each of one model, at random, and what follows in its readers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from tests.evolution.generate import (
    NAMES,
    Maker,
    Taste,
    condition,
    item,
    style,
)
from tests.evolution.project import SOURCES, Model, Project
from tests.evolution.queries import Item, Join, Select, Star, Union, outputs, put, scope, selects

# Gives the project after an edit of a model, None where it has no place for it.
Edit: TypeAlias = Callable[[Project, Model, random.Random], Project | None]
_TASTE = Taste()


def _maker(project: Project, model: Model, rng: random.Random) -> Maker:
    """Makes queries over what comes before a model."""
    names = [m.name for m in project.models]
    return Maker(rng, project.columns, [*SOURCES, *names[: names.index(model.name)]], _TASTE)


def _one(model: Model, rng: random.Random) -> tuple[str, Select]:
    return rng.choice(list(selects(model.query)))


def _with(project: Project, model: Model, path: str, select: Select | None) -> Project | None:
    if select is None:
        return None
    return project.with_model(replace(model, query=put(model.query, path, select)))


def _names(select: Select) -> set[str]:
    return {i.name for i in select.items if isinstance(i, Item)}


def _insert(select: Select, made: Item, at: int) -> Select:
    """Puts a column into a SELECT; where groups are numbered, they go on meaning the same columns."""
    items = [*select.items]
    items.insert(at, made)
    group = select.group
    if group not in ("", "all"):
        numbers = [int(n) for n in group.split(", ")]
        group = ", ".join(str(n + 1 if n > at else n) for n in numbers)
    return replace(select, items=tuple(items), group=group)


def add_column(project: Project, model: Model, rng: random.Random, name: str = "") -> Project | None:
    """Adds a column; on both sides of a UNION."""
    if isinstance(model.query, Union):
        sides, taken = [model.query.left, model.query.right], _names(model.query.left)
        made = [item(rng, scope(side, project.columns), set(taken), "int") for side in sides]
        if made[0] is None or made[1] is None or any(isinstance(i, Star) for s in sides for i in s.items):
            return None
        at = rng.randint(0, len(sides[0].items))
        left, right = (
            _insert(s, i._replace(name=name or made[0].name), at)
            for s, i in zip(sides, made, strict=True)
            if i
        )
        return project.with_model(replace(model, query=replace(model.query, left=left, right=right)))
    path, select = _one(model, rng)
    columns = scope(select, project.columns)
    if any(isinstance(i, Item) and i.aggregate for i in select.items) and rng.random() < 0.8:
        found = _maker(project, model, rng).aggregates(columns, _names(select))
        made_one = found[0] if found else None
    else:
        made_one = item(rng, columns, {c.name for c in outputs(select, project.columns)})
    if made_one is None:
        return None
    made_one = made_one._replace(name=name or made_one.name)
    at = len(select.items) if rng.random() < 0.6 else rng.randint(0, len(select.items))
    return _with(project, model, path, _insert(select, made_one, at))


def shadow(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Adds a column that has a name which readers use for something else, or which the model reads."""
    readers = project.readers(model.name)
    known = {c.name for c in project.columns(model.name)}
    names = {n for reader in readers for _, s in selects(reader.query) for n in _names(s)}
    names |= {c.name for _, s in selects(model.query) for _, c in scope(s, project.columns)}
    free = sorted(names - known)
    return add_column(project, model, rng, rng.choice(free)) if free else None


def change_expression(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Gives a column another expression."""
    path, select = _one(model, rng)
    places = [i for i, one in enumerate(select.items) if isinstance(one, Item)]
    if not places:
        return None
    at = rng.choice(places)
    old = select.items[at]
    assert isinstance(old, Item)
    columns = scope(select, project.columns)
    kind = old.kind if old.kind != "ts" and rng.random() < 0.9 else "int"
    if old.aggregate:
        new = _maker(project, model, rng).aggregates(columns, set())
        made = next((n for n in new if n.kind == kind), None)
    else:
        made = item(rng, columns, set(), kind)
    if made is None:
        return None
    items = (*select.items[:at], made._replace(name=old.name), *select.items[at + 1 :])
    return _with(project, model, path, replace(select, items=items))


def change_type(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Gives a column another type of the same values."""
    path, select = _one(model, rng)
    places = [i for i, one in enumerate(select.items) if isinstance(one, Item) and one.kind == "int"]
    if not places:
        return None
    at = rng.choice(places)
    old = select.items[at]
    assert isinstance(old, Item)
    made = old._replace(sql=f"cast({old.sql} as {rng.choice(('bigint', 'hugeint', 'decimal(24,2)'))})")
    items = (*select.items[:at], made, *select.items[at + 1 :])
    return _with(project, model, path, replace(select, items=items))


def change_filter(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Adds a condition, takes one out, or changes one; in a common table expression, too."""
    path, select = _one(model, rng)
    where = list(select.where)
    roll = rng.random()
    if where and roll < 0.3:
        where.pop(rng.randrange(len(where)))
    elif where and roll < 0.5:
        where[rng.randrange(len(where))] = condition(rng, scope(select, project.columns))
    elif roll < 0.6:
        where.append(_maker(project, model, rng).subquery(scope(select, project.columns)))
    elif roll < 0.7:
        # A name of the output, which a column of what is read goes before.
        names = sorted(i.name for i in select.items if isinstance(i, Item) and not i.aggregate)
        where += [f"{rng.choice(names)} is not null"] if names else []
    else:
        where.append(condition(rng, scope(select, project.columns)))
    return _with(project, model, path, replace(select, where=tuple(where)))


def _renamed(text: str, alias: str, old: str, new: str) -> str:
    return re.sub(rf"\b{alias}\.{old}\b", f"{alias}.{new}", text)


def _follow(select: Select, node: str, old: str, new: str) -> Select:
    """Has a reader read a column by its new name; its own columns keep theirs."""
    aliases = [alias for alias, table in select.relations if table == node]

    def text(sql: str) -> str:
        for alias in aliases:
            sql = _renamed(sql, alias, old, new)
        return _renamed(sql, "y1", old, new) if f"{{{node}}}" in sql else sql

    return replace(
        select,
        items=tuple(
            i._replace(sql=text(i.sql))
            if isinstance(i, Item)
            else i._replace(exclude=new)
            if i.exclude == old
            else i
            for i in select.items
        ),
        joins=tuple(j._replace(on=text(j.on)) for j in select.joins),
        where=tuple(text(c) for c in select.where),
        having=text(select.having),
        window=text(select.window),
    )


def _everywhere(project: Project, change: Callable[[Select], Select]) -> Project:
    models: list[Model] = []
    for model in project.models:
        query = model.query
        for path, _ in list(selects(query)):
            query = put(query, path, change(dict(selects(query))[path]))
        models.append(replace(model, query=query))
    return replace(project, models=tuple(models))


def _rename(project: Project, model: Model, rng: random.Random, *, follow: bool) -> Project | None:
    query = model.query
    top = query.left if isinstance(query, Union) else query
    places = [i for i, one in enumerate(top.items) if isinstance(one, Item)]
    free = [n for n in NAMES if n not in {c.name for c in project.columns(model.name)}]
    if not places or not free:
        return None
    at, new = rng.choice(places), rng.choice(free)
    one = top.items[at]
    assert isinstance(one, Item)
    path = "left" if isinstance(query, Union) else ""
    items = (*top.items[:at], one._replace(name=new), *top.items[at + 1 :])
    changed = _with(project, model, path, replace(top, items=items))
    if changed is None or not follow:
        return changed
    return _everywhere(changed, lambda select: _follow(select, model.name, one.name, new))


def rename_followed(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Renames a column, and its readers read it by the new name."""
    return _rename(project, model, rng, follow=True)


def rename_alone(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Renames a column, and no reader follows."""
    return _rename(project, model, rng, follow=False)


def cosmetic(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Lays a text out in another way."""
    return project.with_model(replace(model, style=style(rng)))


def change_join(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Changes the kind of a join or what it is on, takes one out, or joins one more."""
    path, select = _one(model, rng)
    joins, roll = list(select.joins), rng.random()
    if not joins or (roll < 0.2 and len(joins) < 3):
        alias = f"x{len(joins) + 2}"
        other = rng.choice(SOURCES[:4])
        made = _maker(project, model, rng).join(select, other, rng.choice(("left join", "join")), alias)
        joins += [made] if made is not None else []
    elif roll < 0.35:
        joins.pop()
    else:
        at = rng.randrange(len(joins))
        kinds = [k for k in ("join", "left join", "right join", "full join") if k != joins[at].kind]
        if roll < 0.75 or joins[at].using:
            joins[at] = joins[at]._replace(kind=rng.choice(kinds))
        else:
            left = [f"{a}.{c.name}" for a, c in scope(select, project.columns) if c.kind == "int"]
            joins[at] = Join(
                joins[at].kind, joins[at].table, joins[at].alias, f"{rng.choice(left)} = {joins[at].alias}.id"
            )
    return _with(project, model, path, replace(select, joins=tuple(joins), bare=False))


def _without(select: Select, node: str, column: str) -> tuple[Select, set[str]]:
    """Takes everything out of a reader that reads a column; gives the names of its columns that go."""
    aliases = [alias for alias, table in select.relations if table == node]

    def reads(sql: str) -> bool:
        found = any(re.search(rf"\b{alias}\.{column}\b", sql) for alias in aliases)
        return found or (f"{{{node}}}" in sql and re.search(rf"\by1\.{column}\b", sql) is not None)

    gone = {i.name for i in select.items if isinstance(i, Item) and reads(i.sql)}
    items = tuple(i for i in select.items if isinstance(i, Star) or i.name not in gone)
    where = tuple(c for c in select.where if not reads(c))
    return replace(select, items=items or select.items, where=where), gone if items else set()


def drop_followed(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Drops a column, and what reads it, down to the last reader."""
    if isinstance(model.query, Union) or model.query.group not in ("", "all"):
        return None
    items = [i for i in model.query.items if isinstance(i, Item)]
    if len(model.query.items) < 2 or not items:
        return None
    gone = rng.choice(items)
    kept = tuple(i for i in model.query.items if i is not gone)
    project = project.with_model(replace(model, query=replace(model.query, items=kept)))
    todo = [(model.name, gone.name)]
    while todo:
        node, column = todo.pop()
        for reader in project.readers(node):
            if isinstance(reader.query, Union) or reader.query.group not in ("", "all"):
                continue
            query = reader.query
            for path, select in list(selects(query)):
                changed, names = _without(select, node, column)
                query = put(query, path, changed)
                todo += [(reader.name, name) for name in names] if not path else []
            project = project.with_model(replace(reader, query=query))
    return project


def drop_unread(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Drops a column; where somebody reads it, the project does not compile."""
    if isinstance(model.query, Union):
        sides = model.query.left, model.query.right
        if len(sides[0].items) < 2 or len(sides[0].items) != len(sides[1].items):
            return None
        at = rng.randrange(len(sides[0].items))
        left, right = (replace(s, items=s.items[:at] + s.items[at + 1 :]) for s in sides)
        return project.with_model(replace(model, query=replace(model.query, left=left, right=right)))
    path, select = _one(model, rng)
    if len(select.items) < 2 or select.group not in ("", "all"):
        return None
    at = rng.randrange(len(select.items))
    return _with(project, model, path, replace(select, items=select.items[:at] + select.items[at + 1 :]))


def reorder(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Puts columns into another order; on one side of a UNION, where it is one."""
    path, select = _one(model, rng)
    if len(select.items) < 2 or select.group not in ("", "all"):
        return None
    items = list(select.items)
    rng.shuffle(items)
    return _with(project, model, path, replace(select, items=tuple(items)))


def distinct(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Asks for rows that differ, or for all; or adds a column to those that have to differ."""
    path, select = _one(model, rng)
    if select.distinct and rng.random() < 0.6:
        return add_column(project, model, rng)
    return _with(project, model, path, replace(select, distinct=not select.distinct))


def change_union(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Changes how two queries are put together, or turns them."""
    query = model.query
    if not isinstance(query, Union):
        return None
    if rng.random() < 0.3:
        return project.with_model(replace(model, query=replace(query, left=query.right, right=query.left)))
    kinds = [k for k in ("union", "union all", "except", "intersect", "except all") if k != query.operator]
    return project.with_model(replace(model, query=replace(query, operator=rng.choice(kinds))))


def change_grouping(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Adds COUNT(*), and with it makes one row of all; or a key, where all columns are keys."""
    path, select = _one(model, rng)
    columns, names = scope(select, project.columns), {c.name for c in outputs(select, project.columns)}
    free = [n for n in NAMES if n not in names]
    if not free or isinstance(model.query, Union):
        return None
    if select.group == "all":
        made = item(rng, columns, set(names))
    else:
        made = Item(rng.choice(free), "count(*)", "int", aggregate=True)
    if made is None:
        return None
    changed = replace(select, items=(*select.items, made))
    # Without a group, the other columns have to be aggregates or constants.
    if not select.group and rng.random() < 0.5:
        changed = replace(changed, group="all")
    return _with(project, model, path, changed)


def change_limit(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Takes the first rows by all columns, or more of them, or all."""
    if isinstance(model.query, Union):
        return None
    return project.with_model(replace(model, query=replace(model.query, limit=rng.choice((0, 3, 5, 8)))))


def change_star(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Writes out the columns that a star stands for, or a star for columns."""
    path, select = _one(model, rng)
    if select.joins or select.group or not select.table:
        return None
    if any(isinstance(i, Star) for i in select.items):
        items: list[Item | Star] = []
        for one in select.items:
            if isinstance(one, Item):
                items.append(one)
            else:
                inside = scope(select, project.columns)
                items += [Item(c.name, f"{a}.{c.name}", c.kind) for a, c in inside if c.name != one.exclude]
        return _with(project, model, path, replace(select, items=tuple(items)))
    return _with(project, model, path, replace(select, items=(Star(),)))


def rewrite(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Writes a model anew."""
    return project.with_model(replace(model, query=_maker(project, model, rng).query()))


def change_materialization(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Makes a table of a view, or a view of a table, or neither."""
    kinds = [k for k in ("view", "table", "view", "table", "ephemeral") if k != model.materialized]
    found = rng.choice(kinds)
    config = tuple(pair for pair in model.config if pair[0] != "post_hook")
    return project.with_model(replace(model, materialized=found, config=config))


def move(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Moves a file into another folder."""
    folders = [f for f in ("", "old/", "new/sub/") if f != model.folder]
    return project.with_model(replace(model, folder=rng.choice(folders)))


def rename_model(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Renames a model, and its readers follow."""
    new = f"{model.name.partition('_')[0]}_{rng.randint(1, 99)}"
    if project.model(new) is not None or model.is_kept:
        return None

    def table(name: str) -> str:
        return new if name == model.name else name

    def follow(select: Select) -> Select:
        def text(sql: str) -> str:
            return sql.replace(f"{{{model.name}}}", f"{{{new}}}")

        return replace(
            select,
            table=table(select.table),
            joins=tuple(j._replace(table=table(j.table)) for j in select.joins),
            where=tuple(text(c) for c in select.where),
            ctes=tuple(c._replace(name=table(c.name)) for c in select.ctes),
        )

    models = tuple(replace(m, name=new) if m is model else m for m in project.models)
    return _everywhere(replace(project, models=models), follow)


def change_config(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Changes what is configured: hooks, keys, what says nothing of rows."""
    config = dict(model.config)
    key = rng.choice(("unique_key", "post_hook", "tags", "meta", "checksum", "indexes"))
    if key in config and rng.random() < 0.5:
        del config[key]
    elif key == "post_hook":
        places = [c.name for c in project.columns(model.name) if c.kind == "int"]
        if model.materialized != "table" or not places:
            return None
        config[key] = f"delete from {{{{ this }}}} where {rng.choice(places)} = {rng.randint(0, 4)}"
    elif key == "indexes" and model.materialized != "table":
        return None
    else:
        columns = [c.name for c in project.columns(model.name)]
        values: dict[str, object] = {
            "unique_key": rng.choice(columns), "tags": [rng.choice("abc")], "meta": {"a": rng.randint(1, 9)},
            "checksum": True, "indexes": [{"columns": [rng.choice(columns)]}],
        }  # fmt: skip
        config[key] = values[key]
    return project.with_model(replace(model, config=tuple(config.items())))


def change_tests(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Adds a test that warns, or takes one out."""
    if model.tests and rng.random() < 0.4:
        return project.with_model(replace(model, tests=model.tests[1:]))
    names = [c.name for c in project.columns(model.name)]
    added = (rng.choice(names), rng.choice(("not_null", "unique")))
    return project.with_model(replace(model, tests=tuple(dict.fromkeys((*model.tests, added)))))


def change_seed(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Changes a seed's rows."""
    name, rows = project.seeds[0]
    at = rng.randrange(len(rows))
    changed = (*rows[:at], (rows[at][0], rng.choice("abcd"), str(rng.randint(0, 5))), *rows[at + 1 :])
    return replace(project, seeds=((name, changed), *project.seeds[1:]))


def add_model(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Adds a model that reads what is there."""
    name = f"n{rng.randint(1, 99)}"
    if project.model(name) is not None:
        return None
    nodes = [*SOURCES, *(m.name for m in project.models)]
    made = Model(name=name, query=Maker(rng, project.columns, nodes, _TASTE).query(), style=style(rng))
    return replace(
        project, models=(*project.models, replace(made, materialized=rng.choice(("view", "table"))))
    )


def remove_model(project: Project, model: Model, rng: random.Random) -> Project | None:
    """Takes a model out that nobody reads."""
    if project.readers(model.name):
        return None
    return replace(project, models=tuple(m for m in project.models if m is not model))


EDITS: Mapping[str, Edit] = {
    "add a column": add_column, "add a name that is taken": shadow, "change an expression": change_expression,
    "change a type": change_type, "change a filter": change_filter, "rename a column": rename_followed,
    "rename a column alone": rename_alone, "cosmetic": cosmetic, "change a join": change_join,
    "drop a column": drop_followed, "drop a column alone": drop_unread, "reorder columns": reorder,
    "DISTINCT": distinct, "set operation": change_union, "grouping": change_grouping, "LIMIT": change_limit,
    "star": change_star, "rewrite": rewrite, "materialization": change_materialization, "move a file": move,
    "rename a model": rename_model, "config": change_config, "tests": change_tests, "seed": change_seed,
    "add a model": add_model, "remove a model": remove_model,
}  # fmt: skip
# Those that have little to do with columns and rows are made less often.
WEIGHTS = {
    kind: 1 if kind in ("move a file", "config", "tests", "seed", "add a model", "remove a model", "LIMIT",
                        "materialization", "rename a model", "cosmetic") else 3
    for kind in EDITS
}  # fmt: skip
# What a model may be changed in whose rows are kept: they would not be made anew for a change of its query.
ON_KEPT = ("cosmetic", "move a file", "tests")
