"""Binds a linked project to a warehouse's names: the stage `Program`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from sqlflow.bind.docs import bound_docs
from sqlflow.bind.followed import Follower
from sqlflow.bind.forms import with_inner
from sqlflow.bind.grants import bound_grants
from sqlflow.bind.signals import bound_signals
from sqlflow.bind.splice import TableText, bind_query, bind_translated, cut, in_brackets
from sqlflow.bind.time_range import bound_time
from sqlflow.bind.translate.translate import Translator
from sqlflow.bind.translate.types import TranslatedQuery
from sqlflow.bind.types import (
    BoundFunction,
    BoundGenericTest,
    BoundInput,
    BoundModel,
    BoundQuery,
    BoundSeed,
    BoundSingularTest,
    BoundSource,
    BoundStrategy,
    NodeSchema,
    Program,
    Read,
    TableClause,
)
from sqlflow.bind.volatile import volatile_parts
from sqlflow.core.config import Materialization, NodeConfig
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.core.value import Value
from sqlflow.dialect.environments import PLAIN, Environment
from sqlflow.dialect.names import literal, name_key, new_rows, relation_sql, shorten
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import GenericTest, Graph, Links
from sqlflow.parse.statements import statements
from sqlflow.parse.types import Parsed, ParsedQuery, QueryKey
from sqlflow.project.types import Project, SourceDecl
from sqlflow.render.types import Rendered, RenderedModel, RenderedQuery, RenderedSeed, RenderedStrategy

_NO_LINKS = Links(tables=(), references=())
# Where the rows of failed tests are kept: beside the target's schema, under dbt's name for it.
_FAILURES_SUFFIX = "_dbt_test__audit"


class _Hooks(NamedTuple):
    """The hooks of a node in the order in which they run."""

    before_begin: tuple[BoundQuery, ...]
    pre_hooks: tuple[BoundQuery, ...]
    post_hooks: tuple[BoundQuery, ...]
    after_commit: tuple[BoundQuery, ...]


class Binder:
    """Binds the nodes of one project, each after those that it reads; `schemas` become the program's.

    `spec` is the target's dialect. Where the models are written in another one, `translated` has their
    queries, and `translator` writes the types of columns. `is_known` says whether the source's dialect has
    a function of that name by itself; `strategies` are the statements of those that the project wrote,
    `forms` the digests of the queries' canonical forms. What the project builds has the names of the
    `environment`; what is `deferred` is not built, and read under the names that are given.
    """

    def __init__(
        self,
        project: Project,
        rendered: Rendered,
        parsed: Parsed,
        graph: Graph,
        spec: DialectSpec,
        absolute: Callable[[str], str],
        schemas: Mapping[NodeId, NodeSchema],
        translated: Mapping[QueryKey, TranslatedQuery],
        translator: Translator | None,
        is_known: Callable[[str], bool],
        strategies: Mapping[NodeId, RenderedStrategy] = MappingProxyType({}),
        forms: Mapping[QueryKey, str] = MappingProxyType({}),
        environment: Environment = PLAIN,
        deferred: Mapping[NodeId, Relation] = MappingProxyType({}),
    ) -> None:
        self._environment = environment
        self._deferred = deferred
        self._forms = forms
        self._inner_forms: dict[NodeId, str] = {}
        self._strategies = strategies
        self._translated = translated
        self._translator = translator
        self._schemas = schemas
        self._project = project
        self._rendered = rendered
        self._parsed = parsed
        self._graph = graph
        self._spec = spec
        self._absolute = absolute
        self._texts: dict[NodeId, TableText] = {}
        self._configs = {id: made.config for id, made in (*rendered.models.items(), *rendered.seeds.items())}
        # The dialect whose rules of names the settings are written by.
        self._name_spec = translator.source if translator is not None else spec
        self._volatile = volatile_parts(parsed, graph, self._configs, is_known)
        self._follower = Follower(
            rendered, parsed, graph, self._configs, schemas, self._name_spec, self._volatile
        )

    def program(self) -> Program:
        """Binds everything that parsed and has its place in the graph's order."""
        models: dict[NodeId, BoundModel] = {}
        seeds: dict[NodeId, BoundSeed] = {}
        sources: dict[NodeId, BoundSource] = {}
        singular: dict[NodeId, BoundSingularTest] = {}
        generic: dict[NodeId, BoundGenericTest] = {}
        for node in self._graph.order:
            if node in self._project.sources:
                sources[node] = self._source(self._project.sources[node])
            elif node in self._rendered.seeds:
                seeds[node] = self._seed(node)
            elif node in self._rendered.models:
                model = self._model(node)
                if model is not None:
                    models[node] = model
            elif node in self._rendered.tests:
                test = self._singular(node)
                if test is not None:
                    singular[node] = test
            elif node in self._graph.tests and self._graph.tests[node].node in self._texts:
                generic[node] = self._generic(node)
        for node, query in self._rendered.questions.items():
            if node in sources:
                sources[node] = replace(sources[node], question=self._question(sources[node], query))
        return Program(
            graph=self._graph,
            spec=self._spec,
            models=models,
            seeds=seeds,
            sources=sources,
            generic_tests=generic,
            singular_tests=singular,
            schemas=self._schemas,
            volatile=self._volatile,
            environment=self._environment,
            plain={
                **{id: model.relation for id, model in self._rendered.models.items()},
                **{id: seed.relation for id, seed in self._rendered.seeds.items()},
            },
            deferred=self._deferred,
        )

    def query(
        self,
        query: RenderedQuery,
        facts: ParsedQuery | None,
        links: Links,
        translated: TranslatedQuery | None = None,
    ) -> BoundQuery:
        """Binds a query that belongs to no node; `facts` is None for a hook."""
        if translated is not None:
            return bind_translated(translated, links, None, self._text_of)
        return bind_query(query, facts, links, None, self._text_of, self._spec)

    def _text_of(self, node: NodeId) -> TableText:
        text = self._texts.get(node)
        if text is None:
            # The node has an error of its own, which stops the run: any name will do.
            name = self._graph.nodes[node].name.rsplit(".", 1)[-1]
            text = TableText(from_clause=relation_sql(self._spec, Relation(None, None, name)), visible=name)
        return text

    def _query(self, key: QueryKey, query: RenderedQuery | None, this: TableText) -> BoundQuery | None:
        facts = self._parsed.queries.get(key)
        if query is None or facts is None:
            return None
        links = self._graph.queries.get(key, _NO_LINKS)
        translated = self._translated.get(key)
        if translated is not None:
            bound = bind_translated(translated, links, this, self._text_of)
        else:
            bound = bind_query(query, facts, links, this, self._text_of, self._spec)
        read = {node for node in (*links.tables, *links.references) if node is not None}
        inner = [(node, self._inner_forms[node]) for node in read if node in self._inner_forms]
        return replace(bound, form=with_inner(self._forms.get(key, ""), inner))

    def _hooks(self, rendered: RenderedModel | RenderedSeed, this: TableText) -> _Hooks:
        """Binds the hooks of a node, and sorts them by when they run."""
        links = self._graph.hooks.get(rendered.id, ())
        bound = [
            bind_query(hook, None, links[i], this, self._text_of, self._spec, own=rendered.id)
            for i, hook in enumerate((*rendered.pre_hooks, *rendered.post_hooks))
        ]
        before = list(zip(rendered.config.pre_hook, bound, strict=False))
        after = list(zip(rendered.config.post_hook, bound[len(before) :], strict=True))
        return _Hooks(
            before_begin=tuple(query for hook, query in before if not hook.transaction),
            pre_hooks=tuple(query for hook, query in before if hook.transaction),
            post_hooks=tuple(query for hook, query in after if hook.transaction),
            after_commit=tuple(query for hook, query in after if not hook.transaction),
        )

    def _model(self, node: NodeId) -> BoundModel | None:
        rendered = self._rendered.models[node]
        declared = self._project.models[node]
        relation = self._deferred.get(node) or self._named(rendered.relation)
        this = TableText(from_clause=relation_sql(self._spec, relation), visible=relation.identifier)
        full = self._query(QueryKey(node, "full"), rendered.full, this)
        if full is None and (declared.function is None or declared.function.is_ibis):
            return None
        text = this
        if rendered.config.materialized is Materialization.EPHEMERAL and full is not None:
            text = in_brackets(full, relation.identifier)
            self._inner_forms[node] = full.form
        self._texts[node] = text
        function = None
        if declared.function is not None and full is None:
            inputs = tuple(
                BoundInput(parameter=p.name, node=parent, frame=p.frame, table=self._aliased(parent))
                for p, parent in zip(
                    declared.function.parameters, self._graph.parameters.get(node, ()), strict=False
                )
            )
            function = BoundFunction(
                path=declared.path,
                name=declared.function.name,
                inputs=inputs,
                moments=tuple(moment.name for moment in declared.function.moments),
            )
        model = BoundModel(
            id=node,
            name=declared.name,
            path=declared.path,
            config=self._keyed(node, rendered.config),
            relation=relation,
            full=full,
            incremental=self._query(QueryKey(node, "incremental"), rendered.incremental, this),
            function=function,
            **self._hooks(rendered, this)._asdict(),
            from_clause=text.from_clause,
            span=declared.span,
            signals=bound_signals(rendered.config, self._project.signals),
            strategy=self._strategy(node, this),
            time=bound_time(
                node,
                self._configs,
                self._schemas,
                self._graph.parents[node],
                (rendered.full, rendered.incremental),
                self._name_spec,
            ),
            docs=bound_docs(rendered.config, declared, partial(self._stored, node)),
            grants=bound_grants(rendered, declared, self._spec),
        )
        return self._follower.followed(model)

    def _strategy(self, node: NodeId, this: TableText) -> BoundStrategy | None:
        """The statements of a model's own strategy, one by one."""
        found = self._strategies.get(node)
        if found is None:
            return None
        bound = bind_query(found.query, None, _NO_LINKS, this, self._text_of, self._spec, own=node)
        parts = statements(bound.sql, self._spec)
        return BoundStrategy(
            statements=tuple(cut(bound, part.start, part.end) for part in parts),
            columns=found.columns,
            batch=new_rows(self._spec, self._rendered.models[node].relation),
        )

    def _seed(self, node: NodeId) -> BoundSeed:
        rendered = self._rendered.seeds[node]
        declared = self._project.seeds[node]
        relation = self._deferred.get(node) or self._named(rendered.relation)
        this = TableText(from_clause=relation_sql(self._spec, relation), visible=relation.identifier)
        self._texts[node] = this
        return BoundSeed(
            id=node,
            name=declared.name,
            path=declared.path,
            config=self._typed(rendered.config),
            relation=relation,
            **self._hooks(rendered, this)._asdict(),
            from_clause=this.from_clause,
            span=declared.span,
            docs=bound_docs(rendered.config, declared, partial(self._stored, node)),
            grants=bound_grants(rendered, declared, self._spec),
        )

    def _stored(self, node: NodeId, name: str) -> str:
        """A column's name as the target has it: its own dialect may not mind how a declaration spells it."""
        schema = self._schemas.get(node)
        if self._translator is None or schema is None:
            return name
        spec = self._translator.source
        same = (c.name for c in schema.columns if c.name and name_key(spec, c.name) == name_key(spec, name))
        return next(same, name)

    def _keyed(self, node: NodeId, config: NodeConfig) -> NodeConfig:
        """The configuration of a model, with the columns that it names as the target has them."""
        if self._translator is None:
            return config
        parts = tuple(replace(part, column=self._stored(node, part.column)) for part in config.partition_by)
        config = replace(config, partition_by=parts)
        if not config.unique_key:
            return config
        keys = tuple(self._stored(node, key) for key in config.unique_key)
        snapshot = config.snapshot
        if snapshot is not None:
            updated, compared = snapshot.updated_at, snapshot.check_cols
            snapshot = replace(
                snapshot,
                updated_at=self._stored(node, updated) if updated is not None else None,
                check_cols=tuple(self._stored(node, c) for c in compared) if compared is not None else None,
            )
        return replace(config, unique_key=keys, snapshot=snapshot)

    def _typed(self, config: NodeConfig) -> NodeConfig:
        """The configuration of a seed, with the types of its columns in the target's dialect."""
        translator = self._translator
        if translator is None or not config.column_types:
            return config
        types = {name: translator.column_type(kind) for name, kind in config.column_types.items()}
        return replace(config, column_types=MappingProxyType(types))

    def _source(self, source: SourceDecl) -> BoundSource:
        relation = source.relation
        clause = relation_sql(self._spec, relation)
        load: str | None = None
        if source.location is not None:
            reader = self._spec.file_readers.get(PurePosixPath(source.location).suffix.lower())
            if reader is None:
                load = source.location
            else:
                clause = f"{reader}({literal(self._spec, self._absolute(source.location))})"
        self._texts[source.id] = TableText(from_clause=clause, visible=source.identifier)
        return BoundSource(
            id=source.id,
            name=f"{source.source}.{source.name}",
            relation=relation,
            load=load,
            from_clause=clause,
            span=source.span,
        )

    def _question(self, source: BoundSource, query: RenderedQuery) -> BoundQuery:
        this = TableText(from_clause=source.from_clause, visible=source.relation.identifier)
        links = self._graph.questions.get(source.id, _NO_LINKS)
        return bind_query(query, None, links, this, self._text_of, self._spec)

    def _singular(self, node: NodeId) -> BoundSingularTest | None:
        declared = self._project.tests[node]
        rendered = self._rendered.tests[node]
        failures = self._failures(declared.name)
        this = TableText(from_clause=relation_sql(self._spec, failures), visible=failures.identifier)
        query = self._query(QueryKey(node, "full"), rendered.query, this)
        if query is None:
            return None
        return BoundSingularTest(
            id=node,
            name=declared.name,
            path=declared.path,
            query=query,
            config=rendered.config,
            failures=failures,
            span=declared.span,
        )

    def _generic(self, node: NodeId) -> BoundGenericTest:
        test = self._graph.tests[node]
        name = self._graph.nodes[node].name
        column = test.declared.column
        return BoundGenericTest(
            id=node,
            name=name,
            test=test.declared.test,
            table=self._aliased(test.node),
            column=self._stored(test.node, column) if column is not None else None,
            arguments=self._arguments(test),
            to=self._aliased(test.to) if test.to is not None else None,
            config=test.config,
            failures=self._failures(name),
            span=test.declared.span,
        )

    def _arguments(self, test: GenericTest) -> Mapping[str, Value]:
        """A test's arguments, with the columns that they name by the names that the target has."""
        given = dict(test.declared.arguments)
        for key, node in (("column_name", test.node), ("field", test.to)):
            name = given.get(key)
            if isinstance(name, str) and node is not None:
                given[key] = self._stored(node, name)
        return MappingProxyType(given)

    def _aliased(self, node: NodeId) -> TableClause:
        """A from-clause that stands alone: a query in brackets or a file needs a name."""
        text = self._text_of(node)
        alias = f" AS {relation_sql(self._spec, Relation(None, None, text.visible))}"
        if text.inner is not None:
            reads = tuple(read.shifted(text.inner_start) for read in text.inner.reads)
            return TableClause(text=text.from_clause + alias, reads=reads)
        aliased = text.from_clause.endswith(")")
        read = Read(0, len(text.from_clause), node, "" if aliased else alias)
        return TableClause(text=text.from_clause + (alias if aliased else ""), reads=(read,))

    def _failures(self, name: str) -> Relation:
        target = self._project.settings.target
        schema = (target.schema or self._spec.default_schema) + _FAILURES_SUFFIX
        return self._named(Relation(target.database, shorten(self._spec, schema), shorten(self._spec, name)))

    def _named(self, plain: Relation) -> Relation:
        return self._environment.relation(self._spec, plain)


def from_clause(program: Program, node: NodeId) -> str | None:
    """Gives how a query reads a node; of a test, the table that its failing rows are kept in."""
    bound = program.models.get(node) or program.seeds.get(node) or program.sources.get(node)
    if bound is not None:
        return bound.from_clause
    test = program.generic_tests.get(node) or program.singular_tests.get(node)
    return relation_sql(program.spec, test.failures) if test is not None else None
