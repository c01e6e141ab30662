"""Binds every query of a project against the schemas of what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from sqlflow.bind.catalog import DescribeFile, function_schema, seed_schema, source_schema
from sqlflow.bind.projections import projection_span
from sqlflow.bind.query.bind import Mistake, bind_tree
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.ids import NodeId
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Graph
from sqlflow.parse.parse import deep_nesting
from sqlflow.parse.types import Parsed, QueryKey
from sqlflow.project.types import Project
from sqlflow.render.types import PLACEHOLDER, THIS, Rendered, RenderedQuery

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules


class SchemaBinder:
    """Binds a project's nodes in the graph's order; the queries of tests are bound for their mistakes."""

    def __init__(
        self,
        project: Project,
        rendered: Rendered,
        parsed: Parsed,
        graph: Graph,
        spec: DialectSpec,
        rules: TypeRules | None,
        describe: DescribeFile,
    ) -> None:
        self._project = project
        self._rendered = rendered
        self._parsed = parsed
        self._graph = graph
        self._spec = spec
        self._rules = rules
        self._describe = describe
        self._dialect = sqlglot.Dialect.get_or_raise(spec.name)
        self._schemas: dict[NodeId, NodeSchema] = {}
        self._tables: dict[NodeId, Table] = {}
        self._diagnostics: list[Diagnostic] = []

    def schemas(self) -> tuple[Mapping[NodeId, NodeSchema], tuple[Diagnostic, ...]]:
        """Gives the schema of each model, seed and source, and the mistakes in their queries."""
        for node in self._graph.order:
            if node in self._project.sources:
                source = self._project.sources[node]
                self._put(node, source_schema(source, self._spec, self._rules, self._describe))
            elif node in self._rendered.seeds:
                config = self._rendered.seeds[node].config
                seed = self._project.seeds[node]
                self._put(
                    node,
                    seed_schema(
                        seed, config.delimiter, config.column_types, self._spec, self._rules, self._describe
                    ),
                )
            elif node in self._rendered.models:
                self._model(node)
            elif node in self._rendered.tests:
                self._query(QueryKey(node, "full"), self._rendered.tests[node].query)
        return self._schemas, tuple(dict.fromkeys(self._diagnostics))

    def _put(self, node: NodeId, schema: NodeSchema) -> None:
        self._schemas[node] = schema
        self._tables[node] = _table(node, schema)

    def _model(self, node: NodeId) -> None:
        model = self._rendered.models[node]
        if model.full is None:
            self._put(node, function_schema(self._project.models[node], self._rules))
            return
        table = self._query(QueryKey(node, "full"), model.full)
        if table is None:
            return
        self._put(node, _schema(table, model.full.map))
        if model.incremental is not None:
            self._query(QueryKey(node, "incremental"), model.incremental)

    def _query(self, key: QueryKey, query: RenderedQuery) -> Table | None:
        """Binds one query; None where it could not be parsed."""
        facts = self._parsed.queries.get(key)
        links = self._graph.queries.get(key)
        if facts is None or links is None:
            return None
        nodes = {use.start: node for use, node in zip(facts.tables, links.tables, strict=True)}

        def find(table: exp.Table) -> Table | None:
            parts = [table.args.get(part) for part in ("catalog", "db", "this")]
            starts = [part.meta.get("start") for part in parts if isinstance(part, exp.Identifier)]
            node = nodes.get(starts[0] or 0) if starts else None
            return self._tables.get(node) if node is not None else None

        text = query.text[: facts.end]
        try:
            with deep_nesting():
                tokens = self._dialect.tokenize(text)
                tree = self._dialect.parser().parse(tokens, text)[0]
                if tree is None:
                    return None
                self._name_placeholders(tree, key.node, links.references)
                table, mistakes = bind_tree(tree, text, self._spec, self._rules, find)
        except (SqlglotError, RecursionError):
            return Table(columns=(), open=True, why_open="the query is nested too deeply to be bound")
        self._diagnostics.extend(_diagnostics(mistakes, query.map))
        return replace(table, columns=tuple(_whole(column, text, tokens) for column in table.columns))

    def _name_placeholders(self, tree: exp.Expr, reader: NodeId, references: Sequence[NodeId | None]) -> None:
        """Gives what `ref`, `source` and `this` left in the text the names that the query sees them under."""
        for table in tree.find_all(exp.Table):
            visible = self._visible(table.name, reader, references)
            if visible is not None and not table.alias:
                table.set("alias", exp.TableAlias(this=exp.Identifier(this=visible, quoted=True)))
        for column in tree.find_all(exp.Column):
            visible = self._visible(column.table, reader, references)
            if visible is not None:
                column.set("table", exp.Identifier(this=visible, quoted=True))

    def _visible(self, name: str, reader: NodeId, references: Sequence[NodeId | None]) -> str | None:
        match = PLACEHOLDER.fullmatch(name)
        node = reader if name.lower() == THIS else None
        if match is not None and int(match.group(1)) < len(references):
            node = references[int(match.group(1))]
        if node is None:
            return None
        source = self._project.sources.get(node)
        if source is not None:
            return source.identifier
        made = self._rendered.models.get(node) or self._rendered.seeds.get(node)
        return made.relation.identifier if made is not None else None


def _table(node: NodeId, schema: NodeSchema) -> Table:
    """A node's schema as what reads it sees it: each column is a source of its own."""
    return Table(
        columns=tuple(
            Column(
                name=column.name,
                value=Value(
                    type=column.type,
                    why=column.why,
                    null=column.null,
                    sources=frozenset({ColumnRef(node, column.name or "")}),
                ),
            )
            for column in schema.columns
        ),
        open=schema.open,
        why_open=schema.why_open,
    )


def _whole(column: Column, text: str, tokens: Sequence[Token]) -> Column:
    """Widens a column's place from what its tree gives away to all that was written for it."""
    span = projection_span(tokens, column.start, column.name) if column.start is not None else None
    if span is None:
        return column
    return replace(column, text=text[span[0] : span[1]], start=span[0], end=span[1])


def _schema(table: Table, text_map: TextMap) -> NodeSchema:
    columns: list[SchemaColumn] = []
    for column in table.columns:
        frames = text_map.locate(column.start, column.end) if column.start is not None else ()
        columns.append(
            SchemaColumn(
                name=column.name,
                type=column.value.type,
                why=column.value.why,
                null=column.value.null,
                sources=column.value.sources,
                text=column.text,
                span=frames[0] if frames else None,
            )
        )
    return NodeSchema(
        columns=tuple(columns), rows=table.rows, open=table.open, why_open=table.why_open, opaque=False
    )


def _diagnostics(mistakes: Iterable[Mistake], text_map: TextMap) -> Iterable[Diagnostic]:
    for mistake in mistakes:
        frames = text_map.locate(mistake.start, mistake.end)
        yield Diagnostic(
            code=mistake.code,
            message=mistake.message,
            span=frames[0] if frames else None,
            labels=tuple(Label(frame, "written here") for frame in frames[1:]),
            help=mistake.help,
        )
