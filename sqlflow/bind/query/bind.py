"""Binds the tree of one query against the tables that it reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlflow.bind.query.meanings import Meanings
from sqlflow.bind.query.places import place_of
from sqlflow.bind.query.select import FindTable, QueryBinder
from sqlflow.bind.query.values import NONE, ColumnRef, Table, column_sources
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.dialect.names import fold
from sqlflow.dialect.spec import DialectSpec, Folding

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules


# sqlglot takes it for an operator.
_UNICODE_NAME = re.compile(r"\bU&\"", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with a query, and the range of its text that says so.

    `missing` is the column of a stored table that the query names and that is not there.
    """

    code: Code
    message: str
    start: int
    end: int
    help: str
    severity: Severity = Severity.ERROR
    missing: ColumnRef | None = None


def bind_tree(
    tree: exp.Expr,
    text: str,
    spec: DialectSpec,
    rules: TypeRules | None,
    find_table: FindTable,
    notes: Meanings | None = None,
) -> tuple[Table, tuple[Mistake, ...]]:
    """Gives the columns of a query with types, nullability and lineage, and the mistakes in it.

    `text` is what the tree was parsed from. `find_table` gives the table that a name in a FROM means, where
    it is no common table expression; a name that it doesn't know is a table of unknown columns. `notes` takes
    what is found of each node.
    A query that is nested too deeply to be walked is open.
    """
    mistakes: dict[Mistake, None] = {}

    def report(
        code: Code,
        message: str,
        node: exp.Expr,
        help: str = "",
        severity: Severity = Severity.ERROR,
        missing: ColumnRef | None = None,
    ) -> None:
        start, end = place_of(node, text)
        found = Mistake(
            code=code, message=message, start=start, end=end, help=help, severity=severity, missing=missing
        )
        mistakes[found] = None

    if _UNICODE_NAME.search(text):
        return Table(columns=(), open=True, why_open='names written as U&"..." are not read'), ()
    _fold(tree, spec)
    binder = QueryBinder(text, spec, rules, find_table, report, notes)
    try:
        return binder.query(tree), tuple(mistakes)
    except RecursionError:
        return _too_deep(tree, find_table), ()


def _too_deep(tree: exp.Expr, find_table: FindTable) -> Table:
    """What is known of a query with more brackets in brackets than can be walked: which tables it reads."""
    found = [table for node in tree.find_all(exp.Table) if (table := find_table(node)) is not None]
    rows = NONE.union(*(table.rows | column_sources(table.columns) for table in found))
    return Table(columns=(), rows=rows, open=True, why_open="the query is nested too deeply")


def _fold(tree: exp.Expr, spec: DialectSpec) -> None:
    """Writes every name of a tree as the engine stores it, so that names are compared as they stand."""
    if spec.folding is Folding.INSENSITIVE:
        return
    for name in tree.find_all(exp.Identifier):
        name.set("this", fold(spec, name.name, bool(name.args.get("quoted"))))
