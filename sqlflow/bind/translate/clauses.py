"""Writes out clauses that leave to the engine what the tree says already."""

from __future__ import annotations

from sqlglot import exp

from sqlflow.bind.query.clauses import is_all_key
from sqlflow.bind.query.functions import has_aggregate
from sqlflow.bind.query.meanings import StarColumn
from sqlflow.bind.query.notes import Notes


def write_out_all(tree: exp.Expr) -> None:
    """Turns GROUP BY ALL and ORDER BY ALL into the places of the columns, where there is no star."""
    for select in tree.find_all(exp.Select):
        if any(item.is_star for item in select.expressions):
            continue
        group = select.args.get("group")
        if group is not None and (group.args.get("all") or any(map(is_all_key, group.expressions))):
            keys = [
                exp.Literal.number(place)
                for place, item in enumerate(select.expressions, start=1)
                if not has_aggregate(item)
            ]
            select.set("group", exp.Group(expressions=keys) if keys else None)
        order = select.args.get("order")
        if order is not None and len(order.expressions) == 1:
            _order_by_all(select, order)


def _order_by_all(select: exp.Select, order: exp.Order) -> None:
    ordered = order.expressions[0]
    key = ordered.this
    if is_all_key(key) and not key.args.get("table") and not key.args.get("quoted"):
        items: list[exp.Expr] = []
        for place in range(1, len(select.expressions) + 1):
            item = ordered.copy()
            item.set("this", exp.Literal.number(place))
            items.append(item)
        order.set("expressions", items)


def write_out_stars(tree: exp.Expr, notes: Notes) -> None:
    """Names the columns of stars with EXCLUDE, REPLACE or RENAME, where all of them have names."""
    for select in tree.find_all(exp.Select):
        items: list[exp.Expr] = []
        written = False
        for item in select.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            columns = notes.stars.get(id(star), ())
            if columns and all(column.column and column.name for column in columns):
                owner = item.table if isinstance(item, exp.Column) else ""
                items += [_column(column, owner, notes) for column in columns]
                written = True
            else:
                items.append(item)
        if written:
            select.set("expressions", items)


def _column(column: StarColumn, owner: str, notes: Notes) -> exp.Expr:
    alias = exp.Identifier(this=column.name, quoted=True)
    if column.instead is not None:
        return exp.Alias(this=column.instead, alias=alias)
    made = exp.Column(this=exp.Identifier(this=column.column, quoted=True))
    if owner or column.table:
        made.set("table", exp.Identifier(this=owner or column.table, quoted=True))
    notes.names[id(made)] = column.column
    return made if column.name == column.column else exp.Alias(this=made, alias=alias)
