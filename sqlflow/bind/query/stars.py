"""Expands what stands for several columns: `*`, `t.*`, `s.*` of a struct, COLUMNS(...), unnested structs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlglot import exp

from sqlflow.bind.query.expressions import Expressions
from sqlflow.bind.query.meanings import StarColumn
from sqlflow.bind.query.notes import Notes
from sqlflow.bind.query.patterns import matcher
from sqlflow.bind.query.resolve import column_value, silent
from sqlflow.bind.query.scope import Scope, ScopeColumn, ScopeTable
from sqlflow.bind.query.values import Column, Value
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity, did_you_mean
from sqlflow.dialect.names import lookup_key

# The columns; a text where it can't be known which they are; None for an expression of one column.
Expanded: TypeAlias = list[Column] | str | None
_LIKE = (exp.Like, exp.ILike, exp.Glob, exp.SimilarTo, exp.RegexpLike)


def expand(item: exp.Expr, scope: Scope, binder: Expressions) -> Expanded:
    """Gives the columns that a projection stands for."""
    if isinstance(item, _LIKE) and (isinstance(item.this, exp.Star) or item.this.is_star):
        return _like(item, scope, binder)
    if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
        return _star(item, scope, binder)
    inner = item.unalias()
    if isinstance(inner, (exp.Explode, exp.Unnest)):
        return _unnested(inner, scope, binder)
    columns = find_columns(item)
    if columns is not None:
        return _columns(item, columns, scope, binder)
    return None


def _star(item: exp.Expr, scope: Scope, binder: Expressions) -> Expanded:
    """`*` and `t.*`, with EXCLUDE, REPLACE and RENAME."""
    star = item.this if isinstance(item, exp.Column) else item
    if isinstance(item, exp.Column):
        table = _table(item, scope)
        if binder.notes is not None:
            binder.notes.note_owner(item, scope)
        if table is None:
            return _struct_star(item, scope)
        if table.open:
            _report_open(table, item, binder)
            return table.why_open
        found = [(table, c, Column(name=c.column.name, value=c.value())) for c in table.columns]
    else:
        if scope.is_open:
            table = next(table for table in scope.tables if table.open)
            _report_open(table, item, binder)
            return table.why_open
        found = [(table, column, column.bare()) for table, column in scope.visible()]
    columns, noted = _changed(star, found, scope, binder)
    if binder.notes is not None:
        binder.notes.expanded[id(item)] = tuple(noted)
    return columns


def _report_open(table: ScopeTable, item: exp.Expr, binder: Expressions) -> None:
    """Warns of a star on a source: what it stands for is whatever is there that day."""
    if table.undeclared:
        binder.report(
            Code.OPEN_STAR,
            f"the columns of `*` are not known: {table.why_open}",
            item,
            "name the columns, or have them written down: `sqlflow sources pull`",
            Severity.WARNING,
        )


def _changed(
    star: exp.Expr,
    found: list[tuple[ScopeTable, ScopeColumn, Column]],
    scope: Scope,
    binder: Expressions,
) -> tuple[list[Column], list[StarColumn]]:
    """The columns of a star after EXCLUDE, REPLACE and RENAME.

    A table before a name means that table's column alone. What REPLACE gives stands where the first column
    of its name stood, for all of them.
    """
    left_out = {_part(part, scope) for part in star.args.get("except_") or ()}
    replaced = {_key(part.alias, scope): part for part in star.args.get("replace") or ()}
    renamed = {_part(part.this, scope): part.alias for part in star.args.get("rename") or ()}
    _report_missing(star, found, scope, binder)
    done: set[str] = set()
    out: list[Column] = []
    noted: list[StarColumn] = []
    keys = Counter(_key(column.name, scope) for _, _, column in found if column.name)
    for table, owned, column in found:
        name, value = column.name, column.value
        key = _key(name, scope) if name else ""
        if ("", key) in left_out or (table.key, key) in left_out or key in done:
            continue
        if key in replaced:
            done.add(key)
            value = binder.settled(binder.value(replaced[key].this, scope))
            name = replaced[key].alias
        name = renamed.get((table.key, key), renamed.get(("", key), name))
        instead = replaced[key].this if key in replaced else None
        owner = table.name if keys[key] > 1 else ""
        merged = owned.merged is not None and not isinstance(star.parent, exp.Column)
        noted.append(
            StarColumn(owner, column.name or "", name or "", instead, table.origin, owned.key, merged)
        )
        out.append(Column(name=name, value=value, text=column.name or ""))
    if isinstance(binder.notes, Notes) and (left_out or replaced or renamed):
        binder.notes.stars[id(star)] = tuple(noted)
    return out, noted


def _report_missing(
    star: exp.Expr,
    found: list[tuple[ScopeTable, ScopeColumn, Column]],
    scope: Scope,
    binder: Expressions,
) -> None:
    """Tells of names in EXCLUDE and REPLACE that no column has; in RENAME, such a one does nothing."""
    names = [column.name for _, _, column in found if column.name]
    if len(names) < len(found):
        return
    there = {
        (owner, _key(name, scope)) for table, _, c in found if (name := c.name) for owner in ("", table.key)
    }
    asked = [(part, part, "EXCLUDE") for part in star.args.get("except_") or ()]
    asked += [(part, part.args["alias"], "REPLACE") for part in star.args.get("replace") or ()]
    for part, named, word in asked:
        key = _part(part, scope) if word == "EXCLUDE" else ("", _key(part.alias, scope))
        if key not in there:
            message = f"unknown column `{named.name}` in the {word} of a star"
            help = did_you_mean(named.name, names) or f"there are: {', '.join(dict.fromkeys(names[:8]))}"
            binder.report(Code.UNKNOWN_COLUMN, message, named, help)


def _part(part: exp.Expr, scope: Scope) -> tuple[str, str]:
    table = part.args.get("table")
    return _key(table.name, scope) if isinstance(table, exp.Expr) else "", _key(part.name, scope)


def _table(item: exp.Column, scope: Scope) -> ScopeTable | None:
    """The table before a star; None where what stands there is no table."""
    parts = [p for key in ("catalog", "db", "table") if isinstance(p := item.args.get(key), exp.Identifier)]
    keys = [lookup_key(scope.spec, part.name, bool(part.args.get("quoted"))) for part in parts]
    return scope.find_table(keys[-1], tuple(keys[:-1])) if keys else None


def _key(name: str, scope: Scope) -> str:
    return lookup_key(scope.spec, name, True)


def _struct_star(item: exp.Column, scope: Scope) -> Expanded:
    """`s.*` on a struct: its fields."""
    parts = [p for key in ("catalog", "db", "table") if isinstance(p := item.args.get(key), exp.Identifier)]
    if not parts:
        return "it is not known what the star stands for"
    names = dict(zip(("this", "table", "db"), reversed(parts), strict=False))
    inner = exp.Column(**{key: part.copy() for key, part in names.items()})
    value = column_value(inner, scope, silent)
    if value.type is None or value.type.name != "STRUCT":
        return value.why or f"no rule for a star on {value.type}"
    return _fields(value)


def _fields(value: Value) -> list[Column]:
    parts = value.type.parts if value.type is not None else ()
    return [Column(name=name, value=Value(type=part, sources=value.sources)) for name, part in parts]


def _unnested(node: exp.Expr, scope: Scope, binder: Expressions) -> Expanded:
    """`unnest(x)` makes a row of each item of a list, and columns of the fields of a struct."""
    parts = [node.this] if isinstance(node, exp.Explode) else node.expressions
    if isinstance(node, exp.Explode) and node.expressions:
        return "how deep unnest goes is not known"
    value = binder.value(parts[0], scope) if len(parts) == 1 else None
    if value is None or value.type is None:
        return value.why if value is not None else "no rule for unnest of several values"
    if value.type.name == "STRUCT":
        return _fields(value)
    scope.rows |= value.sources
    return None


def find_columns(item: exp.Expr) -> exp.Columns | None:
    """Finds COLUMNS(...) in an expression; what stands in a subquery belongs to that."""
    stack: list[exp.Expr] = [item]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Columns):
            return node
        if not isinstance(node, exp.Query):
            stack.extend(node.iter_expressions())
    return None


def _columns(item: exp.Expr, columns: exp.Columns, scope: Scope, binder: Expressions) -> Expanded:
    """`COLUMNS(...)`, alone or inside an expression that is then repeated for each column."""
    inner = item.unalias()
    if columns.args.get("unpack"):
        # `f(*COLUMNS(...))` is one call with all of them.
        return "the columns become the query's own" if inner is columns else None
    accept = matcher(columns.this, scope)
    if accept is None or scope.is_open:
        return "it is not known which columns COLUMNS stands for"
    chosen = [column.bare() for _, column in scope.visible()]
    if any(column.name is None for column in chosen):
        return "a column has a name of the engine's own"
    out: list[Column] = []
    for column in (column for column in chosen if accept(column.name or "")):
        value = column.value
        if inner is not columns:
            value = binder.settled(binder.value(_repeated(inner, column.name or ""), scope))
        name = _named(item, columns, column.name or "") if isinstance(item, exp.Alias) else column.name
        out.append(Column(name=name, value=value))
    return out


def _repeated(node: exp.Expr, name: str) -> exp.Expr:
    copy = node.copy()
    for inner in list(copy.find_all(exp.Columns)):
        inner.replace(exp.Column(this=exp.Identifier(this=name, quoted=True)))
    return copy


def _named(item: exp.Alias, columns: exp.Columns, name: str) -> str | None:
    """The alias, in which `\\1` is what the first brackets of the pattern found."""
    if "\\" not in item.alias:
        return item.alias
    found = re.search(columns.this.name, name) if columns.this.is_string else None
    if found is None:
        return None
    groups: Sequence[str | None] = (found[0], *found.groups())

    def group(match: re.Match[str]) -> str:
        number = int(match[1])
        return (groups[number] or "") if number < len(groups) else ""

    return re.sub(r"\\(\d)", group, item.alias)


def _like(item: exp.Expr, scope: Scope, binder: Expressions) -> Expanded:
    """`* LIKE 'pattern'`."""
    star = item.this
    found = _star(star, scope, binder)
    accept: Callable[[str], bool] | None = matcher(item, scope)
    if not isinstance(found, list) or accept is None:
        return found if isinstance(found, str) else "it is not known which columns the pattern fits"
    return [column for column in found if column.name is not None and accept(column.name)]
