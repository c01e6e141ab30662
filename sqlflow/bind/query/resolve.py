"""Finds out what a column's name means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from sqlglot import exp

from sqlflow.bind.query.places import extent
from sqlflow.bind.query.scope import Scope, ScopeColumn, ScopeTable
from sqlflow.bind.query.values import Column, Value, sources_of, unknown
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import did_you_mean
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.dialect.names import lookup_key


class Report(Protocol):
    """Takes what is wrong with a query."""

    def __call__(self, code: Code, message: str, node: exp.Expr, help: str = "") -> None:
        """Notes a mistake at a node."""
        ...


def column_value(node: exp.Column, scope: Scope, report: Report) -> Value:
    """Gives what a column reference means: a column, a field of one, an alias, a whole row."""
    parts = [
        p for key in ("catalog", "db", "table", "this") if isinstance(p := node.args.get(key), exp.Identifier)
    ]
    keys = [lookup_key(scope.spec, part.name, bool(part.args.get("quoted"))) for part in parts]
    found = _qualified(parts, keys, scope) or _bare(parts, keys, scope, node, report)
    if found is None:
        return unknown(_missing(parts, keys, scope, node, report))
    value, used = found
    for part in parts[used:]:
        value = field_of(value, part.name)
    return value


def _qualified(parts: list[exp.Identifier], keys: list[str], scope: Scope) -> tuple[Value, int] | None:
    """`table.column` and longer names, the longest table name first."""
    for size in range(len(parts) - 1, 0, -1):
        table = scope.find_table(keys[size - 1], tuple(keys[: size - 1]))
        if table is None:
            continue
        columns = table.named(keys[size])
        if columns:
            return columns[0].value(), size + 1
        if table.open:
            return unknown(table.why_open), len(parts)
        if size == 1:
            return None
    return None


def _bare(
    parts: list[exp.Identifier], keys: list[str], scope: Scope, node: exp.Expr, report: Report
) -> tuple[Value, int] | None:
    key = keys[0]
    here: Scope | None = scope
    while here is not None:
        if key in here.lambdas:
            return here.lambdas[key], 1
        columns = here.find_columns(key)
        merged = [column for column in columns if column.merged is not None]
        if merged:
            return merged[0].unqualified(), 1
        if len(columns) > 1:
            _ambiguous(parts[0], columns, here, report)
        if columns:
            return columns[0].unqualified(), 1
        if key in here.aliases:
            return here.aliases[key], 1
        row = next((table for table in here.tables if table.key == key), None)
        if row is not None and len(parts) == 1:
            return row_value(row), 1
        if here.is_open:
            why = next(table.why_open for table in here.tables if table.open)
            return unknown(why), len(parts)
        here = here.parent
    return None


def row_value(table: ScopeTable) -> Value:
    """A table's name as a value: its row as a struct."""
    values = [(column.column.name or "", column.value()) for column in table.columns if not column.hidden]
    sources = sources_of(value for _, value in values)
    if table.open or any(value.type is None for _, value in values):
        return Value(type=None, why="a column of the row has no known type", sources=sources)
    parts = tuple((name, value.type) for name, value in values if value.type is not None)
    return Value(type=SqlType("STRUCT", parts=parts), sources=sources, null=Nullability.UNKNOWN)


def field_of(value: Value, name: str) -> Value:
    """A field of a struct, by its name without case, or a key of a map."""
    if value.type is None:
        return replace(value, null=Nullability.UNKNOWN, is_constant=False)
    if value.type.name in ("STRUCT", "UNION"):
        for label, part in value.type.parts:
            if label.lower() == name.lower():
                null = value.null if value.null is Nullability.NULLABLE else Nullability.UNKNOWN
                return Value(type=part, null=null, sources=value.sources)
    if value.type.name == "JSON":
        return Value(type=SqlType("JSON"), sources=value.sources)
    return unknown(f"{value.type} has no field {name}", value)


def _ambiguous(part: exp.Identifier, columns: list[ScopeColumn], scope: Scope, report: Report) -> None:
    owners = [table.name for table in scope.tables if any(column in table.columns for column in columns)]
    shown = " or ".join(f"`{name}`" for name in owners if name) or "several tables"
    report(
        Code.AMBIGUOUS_COLUMN,
        f"`{part.name}` could be a column of {shown}",
        part,
        f"write the table before it: `{owners[0]}.{part.name}`" if owners and owners[0] else "",
    )


def _missing(
    parts: list[exp.Identifier], keys: list[str], scope: Scope, node: exp.Expr, report: Report
) -> str:
    """Reports a name that means nothing; gives the reason that its type is unknown."""
    if len(parts) > 1:
        table = scope.find_table(keys[-2])
        if table is None:
            known = [t.name for t in scope.tables if t.name]
            report(
                Code.UNKNOWN_COLUMN,
                f"unknown table `{parts[-2].name}` before the column `{parts[-1].name}`",
                node,
                did_you_mean(parts[-2].name, known)
                or (f"the query reads: {', '.join(known)}" if known else ""),
            )
            return f"there is no table {parts[-2].name}"
        names = [column.column.name for column in table.columns if column.column.name]
        message = f"`{table.name}` has no column `{parts[-1].name}`"
    else:
        names = scope.names()
        message = f"unknown column `{parts[-1].name}`"
    help = did_you_mean(parts[-1].name, names)
    if not help and names:
        shown = ", ".join(dict.fromkeys(names[:8]))
        help = f"there are: {shown}{', ...' if len(names) > 8 else ''}"
    report(Code.UNKNOWN_COLUMN, message, node, help)
    return f"there is no column {parts[-1].name}"


def place_of(node: exp.Expr, column: Column) -> Column:
    """Notes where the expression of an output column stands."""
    found = extent(node)
    return replace(column, start=found[0], end=found[1]) if found else column


Resolver = Callable[[exp.Column, Scope], Value]
