"""Binds the list of a SELECT."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.places import extent
from sqlflow.bind.query.scope import Lazy, Scope
from sqlflow.bind.query.stars import expand
from sqlflow.bind.query.values import Column, Value, doubtful, unknown
from sqlflow.dialect.names import lookup_key

if TYPE_CHECKING:
    from sqlflow.bind.query.expressions import Expressions


def lazy_values(node: exp.Select, scope: Scope, binder: Expressions) -> dict[int, Lazy]:
    """Gives the values of the list by their place, which other clauses may ask for first.

    Their aliases are put into scope: engines let WHERE, GROUP BY and later items use them.
    """
    found: dict[int, Lazy] = {}
    for index, item in enumerate(node.expressions):
        if isinstance(item, (exp.Star, exp.Columns)) or item.is_star:
            continue
        inner = item.unalias()
        found[index] = Lazy(lambda inner=inner: binder.value(inner, scope), id(item))
        if isinstance(item, exp.Alias):
            key = lookup_key(scope.spec, item.alias, bool(item.args["alias"].args.get("quoted")))
            scope.aliases.setdefault(key, found[index])
    return found


def bind_list(
    node: exp.Select, scope: Scope, lazies: dict[int, Lazy], binder: Expressions
) -> tuple[list[Column], str]:
    """Gives the columns, and why there may be more of them, if so."""
    columns: list[Column] = []
    why_open = ""
    # A FROM alone gives all columns.
    for index, item in enumerate(node.expressions or [exp.Star()]):
        found = expand(item, scope, binder)
        if not node.expressions and binder.notes is not None and id(item) in binder.notes.expanded:
            binder.notes.expanded[id(node)] = binder.notes.expanded.pop(id(item))
        if isinstance(found, str):
            why_open = why_open or found or "it is not known which columns there are"
        elif found is not None:
            columns += found
        elif _is_method_columns(item):
            why_open = "it is not known which columns COLUMNS stands for"
        else:
            columns.append(_column(item, lazies.get(index), scope, binder))
    if scope.keys_are_expressions:
        columns = [
            replace(column, value=replace(column.value, null=doubtful(column.value.null)))
            for column in columns
        ]
    return columns, why_open


def _column(item: exp.Expr, lazy: Lazy | None, scope: Scope, binder: Expressions) -> Column:
    value: Value | None = lazy.get() if lazy is not None else binder.value(item, scope)
    settled = binder.settled(value if value is not None else unknown("it is made of itself"))
    place = extent(item.unalias())
    start, end = place if place is not None else (None, None)
    text = binder.text[start:end] if place is not None else ""
    return Column(name=_name(item, scope), value=settled, text=text, start=start, end=end)


def _is_method_columns(item: exp.Expr) -> bool:
    """`t.COLUMNS(...)`."""
    inner = item.unalias()
    if not isinstance(inner, exp.Dot):
        return False
    return any(
        isinstance(p, exp.Anonymous) and str(p.this).lower() == "columns" for p in inner.find_all(exp.Func)
    )


def _name(item: exp.Expr, scope: Scope) -> str | None:
    """The name of an output column, where the query writes one: as the table spells a bare column's name."""
    if isinstance(item, exp.Alias):
        return item.alias or None
    if isinstance(item, exp.Dot):
        inner = item
        while isinstance(inner, exp.Dot):
            inner = inner.this
        is_path = isinstance(inner, exp.Column) and isinstance(item.expression, exp.Identifier)
        return item.expression.name if is_path else None
    while isinstance(item, exp.Paren):
        item = item.this
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Identifier):
        return _spelled(item, scope) or item.this.name
    if isinstance(item, exp.Boolean):
        return "true" if item.this else "false"
    return "NULL" if isinstance(item, exp.Null) else None


def _spelled(item: exp.Column, scope: Scope) -> str | None:
    key = lookup_key(scope.spec, item.this.name, bool(item.this.args.get("quoted")))
    if item.table:
        quoted = bool(item.args["table"].args.get("quoted"))
        db = item.args.get("db")
        qualifiers = (lookup_key(scope.spec, db.name, bool(db.args.get("quoted"))),) if db is not None else ()
        table = scope.find_table(lookup_key(scope.spec, item.table, quoted), qualifiers)
        column = table.named(key) if table is not None else None
        return column.column.name if column is not None else None
    here: Scope | None = scope
    while here is not None:
        found = here.find_columns(key)
        if found:
            # What a full join makes of two columns is an expression: it has the name that the query writes.
            return None if found[0].coalesced else found[0].bare().name
        if key in here.aliases:
            return None
        here = here.parent
    return None
