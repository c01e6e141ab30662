"""A compiled project and what it is built into: its warehouse and its state, opened when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sqlflow.adapter.protocol import Adapter, Warehouse
from sqlflow.compiler import Compilation
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, did_you_mean, has_errors
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.source import SourceTree
from sqlflow.dialect.environments import PROD
from sqlflow.link.selection import select as select_nodes
from sqlflow.plan.parents import sources_read
from sqlflow.plan.versions import Version, versions
from sqlflow.state.state import State, fold

if TYPE_CHECKING:
    from sqlflow.apply.deferral import Bound, Deferral
    from sqlflow.apply.freshness import SourceQuestion
    from sqlflow.apply.looking import Seen, Subject
    from sqlflow.apply.outside import OutsideViews
    from sqlflow.apply.run import Opened
    from sqlflow.bind.types import Program
    from sqlflow.plan.types import Plan
    from sqlflow.project.types import Settings
    from sqlflow.store.open import Home
    from sqlflow.store.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledQuery:
    """The SQL of a model or a singular test, and the file below the target folder that it was written to."""

    node: NodeId
    name: str
    path: str
    sql: str


class Workspace:
    """A compiled project with its warehouse and its state.

    The calls that need the project to be free of errors raise ProjectError with its diagnostics where it is
    not. `on_wait` is told, in a sentence, when a call has to wait for a warehouse that another process holds.
    """

    def __init__(self, compiled: Compilation, on_wait: Callable[[str], None]) -> None:
        self.compiled = compiled
        self._on_wait = on_wait

    @property
    def root(self) -> str:
        """The project's folder."""
        return self.compiled.tree.root

    @property
    def target(self) -> str:
        """The name of the chosen target; empty where the settings have errors."""
        settings = self.compiled.settings
        return settings.target.name if settings is not None else ""

    @property
    def tree(self) -> SourceTree:
        """The files that were read."""
        return self.compiled.tree

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that is wrong with the project, warnings included."""
        return self.compiled.diagnostics

    @property
    def ok(self) -> bool:
        """Whether there is no error among the diagnostics."""
        return not has_errors(self.diagnostics)

    def program(self) -> Program:
        """Gives the program; raises ProjectError where the project has errors."""
        program = self.compiled.program
        if program is None or not self.ok:
            raise ProjectError(self.diagnostics)
        return program

    def adapter(self) -> Adapter:
        """Gives the target's adapter; raises ProjectError where the SQL is that of another dialect."""
        adapter = self.compiled.adapter
        languages = self.compiled.languages
        if adapter is None or languages is None:
            raise ProjectError(self.diagnostics)
        if languages.target.name != adapter.spec.name:
            raise ProjectError(
                [
                    Diagnostic(
                        code=Code.UNSUPPORTED_BY_ENGINE,
                        message=f"the project was compiled for {languages.target.name}, and the target "
                        f"`{self.target}` speaks {adapter.spec.name}",
                        help="load it without `dialect` to build it",
                    )
                ]
            )
        return adapter

    def settings(self) -> Settings:
        """Gives the project's settings; raises ProjectError where they have errors."""
        settings = self.compiled.settings
        if settings is None:
            raise ProjectError(self.diagnostics)
        return settings

    def select(
        self, select: Sequence[str], exclude: Sequence[str]
    ) -> tuple[Program, frozenset[NodeId], tuple[Diagnostic, ...]]:
        """Gives the program, the nodes that are selected, and warnings about words that select nothing."""
        program = self.program()
        chosen, warnings = select_nodes(program.graph, select, exclude)
        return program, chosen, warnings

    def find(self, name: str) -> NodeId:
        """Gives the model, seed or source of a name; raises ProjectError where there is none."""
        program = self.program()
        for id in program.schemas:
            if program.graph.nodes[id].name == name:
                return id
        raise self.unknown(name)

    def unknown(self, name: str) -> ProjectError:
        """The error for a name that nothing has."""
        known = [node.name for node in self.program().graph.nodes.values()]
        return ProjectError(
            [
                Diagnostic(
                    code=Code.UNKNOWN_REFERENCE,
                    message=f"unknown model `{name}`",
                    help=did_you_mean(name, known) or "`sqlflow ls` lists the names",
                )
            ]
        )

    def target_path(self) -> str:
        """Gives the folder that sqlflow writes into."""
        settings = self.compiled.settings
        return settings.target_path if settings is not None else "target"

    def state_place(self) -> tuple[Place, Home]:
        """Where the state is kept, and of what; the mistakes of models play no part."""
        from sqlflow.store.open import Home

        settings, place = self.compiled.settings, self.compiled.place
        if settings is None or place is None:
            raise ProjectError(self.diagnostics)
        return place, Home(
            root=self.root,
            project=settings.name,
            target=settings.target.name,
            database=settings.target.database,
            adapter=self.adapter(),
            connect=lambda reads: self.open(reads=reads),
        )

    def state(self) -> State:
        """Gives what is known of the past, by the events that were kept; nothing is changed for that."""
        from sqlflow.store.open import open_to_read

        log = open_to_read(*self.state_place())
        if log is None:
            return State()
        try:
            return fold(State(), log.events())
        finally:
            log.close()

    def open(self, *, reads: bool = False) -> Warehouse:
        """Connects to the warehouse; without the right to write, where all that follows `reads`."""
        from sqlflow.apply.connect import Patience, connect

        adapter, settings = self.adapter(), self.compiled.settings
        if settings is None:
            raise ProjectError(self.diagnostics)
        given = self.compiled.adapter_settings or {}
        patience = Patience(seconds=settings.lock_timeout, tell=self._on_wait)
        return connect(adapter, settings.target, given, self.root, patience, reads=reads)

    def open_or_empty(self) -> Warehouse:
        """Opens the warehouse to look at it; an empty one in its place, where none has been made yet."""
        from sqlflow.apply.connect import NotThereError

        try:
            return self.open(reads=True)
        except NotThereError:
            empty = self.adapter().offline()
            if empty is None:
                raise
            return empty

    def look(self, nodes: frozenset[NodeId], builds: frozenset[NodeId]) -> Seen:
        """Looks into the warehouse and the state, for a plan of nodes, without changing anything.

        What it `builds` of them is read where it is built, and from nowhere else.
        """
        from sqlflow.apply.looking import look_around

        subject, state = self._subject(nodes, builds), self.state()
        with closing(self.open_or_empty()) as warehouse:
            return look_around(warehouse, subject, state)

    def look_outside(self, plan: Plan, seen: Seen, warehouse: Warehouse | None) -> OutsideViews:
        """Looks for views from outside the project that read what a plan replaces.

        Raises ProjectError where the warehouse, which is opened where None is given, can't be looked into.
        """
        from sqlflow.apply.looking import looked_into
        from sqlflow.apply.outside import OutsideViews, look_outside

        program, adapter, languages = seen.bound.program, self.adapter(), self.compiled.languages
        if adapter.spec.views_bind_by_name:
            return OutsideViews()
        knows_types = languages is not None and languages.translator is None
        with ExitStack() as stack:
            if warehouse is None:
                warehouse = stack.enter_context(closing(self.open_or_empty()))
            session = stack.enter_context(looked_into(warehouse, adapter, self.settings().target))
            return look_outside(
                plan, program, seen.past.begun_from, seen.catalog, adapter, session, knows_types=knows_types
            )

    @contextmanager
    def opened(self, nodes: frozenset[NodeId], builds: frozenset[NodeId]) -> Generator[Opened]:
        """Opens the warehouse and the state for a run of nodes; they are closed where none comes of it.

        What it `builds` of them is read where it is built, and from nowhere else.
        """
        from sqlflow.apply.run import open_run
        from sqlflow.store.open import open_log

        with ExitStack() as opened:
            warehouse = self.open()
            opened.callback(warehouse.close)
            events = open_log(*self.state_place())
            opened.callback(events.close)
            yield open_run(warehouse, self._subject(nodes, builds), events)
            opened.pop_all()

    def bound(
        self, chosen: frozenset[NodeId] = frozenset(), builds: frozenset[NodeId] = frozenset()
    ) -> Bound:
        """Binds the program for who reads these nodes; the warehouse is asked where it is to defer."""
        from sqlflow.apply.catalog import Catalog
        from sqlflow.apply.deferral import deferring
        from sqlflow.apply.looking import looked_into

        if self.compiled.defer is None:
            return self._bound()
        adapter, deferral = self.adapter(), self._deferral(chosen, builds)
        with (
            closing(self.open_or_empty()) as warehouse,
            looked_into(warehouse, adapter, self.settings().target) as session,
        ):
            return deferring(self._bound(), deferral, Catalog(adapter.spec), session)

    @property
    def prod(self) -> str:
        """What prod is called: the environment, or the target, that is deferred to."""
        other = self.compiled.prod
        return other.settings.target.name if other is not None and other.settings is not None else PROD

    def _bound(self) -> Bound:
        from sqlflow.apply.deferral import Bound

        run_hooks = self.compiled.run_hooks
        if run_hooks is None:
            raise ProjectError(self.diagnostics)
        return Bound(program=self.program(), run_hooks=run_hooks)

    def _deferral(self, chosen: frozenset[NodeId], builds: frozenset[NodeId]) -> Deferral | None:
        """Gives what may be read from prod, where that is asked for."""
        from sqlflow.apply.deferral import Deferral

        compiled = self.compiled
        if compiled.defer is None or compiled.rebind is None:
            return None
        prod = Workspace(compiled.prod, self._on_wait) if compiled.prod is not None else self
        return Deferral(
            builds=builds,
            chosen=chosen,
            favors=compiled.defer.favor_state,
            names=prod.program().plain,
            database=prod.settings().target.database,
            versions=prod.versions(),
            rebind=compiled.rebind,
        )

    def _subject(self, nodes: frozenset[NodeId], builds: frozenset[NodeId]) -> Subject:
        from sqlflow.apply.looking import Subject

        program, settings = self.program(), self.compiled.settings
        languages = self.compiled.languages
        if settings is None:
            raise ProjectError(self.diagnostics)
        return Subject(
            bound=self._bound(),
            deferral=self._deferral(nodes, builds),
            settings=settings,
            adapter=self.adapter(),
            system=self.compiled.system,
            outside=self.outside(),
            versions=self.versions(),
            asked=self.questions(sources_read(program, nodes)),
            # Of what is translated, types are known in another dialect's words.
            compared=nodes if languages is not None and languages.translator is None else frozenset(),
        )

    def questions(self, sources: Iterable[NodeId]) -> tuple[SourceQuestion, ...]:
        """Gives the sources, of these, that can be asked when their last rows came."""
        from sqlflow.apply.freshness import SourceQuestion

        program, project = self.program(), self.compiled.project
        declared = project.sources if project is not None else {}
        return tuple(
            SourceQuestion(declared=declared[id], bound=program.sources[id])
            for id in sources
            if declared[id].loaded_at is not None or declared[id].freshness is not None
        )

    def outside(self) -> Mapping[NodeId, str]:
        """Gives what the files that are sources tell of their version."""
        from sqlflow.apply.past import source_versions

        project = self.compiled.project
        return source_versions(project.sources if project is not None else {}, self.compiled.system)

    def versions(self) -> Mapping[NodeId, Version]:
        """Gives what each node is built from, which is the same in each environment."""
        from sqlflow.apply.past import python_versions

        program = self.compiled.plain or self.program()
        return versions(program, self.tree, self.outside(), python_versions(program, self.compiled.system))

    def write_compiled(self, program: Program, chosen: frozenset[NodeId]) -> tuple[CompiledQuery, ...]:
        """Writes the SQL of models and tests below the target folder."""
        out: list[CompiledQuery] = []
        for node in program.graph.order:
            bound = program.models.get(node) or program.singular_tests.get(node)
            if node not in chosen or bound is None:
                continue
            query = getattr(bound, "full", None) or getattr(bound, "query", None)
            if query is None:
                continue
            # A Python file may define several models, a file of snapshots several of these.
            named = PurePosixPath(bound.path).with_name(f"{bound.name}.sql")
            many = bound.path.endswith(".py") or kind_of(node) is NodeKind.SNAPSHOT
            path = f"{self.target_path()}/compiled/{named if many else bound.path}"
            self.write(path, query.sql)
            out.append(CompiledQuery(node=node, name=bound.name, path=path, sql=query.sql))
        return tuple(out)

    def write(self, path: str, text: str) -> None:
        """Writes a file that does not hold the text already: reading it costs a tenth of writing it."""
        content, system = text.encode("utf-8", "replace"), self.compiled.system
        with suppress(OSError):
            if system.read(path) == content:
                return
        try:
            system.write(path, content)
        except OSError as error:
            raise ProjectError(
                [
                    Diagnostic(
                        code=Code.UNREADABLE_FILE,
                        message=f"`{path}` can't be written: {error.strerror or error}",
                        help="let the user that sqlflow runs as write there, or set `target-path`",
                    )
                ]
            ) from error


def check_compiled(program: Program, chosen: Iterable[NodeId]) -> None:
    """Raises ProjectError where a model is to be built, tested or read that was not compiled."""
    read = {node for id in chosen for node in (id, *program.graph.parents[id])}
    models = (NodeKind.MODEL, NodeKind.SNAPSHOT)
    left = [n for id in sorted(read - program.models.keys()) if (n := program.graph.nodes[id]).kind in models]
    if left:
        raise ProjectError(
            [
                Diagnostic(
                    code=Code.IBIS_NOT_COMPILED,
                    message=f"`{node.name}` is not compiled, and is needed here",
                    span=node.span,
                    help="load the project with `python=True`, or leave out what reads it",
                )
                for node in left
            ]
        )
