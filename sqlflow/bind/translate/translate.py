"""Writes a bound query in another dialect, and tells what of it was not verified."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import Token

from sqlflow.bind.query.bind import Mistake
from sqlflow.bind.query.notes import Notes
from sqlflow.bind.query.places import place_of
from sqlflow.bind.query.values import Table
from sqlflow.bind.translate.align import aligned
from sqlflow.bind.translate.clauses import write_out_all, write_out_stars
from sqlflow.bind.translate.constructs import UNKNOWN, Construct, constructs
from sqlflow.bind.translate.names import pin_outputs, put_aliases_in, spell_names
from sqlflow.bind.translate.shown import shown
from sqlflow.bind.translate.types import TablePlace, TranslatedQuery
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.core.ids import NodeId
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.names import name_key
from sqlflow.dialect.pairs import Pair
from sqlflow.dialect.rules import INTEGER_LITERAL, STRING_LITERAL, TypeRules
from sqlflow.dialect.spec import DialectSpec

_TABLE = "__sqlflow_table_{}__"
_TABLES = re.compile(r".__sqlflow_table_(\d+)__.")
# What stands around a function and belongs to its call.
_AROUND = (exp.Window, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)
# Where a construct's name says that a type in it is not known.
_FOR_UNKNOWN = (f"({UNKNOWN}", f" {UNKNOWN}", f"={UNKNOWN}", f"|{UNKNOWN}")
_SELF = "__sqlflow_self__"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRead:
    """A table outside the query: its node, the name that the query sees it under."""

    node: NodeId
    is_this: bool
    visible: str


# Gives what a name in a FROM means outside the query.
ReadTable = Callable[[exp.Table], TableRead | None]


class Translator:
    """Writes the queries of one dialect in another."""

    def __init__(self, source: DialectSpec, target: DialectSpec, pair: Pair, rules: TypeRules | None) -> None:
        self.source = source
        self.target = target
        self._pair = pair
        self._rules = rules
        self._from = sqlglot.Dialect.get_or_raise(source.name)
        self._to = sqlglot.Dialect.get_or_raise(target.name)
        self._kinds: dict[str, exp.DataType | None] = {}

    def translate(
        self,
        tree: exp.Expr,
        table: Table,
        notes: Notes,
        read: ReadTable,
        tokens: Sequence[Token],
        text_map: TextMap,
        text: str,
    ) -> tuple[TranslatedQuery, tuple[Mistake, ...]]:
        """Writes a query of which `table` is the result; its tree is changed.

        `tokens` are those of its text, which `text_map` maps.
        """
        mistakes: dict[Mistake, None] = {}
        put_aliases_in(tree, notes)
        write_out_stars(tree, notes)
        write_out_all(tree)
        parts = list(constructs(tree, notes, self._rules))
        for mistake in self._unverified(parts, notes, text):
            mistakes[mistake] = None
        reads = self._name_tables(tree, read)
        spell_names(tree, notes, self.source, self.target)
        pin_outputs(tree, table)
        self._annotate(tree, notes)
        for part in parts:
            self._write(part)
        sql, refused = self._generate(tree, text)
        for mistake in refused:
            mistakes[mistake] = None
        places = tuple(
            TablePlace(match.start(), match.end(), reads[int(match[1])].node, reads[int(match[1])].is_this)
            for match in _TABLES.finditer(sql)
        )
        mapped = aligned(sql, self._to.tokenize(sql), tokens, text_map, len(text))
        return TranslatedQuery(text=sql, map=mapped, tables=places), tuple(mistakes)

    def column_type(self, written: str) -> str:
        """Gives the target's name for a column type of the source; the same where it is not understood."""
        kind = self._data_type(written)
        return kind.sql(dialect=self.target.name) if kind is not None else written

    def _name_tables(self, tree: exp.Expr, read: ReadTable) -> list[TableRead]:
        """Puts numbers into the places of tables, each under the name that the query sees it under."""
        reads: list[TableRead] = []
        longer: set[tuple[str, ...]] = set()
        for table in list(tree.find_all(exp.Table)):
            found = read(table)
            if found is None:
                continue
            names = [
                p.name for key in ("catalog", "db", "this") if isinstance(p := table.args.get(key), exp.Expr)
            ]
            if not table.alias:
                alias = exp.TableAlias(this=exp.Identifier(this=found.visible, quoted=True))
                alias.set("columns", (table.args.get("alias") or exp.TableAlias()).args.get("columns"))
                table.set("alias", alias)
                longer.update(
                    tuple(name_key(self.source, n) for n in names[i:]) for i in range(len(names) - 1)
                )
            table.set("this", exp.Identifier(this=_TABLE.format(len(reads)), quoted=True))
            table.set("db", None)
            table.set("catalog", None)
            reads.append(found)
        if longer:
            for column in tree.find_all(exp.Column):
                parts = [
                    name_key(self.source, p.name)
                    for key in ("catalog", "db", "table")
                    if isinstance(p := column.args.get(key), exp.Identifier)
                ]
                if tuple(parts) in longer:
                    column.set("db", None)
                    column.set("catalog", None)
        return reads

    def _entry(self, part: Construct) -> str | None:
        return next((self._pair.verified[key] for key in part.keys if key in self._pair.verified), None)

    def _unverified(self, parts: Sequence[Construct], notes: Notes, text: str) -> Iterator[Mistake]:
        """Tells what was not asked on both engines; of a pair that nothing is known of, once."""
        found = _innermost([part for part in parts if self._entry(part) is None])
        if not found:
            return
        pair = f"from {self.source.name} to {self.target.name}"
        if not self._pair.is_known:
            yield Mistake(
                code=Code.UNVERIFIED_TRANSLATION,
                message=f"nothing is verified {pair}: this query has {len(found)} calls and clauses to check",
                start=0,
                end=1,
                help="read the compiled query, and accept it: `-- sqlflow: ignore SF0320` on its first line",
                severity=Severity.WARNING,
            )
            return
        for part in reversed(found):
            start, end = place_of(part.node, text)
            yield Mistake(
                code=Code.UNVERIFIED_TRANSLATION,
                message=f"{shown(part, notes, text)} is not verified {pair}",
                start=start,
                end=end,
                help="read the compiled query, and accept it by `-- sqlflow: ignore SF0320` on the line, or "
                "write it otherwise",
                severity=Severity.WARNING,
            )

    def _annotate(self, tree: exp.Expr, notes: Notes) -> None:
        """Gives nodes their types in sqlglot's words: its generators look at them."""
        for node in tree.walk():
            kind = notes.types.get(id(node))
            if kind is None or isinstance(node, exp.DataType):
                continue
            if kind.name in (INTEGER_LITERAL, STRING_LITERAL) and self._rules is not None:
                kind = self._rules.settle(kind)
            made = self._data_type(str(kind))
            if made is not None:
                node.type = made

    def _data_type(self, written: str) -> exp.DataType | None:
        if written not in self._kinds:
            try:
                self._kinds[written] = exp.DataType.build(written, dialect=self.source.name)
            except (SqlglotError, ValueError):
                self._kinds[written] = None
        kind = self._kinds[written]
        return kind.copy() if kind is not None else None

    def _write(self, part: Construct) -> None:
        """Writes a construct as it was verified, where that is not what the generator makes of it."""
        form = self._entry(part)
        if not form or form == "{}":
            return
        node = part.node
        if "{}" in form:
            while isinstance(node.parent, _AROUND) and node.arg_key == "this":
                node = node.parent
        made = self._form(form)
        around = node.parent
        if around is None:
            return
        kind = part.node.type
        node.replace(made)
        for hole in list(made.find_all(exp.Column)):
            argument = hole.name.removeprefix("__sqlflow_arg").removesuffix("__")
            if hole.name == _SELF:
                hole.replace(node)
            elif argument.isdigit():
                hole.replace(_in_brackets(part.arguments[int(argument)]))
        made.type = kind

    def _form(self, form: str) -> exp.Expr:
        text = re.sub(r"\{(\d+)\}", r"__sqlflow_arg\1__", form.replace("{}", _SELF))
        return sqlglot.parse_one(text, dialect=self.target.name)

    def _generate(self, tree: exp.Expr, text: str) -> tuple[str, list[Mistake]]:
        sql, messages = self._written(tree)
        if not messages:
            return sql, []
        refused: list[Mistake] = []
        for message in dict.fromkeys(messages):
            start, end = place_of(self._culprit(tree, message), text)
            refused.append(
                Mistake(
                    code=Code.UNSUPPORTED_TRANSLATION,
                    message=f"this can't be written for {self.target.name}: {message}",
                    start=start,
                    end=end,
                    help="write it in a way that both dialects have",
                )
            )
        return sql, refused

    def _written(self, tree: exp.Expr) -> tuple[str, list[str]]:
        generator = self._to.generator(
            pretty=True, identify=True, comments=False, unsupported_level=ErrorLevel.IGNORE
        )
        sql = generator.generate(tree)
        return sql, list(generator.unsupported_messages)

    def _culprit(self, tree: exp.Expr, message: str) -> exp.Expr:
        """The smallest part of a tree that the generator says something of."""
        here = tree
        while True:
            inner = next((c for c in here.iter_expressions() if message in self._written(c)[1]), None)
            if inner is None:
                return here
            here = inner


def _in_brackets(node: exp.Expr) -> exp.Expr:
    return (
        exp.Paren(this=node)
        if isinstance(node, (exp.Binary, exp.Unary)) and not isinstance(node, exp.Paren)
        else node
    )


def _innermost(parts: Sequence[Construct]) -> list[Construct]:
    """Leaves out what is not verified for an unknown type alone, where something in it is told of already."""
    inside: set[int] = set()
    kept: list[Construct] = []
    for part in parts:
        if id(part.node) in inside and any(word in part.keys[-1] for word in _FOR_UNKNOWN):
            continue
        kept.append(part)
        around = part.node.parent
        while around is not None:
            inside.add(id(around))
            around = around.parent
    return kept
