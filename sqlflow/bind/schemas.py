"""Binds every query of a project against the schemas of what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from sqlflow.bind.catalog import DescribeFile, function_schema, seed_schema, source_schema
from sqlflow.bind.declared import check_declared, check_file, check_source
from sqlflow.bind.fill import DescribeQuery, filled, known_columns, lacks_something
from sqlflow.bind.forms import form_digest
from sqlflow.bind.functions import CompiledFunction, CompileFunction, compile_function
from sqlflow.bind.incremental import together
from sqlflow.bind.projections import projection_span
from sqlflow.bind.query.bind import Mistake, bind_tree
from sqlflow.bind.query.meanings import Meanings
from sqlflow.bind.query.notes import Notes
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.bind.reread import OWN
from sqlflow.bind.snapshot import check_snapshot, snapshot_schema
from sqlflow.bind.splice import TableText, bind_query
from sqlflow.bind.time_range import check_event_time, time_column, type_moments, with_some_moments
from sqlflow.bind.translate.translate import TableRead, Translator
from sqlflow.bind.translate.types import TranslatedQuery
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.core.codes import Code
from sqlflow.core.config import TestSeverity
from sqlflow.core.diagnostic import Diagnostic, Label, Severity
from sqlflow.core.ids import NodeId
from sqlflow.core.moments import MomentType
from sqlflow.core.relation import Column as RelationColumn
from sqlflow.core.schema import Nullability, is_too_deep
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.names import name_key, quote, same_name
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Graph, Links
from sqlflow.parse.parse import deep_nesting
from sqlflow.parse.types import Parsed, ParsedQuery, QueryKey, TableUse
from sqlflow.project.catalog import CatalogTables
from sqlflow.project.types import Project, SourceDecl
from sqlflow.render.types import MOMENTS, PLACEHOLDER, THIS, Rendered, RenderedQuery

if TYPE_CHECKING:
    from sqlflow.dialect.rules import TypeRules


# How often an incremental query is bound at most: each time fewer columns are known to be not NULL.
_ROUNDS = 5


class SchemaBinder:
    """Binds a project's nodes in the graph's order; the queries of tests are bound for their mistakes.

    `spec` and `rules` are those of the dialect that the queries are written in; `translator` writes them in
    the target's, where that is another one. `known` are schemas that are there already.
    """

    def __init__(
        self,
        project: Project,
        rendered: Rendered,
        parsed: Parsed,
        graph: Graph,
        spec: DialectSpec,
        rules: TypeRules | None,
        describe: DescribeFile,
        pulled: CatalogTables,
        ask: DescribeQuery | None = None,
        translator: Translator | None = None,
        functions: CompileFunction | None = None,
        known: Mapping[NodeId, NodeSchema] | None = None,
    ) -> None:
        self._project = project
        self._rendered = rendered
        self._parsed = parsed
        self._graph = graph
        self._spec = spec
        self._rules = rules
        self._describe = describe
        self._pulled = pulled
        self._ask = ask
        self._functions = functions
        self._compiled: dict[NodeId, CompiledFunction] = {}
        self._scratch_names: dict[NodeId, str] = {}
        self._translator = translator
        self._dialect = sqlglot.Dialect.get_or_raise(spec.name)
        self._schemas: dict[NodeId, NodeSchema] = {}
        self._translated: dict[QueryKey, TranslatedQuery] = {}
        self._forms: dict[QueryKey, str] = {}
        self._tables = {node: self._as_table(node, schema) for node, schema in (known or {}).items()}
        self._diagnostics: list[Diagnostic] = []
        # Names of columns that are not there, told when all who rename columns are known.
        self._missing: list[tuple[ColumnRef, Diagnostic]] = []
        # The types that `start` and `end` have in the models that are built by time range.
        self._moments: dict[NodeId, MomentType] = {}
        self._held = _held_not_null(graph, spec)

    def schemas(self) -> tuple[Mapping[NodeId, NodeSchema], tuple[Diagnostic, ...]]:
        """Gives the schema of each model, seed and source, and the mistakes in their queries."""
        for node in self._graph.order:
            if node in self._project.sources:
                self._source(node, self._project.sources[node])
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
        self._diagnostics += [self._with_rename(*missing) for missing in self._missing]
        return self._schemas, tuple(dict.fromkeys(self._diagnostics))

    @property
    def compiled(self) -> Mapping[NodeId, CompiledFunction]:
        """The ibis models as the queries that they were compiled to."""
        return self._compiled

    def _put(self, node: NodeId, schema: NodeSchema) -> None:
        """Keeps a schema; columns that a test holds to be not null are so for all who read them."""
        held = self._held.get(node, frozenset())
        if held:
            columns = tuple(
                replace(column, null=Nullability.NOT_NULL)
                if column.name and name_key(self._spec, column.name) in held
                else column
                for column in schema.columns
            )
            schema = replace(schema, columns=columns)
        self._schemas[node] = schema
        self._tables[node] = self._as_table(node, schema)

    def _as_table(self, node: NodeId, schema: NodeSchema) -> Table:
        undeclared = node in self._project.sources and schema.open
        return replace(schema_table(node, schema), undeclared=undeclared)

    def _source(self, node: NodeId, source: SourceDecl) -> None:
        pulled = self._pulled.get((source.source, source.name))
        reader = self._translator.target if self._translator is not None else self._spec
        schema = source_schema(source, pulled, self._spec, self._rules, self._describe, reader)
        self._put(node, schema)
        if source.location is not None:
            if not schema.open:
                self._diagnostics += check_file(source, schema, self._spec, self._rules)
        elif pulled is not None:
            self._diagnostics += check_source(source, pulled, self._spec, self._rules)

    def _model(self, node: NodeId) -> None:
        model = self._rendered.models[node]
        full = model.full or self._function(node)
        if full is None:
            schema = function_schema(self._project.models[node], self._rules)
            if model.config.time_range is not None and self._runs(node):
                self._check_event_time(node, schema)
            self._put(node, schema)
            return
        schema = self._full(node, full, model.config.event_time)
        if schema is None:
            return
        self._diagnostics += _unnamed(self._project.models[node].name, schema)
        if model.config.snapshot is not None:
            declared = self._project.models[node]
            self._diagnostics += check_snapshot(
                declared.name, declared.span, schema, model.config, model.layer, self._spec
            )
            schema = snapshot_schema(schema, model.config, self._spec, self._rules)
        self._check_event_time(node, schema)
        self._put(node, schema)
        if model.incremental is not None:
            schema = self._incremental(node, schema, model.incremental)
        self._diagnostics += check_declared(
            self._project.models[node],
            schema,
            enforced=model.config.contract,
            tested=self._held.get(node, frozenset()),
            spec=self._spec,
            rules=self._rules,
        )

    def _runs(self, node: NodeId) -> bool:
        """Whether a model is a function that is run on rows."""
        function = self._project.models[node].function
        return function is not None and not function.is_ibis

    def _check_event_time(self, node: NodeId, schema: NodeSchema) -> None:
        model, declared = self._rendered.models[node], self._project.models[node]
        wrong = check_event_time(
            declared.name, declared.span, schema, model.config, model.layer, self._spec, runs=self._runs(node)
        )
        self._diagnostics += (wrong,) if wrong is not None else ()

    def _full(self, node: NodeId, query: RenderedQuery, event_time: str | None) -> NodeSchema | None:
        """Binds a model's query; once more, where its column of times gives another type to `start`."""
        told, missing = len(self._diagnostics), len(self._missing)
        key = QueryKey(node, "full")
        table = self._query(key, query)
        if table is None:
            return None
        schema = _schema(self._filled(key, query, table), query.map)
        column = time_column(schema, event_time, self._spec) if _names_moments(query) else None
        if column is None or column.type is self._moments.get(node, MomentType.TIMESTAMP):
            return schema
        self._moments[node] = column.type
        del self._diagnostics[told:], self._missing[missing:]
        return self._full(node, self._function(node) or query, None)

    def _incremental(self, node: NodeId, schema: NodeSchema, query: RenderedQuery) -> NodeSchema:
        """Binds a model's incremental query, which reads what both make, until that stays as it is."""
        key = QueryKey(node, "incremental")
        known = found = schema
        for _ in range(_ROUNDS):
            again = self._query(key, query)
            if again is None:
                return schema
            found = _schema(self._filled(key, query, again), query.map)
            both = together(node, schema, found, self._spec)
            self._put(node, both)
            if both == known:
                break
            known = both
        else:
            known = replace(
                known, columns=tuple(replace(column, null=Nullability.UNKNOWN) for column in known.columns)
            )
            self._put(node, known)
        self._agree(node, schema, found)
        return known

    def _function(self, node: NodeId) -> RenderedQuery | None:
        """Compiles an ibis model to its query; None for one that is run on rows, or that has a mistake."""
        model = self._project.models[node]
        if model.function is None or not model.function.is_ibis:
            return None
        compiled, found = compile_function(
            model,
            self._graph.parameters.get(node, ()),
            self._schemas,
            self._moments.get(node, MomentType.TIMESTAMP),
            self._spec,
            self._functions,
        )
        self._diagnostics += found
        if compiled is None:
            return None
        self._compiled[node] = compiled
        return compiled.query

    def _agree(self, node: NodeId, full: NodeSchema, incremental: NodeSchema) -> None:
        """Tells where an incremental model's two queries give different columns."""
        if full.open or incremental.open:
            return
        model = self._project.models[node]
        firsts = {name_key(self._spec, column.name or ""): column for column in full.columns}
        seconds = {name_key(self._spec, column.name or ""): column for column in incremental.columns}
        nameless = "" in firsts or "" in seconds
        for key in dict.fromkeys((*firsts, *seconds)):
            first, second = firsts.get(key), seconds.get(key)
            shown = first or second
            if shown is None or not key:
                continue
            if first is None or second is None:
                if nameless:
                    continue  # the engine may make up this very name
                only = "the first build" if second is None else "later builds"
                message = f"`{model.name}` has the column `{shown.name}` in {only} only"
            elif first.type is not None and second.type is not None and first.type != second.type:
                message = (
                    f"`{shown.name}` is {first.type} in the first build, and {second.type} in later ones"
                )
            else:
                continue
            self._diagnostics.append(
                Diagnostic(
                    code=Code.INCREMENTAL_COLUMNS,
                    message=message,
                    span=(second or shown).span or model.span,
                    help="let only filters depend on `is_incremental()`, so that both queries agree",
                )
            )

    def _with_rename(self, missing: ColumnRef, diagnostic: Diagnostic) -> Diagnostic:
        """Says of a column that is not there under which name it is, where a model downstream renames it."""
        for node, schema in self._schemas.items():
            for column in schema.columns:
                if not column.name or not same_name(self._spec, column.name, missing.column):
                    continue
                source = next(iter(column.sources)) if len(column.sources) == 1 else None
                if source is None or source.table != missing.table:
                    continue
                plain = column.text.rpartition(".")[2].strip('"')
                if not same_name(self._spec, plain, source.column):
                    continue
                reader = self._graph.nodes[node].name
                owner = self._graph.nodes[NodeId(missing.table)].name
                return replace(
                    diagnostic,
                    code=Code.RENAMED_DOWNSTREAM,
                    message=f"`{owner}` has no column `{missing.column}`: there it is `{source.column}`",
                    help=f"write `{source.column}`: only `{reader}`, and what reads it, renames it",
                )
        return diagnostic

    @property
    def translated(self) -> Mapping[QueryKey, TranslatedQuery]:
        """The queries in the target's dialect; none where that is the one that they are written in."""
        return self._translated

    @property
    def forms(self) -> Mapping[QueryKey, str]:
        """The digests of the queries' canonical forms."""
        return self._forms

    def inline(
        self, query: RenderedQuery, facts: ParsedQuery, links: Links
    ) -> tuple[TranslatedQuery | None, tuple[Diagnostic, ...]]:
        """Translates a query that belongs to no node, and gives the mistakes in it."""
        key = QueryKey(NodeId(""), "full")
        self._bind(key, query, facts, links)
        return self._translated.get(key), tuple(self._diagnostics)

    def _query(self, key: QueryKey, query: RenderedQuery) -> Table | None:
        """Binds one query; None where it could not be parsed."""
        facts, links = self._read(key)
        if facts is None or links is None:
            return None
        return self._bind(key, query, facts, links)

    def _bind(self, key: QueryKey, query: RenderedQuery, facts: ParsedQuery, links: Links) -> Table | None:
        uses = {use.start: (use, node) for use, node in zip(facts.tables, links.tables, strict=True)}

        def use_of(table: exp.Table) -> tuple[TableUse, NodeId] | None:
            parts = [table.args.get(part) for part in ("catalog", "db", "this")]
            starts = [part.meta.get("start") for part in parts if isinstance(part, exp.Identifier)]
            use, node = uses.get(starts[0] or 0, (None, None)) if starts else (None, None)
            return (use, node) if use is not None and node is not None else None

        def find(table: exp.Table) -> Table | None:
            found = use_of(table)
            return self._tables.get(found[1]) if found is not None else None

        def read(table: exp.Table) -> TableRead | None:
            found = use_of(table)
            if found is None:
                return None
            written = found[0].parts[-1].text
            return TableRead(node=found[1], is_this=written.lower() == THIS, visible=table.name)

        def relation(table: exp.Table) -> str | None:
            found = read(table)
            return None if found is None else OWN if found.is_this else found.node

        text = query.text[: facts.end]
        notes = Notes() if self._translator is not None else Meanings()
        try:
            with deep_nesting():
                tokens = self._dialect.tokenize(text)
                tree = self._dialect.parser().parse(tokens, text)[0]
                if tree is None:
                    return None
                if _names_moments(query):
                    type_moments(tree, self._moments.get(key.node, MomentType.TIMESTAMP))
                self._name_placeholders(tree, text, key.node, links.references)
                table, mistakes = bind_tree(tree, text, self._spec, self._rules, find, notes)
                whole = replace(table, columns=tuple(_whole(c, text, tokens) for c in table.columns))
                self._forms[key] = form_digest(
                    tree, tokens, text, notes, self._spec, self._rules, links.references, relation
                )
                if self._translator is not None and isinstance(notes, Notes):
                    made, further = self._translator.translate(
                        tree, table, notes, read, tokens, query.map, text
                    )
                    self._translated[key] = made
                    mistakes += further
        except (SqlglotError, RecursionError):
            if self._translator is not None:
                self._diagnostics.append(_not_translated(query.map))
            return Table(columns=(), open=True, why_open="the query is nested too deeply to be bound")
        for mistake, diagnostic in _diagnostics(mistakes, query.map):
            if mistake.missing is not None:
                self._missing.append((mistake.missing, diagnostic))
            else:
                self._diagnostics.append(diagnostic)
        return whole

    def _read(self, key: QueryKey) -> tuple[ParsedQuery | None, Links | None]:
        """The facts of a query, and what its tables mean."""
        compiled = self._compiled.get(key.node)
        if compiled is not None:
            return compiled.facts, compiled.links
        return self._parsed.queries.get(key), self._graph.queries.get(key)

    def _filled(self, key: QueryKey, query: RenderedQuery, table: Table) -> Table:
        """Asks the engine for what is unknown of a query's columns, where all that it reads is known."""
        if self._ask is None or self._rules is None or not lacks_something(table):
            return table
        facts, links = self._read(key)
        if facts is None or links is None:
            return table
        read = dict.fromkeys(node for node in links.tables if node is not None)
        tables: dict[str, Sequence[RelationColumn]] = {}
        for node in read:
            columns = known_columns(self._schemas.get(node))
            if columns is None:
                return table
            tables[self._scratch(node)] = columns
        bound = bind_query(query, facts, links, None, self._scratch_text, self._spec)
        sql = bound.sql
        model = self._rendered.models.get(key.node)
        if model is not None and _names_moments(query):
            kind = self._moments.get(key.node, MomentType.TIMESTAMP)
            sql = with_some_moments(bound, model.config, kind, self._spec)
        described = self._ask(self._spec.name, sql, tables)
        return table if described is None else filled(table, described, self._spec, self._rules)

    def _scratch(self, node: NodeId) -> str:
        """The name of the empty table that stands for a node."""
        return self._scratch_names.setdefault(node, f"__sqlflow_table_{len(self._scratch_names)}")

    def _scratch_text(self, node: NodeId) -> TableText:
        name = self._identifier(node) or self._graph.nodes[node].name
        return TableText(from_clause=quote(self._spec, self._scratch(node)), visible=name)

    def _name_placeholders(
        self, tree: exp.Expr, text: str, reader: NodeId, references: Sequence[NodeId | None]
    ) -> None:
        """Gives what `ref`, `source` and `this` left in the text the names that the query sees them under."""
        if not references and THIS not in text.lower():
            return
        for node in tree.walk():
            if isinstance(node, exp.Table):
                visible = self._visible(node.name, reader, references)
                if visible is not None and not node.alias:
                    node.set("alias", exp.TableAlias(this=exp.Identifier(this=visible, quoted=True)))
            elif isinstance(node, exp.Column):
                visible = self._visible(node.table, reader, references)
                if visible is not None:
                    node.set("table", exp.Identifier(this=visible, quoted=True))

    def _visible(self, name: str, reader: NodeId, references: Sequence[NodeId | None]) -> str | None:
        match = PLACEHOLDER.fullmatch(name)
        node = reader if name.lower() == THIS else None
        if match is not None and int(match.group(1)) < len(references):
            node = references[int(match.group(1))]
        return self._identifier(node) if node is not None else None

    def _identifier(self, node: NodeId) -> str | None:
        """The name that a node's table has in the warehouse, and that a query sees it under."""
        source = self._project.sources.get(node)
        if source is not None:
            return source.identifier
        made = self._rendered.models.get(node) or self._rendered.seeds.get(node)
        return made.relation.identifier if made is not None else None


def _names_moments(query: RenderedQuery) -> bool:
    return MOMENTS.search(query.text) is not None


def schema_table(node: NodeId, schema: NodeSchema) -> Table:
    """Gives a node's schema as what reads it sees it: each column is a source of its own."""
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
    """Widens a column's place from what its tree gives away to all that was written for it.

    A type that is nested too deeply to be worked with is unknown.
    """
    if column.value.type is not None and is_too_deep(column.value.type):
        column = replace(column, value=replace(column.value, type=None, why="its type is nested too deeply"))
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


def _unnamed(model: str, schema: NodeSchema) -> Iterator[Diagnostic]:
    """Asks for an alias where the engine makes up a column's name, and nobody could say which."""
    for column in schema.columns:
        if column.name is None:
            yield Diagnostic(
                code=Code.UNNAMED_COLUMN,
                message=f"a column of `{model}` has no name that is known",
                severity=Severity.WARNING,
                span=column.span,
                label="the engine makes up its name",
                help="give it one: `... AS name`",
            )


def _held_not_null(graph: Graph, spec: DialectSpec) -> Mapping[NodeId, frozenset[str]]:
    """Gives the columns of each node, by their keys, that an error-level test holds to be not null.

    What reads a node waits for its tests: it never sees a NULL that they have found.
    """
    found: dict[NodeId, set[str]] = {}
    for test in graph.tests.values():
        declared = test.declared
        if declared.test == "not_null" and declared.column and test.config.severity is TestSeverity.ERROR:
            found.setdefault(test.node, set()).add(name_key(spec, declared.column))
    return {node: frozenset(columns) for node, columns in found.items()}


def _not_translated(text_map: TextMap) -> Diagnostic:
    return Diagnostic(
        code=Code.UNSUPPORTED_TRANSLATION,
        message="the query is nested too deeply to be written in another dialect",
        span=next(iter(text_map.locate(0)), None),
        help="write its inner parts as models of their own",
    )


def _diagnostics(mistakes: Iterable[Mistake], text_map: TextMap) -> Iterable[tuple[Mistake, Diagnostic]]:
    for mistake in mistakes:
        frames = text_map.locate(mistake.start, mistake.end)
        yield (
            mistake,
            Diagnostic(
                code=mistake.code,
                message=mistake.message,
                severity=mistake.severity,
                span=frames[0] if frames else None,
                labels=tuple(Label(frame, "written here") for frame in frames[1:]),
                help=mistake.help,
            ),
        )
