"""Binds what stands in a FROM: tables, subqueries, table functions, VALUES, joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sqlglot import exp

from sqlflow.bind.query import pivots
from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.functions import call_of
from sqlflow.bind.query.joins import add_join
from sqlflow.bind.query.scope import Scope, ScopeTable
from sqlflow.bind.query.values import (
    Column,
    Table,
    Value,
    renamed,
    sources_of,
    unknown,
)
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.dialect.names import lookup_key

if TYPE_CHECKING:
    from collections.abc import Callable

# Table functions of one column, which is named like the table, where that has a name.
_ONE_COLUMN = frozenset(["range", "generate_series"])


class Queries(Protocol):
    """Binds a query inside another."""

    def __call__(
        self, node: exp.Expr, parent: Scope | None = None, ctes: Mapping[str, Table] | None = None
    ) -> Table:
        """Gives the query's columns."""
        ...


class Sources:
    """Puts what stands in a FROM into scope.

    `find_table` gives the table that a name means outside the query, None where it means nothing.
    """

    def __init__(
        self, binder: Expressions, queries: Queries, find_table: Callable[[exp.Table], Table | None]
    ) -> None:
        self._binder = binder
        self._queries = queries
        self._find_table = find_table
        # The common table expressions that were read; kept, so that no other object gets the identity of one.
        self.read: dict[int, Table] = {}

    def add_from(self, node: exp.Expr, scope: Scope) -> None:
        """Takes in the FROM of a SELECT, with its laterals and joins."""
        source = node.args.get("from_")
        if source is not None:
            self.add(source.this, scope)
        for lateral in node.args.get("laterals") or ():
            self.add(lateral, scope)
        for join in node.args.get("joins") or ():
            self._join(join, scope)

    def add(self, node: exp.Expr, scope: Scope) -> None:
        """Puts one relation into scope, with the pivots and joins that hang on it."""
        before = len(scope.tables)
        name, names = _alias(node)
        if isinstance(node, exp.Table):
            self._add_table(node, name, names, scope)
        elif isinstance(node, (exp.Lateral, exp.Unnest)):
            table = self._function(node.this if isinstance(node, exp.Lateral) else node, name, scope)
            self._put(name, names, table, scope, node)
        elif isinstance(node, (exp.Paren, exp.Subquery)) and isinstance(node.this, (exp.Table, exp.Subquery)):
            self._in_brackets(node, name, names, scope)
        else:
            is_plain = isinstance(node, exp.Subquery) and not node.args.get("with_")
            table = self._queries(node.this if is_plain else node, scope, scope.ctes)
            self._put(name, names, table, scope, node)
        for pivot in node.args.get("pivots") or ():
            self._pivot(pivot, scope, before)
        for join in node.args.get("joins") or ():
            self._join(join, scope)

    def _put(self, name: str, names: Sequence[str], table: Table, scope: Scope, node: exp.Expr) -> None:
        added = ScopeTable(name, renamed(table, names), scope.spec, origin=id(node))
        scope.add(added, table.rows)

    def _join(self, join: exp.Join, scope: Scope) -> None:
        before = len(scope.tables)
        self.add(join.this, scope)
        add_join(join, scope, before, self._binder)

    def _in_brackets(self, node: exp.Expr, name: str, names: Sequence[str], scope: Scope) -> None:
        """`(t JOIN u ON ...)`; with an alias, one table of all their columns."""
        if not name:
            self.add(node.this, scope)
            return
        inner = Scope(scope.spec, scope, scope.ctes)
        self.add(node.this, inner)
        self._put(name, names, visible_table(inner), scope, node)

    def _pivot(self, node: exp.Expr, scope: Scope, before: int) -> None:
        name, names = _alias(node)
        inner = Scope(scope.spec, scope, scope.ctes)
        inner.tables = scope.tables[before:]
        table = pivots.pivoted(visible_table(inner), node, inner, self._binder)
        if not name and len(inner.tables) == 1:
            name = inner.tables[0].name
        del scope.tables[before:]
        self._put(name, names, table, scope, node)

    def _add_table(self, node: exp.Table, name: str, names: Sequence[str], scope: Scope) -> None:
        if node.args.get("rows_from"):
            why = "what ROWS FROM gives is not known"
            self._put(name, names, Table(columns=(), open=True, why_open=why), scope, node)
            return
        if not isinstance(node.this, exp.Identifier):
            table = self._function(node.this, name, scope)
            if node.args.get("ordinality"):
                place = Value(type=SqlType("BIGINT"), null=Nullability.NOT_NULL)
                table = replace(table, columns=(*table.columns, Column(name="ordinality", value=place)))
            if not name:
                name = call_of(node.this, self._binder.text).name if isinstance(node.this, exp.Func) else ""
            self._put(name, names, table, scope, node)
            return
        table, stored = self.table(node, scope)
        qualifiers: tuple[str, ...] = ()
        if not name:
            name = node.this.name
            qualifiers = tuple(
                lookup_key(scope.spec, part.name, bool(part.args.get("quoted")))
                for key in ("catalog", "db")
                if isinstance(part := node.args.get(key), exp.Identifier)
            )
        table = renamed(table, names)
        added = ScopeTable(name, table, scope.spec, qualifiers, stored=stored, origin=id(node))
        scope.add(added, table.rows)

    def table(self, node: exp.Table, scope: Scope) -> tuple[Table, bool]:
        """Gives the table of a name, and whether it is one outside the query."""
        if not node.args.get("db") and isinstance(node.this, exp.Identifier):
            key = lookup_key(scope.spec, node.this.name, bool(node.this.args.get("quoted")))
            if key in scope.ctes:
                found = scope.ctes[key]
                self.read[id(found)] = found
                return found, False
        found = self._find_table(node)
        if found is None:
            found = Table(
                columns=(), open=True, why_open=f"the columns of {node.alias_or_name} are not known"
            )
        return found, True

    def _function(self, node: exp.Expr, alias: str, scope: Scope) -> Table:
        if isinstance(node, (exp.Unnest, exp.Explode)):
            return self._unnest(node, alias, scope)
        if isinstance(node, exp.Query):
            return self._queries(node, scope, scope.ctes)
        call = call_of(node, self._binder.text) if isinstance(node, exp.Func) else None
        if call is None or call.arguments is None:
            value = self._binder.opaque(node, scope)
            return Table(columns=(), rows=value.sources, open=True, why_open=value.why)
        values = self._binder.values(call.arguments, scope)
        found = self._binder.call_type(call.name, values) if call.name in _ONE_COLUMN else None
        rows = sources_of(values)
        if found is None or found.item is None:
            return Table(columns=(), rows=rows, open=True, why_open=f"what {call.name} gives is not known")
        value = Value(type=found.item, null=Nullability.NOT_NULL, sources=rows)
        return Table(columns=(Column(name=alias or call.name, value=value),), rows=rows)

    def _unnest(self, node: exp.Expr, alias: str, scope: Scope) -> Table:
        lists = list(node.expressions)
        if isinstance(node.this, exp.Expr):
            lists.insert(0, node.this)
        values = self._binder.values(lists, scope)
        rows = sources_of(values)
        if len(values) != 1:
            return Table(columns=(), rows=rows, open=True, why_open="no rule for unnest of several values")
        value = values[0]
        if value.type is not None and value.type.name not in ("LIST", "ARRAY"):
            return Table(columns=(), rows=rows, open=True, why_open=f"no rule for unnesting {value.type}")
        item = value.type.item if value.type is not None else None
        made = Value(type=item, sources=rows) if item else unknown(value.why, value)
        return Table(columns=(Column(name=alias or "unnest", value=made),), rows=rows)

    def values(self, node: exp.Values, scope: Scope) -> Table:
        """The columns of VALUES: each has the type that its rows come to."""
        rows = [
            self._binder.values(row.expressions if isinstance(row, exp.Tuple) else [row], scope)
            for row in node.expressions
        ]
        width = min((len(row) for row in rows), default=0)
        columns = [
            Column(
                name=f"col{i}",
                value=self._binder.settled(self._binder.common([row[i] for row in rows], "VALUES")),
            )
            for i in range(width)
        ]
        return renamed(Table(columns=tuple(columns)), _alias(node)[1])


def visible_table(scope: Scope) -> Table:
    """The tables of a scope as one."""
    return Table(
        columns=tuple(column.bare() for _, column in scope.visible()),
        rows=frozenset(scope.rows),
        open=scope.is_open,
        why_open=next((table.why_open for table in scope.tables if table.open), ""),
    )


def _alias(node: exp.Expr) -> tuple[str, list[str]]:
    """The name that a relation is given, and those of its columns."""
    alias = node.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        return "", []
    name = alias.this.name if alias.this is not None else ""
    return name, [part.name for part in alias.args.get("columns") or ()]
