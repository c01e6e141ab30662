"""The stage from `Project` to `Rendered`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization, NodeConfig
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.project.config import (
    check_python_materialization,
    decode_node_config,
    decode_test_config,
    merge_layers,
)
from sqlflow.project.types import (
    ConfigEntry,
    ConfigLayer,
    ModelDecl,
    Project,
    SeedDecl,
    SingularTestDecl,
    SourceDecl,
    Template,
    place_of,
)
from sqlflow.render.compiled import Compiled, template_of
from sqlflow.render.execute import render_query
from sqlflow.render.names import name_relation
from sqlflow.render.scope import Scope
from sqlflow.render.strategies import macro_name, unknown_strategy
from sqlflow.render.surroundings import Surroundings, surroundings
from sqlflow.render.tables import This
from sqlflow.render.types import Rendered, RenderedModel, RenderedQuery, RenderedSeed, RenderedTest

_HOOKS = ("pre_hook", "post_hook")


def render(
    project: Project, *, environment: Mapping[str, str], now: datetime
) -> tuple[Rendered, tuple[Diagnostic, ...]]:
    """Renders all templates of a project; `now` is the run's one time, in UTC."""
    around, diagnostics = surroundings(project, environment=environment, now=now)
    work = _Rendering(project, around)
    for model in project.models.values():
        work.model(model)
    for seed in project.seeds.values():
        work.seed(seed)
    for test in project.tests.values():
        work.test(test)
    for source in project.sources.values():
        work.source(source)
    # What is wrong with a folder-wide setting is found with each node of the folder, and said once.
    found = dict.fromkeys((*diagnostics, *around.macros.failures(), *work.diagnostics))
    return work.rendered(), tuple(found)


class _Rendering:
    """Collects what is rendered, node by node; one that fails stops no other."""

    def __init__(self, project: Project, around: Surroundings) -> None:
        self._project = project
        self._around = around
        self._templates: dict[tuple[str, Span], Compiled | Diagnostic] = {}
        self._models: dict[NodeId, RenderedModel] = {}
        self._seeds: dict[NodeId, RenderedSeed] = {}
        self._tests: dict[NodeId, RenderedTest] = {}
        self._questions: dict[NodeId, RenderedQuery] = {}
        self._disabled: dict[NodeId, Span] = {}
        self._failed: set[NodeId] = set()
        self.diagnostics: list[Diagnostic] = []

    def rendered(self) -> Rendered:
        """Gives all that was rendered."""
        return Rendered(
            models=self._models,
            seeds=self._seeds,
            tests=self._tests,
            disabled=self._disabled,
            failed=frozenset(self._failed),
            vars=self._project.settings.vars,
            macros=frozenset(self._around.macros.files),
            questions=self._questions,
        )

    def model(self, decl: ModelDecl) -> None:
        """Renders a model or a snapshot."""
        place = decl.template.place if decl.template is not None else None
        scope = Scope(self._around, decl.path, layers=decl.layers, fixed=place)
        template: Compiled | None = None
        query: RenderedQuery | None = None
        if decl.function is None:
            template, query, found = self._file(decl.path, scope, decl.template)
        else:
            scope.file_layers.append(decl.file_config)
            found = ()
        layer = scope.config()
        runs = decl.function is not None and not decl.function.is_ibis
        default = Materialization.TABLE if runs else Materialization.VIEW
        kind = kind_of(decl.id)
        if kind is NodeKind.SNAPSHOT:
            default = Materialization.SNAPSHOT
        config, invalid = decode_node_config(layer, kind, default, decl.span)
        if self._off(decl.id, config.enabled, layer, decl.span):
            return
        if decl.function is not None:
            wrong = check_python_materialization(config, layer, decl.span, decl.function)
            invalid = (*invalid, *wrong)
        self.diagnostics += (*found, *invalid)
        own = config.custom_strategy
        if own and macro_name(own) not in self._around.macros.files:
            self.diagnostics.append(unknown_strategy(own, layer["incremental_strategy"].span))
        if decl.function is None and (query is None or (kind is NodeKind.SNAPSHOT and not config.snapshot)):
            self._failed.add(decl.id)
            return
        incremental: RenderedQuery | None = None
        if template is not None and config.materialized is Materialization.INCREMENTAL:
            incremental = self._incremental(decl, template, scope)
            if incremental is None:
                self._failed.add(decl.id)
                return
        relation, misnamed = name_relation(
            self._around,
            node=decl.id,
            name=decl.name,
            path=decl.path,
            config=config,
            layer=layer,
            span=decl.span,
        )
        self.diagnostics += misnamed
        hooks = self._run_hooks(decl.path, (*decl.layers, *scope.file_layers), layer, config, relation)
        if hooks is None:
            self._failed.add(decl.id)
            return
        self._models[decl.id] = RenderedModel(
            id=decl.id,
            config=config,
            relation=relation,
            full=query,
            incremental=incremental,
            pre_hooks=hooks[0],
            post_hooks=hooks[1],
            layer=layer,
        )

    def seed(self, decl: SeedDecl) -> None:
        """Configures a seed, and renders its hooks."""
        layer = merge_layers(decl.layers)
        config, invalid = decode_node_config(layer, NodeKind.SEED, Materialization.SEED)
        if self._off(decl.id, config.enabled, layer, decl.span):
            return
        relation, misnamed = name_relation(
            self._around,
            node=decl.id,
            name=decl.name,
            path=decl.path,
            config=config,
            layer=layer,
            span=decl.span,
        )
        self.diagnostics += (*invalid, *misnamed)
        hooks = self._run_hooks(decl.path, decl.layers, layer, config, relation)
        if hooks is None:
            self._failed.add(decl.id)
            return
        self._seeds[decl.id] = RenderedSeed(
            id=decl.id,
            config=config,
            relation=relation,
            pre_hooks=hooks[0],
            post_hooks=hooks[1],
            layer=layer,
        )

    def test(self, decl: SingularTestDecl) -> None:
        """Renders a singular test."""
        scope = Scope(self._around, decl.path, layers=decl.layers)
        _, query, found = self._file(decl.path, scope)
        layer = scope.config()
        config, invalid = decode_test_config(layer)
        if self._off(decl.id, config.enabled, layer, decl.span):
            return
        self.diagnostics += (*found, *invalid)
        if query is None:
            self._failed.add(decl.id)
            return
        self._tests[decl.id] = RenderedTest(id=decl.id, config=config, query=query)

    def source(self, decl: SourceDecl) -> None:
        """Renders the query that asks a source when its last rows came; `this` is its table."""
        asked = decl.loaded_at
        if asked is None or not asked.query:
            return
        template = self._inline("question", asked.text, asked.span)
        if isinstance(template, Diagnostic):
            self.diagnostics.append(template)
            return
        scope = Scope(self._around, asked.span.path, fixed=asked.span, names={"this": This(decl.relation)})
        query, found = render_query(self._around, template, scope, asked.span)
        self.diagnostics += found
        if query is not None:
            self._questions[decl.id] = query

    def _inline(self, what: str, text: str, span: Span) -> Compiled | Diagnostic:
        """Compiles a template that stands in a setting, once for all nodes that have it from there."""
        template = self._templates.get((text, span))
        if template is None:
            jinja, name = self._around.macros.environment, f"{what} {len(self._templates)}"
            template = self._templates[text, span] = template_of(jinja, name, text, span)
        return template

    def _file(
        self, path: str, scope: Scope, own: Template | None = None
    ) -> tuple[Compiled | None, RenderedQuery | None, tuple[Diagnostic, ...]]:
        """Renders a file, or a template that is a part of it or all in one place."""
        place = own.place if own is not None else None
        text = own.text if own is not None else self._project.texts[path]
        template = template_of(self._around.macros.environment, path, text, place)
        if isinstance(template, Diagnostic):
            return None, None, (template,)
        query, found = render_query(self._around, template, scope, place)
        return template, query, found

    def _off(self, node: NodeId, enabled: bool, layer: ConfigLayer, span: Span) -> bool:
        """Notes a node that is switched off: what is wrong with its template is not reported."""
        if not enabled:
            self._disabled[node] = place_of(layer, "enabled", span)
        return not enabled

    def _incremental(self, decl: ModelDecl, template: Compiled, full: Scope) -> RenderedQuery | None:
        """Renders a model once more, as it is when its table is there."""
        scope = Scope(self._around, decl.path, layers=decl.layers, incremental=True)
        query, found = render_query(self._around, template, scope)
        # What the first rendering said already is not said again.
        self.diagnostics += (item for item in found if item not in full.warnings)
        if query is None:
            return None
        before, after = full.file_config(), scope.file_config()
        for key in sorted(before.keys() | after.keys()):
            old, new = before.get(key), after.get(key)
            if old is None or new is None or old.value != new.value:
                self.diagnostics.append(_unsteady(key, old, new))
                return None
        return query

    def _run_hooks(
        self,
        path: str,
        layers: Sequence[ConfigLayer],
        merged: ConfigLayer,
        config: NodeConfig,
        relation: Relation,
    ) -> tuple[tuple[RenderedQuery, ...], tuple[RenderedQuery, ...]] | None:
        """Renders the hooks of a node, each with the place of the setting that it was written in."""
        rendered: list[tuple[RenderedQuery, ...]] = []
        whole = True
        for key, hooks in zip(_HOOKS, (config.pre_hook, config.post_hook), strict=True):
            texts = [hook.sql for hook in hooks]
            spans = _hook_spans(key, texts, layers, merged)
            queries: list[RenderedQuery] = []
            for text, span in zip(texts, spans, strict=True):
                template = self._inline("hook", text, span)
                if isinstance(template, Diagnostic):
                    self.diagnostics.append(template)
                    whole = False
                    continue
                scope = Scope(self._around, path, layers=(merged,), fixed=span, relation=relation)
                query, found = render_query(self._around, template, scope, span)
                self.diagnostics += found
                if query is None:
                    whole = False
                    continue
                queries.append(query)
            rendered.append(tuple(queries))
        return (rendered[0], rendered[1]) if whole else None


def _hook_spans(
    key: str, texts: Sequence[str], layers: Sequence[ConfigLayer], merged: ConfigLayer
) -> tuple[Span, ...]:
    """Gives the place of each hook: that of the layer which it came from."""
    if not texts:
        return ()
    found: list[tuple[str, Span]] = []
    for layer in layers:
        for name, entry in layer.items():
            if name.replace("-", "_") == key:
                values = entry.value if isinstance(entry.value, tuple) else (entry.value,)
                found += [(text, entry.span) for value in values if (text := _hook_text(value)) is not None]
    if [text for text, _ in found] == list(texts):
        return tuple(span for _, span in found)
    return (merged[key].span,) * len(texts)


def _hook_text(value: Value) -> str | None:
    text = value.get("sql") if isinstance(value, Mapping) else value
    return text if isinstance(text, str) else None


def _unsteady(key: str, full: ConfigEntry | None, incremental: ConfigEntry | None) -> Diagnostic:
    first = full if full is not None else incremental
    labels: tuple[Label, ...] = ()
    if full is not None and incremental is not None and incremental.span != full.span:
        labels = (Label(incremental.span, "set here when `is_incremental()` is true"),)
    return Diagnostic(
        code=Code.TEMPLATE_ERROR,
        message=f"setting `{key}` depends on `is_incremental()`",
        span=first.span if first is not None else None,
        labels=labels,
        help="call `config` outside of `is_incremental()`, with the same values",
    )
