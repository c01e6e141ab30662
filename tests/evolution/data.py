"""The sources' rows, and how they change: each change counts a clock on, as a loader would."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypeAlias

import duckdb

from tests.evolution.project import ASKED, COLUMNS, FILE, LOG, SOURCES, TYPES

Rows: TypeAlias = tuple[tuple[object, ...], ...]
_TEXTS = ("a", "b", "ab", "c", "", None)
_DAYS = ("2020-01-05", "2020-01-06", "2020-02-01", "2021-03-01", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The rows of each source by its name, without the clock's; `at` is what the clock says."""

    rows: dict[str, dict[int, tuple[tuple[object, ...], int]]]
    at: int

    def copy(self) -> Data:
        """A copy that changes by itself."""
        return Data(rows={name: dict(rows) for name, rows in self.rows.items()}, at=self.at)


def first_data(rng: random.Random, least: int = 6, most: int = 13) -> Data:
    """Makes rows for each source, so many."""
    rows = {name: {i: (_row(rng, i), 0) for i in range(1, rng.randint(least, most) + 1)} for name in SOURCES}
    return Data(rows=rows, at=0)


def _row(rng: random.Random, number: int) -> tuple[object, ...]:
    amount = None if rng.random() < 0.1 else f"{rng.randint(0, 9)}.{rng.choice(('00', '50', '25'))}"
    a, b = (None if rng.random() < 0.1 else rng.randint(0, 5) for _ in range(2))
    return (number, a, b, rng.choice(_TEXTS), rng.choice(_TEXTS), rng.choice(_DAYS), amount)


CHANGES = ("insert", "insert", "update", "update", "one column", "delete", "touch", "rewrite")


def change(data: Data, source: str, seed: int) -> tuple[Data, str]:
    """Changes a source's rows in one of many ways, of which some change no column that is read."""
    rng, at = random.Random(seed), data.at + 1
    found = data.copy().rows
    rows = found[source]
    kind = "insert" if source == LOG or not rows else rng.choice(CHANGES)
    some = [key for key in rows if rng.random() < 0.3] or list(rows)[:1]
    if kind == "insert":
        for key in range(max(rows, default=0) + 1, max(rows, default=0) + rng.randint(2, 4)):
            rows[key] = (_row(rng, key), at)
    elif kind == "delete":
        for key in some:
            del rows[key]
    else:
        place = rng.randrange(1, len(COLUMNS))
        for key in some:
            old = rows[key][0]
            new = old if kind == "touch" else _row(rng, key)
            if kind == "one column":
                new = (*old[:place], new[place], *old[place + 1 :])
            rows[key] = (new, at)
    return Data(rows=found, at=at), kind


def fill(connection: duckdb.DuckDBPyConnection, data: Data, sources: tuple[str, ...] = SOURCES) -> None:
    """Makes the tables of sources anew; that of changes, too."""
    connection.execute("create schema if not exists raw")
    connection.execute("create table if not exists raw.changes (name varchar, at_ timestamp)")
    for name in sources:
        if name == FILE:
            continue
        columns = ", ".join(f"{column.name} {TYPES[column.kind]}" for column in COLUMNS)
        connection.execute(f"create or replace table raw.{name} ({columns}, upd timestamp)")
        values = [_values(row, moment(at)) for row, at in data.rows[name].values()]
        if values:
            connection.execute(f"insert into raw.{name} values {', '.join(values)}")
        if name == ASKED:
            connection.execute("insert into raw.changes values (?, ?)", [name, moment(data.at)])


def moment(at: int) -> str:
    """What the clock says, as a moment."""
    return f"2020-01-01 {at // 60:02}:{at % 60:02}:00"


def _values(row: tuple[object, ...], at: str) -> str:
    return "(" + ", ".join("null" if value is None else f"'{value}'" for value in (*row, at)) + ")"


def csv(data: Data) -> str:
    """Writes the source that is a file."""
    # The engine reads types off the values: the first row has one in each column.
    lines = [",".join(column.name for column in COLUMNS), '0,1,2,"a","b",2020-01-05,1.25']
    for row, _ in data.rows[FILE].values():
        # A text stands in quotes: one that is empty is no NULL.
        lines.append(
            ",".join(
                "" if value is None else f'"{value}"' if column.kind == "text" else str(value)
                for column, value in zip(COLUMNS, row, strict=True)
            )
        )
    return "\n".join(lines) + "\n"
