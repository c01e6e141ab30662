"""Canonical forms of a project's queries: while binding has the tree, and again from a text that was kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from sqlflow.bind.canonical.context import Sink
from sqlflow.bind.canonical.form import canonical
from sqlflow.bind.canonical.outline import Outline, Outliner
from sqlflow.bind.query.meanings import Meanings
from sqlflow.bind.query.values import Table
from sqlflow.bind.reread import OWN, Reread
from sqlflow.core.digest import digest
from sqlflow.core.ids import NodeId
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.parse import deep_nesting
from sqlflow.render.types import PLACEHOLDER, THIS

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules


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
    kept = Reread(sql, spec, rules, tables)
    if kept.tree is None:
        return None
    tree, sources = kept.tree, set[str]()

    def relation(table: exp.Table) -> str | None:
        found = kept.relation(table)
        sources.update((found,) if found is not None else ())
        return found

    def form(sink: Sink | None = None) -> str:
        return canonical(
            tree,
            kept.tokens,
            sql,
            kept.notes,
            spec,
            relation=relation,
            is_known=kept.is_known,
            sink=sink,
        )

    with deep_nesting():
        outliner, written = Outliner(tree, kept.table, spec), form()
        form(outliner.take)
        return KeptQuery(written, outliner.outline(written, sorted(sources)))
