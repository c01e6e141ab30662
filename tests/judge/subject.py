"""The one place where the judges meet what they judge: the binder's answer for one query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import sqlglot

from sqlflow.bind.query.bind import bind_tree
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.diagnostic import Severity
from sqlflow.core.schema import Nullability, parse_type
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.dialect.specs import SPECS

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
    # Whether there may be columns that are not listed, as those of a PIVOT: none is known to be missing then.
    open: bool = False


# (sql, dialect, tables: name to (name, type, not null) of each column)
Analyse: TypeAlias = Callable[[str, str, Tables], Analysis]


def analyse(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Asks the binder; raises whatever it raises."""
    spec = SPECS[dialect]
    tree = sqlglot.parse_one(sql, dialect=dialect)
    known = {lookup_key(spec, name): known_table(name, columns) for name, columns in tables.items()}
    bound, mistakes = bind_tree(
        tree, sql, spec, _rules(dialect), lambda table: known.get(lookup_key(spec, table.name))
    )
    return Analysis(
        columns=_columns(bound),
        rows=frozenset(bound.rows),
        errors=tuple(
            f"{mistake.code}: {mistake.message}" for mistake in mistakes if mistake.severity is Severity.ERROR
        ),
        open=bound.open,
    )


@cache
def _rules(dialect: str) -> TypeRules | None:
    return load_rules(SPECS[dialect])


def known_table(name: str, columns: Sequence[tuple[str, str, bool]]) -> Table:
    return Table(
        columns=tuple(
            Column(
                name=column,
                value=Value(
                    type=parse_type(text),
                    null=Nullability.NOT_NULL if not_null else Nullability.UNKNOWN,
                    sources=frozenset({ColumnRef(name, column)}),
                ),
            )
            for column, text, not_null in columns
        )
    )


def _columns(table: Table) -> tuple[OutputColumn, ...]:
    return tuple(
        OutputColumn(
            name=column.name,
            type=str(column.value.type) if column.value.type is not None else None,
            nullable=column.value.null.value,
            values=frozenset((ref.table, ref.column) for ref in column.value.sources),
        )
        for column in table.columns
    )
