"""The text of a generated project's models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.bench.macros import Band
from tests.bench.shapes import Column, Entity, raw_name, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A generated model. `entity` is what one row is about, `key` its column that is unique.

    `depth` is the longest way to a raw table; `views` the longest way through views alone.
    """

    name: str
    folder: str
    entity: str
    key: str
    columns: tuple[Column, ...]
    text: str
    materialized: str
    description: str
    tags: tuple[str, ...] = ()
    is_python: bool = False
    depth: int = 1
    views: int = 0

    def kinds(self, *kinds: str) -> list[Column]:
        """Gives the columns of some kinds."""
        return [column for column in self.columns if column.kind in kinds]

    @property
    def ids(self) -> list[str]:
        """The names of the columns that it can be joined by."""
        return [column.name for column in self.columns if column.kind == "id"]

    @property
    def date(self) -> str | None:
        """Its first date, if it has any."""
        return next((column.name for column in self.columns if column.kind == "date"), None)


@dataclass(slots=True)
class Draft:
    """A model's columns while they are collected: each with its expression, names unique."""

    random: Random
    bands: tuple[Band, ...]
    items: list[tuple[Column, str]] = field(default_factory=list)

    def add(self, column: Column, expression: str = "") -> Column:
        """Adds a column under a name that is free; without an expression it is selected by its name."""
        taken = {item.name for item, _ in self.items}
        name = column.name if len(column.name) <= 40 else f"{column.name[:32].rstrip('_')}_part"
        number, free = 2, name
        while free in taken:
            number, free = number + 1, f"{name}_{number}"
        column = column._replace(name=free)
        self.items.append((column, expression or column.name))
        return column

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns so far."""
        return tuple(column for column, _ in self.items)

    def select(self, first: int = 0) -> str:
        """Writes the list of columns, from the one of that number on."""
        items = self.items[first:]
        return ",\n    ".join(
            text if text == column.name else f"{text} as {column.name}" for column, text in items
        )


def cte(name: str, body: str) -> str:
    """Writes a common table expression."""
    inner = "\n".join(f"    {line}" if line else "" for line in body.splitlines())
    return f"{name} as (\n{inner}\n)"


def select(columns: str, source: str, *clauses: str) -> str:
    """Writes a query whose columns are indented once."""
    return "\n".join([f"select\n    {columns}", f"from {source}", *clauses])


def reference(parent: Model, random: Random) -> str:
    """Names a parent, by `ref` or by its plain name."""
    return f"{{{{ ref('{parent.name}') }}}}" if random.random() < 0.7 else parent.name


def staging_text(
    entity: Entity, source: str, random: Random, bands: tuple[Band, ...]
) -> tuple[str, tuple[Column, ...]]:
    """Writes a staging model: duplicates out, names and types put right, one or two bands added."""
    tidy = []
    for column in entity.columns:
        raw = raw_name(column.name, entity)
        expression = {
            "id": f"cast({raw} as bigint)",
            "int": f"cast(coalesce({raw}, 0) as bigint)",
            "amount": f"{{{{ from_cents('{raw}') }}}}",
            "text": f"{{{{ clean('{raw}') }}}}",
            "date": f"cast({raw} as date)",
            "flag": f"{{{{ yes_no('{raw}') }}}}",
        }[column.kind]
        tidy.append(f"{expression} as {column.name}")
    draft = Draft(random, bands)
    for column in entity.columns:
        draft.add(column)
    for band in random.sample(bands, random.randint(0, 2)):
        about = random.choice([column for column in entity.columns if column.kind in ("int", "amount")])
        draft.add(_band_column(band, about), f"{{{{ {band.name}('{about.name}') }}}}")
    numbered = f"*,\n    row_number() over (partition by id order by {entity.date}) as copy_number"
    parts = [
        cte("raw", f"select *\nfrom {source}"),
        cte("numbered", select(numbered, "raw")),
        cte("tidied", select(",\n    ".join(tidy), "numbered", "where copy_number = 1")),
    ]
    columns = draft.select()
    last = select(columns, "tidied", f"where {{{{ on_or_after_start('{entity.date}') }}}}")
    return f"with {(',' + chr(10) * 2).join(parts)}\n\n{last}\n", draft.columns


def _band_column(band: Band, about: Column) -> Column:
    return Column(band.name, "text", f"The band that {words(about.name)} lies in.", 0, band.labels)


class QueryWriter:
    """Writes one intermediate model or mart, common table expression by common table expression."""

    def __init__(self, parents: Sequence[Model], random: Random, bands: tuple[Band, ...]) -> None:
        self.base, self.others = parents[0], parents[1:]
        self.random = random
        self.bands = bands
        self.parts: list[str] = []
        self.draft = Draft(random, bands)

    def rows(self, *, incremental: str = "") -> None:
        """Begins with the base's own rows: its keys, its date, and some of what it measures."""
        base = self.base
        kept = {base.key, *base.ids, base.date}
        extra = [column for column in base.columns if column.name not in kept and column.kind != "date"]
        kept |= {
            column.name for column in self.random.sample(extra, min(len(extra), self.random.randint(4, 7)))
        }
        for column in base.columns:
            if column.name in kept:
                self.draft.add(column)
        body = select(self.draft.select(), reference(base, self.random))
        self.parts.append(cte("base", body + incremental))

    def grouped(self, key: str, *, month: bool = False, incremental: str = "") -> None:
        """Begins with the base grouped by a key, or by a key and a month."""
        base, draft = self.base, self.draft
        if month:
            assert base.date is not None
            by = [key, f"{{{{ month_of('{base.date}') }}}}"]
            name = f"{key.removesuffix('_id')}_month"
            draft.add(
                Column(f"{name}_key", "key", "Identifies the month."),
                f"{{{{ surrogate_key({by_names(by)}) }}}}",
            )
            draft.add(Column(key, "id", f"The {words(key.removesuffix('_id'))}."))
            draft.add(Column("month_start", "date", "The first day of the month."), by[1])
        else:
            by = [key]
            draft.add(Column(key, "id", f"Identifies the {words(key.removesuffix('_id'))}."))
        if key != "store_id" and "store_id" in base.ids:
            draft.add(Column("store_id", "id", "The first of its stores."), "min(store_id)")
        for column, text in self._measures(base, most=5):
            draft.add(column, text)
        text = next((column for column in base.kinds("text") if column.values), None)
        if text is not None and self.random.random() < 0.6:
            values = list(text.values[:3])
            body = f"{self.draft.select()},\n    {{{{ count_by_value('{text.name}', {values!r}) }}}}"
            added = [
                Column(f"{value}_rows", "int", f"Rows with {words(text.name)} {value}.", 3)
                for value in values
            ]
        else:
            body, added = self.draft.select(), []
        body = select(body, reference(base, self.random)) + incremental
        self.parts.append(cte("base", f"{body}\ngroup by {', '.join(by)}"))
        for column in added:
            draft.add(column)

    def join_others(self) -> None:
        """Joins the other parents, each made one row per key before."""
        draft = Draft(self.random, self.bands, [(column, column.name) for column in self.draft.columns])
        joins: list[str] = []
        for number, parent in enumerate(self.others, start=1):
            key = self._join_key(parent)
            alias = f"{parent.entity}_{number}"
            summary = Draft(self.random, self.bands)
            if parent.key == key:
                for column in self.random.sample(parent.kinds("int", "amount", "text", "flag", "ratio"), 3):
                    summary.add(self._prefixed(column, parent), column.name)
                clauses: list[str] = []
            else:
                for column, text in self._measures(parent, most=3):
                    summary.add(column, text)
                clauses = [f"group by {key}"]
            listed = f"{key},\n    {summary.select()}"
            self.parts.append(cte(alias, select(listed, reference(parent, self.random), *clauses)))
            for column in summary.columns:
                default = "coalesce({}, 0)" if column.kind in ("int", "amount") else "{}"
                draft.add(column, default.format(f"{alias}.{column.name}"))
            joins.append(f"left join {alias} on base.{key} = {alias}.{key}")
        listed = f"base.*,\n    {draft.select(len(self.draft.items))}"
        self.parts.append(cte("joined", select(listed, "base", *joins)))
        self.draft = draft

    def windows(self, key: str) -> None:
        """Adds window functions over the rows of a key."""
        draft = Draft(self.random, self.bands, [(column, column.name) for column in self.draft.columns])
        tie = draft.columns[0].name
        date = next((column.name for column in draft.columns if column.kind == "date"), None)
        numbers = [
            column for column in draft.columns if column.kind in ("int", "amount") and column.size <= 9
        ]
        about = self.random.choice(numbers)
        if date is not None:
            draft.add(
                Column("place_in_time", "int", "Counts from the latest to the first.", 3),
                f"{{{{ latest_first('{key}', '{date}', '{tie}') }}}}",
            )
            draft.add(
                Column("days_since_previous", "int", "Days since the one before; 0 for the first.", 4),
                f"coalesce({{{{ days_between('lag({date}) over (partition by {key} order by {date}, {tie})', "
                f"'{date}') }}}}, 0)",
            )
            total = f"{{{{ running_total('{about.name}', '{key}', '{date}', '{tie}') }}}}"
            draft.add(
                Column(
                    f"running_{about.name}", "ratio", f"The {words(about.name)} up to and with this one.", 12
                ),
                f"cast({total} as double precision)",
            )
        else:
            draft.add(
                Column(f"rank_by_{about.name}", "int", f"Its rank by {words(about.name)}.", 3),
                f"rank() over (order by {about.name} desc, {tie})",
            )
            draft.add(
                Column(
                    f"quarter_by_{about.name}", "int", f"The quarter that its {words(about.name)} lies in.", 1
                ),
                f"ntile(4) over (order by {about.name}, {tie})",
            )
        added = draft.select(len(self.draft.items))
        self.parts.append(cte("sequenced", select(f"*,\n    {added}", "joined")))
        self.draft = draft

    def finish(self, *clauses: str) -> tuple[str, tuple[Column, ...]]:
        """Ends with the query itself: bands, cases and shares of what came before."""
        draft = Draft(self.random, self.bands, [(column, column.name) for column in self.draft.columns])
        numbers = [column for column in draft.columns if column.kind in ("int", "amount")]
        about = self.random.choice(numbers)
        band = self.random.choice(self.bands)
        draft.add(_band_column(band, about), f"{{{{ {band.name}('{about.name}') }}}}")
        first, second = self.random.sample(numbers, 2) if len(numbers) > 1 else (numbers[0], numbers[0])
        draft.add(
            Column(
                f"{first.name}_share",
                "ratio",
                f"{words(first.name).capitalize()} by {words(second.name)}.",
                9,
            ),
            f"{{{{ share('{first.name}', '{second.name}') }}}}",
        )
        draft.add(
            Column("standing", "text", f"How {words(first.name)} stands.", 0, ("ahead", "even", "behind")),
            f"case\n        when {first.name} > {second.name} then 'ahead'\n"
            f"        when {first.name} = {second.name} then 'even'\n        else 'behind'\n    end",
        )
        made = len(self.draft.items)
        listed = draft.select() if self.random.random() < 0.4 else f"*,\n    {draft.select(made)}"
        body = select(listed, "sequenced", *clauses)
        return f"with {(',' + chr(10) * 2).join(self.parts)}\n\n{body}\n", draft.columns

    def _join_key(self, parent: Model) -> str:
        common = [
            name for name in parent.ids if name in {c.name for c in self.draft.columns if c.kind == "id"}
        ]
        narrow = [name for name in common if name != "store_id"]
        return self.random.choice(narrow or common)

    def _measures(self, parent: Model, most: int) -> list[tuple[Column, str]]:
        """Gives aggregates of a parent."""
        entity = words(parent.entity)
        made = [(Column(f"{parent.entity}_count", "int", f"How many rows of {entity}.", 3), "count(*)")]
        measured = parent.kinds("int", "amount", "ratio", "flag")
        for column in self.random.sample(measured, min(len(measured), self.random.randint(2, most))):
            made.append(self._aggregate(self._prefixed(column, parent), column))
        if parent.date is not None and self.random.random() < 0.7:
            last = Column(f"last_{parent.entity}_on", "date", f"The latest day of a {entity}.")
            made.append((last, f"max({parent.date})"))
        return made

    @staticmethod
    def _aggregate(column: Column, source: Column) -> tuple[Column, str]:
        name, of = column.name, words(column.name)
        match source.kind:
            case "int" if source.size <= 6:
                return Column(
                    f"{name}_total", "int", f"Sum of {of}.", source.size + 3
                ), f"{{{{ total('{source.name}') }}}}"
            case "amount" if source.size <= 6:
                total = Column(f"{name}_total", "amount", f"Sum of {of}.", source.size + 3)
                return total, f"{{{{ total_amount('{source.name}') }}}}"
            case "ratio":
                return Column(
                    f"{name}_mean", "ratio", f"Mean of {of}.", source.size
                ), f"{{{{ mean('{source.name}') }}}}"
            case "flag":
                share = Column(f"{name}_share", "ratio", f"Share of {of}.")
                return share, f"{{{{ share('count(*) filter (where {source.name})', 'count(*)') }}}}"
            case _:
                return Column(
                    f"{name}_top", source.kind, f"Largest {of}.", source.size
                ), f"max({source.name})"

    @staticmethod
    def _prefixed(column: Column, parent: Model) -> Column:
        if parent.entity in column.name or len(column.name) > 24:
            return column
        return column._replace(name=f"{parent.entity}_{column.name}")


def by_names(expressions: list[str]) -> str:
    """Writes a list of SQL expressions as an argument of a macro, a macro call among them as a call."""
    return "[" + ", ".join(text[3:-3] if text.startswith("{{") else repr(text) for text in expressions) + "]"


def python_text(name: str, parent: Model, key: str) -> tuple[str, tuple[Column, ...]]:
    """Writes a model of pyarrow: the rows of a parent by one of its keys."""
    numbers = [column for column in parent.columns if column.kind == "int"][:3]
    noun = key.removesuffix("_id")
    columns = (
        Column(key, "id", f"Identifies the {noun}."),
        Column("row_count", "int", "How many rows it has.", 3),
        *(Column(f"{c.name}_peak", "int", f"Largest {words(c.name)}.", c.size) for c in numbers),
    )
    wanted = "".join(f'            ("{column.name}", "max"),\n' for column in numbers)
    order = ", ".join(f'"{text}"' for text in (key, f"{key}_count", *(f"{c.name}_max" for c in numbers)))
    names = ", ".join(f'"{column.name}"' for column in columns)
    text = f'''"""Peaks by {noun}."""

from __future__ import annotations

import pyarrow

import sqlflow


@sqlflow.model(materialized="table", tags=["dataframe"])
def {name}({parent.name}: pyarrow.Table) -> pyarrow.Table:
    """Groups the rows of {parent.name}."""
    peaks = {parent.name}.group_by("{key}").aggregate(
        [
            ("{key}", "count"),
{wanted}        ]
    )
    ordered = peaks.select([{order}])
    return ordered.rename_columns([{names}]).sort_by("{key}")
'''
    return text, columns
