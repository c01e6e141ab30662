"""Chains the stages, from a folder of files to a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlflow.adapter.protocol import Adapter
from sqlflow.adapter.registry import BrokenAdapterError, adapter_names, find_adapter
from sqlflow.adapter.settings import check_settings
from sqlflow.apply.functions import FunctionCompiler
from sqlflow.apply.offline import OfflineEngine
from sqlflow.apply.schemas import FileDescriber
from sqlflow.bind.bind import Binder
from sqlflow.bind.docs import check_docs
from sqlflow.bind.functions import CompileFunction, with_compiled
from sqlflow.bind.grants import check_grants
from sqlflow.bind.run_hooks import RunHooks
from sqlflow.bind.schemas import SchemaBinder
from sqlflow.bind.strategies import own_strategies
from sqlflow.bind.translate.languages import Languages, make_languages
from sqlflow.bind.types import BoundQuery, NodeSchema, Program
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, did_you_mean, has_errors
from sqlflow.core.digest import digest
from sqlflow.core.ids import NodeId, NodeKind, node_id
from sqlflow.core.relation import Relation
from sqlflow.core.severities import adjusted
from sqlflow.core.source import SourceFile, SourceTree
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.dialect.environments import PROD, Environment, Layout, is_environment_name
from sqlflow.dialect.specs import SPECS
from sqlflow.link.link import link, link_query
from sqlflow.link.types import Graph
from sqlflow.parse.parse import parse, parse_query
from sqlflow.parse.types import Parsed
from sqlflow.plan.deferral import Defer
from sqlflow.project.catalog import Catalog, read_catalog
from sqlflow.project.read import read_project
from sqlflow.project.settings import read_settings
from sqlflow.project.tree import read_tree
from sqlflow.project.types import Project, Settings, SingularTestDecl
from sqlflow.render.render import render
from sqlflow.render.strategies import render_strategies
from sqlflow.render.types import Rendered, RenderedStrategy
from sqlflow.render.values import make_render_value
from sqlflow.store.place import Place, read_place
from sqlflow.system.protocol import System

PROJECT_FILE = "sqlflow.yml"
# The path that a query has that stands in no file.
INLINE = "<inline>"

OnStage = Callable[[str], None]
Rebind = Callable[[Mapping[NodeId, Relation]], tuple[Program, RunHooks]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """Every stage of a compiled project; what is None could not be made for the errors in `diagnostics`.

    The `program` has the names of an environment in it, `plain` is the same one with those of prod. `rebind`
    binds the project once more, with other names for nodes that are only read. Where it is to `defer`, `prod`
    is the project with prod's names, if these are those of another target.
    """

    system: System
    now: datetime
    tree: SourceTree
    diagnostics: tuple[Diagnostic, ...]
    settings: Settings | None = None
    adapter: Adapter | None = None
    adapter_settings: Mapping[str, Value] | None = None
    place: Place | None = None
    languages: Languages | None = None
    project: Project | None = None
    catalog: Catalog | None = None
    rendered: Rendered | None = None
    parsed: Parsed | None = None
    graph: Graph | None = None
    program: Program | None = None
    plain: Program | None = None
    run_hooks: RunHooks | None = None
    rebind: Rebind | None = None
    defer: Defer | None = None
    prod: Compilation | None = None


def compile_project(
    system: System,
    *,
    target: str | None = None,
    dialect: str | None = None,
    environment: str = PROD,
    vars: Mapping[str, Value] | None = None,
    python: bool = True,
    on_stage: OnStage | None = None,
) -> Compilation:
    """Compiles the project in the system's root, as far as its errors let it; no warehouse is opened.

    With a `dialect`, the SQL is that of an engine that the project need not have a target for. What is built
    has the names of the `environment`. Ibis models are compiled by calling their functions in a process
    apart; without `python` they are not. `on_stage` is called with a stage's name as it ends. Raises
    ProjectError where there is no project.
    """
    ended = on_stage or (lambda stage: None)
    now = system.now()
    text, diagnostics = _project_file(system)
    tree = SourceTree(
        root=system.root,
        files={PROJECT_FILE: SourceFile(path=PROJECT_FILE, text=text, digest=digest(text))},
    )
    given = vars or {}
    settings, found = read_settings(
        text,
        PROJECT_FILE,
        target=target,
        cli_vars=given,
        render_value=make_render_value(system.environment(), given, allow_secrets=True),
    )
    diagnostics += found
    if settings is None:
        return Compilation(system=system, now=now, tree=tree, diagnostics=diagnostics)
    adapter, adapter_settings, found = _adapter(settings)
    diagnostics += found
    place, found = _place(settings, adapter, text)
    diagnostics += found
    languages, found = _languages(settings, adapter, dialect)
    diagnostics += found
    named, found = _environment(settings, adapter, environment)
    diagnostics += found
    tree, found = read_tree(system, settings)
    start = Compilation(
        system=system,
        now=now,
        tree=tree,
        diagnostics=diagnostics + found,
        settings=settings,
        adapter=adapter,
        adapter_settings=adapter_settings,
        place=place,
    )
    ended("read")
    functions = FunctionCompiler(system, settings.python_timeout)
    try:
        return _with_stages(start, settings, languages, named, functions.compile if python else None, ended)
    finally:
        functions.close()


def _with_stages(
    start: Compilation,
    settings: Settings,
    languages: Languages | None,
    environment: Environment,
    functions: CompileFunction | None,
    ended: OnStage,
) -> Compilation:
    """Adds the stages from the project on; where no dialect is known, only the mistakes of its files."""
    system = start.system
    if languages is not None:
        schema = settings.target.schema or languages.target.default_schema
        settings = replace(settings, target=replace(settings.target, schema=schema))
    render_value = make_render_value(system.environment(), settings.vars, allow_secrets=False)
    project, found = read_project(start.tree, settings, render_value)
    catalog, wrong = read_catalog(start.tree)
    diagnostics = declared = start.diagnostics + found + wrong
    ended("project")
    if languages is None or start.adapter is None:
        return replace(start, diagnostics=diagnostics)
    rendered, parsed, graph, found = _linked(start, project, languages, ended)
    diagnostics += found
    files = (source.location for source in project.sources.values() if source.location is not None)
    engine = OfflineEngine(start.adapter, [system.absolute(path) for path in files])
    binder = _schema_binder(
        start, languages, engine, catalog, project, rendered, parsed, graph, functions=functions
    )
    schemas, found = binder.schemas()
    rendered, parsed, graph = with_compiled(rendered, parsed, graph, binder.compiled)
    engine.close()
    if not has_errors(declared):
        # Where declarations are wrong, what looks like a wrong column would be one of their mistakes again.
        diagnostics += found
        diagnostics += tuple(check_docs(project, rendered, schemas, languages.source, languages.target))
        diagnostics += tuple(check_grants(project, rendered, languages.target))
    ended("schemas")
    strategies, found = _strategies(start, project, rendered, languages, schemas)
    diagnostics += found
    named = partial(_bound, start, languages, project, rendered, parsed, graph, schemas, binder, strategies)
    plain, run_hooks = program, _ = named(replace(environment, name=PROD), {})
    if not environment.is_prod:
        program, run_hooks = named(environment, {})
    diagnostics += run_hooks.check()
    ended("bind")
    return replace(
        start,
        diagnostics=adjusted(dict.fromkeys(diagnostics), settings.severities, start.tree),
        settings=settings,
        languages=languages,
        project=project,
        catalog=catalog,
        rendered=rendered,
        parsed=parsed,
        graph=graph,
        program=program,
        plain=plain,
        run_hooks=run_hooks,
        rebind=partial(named, environment),
    )


def _strategies(
    start: Compilation,
    project: Project,
    rendered: Rendered,
    languages: Languages,
    schemas: Mapping[NodeId, NodeSchema],
) -> tuple[Mapping[NodeId, RenderedStrategy], tuple[Diagnostic, ...]]:
    """Renders the strategies that the project wrote itself, once the columns of their models are known."""
    own = own_strategies(rendered, schemas, languages.translator)
    if not own:
        return {}, ()
    environment = start.system.environment()
    return render_strategies(project, rendered, own, languages.target, environment=environment, now=start.now)


def _linked(
    start: Compilation, project: Project, languages: Languages, ended: OnStage
) -> tuple[Rendered, Parsed, Graph, tuple[Diagnostic, ...]]:
    """Goes from the declarations to the graph."""
    rendered, diagnostics = render(project, environment=start.system.environment(), now=start.now)
    ended("render")
    parsed, found = parse(rendered, languages.source)
    diagnostics += found
    ended("parse")
    graph, found = link(project, rendered, parsed, languages.source)
    ended("link")
    return rendered, parsed, graph, diagnostics + found


def _bound(
    start: Compilation,
    languages: Languages,
    project: Project,
    rendered: Rendered,
    parsed: Parsed,
    graph: Graph,
    schemas: Mapping[NodeId, NodeSchema],
    bound: SchemaBinder,
    strategies: Mapping[NodeId, RenderedStrategy],
    environment: Environment,
    deferred: Mapping[NodeId, Relation],
) -> tuple[Program, RunHooks]:
    """Binds the nodes to an environment's names, but for what is deferred to others.

    Gives what makes the statements of a run's start and end as well.
    """
    binder = Binder(
        project,
        rendered,
        parsed,
        graph,
        languages.target,
        start.system.absolute,
        schemas,
        bound.translated,
        languages.translator,
        languages.is_known,
        strategies,
        bound.forms,
        environment,
        deferred,
    )
    run_hooks = RunHooks(
        project=project,
        rendered=rendered,
        binder=binder,
        spec=languages.source,
        environment=start.system.environment(),
        now=start.now,
    )
    return binder.program(), run_hooks


def _schema_binder(
    start: Compilation,
    languages: Languages,
    engine: OfflineEngine,
    catalog: Catalog,
    project: Project,
    rendered: Rendered,
    parsed: Parsed,
    graph: Graph,
    *,
    functions: CompileFunction | None = None,
    known: Mapping[NodeId, NodeSchema] | None = None,
) -> SchemaBinder:
    return SchemaBinder(
        project,
        rendered,
        parsed,
        graph,
        languages.source,
        languages.rules,
        languages.describing(FileDescriber(start.system, languages.target, engine)),
        languages.pulled(catalog),
        # The engine is the target's: of a query in another dialect it can say nothing.
        engine.query if languages.translator is None else None,
        languages.translator,
        functions,
        known,
    )


def compile_inline(compiled: Compilation, sql: str) -> BoundQuery:
    """Compiles a query that stands in no file, as if it were a model of the project.

    Raises ProjectError with the diagnostics of the query, or of the project where that has errors.
    """
    project, rendered = compiled.project, compiled.rendered
    parsed, graph, languages = compiled.parsed, compiled.graph, compiled.languages
    program = compiled.program
    if has_errors(compiled.diagnostics) or not (
        project and rendered and parsed and graph and languages and program and compiled.adapter
    ):
        raise ProjectError(compiled.diagnostics)
    spec = languages.source
    id = node_id(NodeKind.TEST, project.settings.name, INLINE)
    alone = replace(
        project,
        models={},
        seeds={},
        tests={id: SingularTestDecl(id=id, name=INLINE, path=INLINE, layers=(), span=Span(INLINE, 0, 0))},
        texts={**project.texts, INLINE: sql},
    )
    result, found = render(alone, environment=compiled.system.environment(), now=compiled.now)
    if id not in result.tests:
        raise ProjectError(found)
    query = result.tests[id].query
    facts, wrong = parse_query(query.text, query.map, spec)
    if facts is None:
        raise ProjectError(wrong)
    links, wrong = link_query(query, facts, project, rendered, spec)
    if has_errors(wrong):
        raise ProjectError(wrong)
    translated = None
    if languages.translator is not None:
        engine = OfflineEngine(compiled.adapter, ())
        schemas = _schema_binder(
            compiled,
            languages,
            engine,
            compiled.catalog or Catalog(),
            project,
            rendered,
            parsed,
            graph,
            known=program.schemas,
        )
        translated, wrong = schemas.inline(query, facts, links)
        if has_errors(wrong):
            raise ProjectError(wrong)
    binder = Binder(
        project,
        rendered,
        parsed,
        graph,
        languages.target,
        compiled.system.absolute,
        {},
        {},
        languages.translator,
        languages.is_known,
        environment=program.environment,
        deferred=program.deferred,
    )
    binder.program()
    return binder.query(query, facts, links, translated)


def _project_file(system: System) -> tuple[str, tuple[Diagnostic, ...]]:
    try:
        content = system.read(PROJECT_FILE)
    except OSError as error:
        where = f"there is no {PROJECT_FILE} in {system.root}"
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            where = f"{PROJECT_FILE} in {system.root} can't be read: {error.strerror or error}"
        raise ProjectError(
            [
                Diagnostic(
                    code=Code.PROJECT_NOT_FOUND,
                    message=where,
                    help="name the project's folder with --project, or make one with `sqlflow init NAME`",
                )
            ]
        ) from None
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        text = content.decode("utf-8", "replace").removeprefix("\ufeff")
        at = len(content[: error.start].decode("utf-8", "replace"))
        return text, (
            Diagnostic(
                code=Code.NOT_UTF8,
                message=f"{PROJECT_FILE} is not UTF-8: byte {error.start} is no part of any character",
                span=Span(PROJECT_FILE, at, at + 1),
                help="save the file as UTF-8",
            ),
        )


def _adapter(settings: Settings) -> tuple[Adapter | None, Mapping[str, Value] | None, tuple[Diagnostic, ...]]:
    target = settings.target
    try:
        adapter = find_adapter(target.type)
        problem = f"there is no adapter of type `{target.type}`"
    except BrokenAdapterError as error:
        adapter, problem = None, str(error)
    if adapter is None:
        known = adapter_names()
        installed = f"installed are: {', '.join(known)}"
        close = "" if target.type in known else did_you_mean(target.type, known)
        unknown = Diagnostic(
            code=Code.UNKNOWN_ADAPTER, message=problem, span=target.span, help=close or installed
        )
        return None, None, (unknown,)
    values, diagnostics = check_settings(adapter, target, settings.name)
    return adapter, values, diagnostics


def _environment(
    settings: Settings, adapter: Adapter | None, name: str
) -> tuple[Environment, tuple[Diagnostic, ...]]:
    transactions = adapter is None or adapter.spec.transactions
    layout = settings.layout or (Layout.VIRTUAL if transactions else Layout.DIRECT)
    found: list[Diagnostic] = []
    if not is_environment_name(name):
        found.append(
            Diagnostic(
                code=Code.INVALID_VALUE,
                message=f"`{name}` is no name of an environment",
                help="small letters, digits and underscores, beginning with a letter, 31 at most",
            )
        )
        name = PROD
    if adapter is not None and layout is Layout.VIRTUAL and not transactions:
        found.append(
            Diagnostic(
                code=Code.UNSUPPORTED_BY_ENGINE,
                message=f"{adapter.spec.name} has no transactions, which `layout: virtual` needs",
                span=settings.target.span,
                help="leave `layout` out: on such an engine tables are always shown by views",
            )
        )
    return Environment(name=name, layout=layout, naming=settings.naming), tuple(found)


def _place(
    settings: Settings, adapter: Adapter | None, text: str
) -> tuple[Place | None, tuple[Diagnostic, ...]]:
    if adapter is None:
        return None, ()
    state = settings.state
    written = text[state.span.start : state.span.end] if state is not None else ""
    return read_place(state, settings.target, adapter, written)


def _languages(
    settings: Settings, adapter: Adapter | None, dialect: str | None
) -> tuple[Languages | None, tuple[Diagnostic, ...]]:
    """What the models are written in, and what the target, or who compiles, asks for."""
    if adapter is None:
        return None, ()
    specs = {**SPECS, adapter.spec.name: adapter.spec}
    target = specs.get(dialect) if dialect is not None else adapter.spec
    same = settings.dialect in (adapter.spec.name, settings.target.type)
    source = adapter.spec if same else specs.get(settings.dialect)
    unknown = [
        Diagnostic(
            code=Code.INVALID_VALUE,
            message=f"there is no dialect `{name}`",
            span=span,
            help=did_you_mean(name, sorted(specs)) or f"there are: {', '.join(sorted(specs))}",
        )
        for name, found, span in (
            (settings.dialect, source, settings.target.span),
            (dialect or "", target, None),
        )
        if found is None
    ]
    if source is None or target is None:
        return None, tuple(unknown)
    return make_languages(source, target), ()
