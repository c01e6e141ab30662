"""Finds the column that a query gives on as it is, row by row."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlflow.dialect.names import lookup_key, name_key
from sqlflow.dialect.spec import DialectSpec

# What lets a row depend on others than those that it is made of.
_REACHES_OUT = (exp.Window, exp.Limit, exp.Offset, exp.Fetch, exp.Qualify, exp.TableSample, exp.Pivot)
# Joins that go by a row's neighbours: ASOF, POSITIONAL. NATURAL only spares the names.
_PLAIN_JOINS = ("", "NATURAL")


def kept_column(text: str, start: int, column: str, spec: DialectSpec) -> str | None:
    """Gives the key of the column, of the table that is named at `start`, which a column of a query is.

    None where it is not that of the table as it is, or where a row of the query may depend on rows of the
    table that have another value there. The query has to be one SELECT; the table may be read in a common
    table expression or a query in FROM, if that is one SELECT too, and read once. `spec` is the dialect that
    the query is in, the key that of `name_key`.
    """
    try:
        tree = sqlglot.parse_one(text, dialect=spec.name)
    except (SqlglotError, RecursionError):
        return None
    if not isinstance(tree, exp.Select) or _reaches_out(tree):
        return None
    path = _path(tree, start, spec)
    if path is None:
        return None
    key = name_key(spec, column)
    for select in path:
        given = _given(select, key, spec)
        if given is None:
            return None
        key = given
    return key


def _reaches_out(tree: exp.Expr) -> bool:
    if tree.find(*_REACHES_OUT, exp.SetOperation) is not None:
        return True
    if any(distinct.args.get("on") for distinct in tree.find_all(exp.Distinct)):
        return True
    return any(
        str(join.args.get("method") or "").upper() not in _PLAIN_JOINS for join in tree.find_all(exp.Join)
    ) or any(with_.args.get("recursive") for with_ in tree.find_all(exp.With))


def _path(tree: exp.Select, start: int, spec: DialectSpec) -> list[exp.Select] | None:
    """The queries that a table's rows go through, the outermost first; None where they may go other ways."""
    tables = list(tree.find_all(exp.Table))
    here: exp.Expr | None = next((table for table in tables if _start(table) == start), None)
    out: list[exp.Select] = []
    while here is not None:
        clause = here.parent
        if not isinstance(clause, (exp.From, exp.Join)) or clause.this is not here:
            return None
        select = clause.parent
        if not isinstance(select, exp.Select):
            return None
        out.append(select)
        if select is tree:
            return out[::-1]
        here = select.parent
        alias = here.args.get("alias") if here is not None else None
        if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
            return None
        if isinstance(here, exp.CTE):
            name = _key(alias, spec)
            uses = [t for t in tables if not t.db and _start(t) != start and _key(t, spec) == name]
            here = uses[0] if len(uses) == 1 else None
        elif not isinstance(here, exp.Subquery):
            return None
    return None


def _start(table: exp.Table) -> int | None:
    """Where a table's name begins in the text."""
    parts = [part for key in ("catalog", "db", "this") if (part := table.args.get(key)) is not None]
    return parts[0].meta.get("start") if parts else None


def _given(select: exp.Select, key: str, spec: DialectSpec) -> str | None:
    """The key of the column that one of a query's is, whatever it is called; None for an expression."""
    found = [item for item in select.expressions if not item.is_star and _key(item, spec) == key]
    if len(found) > 1:
        return None
    if found:
        column = found[0].unalias()
        return _key(column, spec) if isinstance(column, exp.Column) else None
    # It comes out of a star.
    stars = list(select.find_all(exp.Star))
    changed = any(star.args.get("replace") or star.args.get("rename") for star in stars)
    return None if changed or not any(item.is_star for item in select.expressions) else key


def _key(named: exp.Expr | None, spec: DialectSpec) -> str:
    """The key of the name that something has: its alias, a column's or a table's own; empty without one."""
    name = (named.args.get("alias") or named.this) if named is not None else None
    if isinstance(name, exp.TableAlias):
        name = name.this
    quoted = bool(name.args.get("quoted")) if isinstance(name, exp.Identifier) else False
    return lookup_key(spec, name.name, quoted) if isinstance(name, exp.Identifier) else ""
