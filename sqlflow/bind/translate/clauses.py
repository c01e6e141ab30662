"""Writes out clauses that leave to the engine what the tree says already."""

from __future__ import annotations

from sqlglot import exp

from sqlflow.bind.query.clauses import is_all_key
from sqlflow.bind.query.functions import has_aggregate


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
