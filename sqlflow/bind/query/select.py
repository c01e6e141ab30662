"""Binds queries: SELECT, set operations, VALUES, and what stands in their FROM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.filters import not_null_columns
from sqlflow.bind.query.functions import call_of
from sqlflow.bind.query.joins import add_join
from sqlflow.bind.query.places import extent
from sqlflow.bind.query.resolve import Report
from sqlflow.bind.query.scope import Scope, ScopeTable
from sqlflow.bind.query.stars import expand
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value, sources_of, unknown
from sqlflow.core.codes import Code
from sqlflow.core.schema import Nullability, SqlType
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules

# Gives the table that a name means outside the query; None where it means nothing.
FindTable = Callable[[exp.Table], Table | None]


class QueryBinder:
    """Binds one query's tree."""

    def __init__(
        self,
        text: str,
        spec: DialectSpec,
        rules: TypeRules | None,
        find_table: FindTable,
        report: Report,
    ) -> None:
        self._text = text
        self._spec = spec
        self._rules = rules
        self._find_table = find_table
        self._report = report
        self.expressions = Expressions(rules, text, spec.name, self._subquery, report)

    def query(
        self, node: exp.Expr, parent: Scope | None = None, ctes: Mapping[str, Table] | None = None
    ) -> Table:
        """Gives the columns of a query, and the columns that decide its rows."""
        known = self._with(node, parent, ctes if ctes is not None else (parent.ctes if parent else {}))
        match node:
            case exp.Select():
                return self._select(node, parent, known)
            case exp.SetOperation():
                return self._set_operation(node, parent, known)
            case exp.Subquery():
                table = self.query(node.this, parent, known)
                scope = Scope(self._spec, parent, known)
                scope.add(ScopeTable("", table, self._spec), table.rows)
                return replace(table, rows=table.rows | self._limited(node, scope))
            case exp.Values():
                return self._values(node, Scope(self._spec, parent, known))
            case exp.Table():
                return self._table(node, Scope(self._spec, parent, known))
            case _:
                return self._opened(node, parent, known, f"no rule for {type(node).__name__}")

    def _subquery(self, node: exp.Expr, scope: Scope) -> Table:
        return self.query(
            node.unnest() if isinstance(node, exp.Subquery) and not node.args.get("with_") else node, scope
        )

    def _with(self, node: exp.Expr, parent: Scope | None, outer: Mapping[str, Table]) -> Mapping[str, Table]:
        with_ = node.args.get("with_")
        if not isinstance(with_, exp.With):
            return outer
        known = dict(outer)
        for cte in with_.expressions:
            alias = cte.args["alias"]
            name = lookup_key(self._spec, alias.this.name, bool(alias.this.args.get("quoted")))
            names = [part.name for part in alias.args.get("columns") or ()]
            if with_.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
                # The recursive arm reads what the first arm gives.
                anchor = self.query(cte.this.this, parent, known)
                known[name] = _renamed(anchor, names)
            known[name] = _renamed(self.query(cte.this, parent, known), names)
        return known

    def _select(self, node: exp.Select, parent: Scope | None, ctes: Mapping[str, Table]) -> Table:
        scope = Scope(self._spec, parent, ctes)
        self._from(node, scope)
        where = node.args.get("where")
        self._remember_aliases(node, scope)
        if where is not None:
            scope.rows |= self.expressions.value(where.this, scope).sources
            not_null_columns(where.this, scope)
        self._named_windows(node, scope)
        self._group(node, scope)
        columns = self._projections(node, scope)
        for clause in ("having", "qualify"):
            given = node.args.get(clause)
            if given is not None:
                scope.rows |= self.expressions.value(given.this, scope).sources
        distinct = node.args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            keys = on.expressions if isinstance(on, exp.Tuple) else [on] if on is not None else None
            if keys is None:
                scope.rows |= sources_of(column.value for column in columns)
            else:
                scope.rows |= sources_of(self.expressions.value(key, scope) for key in keys)
                scope.rows |= self._order(node, scope, columns)
        scope.rows |= self._limited(node, scope, columns)
        why = _why_open(scope, node)
        return Table(
            columns=tuple(columns), rows=frozenset(scope.rows), open=why is not None, why_open=why or ""
        )

    def _from(self, node: exp.Select, scope: Scope) -> None:
        source = node.args.get("from_")
        if source is not None:
            self._add_source(source.this, scope)
        for lateral in node.args.get("laterals") or ():
            self._add_source(lateral, scope)
        for join in node.args.get("joins") or ():
            self._add_join(join, scope)

    def _add_join(self, join: exp.Join, scope: Scope) -> None:
        before = len(scope.tables)
        self._add_source(join.this, scope)
        add_join(join, scope, before, self.expressions, self._report)

    def _add_source(self, node: exp.Expr, scope: Scope) -> None:
        """Puts what stands in a FROM into scope, with the joins that hang on it."""
        before = len(scope.tables)
        alias = node.args.get("alias")
        name = alias.this.name if isinstance(alias, exp.TableAlias) and alias.this is not None else ""
        names = (
            [part.name for part in alias.args.get("columns") or ()]
            if isinstance(alias, exp.TableAlias)
            else []
        )
        if isinstance(node, exp.Table):
            table = self._table(node, scope)
            qualifiers: tuple[str, ...] = ()
            if not name and isinstance(node.this, exp.Identifier):
                name = node.this.name
                qualifiers = tuple(
                    lookup_key(self._spec, part.name, bool(part.args.get("quoted")))
                    for key in ("catalog", "db")
                    if isinstance(part := node.args.get(key), exp.Identifier)
                )
            if isinstance(node.this, exp.Func) and not name:
                name = str(node.this.name or node.this.sql_name()).lower()
            added = ScopeTable(name, _renamed(table, names), self._spec, qualifiers)
            scope.add(added, table.rows)
        elif isinstance(node, (exp.Lateral, exp.Unnest)):
            table = self._table_function(node.this if isinstance(node, exp.Lateral) else node, scope)
            scope.add(ScopeTable(name, _renamed(table, names), self._spec), table.rows)
        elif isinstance(node, exp.Paren) or (
            isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table)
        ):
            self._add_source(node.this, scope)
        else:
            inner = node.this if isinstance(node, exp.Subquery) and not node.args.get("with_") else node
            table = self.query(inner, scope, scope.ctes)
            scope.add(ScopeTable(name, _renamed(table, names), self._spec), table.rows)
        if node.args.get("pivots"):
            self._pivoted(node, scope, before)
        for join in node.args.get("joins") or ():
            self._add_join(join, scope)

    def _pivoted(self, node: exp.Expr, scope: Scope, before: int) -> None:
        """A pivot makes columns of values: which there are is not known here."""
        sources = frozenset(
            ref for table in scope.tables[before:] for c in table.columns for ref in c.column.value.sources
        )
        pivots = node.args["pivots"]
        alias = pivots[-1].args.get("alias")
        name = alias.this.name if isinstance(alias, exp.TableAlias) and alias.this is not None else ""
        del scope.tables[before:]
        opened = Table(
            columns=(), rows=sources, open=True, why_open="the columns of a PIVOT depend on the data"
        )
        scope.add(ScopeTable(name, opened, self._spec), sources)

    def _table(self, node: exp.Table, scope: Scope) -> Table:
        if not isinstance(node.this, exp.Identifier):
            return self._table_function(node.this, scope)
        if not node.args.get("db"):
            key = lookup_key(self._spec, node.this.name, bool(node.this.args.get("quoted")))
            if key in scope.ctes:
                return scope.ctes[key]
        found = self._find_table(node)
        if found is not None:
            return found
        return Table(columns=(), open=True, why_open=f"the columns of {node.this.name} are not known")

    def _table_function(self, node: exp.Expr, scope: Scope) -> Table:
        if isinstance(node, (exp.Unnest, exp.Explode)):
            lists = list(node.expressions) or ([node.this] if node.this is not None else [])
            columns = [
                Column(name="unnest", value=self._item(self.expressions.value(part, scope))) for part in lists
            ]
            if any(
                column.value.type is not None and column.value.type.name == "STRUCT" for column in columns
            ):
                return self._opened(node, scope, scope.ctes, "the fields of an unnested struct")
            return Table(columns=tuple(columns), rows=sources_of(column.value for column in columns))
        if isinstance(node, (exp.Subquery, exp.Query)):
            return self.query(node, scope, scope.ctes)
        values = [self.expressions.value(part, scope) for part in node.iter_expressions()]
        name = call_of(node, self._text).name if isinstance(node, exp.Func) else type(node).__name__.lower()
        numbers = all(
            v.type is not None and v.type.name in ("INTEGER", "BIGINT", "INTEGER_LITERAL") for v in values
        )
        if name in ("range", "generate_series") and values and numbers:
            value = Value(type=SqlType("BIGINT"), null=Nullability.NOT_NULL, sources=sources_of(values))
            return Table(columns=(Column(name=name, value=value),), rows=sources_of(values))
        return Table(
            columns=(), rows=sources_of(values), open=True, why_open=f"what {name} gives is not known"
        )

    def _item(self, value: Value) -> Value:
        if value.type is not None and value.type.name in ("LIST", "ARRAY"):
            return Value(type=dict(value.type.parts)["item"], sources=value.sources)
        return unknown(value.why or f"no rule for unnesting {value.type}", value)

    def _values(self, node: exp.Values, scope: Scope) -> Table:
        rows = [
            [
                self.expressions.value(part, scope)
                for part in (row.expressions if isinstance(row, exp.Tuple) else [row])
            ]
            for row in node.expressions
        ]
        columns: list[Column] = []
        for i in range(max((len(row) for row in rows), default=0)):
            value = self.expressions.common([row[i] for row in rows if i < len(row)], "VALUES")
            columns.append(Column(name=f"col{i}", value=self.expressions.settled(value)))
        alias = node.args.get("alias")
        names = (
            [part.name for part in alias.args.get("columns") or ()]
            if isinstance(alias, exp.TableAlias)
            else []
        )
        return _renamed(Table(columns=tuple(columns)), names)

    def _remember_aliases(self, node: exp.Select, scope: Scope) -> None:
        """Lets later clauses use a projection's name; a column of a table of that name comes before it."""
        for item in node.expressions:
            if isinstance(item, exp.Alias):
                key = lookup_key(self._spec, item.alias, bool(item.args["alias"].args.get("quoted")))
                if key not in scope.aliases and not scope.find_columns(key):
                    quiet = Expressions(self._rules, self._text, self._spec.name, self._subquery, _silent)
                    scope.aliases[key] = quiet.value(item.this, scope)

    def _named_windows(self, node: exp.Select, scope: Scope) -> None:
        for window in node.args.get("windows") or ():
            parts = list(window.args.get("partition_by") or ())
            order = window.args.get("order")
            parts += list(order.expressions) if order is not None else []
            sources = sources_of(self.expressions.value(part, scope) for part in parts)
            base = window.args.get("alias")
            if base is not None:
                sources |= scope.windows.get(base.name.lower(), frozenset())
            scope.windows[window.name.lower()] = sources

    def _group(self, node: exp.Select, scope: Scope) -> None:
        group = node.args.get("group")
        if group is None:
            return
        scope.grouped = True
        sets = [group.args.get(key) for key in ("rollup", "cube", "grouping_sets")]
        keys = list(group.expressions)
        for given in sets:
            for part in given or ():
                keys += list(part.expressions) if isinstance(part, exp.Expr) else []
        if group.args.get("all") or (len(keys) == 1 and keys[0].name.upper() == "ALL"):
            keys = [item.unalias() for item in node.expressions if not _has_aggregate(item)]
        for key in keys:
            if isinstance(key, exp.Literal) and not key.is_string:
                index = int(key.this) - 1
                if 0 <= index < len(node.expressions):
                    scope.rows |= self.expressions.value(node.expressions[index].unalias(), scope).sources
            elif isinstance(key, exp.Tuple):
                scope.rows |= sources_of(self.expressions.value(part, scope) for part in key.expressions)
            elif not isinstance(key, exp.Star):
                scope.rows |= self.expressions.value(key, scope).sources
        if any(sets):
            scope.grouped = False
            scope.keys_may_be_null = True

    def _projections(self, node: exp.Select, scope: Scope) -> list[Column]:
        columns: list[Column] = []
        if not node.expressions:
            return [Column(name=c.column.name, value=c.unqualified()) for _, c in scope.visible()]
        for item in node.expressions:
            stars = expand(item, scope, self.expressions)
            if stars is not None:
                columns += stars
                continue
            value = self.expressions.settled(self.expressions.value(item.unalias(), scope))
            place = extent(item.unalias())
            text = self._text[place[0] : place[1]] if place else ""
            start, end = place if place else (None, None)
            columns.append(Column(name=_name(item, scope), value=value, text=text, start=start, end=end))
            if isinstance(item, exp.Alias):
                key = lookup_key(self._spec, item.alias, bool(item.args["alias"].args.get("quoted")))
                scope.aliases.setdefault(key, value)
        return columns

    def _order(self, node: exp.Expr, scope: Scope, columns: Sequence[Column] = ()) -> frozenset[ColumnRef]:
        order = node.args.get("order")
        if order is None:
            return frozenset()
        sources: frozenset[ColumnRef] = frozenset()
        named = {lookup_key(self._spec, c.name, True): c.value for c in columns if c.name}
        for part in order.expressions:
            key = part.this
            if isinstance(key, exp.Literal) and not key.is_string:
                index = int(key.this) - 1
                sources |= columns[index].value.sources if 0 <= index < len(columns) else frozenset()
            elif isinstance(key, exp.Column) and not key.table and lookup_key(self._spec, key.name) in named:
                sources |= named[lookup_key(self._spec, key.name)].sources
            elif key.name.upper() == "ALL":
                sources |= sources_of(column.value for column in columns)
            else:
                sources |= self.expressions.value(key, scope).sources
        return sources

    def _limited(self, node: exp.Expr, scope: Scope, columns: Sequence[Column] = ()) -> frozenset[ColumnRef]:
        """A limit makes the order decide the rows; without one the order only sorts them."""
        order = self._order(node, scope, columns)
        limits = [node.args.get(key) for key in ("limit", "offset", "fetch")]
        if not any(limits):
            return frozenset()
        for limit in limits:
            inner = limit.args.get("expression") if limit is not None else None
            if isinstance(inner, exp.Expr):
                order |= self.expressions.value(inner, scope).sources
        return order

    def _set_operation(
        self, node: exp.SetOperation, parent: Scope | None, ctes: Mapping[str, Table]
    ) -> Table:
        left, right = self.query(node.this, parent, ctes), self.query(node.expression, parent, ctes)
        if left.open or right.open:
            why = left.why_open or right.why_open
            return Table(columns=left.columns, rows=left.rows | right.rows, open=True, why_open=why)
        if node.args.get("by_name"):
            columns = self._by_name(left, right)
        else:
            if len(left.columns) != len(right.columns):
                self._report(
                    Code.COLUMN_COUNT,
                    f"one side of the {node.key.upper()} has {len(left.columns)} columns, "
                    f"the other {len(right.columns)}",
                    node.expression,
                    "both sides need as many columns, in the same order",
                )
            columns = [self._both(a, b, node) for a, b in zip(left.columns, right.columns, strict=False)]
        rows = left.rows | right.rows
        if node.args.get("distinct") or not isinstance(node, exp.Union):
            rows |= sources_of(column.value for column in columns)
        scope = Scope(self._spec, parent, ctes)
        scope.add(ScopeTable("", Table(columns=tuple(columns)), self._spec))
        return Table(columns=tuple(columns), rows=rows | self._limited(node, scope, columns))

    def _both(self, left: Column, right: Column, node: exp.Expr) -> Column:
        value = self.expressions.common([left.value, right.value], "a set operation")
        if isinstance(node, exp.Except):
            value = replace(value, null=left.value.null)
        return replace(left, value=self.expressions.settled(value))

    def _by_name(self, left: Table, right: Table) -> list[Column]:
        others = {lookup_key(self._spec, c.name, True): c for c in right.columns if c.name}
        columns: list[Column] = []
        for column in left.columns:
            other = others.pop(lookup_key(self._spec, column.name or "", True), None)
            columns.append(self._both(column, other, exp.Union()) if other else _nullable(column))
        return columns + [_nullable(column) for column in others.values()]

    def _opened(self, node: exp.Expr, parent: Scope | None, ctes: Mapping[str, Table], why: str) -> Table:
        """Something that is not bound: its columns are not known, its sources are all that it reads."""
        refs: frozenset[ColumnRef] = frozenset()
        scope = Scope(self._spec, parent, ctes)
        for table in node.find_all(exp.Table):
            found = self._table(table, scope)
            refs |= found.rows | sources_of(column.value for column in found.columns)
        return Table(columns=(), rows=refs, open=True, why_open=why)


def _silent(code: Code, message: str, node: exp.Expr, help: str = "") -> None:
    """Takes mistakes that are told elsewhere."""


def _renamed(table: Table, names: Sequence[str]) -> Table:
    if not names:
        return table
    columns = [
        replace(column, name=names[i]) if i < len(names) else column for i, column in enumerate(table.columns)
    ]
    return replace(table, columns=tuple(columns))


def _nullable(column: Column) -> Column:
    return replace(column, value=replace(column.value, null=Nullability.NULLABLE))


def _has_aggregate(node: exp.Expr) -> bool:
    """Whether an expression is computed over groups; what stands under OVER or in a subquery is not."""
    stack: list[exp.Expr] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, (exp.Window, exp.Query)):
            continue
        if isinstance(here, exp.AggFunc):
            return True
        stack.extend(here.iter_expressions())
    return False


def _name(item: exp.Expr, scope: Scope) -> str | None:
    """The name of an output column, where the query writes one: as the table spells a bare column's name."""
    if isinstance(item, exp.Alias):
        return item.alias or None
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Identifier):
        key = lookup_key(scope.spec, item.this.name, bool(item.this.args.get("quoted")))
        tables = [scope.find_table(lookup_key(scope.spec, item.table))] if item.table else scope.tables
        for table in tables:
            for column in table.named(key) if table is not None else ():
                return column.column.name
        return item.this.name
    if isinstance(item, exp.Dot):
        return item.expression.name or None
    return None


def _why_open(scope: Scope, node: exp.Select) -> str | None:
    """A star over a table whose columns are not known makes the result open, for the same reason."""
    stars = not node.expressions or any(
        isinstance(item, (exp.Star, exp.Columns)) or item.is_star for item in node.expressions
    )
    return next((table.why_open for table in scope.tables if stars and table.open), None)
