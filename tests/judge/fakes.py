"""Subjects that are wrong on purpose, and one that copies the engine: what the judges are tested with."""

from __future__ import annotations

from dataclasses import replace

from tests.judge.engine import Engine
from tests.judge.subject import NULLABLE, Analyse, Analysis, OutputColumn, Source, Tables


def every_source(tables: Tables) -> frozenset[Source]:
    """Gives all columns of all tables."""
    return frozenset((table, column[0]) for table, columns in tables.items() for column in columns)


class Copy:
    """Says what the engine says, that everything may be null, and that every column decides the rows."""

    def __init__(self) -> None:
        self._engines: dict[int, tuple[Tables, Engine]] = {}

    def __call__(self, sql: str, dialect: str, tables: Tables) -> Analysis:
        if id(tables) not in self._engines:
            # The tables are kept with the engine, so that their id stays theirs.
            self._engines[id(tables)] = (tables, Engine(tables))
        described = self._engines[id(tables)][1].describe(sql)
        if described is None:
            return Analysis(errors=("not valid",))
        columns = tuple(OutputColumn(name=name, type=kind, nullable=NULLABLE) for name, kind in described)
        return Analysis(columns=columns, rows=every_source(tables))


def changed(**fields: object) -> Analyse:
    """Copies the engine, but for some fields of every first column."""
    copy = Copy()

    def analyse(sql: str, dialect: str, tables: Tables) -> Analysis:
        analysis = copy(sql, dialect, tables)
        first = replace(analysis.columns[0], **fields)  # pyright: ignore
        return replace(analysis, columns=(first, *analysis.columns[1:]))

    return analyse


def crashing(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Raises."""
    raise RecursionError("too deep")


def refusing(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Finds an error in everything."""
    return Analysis(errors=("unknown column `a`",))


def silent(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Sees no columns."""
    return Analysis()
