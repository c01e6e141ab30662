"""The one place where the judges meet what they judge: the binder's answer for one query."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Source: TypeAlias = tuple[str, str]
Tables: TypeAlias = Mapping[str, Sequence[tuple[str, str, bool]]]

NOT_NULL, NULLABLE, UNKNOWN = "not_null", "nullable", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """What is said of one column of a query's result.

    `name` and `type` are None where they are not known; `nullable` is one of NOT_NULL, NULLABLE, UNKNOWN;
    `values` are the (table, column) pairs that the column's values are taken from.
    """

    name: str | None
    type: str | None
    nullable: str = UNKNOWN
    values: frozenset[Source] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What is said of one query: its columns, the sources that decide which rows there are, its errors."""

    columns: tuple[OutputColumn, ...] = ()
    rows: frozenset[Source] = frozenset()
    errors: tuple[str, ...] = ()


# (sql, dialect, tables: name to (name, type, not null) of each column)
Analyse: TypeAlias = Callable[[str, str, Tables], Analysis]


def is_there() -> bool:
    """Says whether there is a binder to judge."""
    return hasattr(importlib.import_module("sqlflow.bind.query"), "bind_schema")


def analyse(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Asks the binder; raises whatever it raises."""
    from sqlflow.bind.query import bind_schema  # pyright: ignore

    return bind_schema(sql, dialect, tables)  # pyright: ignore
