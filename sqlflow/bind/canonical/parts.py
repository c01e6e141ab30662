"""Writes queries with their columns apart: what decides the rows, and each column by what it is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlglot import exp

from sqlflow.bind.canonical.apart import Apart, Split
from sqlflow.bind.canonical.clauses import Outputs, group, order
from sqlflow.bind.canonical.context import Context
from sqlflow.bind.canonical.expressions import rest, write
from sqlflow.bind.canonical.queries import (
    SELECT_CLAUSES,
    at_level,
    conditions,
    distinct_keys,
    list_outputs,
    write_with,
)
from sqlflow.bind.canonical.sources import from_clause
from sqlflow.bind.query.select import has_more
from sqlflow.bind.query.setops import arms
from sqlflow.core.digest import digest

_LIMITS = ("limit", "offset", "fetch")


def split_query(node: exp.Expr, context: Context) -> Split:
    """Writes a query in FROM, or a whole one, with its columns apart."""
    count, context.count = context.count, 0
    by_alias, context.by_alias = context.by_alias, False
    given, context.given = context.given, 0
    context.level += 1
    found = _at_level(node, context)
    context.level -= 1
    context.given = given
    context.by_alias = by_alias
    context.count = count
    return found


def _at_level(node: exp.Expr, context: Context) -> Split:
    while isinstance(node, (exp.Subquery, exp.Paren)) and not has_more(node):
        node = node.this
    apart = context.apart
    by_name = isinstance(node, exp.SetOperation) and any(
        operation is not None and operation.args.get("by_name") for operation, _ in arms(node)
    )
    if apart is None or by_name or not isinstance(node, (exp.Select, exp.SetOperation)):
        more = apart.loose(node) if apart is not None else ""
        return Split(_digest(at_level(node, context, True), more), None, None)
    with_ = node.args.get("with_")
    bodies = write_with(with_, context) if isinstance(with_, exp.With) else ""
    more = apart.loose(with_) if bodies else ""
    count, context.count = context.count, 0
    if isinstance(node, exp.Select):
        found = _select(node, context, apart)
    else:
        found = _set_operation(node, context, apart)
    context.count = count
    return found._replace(rows=_digest(bodies, more, found.rows)) if bodies else found


def _select(node: exp.Select, context: Context, apart: Apart) -> Split:
    sources, joins = from_clause(node, context)
    outputs = list_outputs(node, context)
    for column in outputs.columns:
        column.form += apart.loose(column.item)
    parts: dict[str, list[str]] = {
        "from": [part.form for part in (*sources, *joins)],
        "stars": [mark for mark in outputs.stars if mark],
        "open": [_of_sources(node, apart)],
    }
    for clause in ("where", "having", "qualify"):
        given = node.args.get(clause)
        context.by_alias = clause != "where"
        if given is not None:
            parts[clause] = [part.form for part in conditions(given, context)] + [apart.loose(given)]
        context.by_alias = False
    parts["group"] = [part.form for part in group(node, outputs, context)]
    parts["windows"] = [write(part, context) + apart.loose(part) for part in node.args.get("windows") or ()]
    parts["distinct"] = [part.form for part in distinct_keys(node, outputs, context)]
    # An order shows in nothing but the places of rows, which a table keeps on some engines.
    parts["order"] = [part.form for part in order(node, outputs, context)]
    parts["limit"] = [_limit(node, context, apart), rest(node, context, SELECT_CLAUSES)]
    parts["more"] = [apart.loose(node.args.get(key)) for key in ("group", "distinct", "order")]
    forms = tuple(digest(column.form) for column in outputs.columns)
    names = context.meanings.outputs.get(id(node))
    is_whole = outputs.is_open or names is None or len(names) != len(forms)
    if is_whole or _decide_rows(node, context, apart):
        parts["list"] = list(forms)
    if node.args.get("group") is None and (
        node.args.get("having") is not None or any(map(apart.looseness.aggregates, node.expressions))
    ):
        parts["aggregated"] = [""]
    rows = digest(json.dumps(parts))
    return Split(rows, None, None) if is_whole else Split(rows, names, forms)


def _decide_rows(node: exp.Select, context: Context, apart: Apart) -> bool:
    """Whether the columns decide which rows there are."""
    if node.args.get("distinct") is not None:
        return True

    def is_own(column: exp.Expr) -> bool:
        meaning = context.meaning(column)
        place = context.tables.get(meaning.origin) if meaning is not None else None
        return place is None or place.level == context.level

    found = apart.looseness
    return any(
        found.may_give_rows(item) or found.has_foreign_aggregate(item, is_own) for item in node.expressions
    )


def _limit(node: exp.Expr, context: Context, apart: Apart) -> str:
    """What cuts rows off; which ones is left open, since an order may have ties."""
    limits = [f"({key} {write(node.args[key], context)})" for key in _LIMITS if node.args.get(key)]
    return f"{' '.join(limits)}{apart.open() if limits else ''}"


def _of_sources(node: exp.Select, apart: Apart) -> str:
    """The mark where what stands in FROM leaves open which rows it gives."""
    source = node.args.get("from_")
    joins = list(node.args.get("joins") or ())
    found: list[exp.Expr] = [source.this] if source is not None else []
    found += node.args.get("laterals") or ()
    marks = ""
    while found or joins:
        if joins:
            join = joins.pop()
            marks = marks or apart.loose(join.args.get("on"))
            marks = marks or (apart.open() if apart.looseness.is_loose_join(join) else "")
            found.append(join.this)
        here = found.pop()
        joins += here.args.get("joins") or ()
        is_plain = isinstance(here, exp.Table) and isinstance(here.this, exp.Identifier)
        is_query = isinstance(here, exp.Subquery) and isinstance(here.this, exp.Query)
        is_query = is_query and not isinstance(here.this, exp.Subquery)
        if not is_plain and not is_query:
            marks = marks or apart.loose(here)
        elif here.args.get("sample"):
            marks = marks or apart.open()
    return marks


def _set_operation(node: exp.SetOperation, context: Context, apart: Apart) -> Split:
    parts: list[Sequence[str]] = []
    found: list[Split] = []
    keeps_all = True
    for operation, arm in arms(node):
        found.append(_at_level(arm, context))
        word, mark = "first", ""
        if operation is not None:
            keeps_all = keeps_all and isinstance(operation, exp.Union) and not operation.args.get("distinct")
            without = ("this", "expression", "distinct", "with_", "order")
            word = f"{operation.key} {operation.args.get('distinct')}{rest(operation, context, without)}"
            mark = apart.open() if any(operation.args.get(key) for key in _LIMITS) else ""
        parts.append((word, mark, found[-1].rows))
    lists = [split.columns for split in found]
    names = context.meanings.outputs.get(id(node))
    width = len(names) if names is not None else -1
    columns = [list_ for list_ in lists if list_ is not None and len(list_) == width]
    if len(columns) < len(lists):
        return Split(digest(json.dumps([parts, lists])), None, None)
    forms = tuple(digest(json.dumps(of_arms)) for of_arms in zip(*columns, strict=True))
    outputs = Outputs()
    for name, form in zip(names or (), forms, strict=True):
        outputs.add(name, form, None, node)
    ordered = [part.form for part in order(node, outputs, context)]
    ordered.append(apart.loose(node.args.get("order")))
    rows = digest(json.dumps([parts, ordered, [] if keeps_all else forms]))
    return Split(rows, names, forms)


def _digest(*parts: str) -> str:
    return digest(json.dumps(parts))
