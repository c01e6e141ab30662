"""Binds PIVOT and UNPIVOT whose columns the query lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.scope import Scope, ScopeTable
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value, any_null, column_sources, doubtful
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.dialect.names import lookup_key

if TYPE_CHECKING:
    from collections.abc import Iterable

_COUNT = exp.Count(this=exp.Star())


def pivoted(table: Table, node: exp.Expr, scope: Scope, binder: Expressions) -> Table:
    """Gives the columns of a table after PIVOT or UNPIVOT; open where they depend on the data."""
    if table.open:
        return replace(table, columns=())
    scope = _over(table, scope)
    made = _unpivot(table, node, scope, binder) if node.args.get("unpivot") else None
    if not node.args.get("unpivot"):
        made = _pivot(table, node, scope, binder)
    if made is not None:
        return made
    rows = table.rows | column_sources(table.columns)
    why = "the columns of a PIVOT depend on the data"
    return Table(columns=(), rows=rows, open=True, why_open=why)


def _over(table: Table, scope: Scope) -> Scope:
    inner = Scope(scope.spec, scope.parent, scope.ctes)
    inner.add(ScopeTable(next((t.name for t in scope.tables), ""), table, scope.spec))
    return inner


def _pivot(table: Table, node: exp.Expr, scope: Scope, binder: Expressions) -> Table | None:
    """A column for each value that is listed and each aggregate, behind those that rows are grouped by."""
    statement = not node.args.get("fields")
    fields = node.expressions if statement else node.args["fields"]
    if len(fields) != 1 or not isinstance(fields[0], exp.In) or not fields[0].expressions:
        return None
    field = fields[0]
    aggregates = node.args.get("using") or [_COUNT] if statement else node.expressions
    groups = _groups(node, [field.this, *aggregates], scope)
    if groups is None:
        return None
    by = binder.value(field.this, scope).sources
    columns = list(groups)
    for given in field.expressions:
        for aggregate in aggregates:
            value = binder.settled(binder.value(aggregate.unalias(), scope))
            value = replace(value, null=doubtful(value.null), sources=value.sources | by)
            columns.append(Column(name=_pivot_name(given, aggregate, len(aggregates)), value=value))
    return Table(columns=tuple(columns), rows=table.rows | column_sources(groups) | by)


def _groups(node: exp.Expr, used: Sequence[exp.Expr], scope: Scope) -> list[Column] | None:
    """The columns that GROUP BY names, else all that nothing else uses; None for an expression."""
    group = node.args.get("group")
    if group is None:
        taken = {_key(column, scope) for part in used for column in part.find_all(exp.Column)}
        return [column.column for _, column in scope.visible() if column.key not in taken]
    found = [_find(part, scope) for part in group.expressions]
    return [column for column in found if column is not None] if None not in found else None


def _key(node: exp.Expr, scope: Scope) -> str:
    return lookup_key(scope.spec, node.name, True)


def _find(node: exp.Expr, scope: Scope) -> Column | None:
    if not isinstance(node, (exp.Column, exp.Identifier)):
        return None
    column = scope.tables[0].named(_key(node, scope))
    return column.column if column is not None else None


def _pivot_name(given: exp.Expr, aggregate: exp.Expr, aggregates: int) -> str | None:
    """The value's text, with the aggregate's alias behind it; None where the engine makes up a part."""
    if isinstance(given, (exp.PivotAlias, exp.Alias)):
        name = given.args["alias"].name
    elif isinstance(given, exp.Literal):
        name = str(given.this)
    elif isinstance(given, exp.Boolean):
        name = "true" if given.this else "false"
    else:
        return None
    if isinstance(aggregate, exp.Alias):
        return f"{name}_{aggregate.alias}"
    return name if aggregates == 1 else None


def _unpivot(table: Table, node: exp.Expr, scope: Scope, binder: Expressions) -> Table | None:
    """A row for each of the columns that are listed: its name, its value."""
    into = node.args.get("into")
    if node.args.get("fields"):
        field = node.args["fields"][0]
        listed, label, labels = field.expressions, field.this.name, node.expressions
    elif isinstance(into, exp.UnpivotColumns):
        listed, label, labels = node.expressions, into.this.name, into.expressions
    else:
        listed, label, labels = node.expressions, "name", [exp.to_identifier("value")]
    inner = [part.this if isinstance(part, (exp.PivotAlias, exp.Alias)) else part for part in listed]
    found = [_find(part, scope) for part in inner]
    taken = [column for column in found if column is not None]
    if not taken or len(taken) < len(found) or len(labels) != 1:
        return None
    keys = {_key(part, scope) for part in inner}
    kept = [column.column for _, column in scope.visible() if column.key not in keys]
    sources = column_sources(taken)
    columns = (
        *kept,
        Column(name=label, value=Value(type=SqlType("VARCHAR"), null=Nullability.NOT_NULL)),
        Column(name=labels[0].name, value=_one(taken, bool(node.args.get("include_nulls")), sources, binder)),
    )
    return Table(columns=columns, rows=table.rows | sources)


def _one(
    columns: Iterable[Column], with_nulls: bool, sources: frozenset[ColumnRef], binder: Expressions
) -> Value:
    """The column that several become: rows whose value is NULL are left out, if not asked for."""
    values = [column.value for column in columns]
    null = any_null(values) if with_nulls else Nullability.NOT_NULL
    return replace(binder.settled(binder.common(values, "UNPIVOT")), null=null, sources=sources)
