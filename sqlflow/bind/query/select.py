"""Binds queries: WITH, SELECT, set operations, what else gives rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.clauses import bind_distinct, bind_group, bind_limit
from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.filters import not_null_columns
from sqlflow.bind.query.grouping import check_groups
from sqlflow.bind.query.meanings import Meanings
from sqlflow.bind.query.pivots import pivoted
from sqlflow.bind.query.projections import bind_list, lazy_values
from sqlflow.bind.query.resolve import Report
from sqlflow.bind.query.scope import Scope, ScopeTable
from sqlflow.bind.query.setops import arms, combine
from sqlflow.bind.query.sources import Sources, visible_table
from sqlflow.bind.query.values import NONE, Table, column_sources, renamed
from sqlflow.bind.query.windows import name_windows
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.core.schema import Nullability
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules

# Gives the table that a name means outside the query; None where it means nothing.
FindTable = Callable[[exp.Table], Table | None]
# How often a recursive query is bound at most until its lineage and nullability stay as they are.
_ROUNDS = 5


class QueryBinder:
    """Binds one query's tree."""

    def __init__(
        self,
        text: str,
        spec: DialectSpec,
        rules: TypeRules | None,
        find_table: FindTable,
        report: Report,
        notes: Meanings | None = None,
    ) -> None:
        self._spec = spec
        self._expressions = Expressions(rules, text, spec.name, self.query, report, notes)
        self._sources = Sources(self._expressions, self.query, find_table)

    def query(
        self, node: exp.Expr, parent: Scope | None = None, ctes: Mapping[str, Table] | None = None
    ) -> Table:
        """Gives the columns of a query, and the columns that decide its rows."""
        while isinstance(node, (exp.Subquery, exp.Paren)) and not has_more(node):
            node = node.this
        outer = ctes if ctes is not None else (parent.ctes if parent else {})
        scope = Scope(self._spec, parent, self._with(node, parent, outer))
        table = self._body(node, scope)
        self._report_unread(node, scope)
        notes = self._expressions.notes
        if notes is not None:
            names = tuple(column.name or "" for column in table.columns)
            notes.outputs[id(node)] = names if not table.open else None
        return table

    def _body(self, node: exp.Expr, scope: Scope) -> Table:
        match node:
            case exp.Select():
                return self._select(node, scope)
            case exp.SetOperation():
                return self._set_operation(node, scope)
            case exp.Values():
                return self._sources.values(node, scope)
            case exp.Pivot():
                self._sources.add(node.this, scope)
                return pivoted(visible_table(scope), node, scope, self._expressions)
            case exp.Subquery() | exp.Table():
                return self._relation(node, scope)
            case _:
                return self._unread(node, scope, f"no rule for {type(node).__name__}")

    def _with(self, node: exp.Expr, parent: Scope | None, outer: Mapping[str, Table]) -> Mapping[str, Table]:
        with_ = node.args.get("with_")
        if not isinstance(with_, exp.With):
            return outer
        known = dict(outer)
        for cte in with_.expressions:
            alias = cte.args["alias"]
            name = lookup_key(self._spec, alias.this.name, bool(alias.this.args.get("quoted")))
            names = [part.name for part in alias.args.get("columns") or ()]
            body = cte.this
            while isinstance(body, (exp.Subquery, exp.Paren)) and not has_more(body):
                body = body.this
            if with_.args.get("recursive") and self._reads_itself(body, name):
                known[name] = self._recursive(body, name, names, parent, known)
            else:
                known[name] = renamed(self.query(body, parent, known), names)
        return known

    def _report_unread(self, node: exp.Expr, scope: Scope) -> None:
        """Warns of common table expressions of a query that nothing in it reads."""
        with_ = node.args.get("with_")
        for cte in with_.expressions if isinstance(with_, exp.With) else ():
            name = cte.args["alias"].this
            table = scope.ctes[lookup_key(self._spec, name.name, bool(name.args.get("quoted")))]
            if id(table) not in self._sources.read:
                help = "take it out, or read it"
                self._expressions.report(
                    Code.UNUSED_CTE, f"nothing reads `{name.name}`", name, help, Severity.WARNING
                )

    def _reads_itself(self, body: exp.Expr, name: str) -> bool:
        if not isinstance(body, exp.Union):
            return False
        names = (table.this for table in body.find_all(exp.Table) if not table.args.get("db"))
        return any(
            isinstance(part, exp.Identifier)
            and lookup_key(self._spec, part.name, bool(part.args.get("quoted"))) == name
            for part in names
        )

    def _recursive(
        self,
        body: exp.Expr,
        name: str,
        names: Sequence[str],
        parent: Scope | None,
        known: Mapping[str, Table],
    ) -> Table:
        """A query that reads itself: it has its first arm's types, all else is what stays as it is."""
        anchor = renamed(self.query(body.this, parent, known), names)
        found = anchor
        for _ in range(_ROUNDS):
            bound = renamed(self.query(body, parent, {**known, name: found}), names)
            if anchor.open or bound.open:
                return bound
            columns = [
                replace(b, value=replace(b.value, type=a.value.type, why=a.value.why))
                for a, b in zip(anchor.columns, bound.columns, strict=False)
            ]
            before, found = found, replace(bound, columns=tuple(columns))
            if _same(before, found):
                return found
        everything = column_sources(found.columns)
        columns = [
            replace(c, value=replace(c.value, null=Nullability.UNKNOWN, sources=everything))
            for c in found.columns
        ]
        return replace(found, columns=tuple(columns), rows=found.rows | everything)

    def _select(self, node: exp.Select, scope: Scope) -> Table:
        binder = self._expressions
        self._sources.add_from(node, scope)
        lazies = lazy_values(node, scope, binder)
        where = node.args.get("where")
        if where is not None:
            scope.rows |= binder.value(where.this, scope).sources
            not_null_columns(where.this, scope)
        name_windows(node, scope, binder)
        bind_group(node, scope, lazies, binder)
        columns, why_open = bind_list(node, scope, lazies, binder)
        check_groups(node, scope, binder)
        for clause in ("having", "qualify"):
            given = node.args.get(clause)
            if given is not None:
                scope.rows |= binder.value(given.this, scope).sources
        scope.rows |= bind_distinct(node, scope, columns, binder)
        scope.rows |= bind_limit(node, scope, columns, binder)
        table = Table(columns=tuple(columns), rows=frozenset(scope.rows))
        if not why_open:
            return table
        # What is not listed may be any column of what stands in FROM.
        every = column_sources(column.bare() for _, column in scope.visible())
        return replace(table, rows=table.rows | every, open=True, why_open=why_open)

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Table:
        table: Table | None = None
        for operation, arm in arms(node):
            right = self.query(arm, scope.parent, scope.ctes)
            if table is None or operation is None:
                table = right
            else:
                table = combine(table, right, operation, scope, self._expressions)
        if table is None:
            return self._unread(node, scope, "there is nothing to combine")
        return self._limited(node, table, scope)

    def _relation(self, node: exp.Expr, scope: Scope) -> Table:
        """`FROM t` without more, a query in brackets with an order, a limit, a pivot."""
        inner = Scope(self._spec, scope.parent, scope.ctes)
        bare = node
        if isinstance(node, exp.Subquery):
            kept = {key: node.args[key] for key in ("this", "alias", "pivots", "joins") if node.args.get(key)}
            bare = exp.Subquery()
            bare.args.update(kept)
        self._sources.add(bare, inner)
        return self._limited(node, visible_table(inner), scope)

    def _limited(self, node: exp.Expr, table: Table, scope: Scope) -> Table:
        inner = Scope(self._spec, scope.parent, scope.ctes)
        inner.add(ScopeTable("", table, self._spec))
        limited = bind_limit(node, inner, table.columns, self._expressions)
        return replace(table, rows=table.rows | limited) if limited else table

    def _unread(self, node: exp.Expr, scope: Scope, why: str) -> Table:
        """Something that is not bound: its columns are not known, its sources are all that it reads."""
        found = [self._sources.table(table, scope)[0] for table in node.find_all(exp.Table)]
        rows = NONE.union(*(table.rows | column_sources(table.columns) for table in found))
        return Table(columns=(), rows=rows, open=True, why_open=why)


def has_more(node: exp.Expr) -> bool:
    """Whether brackets around a query have clauses of their own."""
    return any(
        node.args.get(key) for key in ("with_", "order", "limit", "offset", "fetch", "pivots", "joins")
    )


def _same(left: Table, right: Table) -> bool:
    """Whether nullability and lineage are the same."""
    return left.rows == right.rows and [(c.value.null, c.value.sources) for c in left.columns] == [
        (c.value.null, c.value.sources) for c in right.columns
    ]
