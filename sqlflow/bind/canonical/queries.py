"""Writes queries in their canonical form: WITH, SELECT, set operations, what else gives rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from sqlglot import exp

from sqlflow.bind.canonical.clauses import Outputs, group, keys, order
from sqlflow.bind.canonical.context import Context, Listed, Place
from sqlflow.bind.canonical.expressions import rest, write, write_part
from sqlflow.bind.canonical.precedence import operands
from sqlflow.bind.canonical.sources import alias_names, count_names, from_clause, write_source
from sqlflow.bind.canonical.survey import children
from sqlflow.bind.query.select import has_more
from sqlflow.bind.query.setops import arms
from sqlflow.bind.query.stars import find_columns
from sqlflow.dialect.names import name_key

SELECT_CLAUSES = frozenset(
    ["expressions", "from_", "joins", "laterals", "where", "group", "having", "qualify", "windows",
     "distinct", "order", "with_", "limit", "offset", "fetch"]
)  # fmt: skip


def write_query(node: exp.Expr, context: Context, named: bool) -> str:
    """Writes a query inside another; `named` says whether the names of its columns can be seen."""
    count, context.count = context.count, 0
    context.level += 1
    by_alias, context.by_alias = context.by_alias, False
    exact, context.exact = context.exact, context.exact and context.level == 1
    given, context.given = context.given, 0
    written = at_level(node, context, named, given)
    context.exact = exact
    context.by_alias = by_alias
    context.level -= 1
    context.count = count
    return written


def at_level(node: exp.Expr, context: Context, named: bool, renamed: int = 0) -> str:
    """Writes a query that sees what the query around it sees; so many columns are `renamed` there."""
    while isinstance(node, (exp.Subquery, exp.Paren)) and not has_more(node):
        node = node.this
    with_ = node.args.get("with_")
    bodies = write_with(with_, context) if isinstance(with_, exp.With) else ""
    count, context.count = context.count, 0
    match node:
        case exp.Select():
            written = _select(node, context, named, renamed)
        case exp.SetOperation():
            written = _set_operation(node, context, named, renamed)
        case exp.Values():
            written = _values(node, context)
        case exp.Subquery() | exp.Table():
            written = _relation(node, context, named)
        case _:
            context.lacks_names = True
            names = json.dumps(context.meanings.outputs.get(id(node)))
            written = f"(?{node.key} {names}{rest(node, context, ('with_',))})"
    context.count = count
    return f"(with {bodies} {written})" if bodies else written


def write_with(with_: exp.Expr, context: Context) -> str:
    """Writes the common table expressions that are read several times; one that is read once stands there."""
    bodies: list[str] = []
    for cte in with_.expressions:
        alias, body = cte.args["alias"], cte.this
        is_query = isinstance(body, (exp.Query, exp.Values))
        count = context.reads.counts.get(id(cte), 0)
        if count == 0 and is_query:
            _leave_out(cte, context)
            continue
        recursive = id(cte) in context.reads.recursive
        plain = cte.args.get("materialized") is None and not rest(cte, context, ("this", "alias"))
        once = count == 1 and plain and not context.is_volatile(body)
        if is_query and not recursive and (once or context.apart is not None):
            context.inlined.add(id(cte))
            continue
        context.ctes[id(cte)] = Place(context.level, len(bodies))
        how = json.dumps(cte.args.get("materialized"))
        more = rest(cte, context, ("this", "alias", "materialized"))
        name = f" {context.key(alias.this)}" if context.verbatim else ""
        exact, context.exact = context.exact, False
        written = at_level(body, context, True, count_names(alias))
        context.exact = exact
        word = "recursive" if recursive else "cte"
        bodies.append(f"({word}{name} {how}{alias_names(alias, context)}{more} {written})")
    more = rest(with_, context, ("expressions", "recursive"))
    return " ".join(bodies) + more


def _leave_out(cte: exp.Expr, context: Context) -> None:
    """Accounts for the words of an expression that nothing reads, but for what follows on its last one."""
    starts: list[int] = []
    stack = [cte]
    while stack:
        node = stack.pop()
        meta = node._meta  # pyright: ignore[reportPrivateUsage]
        if meta and "start" in meta:
            starts.append(meta["start"])
        stack.extend(children(node))
    context.used.update(sorted(starts)[:-1])


def _select(node: exp.Select, context: Context, named: bool, renamed: int) -> str:
    sources, joins = from_clause(node, context)
    outputs = list_outputs(node, context)
    clauses: dict[str, list[Listed]] = {
        "distinct": distinct_keys(node, outputs, context),
        "list": outputs.listed(_names(node, outputs, context, renamed) if named else None),
        "from": sources,
        "join": joins,
    }
    for clause in ("where", "having", "qualify"):
        given = node.args.get(clause)
        context.by_alias = clause != "where"
        clauses[clause] = conditions(given, context) if given is not None else []
        context.by_alias = False
    clauses["group"] = group(node, outputs, context)
    clauses["windows"] = [Listed(write(part, context), part) for part in node.args.get("windows") or ()]
    clauses["order"] = order(node, outputs, context)
    limits = [(key, node.args[key]) for key in ("limit", "offset", "fetch") if node.args.get(key)]
    clauses["limit"] = [Listed(f"({key} {write(limit, context)})", limit) for key, limit in limits]
    more = rest(node, context, SELECT_CLAUSES)
    clauses["rest"] = [Listed(more, node)] if more else []
    if context.sink is not None:
        context.sink(node, clauses)
    parts = [f"({name} {' '.join(p.form for p in found)})" for name, found in clauses.items() if found]
    return f"(select {' '.join(parts)})"


def conditions(given: exp.Expr, context: Context) -> list[Listed]:
    """The operands of a filter's AND."""
    inner = given.this
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if not isinstance(inner, exp.And):
        return [Listed(write(inner, context), inner)]
    found = [Listed(write_part(inner, part, context), part.unnest()) for part in operands(inner)]
    if not context.is_volatile(inner):
        found.sort(key=lambda part: part.form)
    return found


def list_outputs(node: exp.Select, context: Context) -> Outputs:
    """Writes the items of the list, stars as the columns that they stand for."""
    outputs = Outputs()
    items: Sequence[exp.Expr] = node.expressions or [node]
    index = 0
    names = Counter(item.alias.lower() for item in items if isinstance(item, exp.Alias))
    for item in items:
        if isinstance(item, exp.Alias):
            # Which of several items an alias means is not the same for all clauses and engines.
            number = index if names[item.alias.lower()] == 1 else -1 - index
            context.items[id(item)] = (Place(context.level, number), item)
        index += len(context.meanings.expanded.get(id(item), (item,)))
    for item in items:
        _add_item(item, outputs, context)
    return outputs


def _add_item(item: exp.Expr, outputs: Outputs, context: Context) -> None:
    columns = context.meanings.expanded.get(id(item))
    forms: list[str] | None = None
    if columns is not None:
        star = item.this if isinstance(item, exp.Column) else item
        found = [
            write(column.instead, context)
            if column.instead is not None
            else context.column_of(column.origin, column.key)
            for column in columns
        ]
        forms = [
            f"(merged {form})" if column.merged and column.instead is None else form
            for column, form in zip(columns, found, strict=True)
            if form is not None
        ]
        if len(forms) == len(columns):
            for column, form in zip(columns, forms, strict=True):
                outputs.add(column.name, form, None, item)
            outputs.stars.append(context.mark(star))
            return
    if isinstance(item, exp.Select):
        outputs.add_open("*", item)
        return
    if item.is_star or (context.has_columns and find_columns(item) is not None):
        outputs.add_open(write(item, context), item)
        return
    inner = item.unalias()
    alias = item.args["alias"] if isinstance(item, exp.Alias) else None
    mark = context.mark(alias) if isinstance(alias, exp.Expr) else ""
    name = item.alias if isinstance(item, exp.Alias) else ""
    outputs.add(name, write(inner, context) + mark, inner, item)


def _names(node: exp.Select, outputs: Outputs, context: Context, renamed: int) -> list[str]:
    """The names of the columns: those that binding found, else what the query writes."""
    found = context.meanings.outputs.get(id(node))
    if found is None:
        names = [column.name for column in outputs.columns]
    else:
        names = list(found)
        if not all(names[renamed:]):
            context.made_up = True
    if context.verbatim or context.exact or found is None:
        return names
    return [name_key(context.spec, name) for name in names]


def distinct_keys(node: exp.Select, outputs: Outputs, context: Context) -> list[Listed]:
    """Writes DISTINCT, or the keys of DISTINCT ON."""
    distinct = node.args.get("distinct")
    if distinct is None:
        return []
    on = distinct.args.get("on")
    if on is None:
        return [Listed(f"all{rest(distinct, context, ())}", distinct)]
    wanted = on.expressions if isinstance(on, exp.Tuple) else [on]
    forms = keys(wanted, outputs, context, by_output=None)
    return [Listed(f"(on {' '.join(forms)}{rest(distinct, context, ('on',))})", distinct)]


def _set_operation(node: exp.SetOperation, context: Context, named: bool, renamed: int) -> str:
    by_name = any(operation is not None and operation.args.get("by_name") for operation, _ in arms(node))
    written: list[str] = []
    for place, (operation, arm) in enumerate(arms(node)):
        arm_form = at_level(arm, context, (named and place == 0) or by_name, 0 if by_name else renamed)
        word = "first"
        if operation is not None:
            distinct = json.dumps(operation.args.get("distinct"))
            without = ("this", "expression", "distinct", "with_", "order")
            word = f"{operation.key} {distinct}{rest(operation, context, without)}"
        written.append(f"({word} {arm_form})")
    names = context.meanings.outputs.get(id(node))
    outputs = Outputs()
    for name in names or ():
        outputs.add(name, "", None, node)
    ordered = " ".join(part.form for part in order(node, outputs, context))
    return f"(combine {' '.join(written)}{ordered and f' (order {ordered})'})"


def _values(node: exp.Values, context: Context) -> str:
    rows = " ".join(write(part, context) for part in node.expressions)
    return f"(values {rows}{rest(node, context, ('expressions', 'alias', 'with_'))})"


def _relation(node: exp.Expr, context: Context, named: bool) -> str:
    """A table without a SELECT, a query in brackets with an order, a limit, a pivot."""
    clauses = ("order", "limit", "offset", "fetch")
    inner = node
    if isinstance(node, exp.Subquery) and not any(node.args.get(key) for key in ("alias", "pivots", "joins")):
        body = write_query(node.this, context, named)
        without = ("this", "with_", "order")
    else:
        body = write_source(inner, context)
        without = tuple(key for key in node.args if key not in clauses or key == "order")
    outputs = Outputs()
    for name in context.meanings.outputs.get(id(node)) or ():
        outputs.add(name, "", None, node)
    ordered = " ".join(part.form for part in order(node, outputs, context))
    return f"(relation {body}{ordered and f' (order {ordered})'}{rest(node, context, without)})"
