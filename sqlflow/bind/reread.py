"""Reads a query again from a text that was kept: with the ids of nodes, quoted, in the places of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from sqlflow.bind.query.bind import bind_tree
from sqlflow.bind.query.notes import Notes
from sqlflow.bind.query.values import Table
from sqlflow.core.relation import Relation
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.parse import deep_nesting

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules

# What a query that reads its own relation calls it in a form.
OWN = "this"


class Reread:
    """A kept query, parsed and bound; its `tree` is None where it can't be parsed any more.

    `tables` has what is known of the nodes, by their ids, as of the time when the text was kept; `own` is the
    relation that the query itself brings up to date. `table` has the columns of the query.
    """

    def __init__(
        self,
        sql: str,
        spec: DialectSpec,
        rules: TypeRules | None,
        tables: Mapping[str, Table],
        own: tuple[Relation, Table] | None = None,
    ) -> None:
        self.sql = sql
        self.spec = spec
        self.notes = Notes()
        self.table = Table(columns=(), open=True)
        self._own = own
        self._rules = rules
        self._known = {lookup_key(spec, name, True): (name, table) for name, table in tables.items()}
        self.tree, self.tokens = self._parsed()
        if self.tree is not None:
            with deep_nesting():
                self.table, _ = bind_tree(self.tree, sql, spec, rules, self._find, self.notes)

    def is_known(self, function: str) -> bool:
        """Whether the dialect has a function of that name by itself."""
        return self._rules is not None and self._rules.has_function(function)

    def relation(self, table: exp.Table) -> str | None:
        """Gives the node that a table in the text is; None for one that is not known."""
        pair = self._found(table)
        return pair[0] if pair is not None else None

    def _parsed(self) -> tuple[exp.Expr | None, list[Token]]:
        dialect = sqlglot.Dialect.get_or_raise(self.spec.name)
        try:
            with deep_nesting():
                tokens = dialect.tokenize(self.sql)
                return dialect.parser().parse(tokens, self.sql)[0], tokens
        except (SqlglotError, RecursionError):
            return None, []

    def _find(self, table: exp.Table) -> Table | None:
        pair = self._found(table)
        return pair[1] if pair is not None else None

    def _found(self, table: exp.Table) -> tuple[str, Table] | None:
        if not isinstance(table.this, exp.Identifier):
            return None
        if self._own is not None and _is_relation(table, self._own[0]):
            return OWN, self._own[1]
        if table.args.get("db"):
            return None
        return self._known.get(lookup_key(self.spec, table.name, bool(table.this.args.get("quoted"))))


def _is_relation(table: exp.Table, relation: Relation) -> bool:
    written = [table.args.get(key) for key in ("catalog", "db", "this")]
    return [part.name if isinstance(part, exp.Identifier) else None for part in written] == list(relation)
