"""Finds the tables that a syntax tree reads from outside itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.types import Name, Qualifier, TableUse
from sqlflow.render.types import PLACEHOLDER, THIS


def tables_read(
    tree: exp.Expr, tokens: Sequence[Token], text: str, spec: DialectSpec
) -> tuple[TableUse, ...]:
    """Gives the uses of tables that are not common table expressions in scope, in the order of the text.

    The body of a common table expression sees those before it, and itself only under RECURSIVE: so
    `with orders as (select * from orders)` reads the outer `orders`.
    """
    keywords = {
        name.start: word.start for word, name in pairwise(tokens) if word.token_type is TokenType.TABLE
    }
    found = [
        use
        for table, hidden in _tables(tree, frozenset(), spec)
        if (use := _use(table, text, hidden, keywords, spec))
    ]
    return tuple(sorted(found, key=lambda use: use.start))


def qualifiers(tree: exp.Expr) -> tuple[Qualifier, ...]:
    """Gives the qualifiers of columns and stars that have several parts or stand for a reference."""
    out: list[Qualifier] = []
    for column in tree.find_all(exp.Column):
        parts = [
            p for key in ("catalog", "db", "table") if isinstance(p := column.args.get(key), exp.Identifier)
        ]
        if not parts or any("start" not in part.meta for part in parts):
            continue
        name = parts[0].name
        if len(parts) > 1 or PLACEHOLDER.fullmatch(name) or name.lower() == THIS:
            names = tuple(Name(part.name, bool(part.args.get("quoted"))) for part in parts)
            last = parts[-1].meta
            out.append(Qualifier(names, parts[0].meta["start"], last["end"] + 1, last["start"]))
    return tuple(sorted(out, key=lambda q: q.start))


def cte_names(tree: exp.Expr) -> tuple[str, ...]:
    """Gives the names of all common table expressions, as written."""
    return tuple(cte.alias for cte in tree.find_all(exp.CTE) if cte.alias)


def output_names(tree: exp.Expr) -> tuple[str | None, ...]:
    """Gives the names of the columns that the query writes; None where the engine makes a name up."""
    if not isinstance(tree, exp.Query):
        return ()
    return tuple(
        (item.alias_or_name or None)
        if isinstance(item, (exp.Alias, exp.Column)) and not item.is_star
        else None
        for item in tree.selects
    )


def _tables(
    node: exp.Expr, visible: frozenset[str], spec: DialectSpec
) -> Iterator[tuple[exp.Table, frozenset[str]]]:
    """Walks a tree with the names of the common table expressions that each place sees.

    A stack instead of recursion: a generated query may nest deeper than Python's own stack goes.
    """
    stack: list[tuple[exp.Expr, frozenset[str]]] = [(node, visible)]
    while stack:
        here, seen = stack.pop()
        with_ = here.args.get("with_")
        if isinstance(with_, exp.With):
            recursive = bool(with_.args.get("recursive"))
            names = [_cte_name(cte, spec) for cte in with_.expressions]
            before = seen | frozenset(names) if recursive else seen
            for cte, name in zip(with_.expressions, names, strict=True):
                stack.append((cte, before))
                before = before | {name}
            seen = before
        if isinstance(here, exp.Table):
            yield here, seen
        for child in here.iter_expressions():
            # `FOR UPDATE OF orders` names what FROM has already.
            if child is not with_ and not isinstance(child, exp.Lock):
                stack.append((child, seen))


def _cte_name(cte: exp.Expr, spec: DialectSpec) -> str:
    alias = cte.args.get("alias")
    identifier = alias.this if isinstance(alias, exp.TableAlias) else None
    if isinstance(identifier, exp.Identifier):
        return lookup_key(spec, identifier.name, bool(identifier.args.get("quoted")))
    return ""


def _use(
    table: exp.Table, text: str, hidden: frozenset[str], keywords: Mapping[int, int], spec: DialectSpec
) -> TableUse | None:
    parts = [p for key in ("catalog", "db", "this") if (p := table.args.get(key)) is not None]
    if isinstance(table.this, exp.Dot):
        parts = [*parts[:-1], *table.this.flatten()]  # more parts than any name has
    identifiers = [part for part in parts if isinstance(part, exp.Identifier) and "start" in part.meta]
    if not identifiers or len(identifiers) != len(parts):
        return None  # a table function
    start, end = identifiers[0].meta["start"], identifiers[-1].meta["end"] + 1
    if text[start] == "'":
        return None  # a file that the engine reads by its path
    names = tuple(Name(part.name, bool(part.args.get("quoted"))) for part in identifiers)
    if len(names) == 1 and lookup_key(spec, names[0].text, names[0].quoted) in hidden:
        return None
    return TableUse(names, start, end, bool(table.alias), keywords.get(start))
