"""Finds out what a column's name means."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from sqlglot import exp

from sqlflow.bind.query.scope import Scope, ScopeColumn, ScopeTable
from sqlflow.bind.query.values import ColumnRef, Value, doubtful, sources_of, unknown
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity, did_you_mean
from sqlflow.core.schema import SqlType
from sqlflow.dialect.names import lookup_key

# Names that engines know without a table: of columns that every stored table has, and of functions that
# are called without brackets.
STORED = frozenset(["rowid", "ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"])
_EVERYWHERE = frozenset(
    [
        "current_catalog",
        "current_database",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "session_user",
        "system_user",
        "user",
    ]
)


class Report(Protocol):
    """Takes what is wrong with a query."""

    def __call__(
        self,
        code: Code,
        message: str,
        node: exp.Expr,
        help: str = "",
        severity: Severity = Severity.ERROR,
        missing: ColumnRef | None = None,
    ) -> None:
        """Notes a mistake at a node; `missing` is the column of a stored table that is not there."""
        ...


def silent(
    code: Code,
    message: str,
    node: exp.Expr,
    help: str = "",
    severity: Severity = Severity.ERROR,
    missing: ColumnRef | None = None,
) -> None:
    """Takes what is no mistake."""


def column_value(node: exp.Column, scope: Scope, report: Report) -> Value:
    """Gives what a column reference means: a column, a field of one, an alias, a whole row."""
    parts = [
        p for key in ("catalog", "db", "table", "this") if isinstance(p := node.args.get(key), exp.Identifier)
    ]
    return name_value(parts, scope, report, node)


def name_value(parts: list[exp.Identifier], scope: Scope, report: Report, node: exp.Expr) -> Value:
    """Gives what a name of one or more parts means, and notes a mistake where it means nothing."""
    keys = [lookup_key(scope.spec, part.name, bool(part.args.get("quoted"))) for part in parts]
    found = _qualified(keys, scope) or _bare(parts, keys, scope, report)
    if found is None:
        return unknown(_missing(parts, keys, scope, node, report))
    value, used = found
    for part in parts[used:]:
        value = field_of(value, part.name)
    return value


def _qualified(keys: list[str], scope: Scope) -> tuple[Value, int] | None:
    """`table.column` and longer names, the longest table name first."""
    for size in range(len(keys) - 1, 0, -1):
        table = scope.find_table(keys[size - 1], tuple(keys[: size - 1]))
        if table is None:
            continue
        column = table.named(keys[size])
        if column is not None:
            return column.value(), size + 1
        if table.open:
            return unknown(table.why_open), len(keys)
        if table.nameless or (table.stored and keys[size] in STORED):
            return unknown(f"{keys[size]} is a name of the engine's own"), len(keys)
    return None


def _bare(
    parts: list[exp.Identifier], keys: list[str], scope: Scope, report: Report
) -> tuple[Value, int] | None:
    key = keys[0]
    here: Scope | None = scope
    while here is not None:
        found = _in_scope(parts, key, here, report)
        if found is not None:
            return found
        here = here.parent
    if key in _EVERYWHERE and len(parts) == 1:
        return unknown(f"no verified rule for {key}"), 1
    return None


def _in_scope(
    parts: list[exp.Identifier], key: str, scope: Scope, report: Report
) -> tuple[Value, int] | None:
    if key in scope.lambdas:
        return scope.lambdas[key], 1
    columns = scope.find_columns(key)
    if len(columns) > 1:
        _ambiguous(parts[0], columns, scope, report)
    if columns:
        return columns[0].bare().value, 1
    alias = scope.aliases[key].get() if key in scope.aliases else None
    if alias is not None:
        return alias, 1
    row = next((table for table in scope.tables if table.key == key), None)
    if row is not None and len(parts) == 1:
        return row_value(row), 1
    for table in scope.tables:
        if table.open:
            return unknown(table.why_open), len(parts)
        if len(parts) == 1 and (table.nameless or (table.stored and key in STORED)):
            return unknown(f"{key} is a name of the engine's own"), 1
    return None


def row_value(table: ScopeTable) -> Value:
    """A table's name as a value: its row as a struct."""
    values = [(column.column.name, column.value()) for column in table.columns]
    parts = tuple((name, value.type) for name, value in values if name and value.type is not None)
    sources = sources_of(value for _, value in values)
    if table.open or len(parts) < len(values):
        return Value(type=None, why="a column of the row has no known type or name", sources=sources)
    return Value(type=SqlType("STRUCT", parts=parts), sources=sources)


def field_of(value: Value, name: str) -> Value:
    """A field of a struct, by its name without case, or what stands under a key of a map or of JSON."""
    if value.type is None:
        return replace(value, null=doubtful(value.null), is_constant=False, constant=None)
    if value.type.name in ("STRUCT", "UNION"):
        part = value.type.part(name)
        if part is not None:
            return Value(type=part, null=doubtful(value.null), sources=value.sources)
    elif value.type.name == "JSON":
        return Value(type=SqlType("JSON"), sources=value.sources)
    elif value.type.name == "MAP" and value.type.parts:
        return Value(type=dict(value.type.parts)["value"], sources=value.sources)
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
        table = scope.tables[0] if len(scope.tables) == 1 else None
        names = scope.names()
        message = f"unknown column `{parts[-1].name}`"
    help = did_you_mean(parts[-1].name, names)
    if not help and names:
        shown = ", ".join(dict.fromkeys(names[:8]))
        help = f"there are: {shown}{', ...' if len(names) > 8 else ''}"
    owner = table.outside if table is not None else None
    missing = ColumnRef(owner, parts[-1].name) if owner is not None else None
    report(Code.UNKNOWN_COLUMN, message, node, help, missing=missing)
    return f"there is no column {parts[-1].name}"
