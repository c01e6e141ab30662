"""Writes what stands in a FROM in its canonical form: tables by what they are, not by their aliases."""

from __future__ import annotations

import json

from sqlglot import exp

from sqlflow.bind.canonical.context import Context, Listed
from sqlflow.bind.canonical.expressions import rest, write
from sqlflow.bind.query.select import has_more
from sqlflow.dialect.names import lookup_key

_TABLE = ("this", "db", "catalog", "alias", "joins", "pivots", "laterals")


def from_clause(node: exp.Select, context: Context) -> tuple[list[Listed], list[Listed]]:
    """Writes the FROM of a SELECT: what comes first, and what is joined to it."""
    sources: list[Listed] = []
    joins: list[Listed] = []
    source = node.args.get("from_")
    if source is not None:
        _add(source.this, sources, joins, context)
        more = rest(source, context, ("this",))
        if more:
            sources.append(Listed(more, source))
    for lateral in node.args.get("laterals") or ():
        written = f"(lateral {write_source(lateral, context)})"
        joins.append(Listed(written, lateral, (context.last_label, "LATERAL", "")))
    for join in node.args.get("joins") or ():
        joins.append(_join(join, context))
    return sources, joins


def _add(node: exp.Expr, sources: list[Listed], joins: list[Listed], context: Context) -> None:
    """Joins that hang on the first table are joins of the SELECT."""
    written = write_source(node, context, joined=False)
    sources.append(Listed(written, node, (context.last_label,)))
    for join in node.args.get("joins") or ():
        joins.append(_join(join, context))


def write_source(node: exp.Expr, context: Context, *, joined: bool = True) -> str:
    """Writes one relation, with its pivots and, if they are not to be written apart, its joins."""
    while _is_only_brackets(node):
        node = node.this
    pivots = node.args.get("pivots") or ()
    if pivots and context.apart is not None:
        context.apart.undecided = True
    written = _one(node, context)
    if not pivots and context.verbatim and isinstance(node.args.get("alias"), exp.TableAlias):
        alias = node.args["alias"].this
        written += f" as {context.key(alias)}" if isinstance(alias, exp.Identifier) else ""
    for pivot in pivots:
        # What a pivot names are columns of what it turns, and of what comes of it.
        context.names_only += 1
        names = alias_names(pivot.args.get("alias"), context)
        written = f"(pivot {written}{rest(pivot, context, ('alias',))}{names})"
        context.names_only -= 1
        context.put(pivot, pivot.alias or node.alias_or_name)
    joins = node.args.get("joins") or () if joined else ()
    if joins:
        return f"(joined {written} {' '.join(_join(join, context).form for join in joins)})"
    return written


def _is_only_brackets(node: exp.Expr) -> bool:
    """`(t)`, without a name of its own or anything joined within."""
    if not isinstance(node, (exp.Subquery, exp.Paren)) or not isinstance(
        node.this, (exp.Table, exp.Subquery)
    ):
        return False
    if isinstance(node.this, exp.Subquery) and not isinstance(node.this.this, (exp.Table, exp.Subquery)):
        return False
    own = any(node.args.get(key) for key in ("alias", "pivots", "joins", "sample"))
    return not own and not has_more(node) and not node.this.args.get("joins")


def _one(node: exp.Expr, context: Context) -> str:
    alias = node.args.get("alias")
    names = alias_names(alias, context)
    if isinstance(node, exp.Table):
        return _table(node, names, context)
    if isinstance(node, (exp.Lateral, exp.Unnest)):
        inner = node.this if isinstance(node, exp.Lateral) else node
        if isinstance(inner, exp.Query):
            body = context.query(inner, context, True)
        else:
            # Its column may have the name of the table.
            body = f"{_function(inner, context)}{_aliased(node, context)}"
        more = rest(node, context, ("this", "alias", "expressions", "joins", "pivots"))
        written = f"({node.key} {body}{names}{more})"
        context.put(node, node.alias)
        return written
    if isinstance(node, (exp.Paren, exp.Subquery)) and isinstance(node.this, (exp.Table, exp.Subquery)):
        return _in_brackets(node, names, context)
    is_plain = isinstance(node, exp.Subquery) and not node.args.get("with_")
    inner = node.this if is_plain else node
    more = rest(node, context, (*_TABLE, "with_")) if is_plain else ""
    context.given = count_names(alias)
    if context.apart is not None:
        body = context.apart.derived(node, inner, (alias,), context)
    else:
        body = context.query(inner, context, True)
    written = f"(derived {body}{names}{more})"
    context.put(node, node.alias)
    return written


def _function(node: exp.Expr, context: Context) -> str:
    if isinstance(node, exp.Unnest):
        parts = " ".join(write(part, context) for part in node.expressions)
        return f"(unnest {parts})"
    return write(node, context)


def _in_brackets(node: exp.Expr, names: str, context: Context) -> str:
    """`(t JOIN u ON ...)`; with an alias, one table of all their columns."""
    more = rest(node, context, _TABLE)
    if not node.alias:
        return f"(group {write_source(node.this, context)}{names}{more})"
    count, context.count = context.count, 0
    context.level += 1
    inner = write_source(node.this, context)
    context.level -= 1
    context.count = count
    context.put(node, node.alias)
    return f"(group-as {inner}{names}{more})"


def _table(node: exp.Table, names: str, context: Context) -> str:
    more = rest(node, context, _TABLE)
    mark = context.mark(node.this) if isinstance(node.this, exp.Identifier) else ""
    cte = context.reads.of.get(id(node))
    label = cte.alias if cte is not None else node.alias_or_name
    if not isinstance(node.this, exp.Identifier):
        inner = write(node.this, context) if isinstance(node.this, exp.Expr) else ""
        written = f"(function {inner}{_aliased(node, context)}{names}{more})"
    elif cte is not None and id(cte) in context.inlined:
        aliases = (cte.args["alias"], node.args.get("alias"))
        context.given = max(count_names(alias) for alias in aliases)
        if context.apart is not None:
            body = context.apart.derived(node, cte.this, aliases, context)
        else:
            body = context.query(cte.this, context, True)
        written = f"(derived {body}{alias_names(cte.args['alias'], context)}{names}{more}{mark})"
    elif cte is not None and id(cte) in context.ctes:
        written = f"(cte {context.at(context.ctes[id(cte)])}{names}{more}{mark})"
    else:
        relation = context.relation(node) if cte is None else None
        if relation is None:
            parts = [
                p for key in ("catalog", "db", "this") if isinstance(p := node.args.get(key), exp.Identifier)
            ]
            mark = "".join(context.mark(part) for part in parts)
            mark += context.apart.open() if context.apart is not None else ""
            written = f"(outside {' '.join(context.key(part) for part in parts)}{names}{more}{mark})"
            context.lacks_names = context.lacks_names or cte is not None
        else:
            label = relation
            if context.apart is not None:
                mark += context.apart.table(node, relation, renamed=bool(names))
            written = f"(table {json.dumps(relation)}{names}{more}{mark})"
    context.put(node, label)
    return written


def _aliased(node: exp.Expr, context: Context) -> str:
    alias = node.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        return ""
    return f" as {context.key(alias.this)}" if isinstance(alias.this, exp.Identifier) else ""


def count_names(alias: object) -> int:
    """How many names a relation's columns are given."""
    return len(alias.args.get("columns") or ()) if isinstance(alias, exp.TableAlias) else 0


def alias_names(alias: object, context: Context) -> str:
    """Writes the names that a relation's columns are given."""
    if not isinstance(alias, exp.TableAlias):
        return ""
    columns = alias.args.get("columns") or ()
    more = rest(alias, context, ("this", "columns"))
    if not columns:
        return more
    names = " ".join(
        f"{context.key(c)}{context.mark(c)}" if isinstance(c, exp.Identifier) else write(c, context)
        for c in columns
    )
    return f" (names {names}){more}"


def _join(join: exp.Join, context: Context) -> Listed:
    words = [str(join.args.get(key) or "").upper() for key in ("method", "side", "kind")]
    kind = " ".join(word for word in words if word not in ("", "INNER", "OUTER"))
    right = write_source(join.this, context)
    label = context.last_label
    parts: list[str] = []
    on = join.args.get("on")
    if on is not None:
        parts.append(f"(on {write(on, context)})")
    using = join.args.get("using")
    if using:
        keys = " ".join(f"{context.key(c)}{context.mark(c)}" for c in using)
        parts.append(f"(using {keys})")
    natural = context.meanings.natural.get(id(join))
    if natural is not None:
        parts.append(f"(natural {json.dumps(natural)})")
    if context.apart is not None and (using or natural):
        here = [origin for origin, place in context.tables.items() if place.level == context.level]
        compared = [lookup_key(context.spec, c.name, bool(c.args.get("quoted"))) for c in using or ()]
        parts.append(f"(of {context.apart.keys(here, (*compared, *(natural or ())))})")
    more = rest(join, context, ("this", "method", "side", "kind", "on", "using"))
    condition = " ".join(parts) + more
    return Listed(f"(join {json.dumps(kind)} {right} {condition})", join, (label, kind, condition))
