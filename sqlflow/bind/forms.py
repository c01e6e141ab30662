"""Canonical forms of a project's queries: while binding has the tree, and again from a text that was kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token

from sqlflow.bind.canonical.form import canonical
from sqlflow.bind.canonical.outline import Outline, Outliner
from sqlflow.bind.query.bind import bind_tree
from sqlflow.bind.query.meanings import Meanings
from sqlflow.bind.query.values import Table
from sqlflow.core.digest import digest
from sqlflow.core.ids import NodeId
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.parse import deep_nesting
from sqlflow.render.types import PLACEHOLDER, THIS

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules

# What a query that reads its own relation calls it in a form.
OWN = "this"


def form_digest(
    tree: exp.Expr,
    tokens: Sequence[Token],
    text: str,
    meanings: Meanings,
    spec: DialectSpec,
    rules: TypeRules | None,
    references: Sequence[NodeId | None],
    relation: Callable[[exp.Table], str | None],
) -> str:
    """Gives the digest of a bound query's canonical form.

    `references` are what its placeholders stand for.
    """

    def spell(written: str) -> str:
        return _spelled(written, references)

    return digest(
        canonical(
            tree,
            tokens,
            text,
            meanings,
            spec,
            relation=relation,
            spell=spell,
            is_known=rules.has_function if rules is not None else _none,
        )
    )


def with_inner(form: str, inner: Iterable[tuple[NodeId, str]]) -> str:
    """Gives a digest of a query's form and those of the ephemeral models that stand in it."""
    parts = sorted(set(inner))
    return digest(json.dumps([form, parts])) if form and parts else form


def _none(_: str) -> bool:
    return False


def _spelled(written: str, references: Sequence[NodeId | None]) -> str:
    if "__" not in written:
        return written

    def node(match: re.Match[str]) -> str:
        index = int(match[1])
        found = references[index] if index < len(references) else None
        return found if found is not None else match[0]

    return PLACEHOLDER.sub(node, written).replace(THIS, OWN)


class KeptQuery:
    """A query read from a text that was kept: its canonical form, and what stands in its clauses."""

    __slots__ = ("form", "outline")

    def __init__(self, form: str, outline: Outline) -> None:
        self.form = form
        self.outline = outline


def read_kept(
    sql: str, spec: DialectSpec, rules: TypeRules | None, tables: Mapping[str, Table]
) -> KeptQuery | None:
    """Reads a query with the ids of nodes, quoted, in the places of tables; None where it can't be parsed.

    `tables` has what is known of the nodes, by their ids, as of the time when the text was kept, and of the
    query's own relation under `OWN`.
    """
    known = {lookup_key(spec, name, True): (name, table) for name, table in tables.items()}

    def found(table: exp.Table) -> tuple[str, Table] | None:
        if table.args.get("db") or not isinstance(table.this, exp.Identifier):
            return None
        return known.get(lookup_key(spec, table.name, bool(table.this.args.get("quoted"))))

    def find(table: exp.Table) -> Table | None:
        pair = found(table)
        return pair[1] if pair is not None else None

    sources: set[str] = set()

    def relation(table: exp.Table) -> str | None:
        pair = found(table)
        sources.update(pair[:1] if pair is not None else ())
        return pair[0] if pair is not None else None

    dialect = sqlglot.Dialect.get_or_raise(spec.name)
    with deep_nesting():
        tokens = dialect.tokenize(sql)
        tree = dialect.parser().parse(tokens, sql)[0]
        if tree is None:
            return None
        meanings = Meanings()
        table, _ = bind_tree(tree, sql, spec, rules, find, meanings)
        is_known = rules.has_function if rules is not None else _none
        form = canonical(tree, tokens, sql, meanings, spec, relation=relation, is_known=is_known)
        outliner = Outliner(tree, table, spec)
        canonical(tree, tokens, sql, meanings, spec, relation=relation, is_known=is_known, sink=outliner.take)
        return KeptQuery(form, outliner.outline(form, sorted(sources)))
