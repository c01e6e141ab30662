"""The public Python API: load a project, look at it, build it as an iterator of events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from sqlflow.asked import allowing, check_plan, check_there, plan_options, skipping, within
from sqlflow.bind.bind import from_clause
from sqlflow.bind.lineage import Hop, trace_down, trace_up
from sqlflow.bind.types import NodeSchema
from sqlflow.compiler import Compilation, OnStage, compile_inline, compile_project
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, did_you_mean
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column, Relation
from sqlflow.core.source import SourceTree
from sqlflow.core.span import Span
from sqlflow.core.value import Value, freeze
from sqlflow.deferring import deferring
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import same_name
from sqlflow.environments import collect, drop, list_environments, roll_back, shown
from sqlflow.link.types import Node
from sqlflow.manifest import manifest
from sqlflow.plan.comparison import Comparison, Key, KeyOrigin, declared_keys
from sqlflow.plan.deferral import Defer
from sqlflow.plan.due import Coverage, coverage_of
from sqlflow.plan.parents import effective_parents, is_ephemeral
from sqlflow.plan.plan import Command, PlanOptions, make_plan, of_command
from sqlflow.plan.review import Review, review
from sqlflow.plan.saved import (
    SavedPlan,
    check_deferred,
    check_saved,
    saved_actions,
    saved_deferred,
    saved_renames,
    saved_takes,
)
from sqlflow.plan.types import Plan
from sqlflow.pulling import pull_sources
from sqlflow.state.state import State
from sqlflow.system.local import LocalSystem
from sqlflow.system.protocol import System
from sqlflow.workspace import CompiledQuery, Workspace, check_compiled

if TYPE_CHECKING:
    from sqlflow.apply.environments import Collected, EnvironmentStatus, RolledBack
    from sqlflow.apply.freshness import SourceFreshness
    from sqlflow.apply.pull import PulledSources
    from sqlflow.apply.record import Recorded
    from sqlflow.apply.run import Opened
    from sqlflow.bind.types import BoundQuery
    from sqlflow.store.repair import Repaired
    from sqlflow.store.transfer import Imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What a build would do: for people to read, and to be kept until it is applied."""

    review: Review
    saved: SavedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows of a query."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]


def load(
    path: str | PurePath = ".",
    *,
    target: str | None = None,
    dialect: str | None = None,
    environment: str = PROD,
    vars: Mapping[str, object] | None = None,
    python: bool = True,
    defer: Defer | None = None,
    system: System | None = None,
    on_stage: OnStage | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> LoadedProject:
    """Reads and compiles the project in a folder; no warehouse is opened.

    `target` chooses one of its targets; with a `dialect` the project is compiled for an engine of that
    dialect, and can't be built. What is built has the names of the `environment`. `vars` go over its
    variables, `system` stands in for the folder. Without `python` no function of an ibis model is called:
    such a model is not compiled. With `defer`, what a call does not build, and what is not there, is read as
    prod has it. `on_wait` is told, in a sentence, when a call has to wait for a warehouse
    that another process holds.
    Its errors are in the result's `diagnostics`. Raises ProjectError where there is no project.
    """
    values: dict[str, Value] = {name: freeze(value) for name, value in (vars or {}).items()}
    machine = system or LocalSystem(path)
    compiled = compile_project(
        machine,
        target=target,
        dialect=dialect,
        environment=environment,
        vars=values,
        python=python,
        on_stage=on_stage,
    )
    if defer is not None:
        compiled = deferring(
            compiled,
            defer,
            lambda name: compile_project(machine, target=name, dialect=dialect, vars=values, python=python),
        )
    return LoadedProject(compiled, on_wait)


class LoadedProject:
    """A compiled project.

    The calls that need it to be free of errors raise ProjectError with its diagnostics where it is not.
    """

    def __init__(self, compiled: Compilation, on_wait: Callable[[str], None] | None = None) -> None:
        self._work = Workspace(compiled, on_wait or (lambda message: None))

    @property
    def name(self) -> str:
        """The project's name; its folder's where the settings have errors."""
        settings = self._work.compiled.settings
        return settings.name if settings is not None else PurePath(self.root).name

    @property
    def root(self) -> str:
        """The project's folder."""
        return self._work.root

    @property
    def target(self) -> str:
        """The name of the chosen target; empty where the settings have errors."""
        return self._work.target

    @property
    def tree(self) -> SourceTree:
        """The files that were read, for showing the places of diagnostics."""
        return self._work.tree

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that is wrong with the project, warnings included."""
        return self._work.diagnostics

    @property
    def ok(self) -> bool:
        """Whether there is no error among the diagnostics."""
        return self._work.ok

    def nodes(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[Node, ...]:
        """Gives the selected nodes, each after those that it reads."""
        program, chosen, _ = self._work.select(select, exclude)
        return tuple(program.graph.nodes[node] for node in program.graph.order if node in chosen)

    def selection_warnings(
        self, select: Sequence[str] = (), exclude: Sequence[str] = ()
    ) -> tuple[Diagnostic, ...]:
        """Gives the warnings about words of a selection that select nothing."""
        return self._work.select(select, exclude)[2]

    def schemas(self) -> Mapping[NodeId, NodeSchema]:
        """Gives the columns of every model, seed and source, with types, nullability and lineage."""
        return self._work.program().schemas

    def schema(self, name: str) -> NodeSchema:
        """Gives the columns of a model, a seed or a source."""
        program = self._work.program()
        return program.schemas[self._work.find(name)]

    def lineage(self, name: str, column: str | None = None, *, down: bool = False) -> tuple[Hop, ...]:
        """Follows a column, or all of a node's, to where they come from; with `down`, to what reads them."""
        program = self._work.program()
        node = self._work.find(name)
        columns = [c.name for c in program.schemas[node].columns if c.name]
        if column is not None and not any(same_name(program.spec, column, known) for known in columns):
            raise ProjectError(
                [
                    Diagnostic(
                        code=Code.UNKNOWN_COLUMN,
                        message=f"`{name}` has no column `{column}`",
                        help=did_you_mean(column, columns) or f"it has: {', '.join(columns)}",
                    )
                ]
            )
        return trace_down(program, node, column) if down else trace_up(program, node, column)

    def manifest(self) -> dict[str, object]:
        """Describes the project's nodes as plain data that JSON can hold."""
        program = self._work.program()
        project = self._work.compiled.project
        if project is None:
            raise ProjectError(self.diagnostics)
        return manifest(project, program)

    def compile(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[CompiledQuery, ...]:
        """Writes the SQL of the selected models and tests below `target/compiled`."""
        program, chosen, _ = self._work.select(select, exclude)
        return self._work.write_compiled(program, frozenset(chosen))

    def plan(
        self,
        command: Command = Command.BUILD,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full_refresh: bool = False,
        force: bool = False,
        fail_fast: bool = False,
        threads: int | None = None,
        store_failures: bool = False,
    ) -> Plan:
        """Plans the selected nodes, whether they changed or not; nothing is touched.

        The warehouse is not opened, but to look what is there of what may be read from prod.
        """
        options = plan_options(self._work, full_refresh, force, fail_fast, threads, store_failures)
        program, chosen, _ = self._work.select(select, exclude)
        check_compiled(program, chosen)
        codes = {node: version.code for node, version in self._work.versions().items()}
        bound = self._work.bound(chosen, of_command(program, command, chosen))
        plan = make_plan(bound.program, command, chosen, options, codes=codes)
        return plan.reading(bound.deferred.values())

    def review(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full_refresh: bool = False,
        forward_only: bool = False,
        skip_backfill: bool = False,
        allow_destructive: Collection[str] = (),
        force: bool = False,
        start: datetime | None = None,
        end: datetime | None = None,
        restate: Collection[str] = (),
    ) -> Reviewed:
        """Says what a build would do, and why; the warehouse is looked into, and nothing is changed.

        The arguments are those of `build`, with what it raises.
        """
        options = plan_options(self._work, full_refresh, force, False, None, False, forward_only=forward_only)
        options = skipping(replace(options, removes=True), skip_backfill)
        options = allowing(self._work, options, allow_destructive)
        options = within(self._work, options, start, end, restate, select, exclude)
        program, chosen, _ = self._work.select(select, exclude)
        check_compiled(program, chosen)
        seen = self._work.look(chosen, of_command(program, Command.BUILD, chosen))
        program = seen.bound.program
        plan = make_plan(program, Command.BUILD, chosen, options, seen.past, seen.codes, seen.impact)
        kept = check_plan(self._work, plan, seen, options)
        published = seen.past.publications
        saved = SavedPlan(
            project=self.name,
            target=self.target,
            environment=program.environment.name,
            made_at=self._work.compiled.system.now(),
            select=tuple(select),
            exclude=tuple(exclude),
            full_refresh=full_refresh,
            forward_only=forward_only,
            skip_backfill=skip_backfill,
            allow_destructive=tuple(sorted(options.allow_destructive)),
            force=force,
            interval=options.interval,
            restate=tuple(sorted(options.restate)),
            actions=saved_actions(plan, seen.codes, published),
            renames=saved_renames(plan),
            takes=saved_takes(plan, published),
            removes=tuple(one.node for one in plan.removes),
            defer=self._work.compiled.defer,
            deferred=saved_deferred(plan.deferred),
        )
        found = review(
            plan,
            program,
            options,
            seen.past.begun_from,
            seen.past.filling,
            seen.versions,
            seen.known,
            seen.state,
            chosen,
            seen.impact,
        )
        return Reviewed(review=replace(found, kept=kept, prod=self._work.prod), saved=saved)

    def apply_saved(
        self,
        saved: SavedPlan,
        *,
        threads: int | None = None,
        fail_fast: bool = False,
        allow_destructive: Collection[str] = (),
    ) -> Recorded:
        """Carries out a plan that was reviewed, and nothing else.

        Raises ProjectError where it is of another project or target, or where the code of what it builds has
        changed since, or somebody else has published it. Where nothing is left to do of an action, it is left
        out; newer data of what is read is read. The models that `allow_destructive` names may lose columns,
        as those may that the plan names.
        """
        options = plan_options(self._work, saved.full_refresh, saved.force, fail_fast, threads, False)
        options = replace(
            options,
            forward_only=saved.forward_only,
            skip_backfill=saved.skip_backfill,
            interval=saved.interval,
            restate=frozenset(saved.restate),
            now=saved.made_at,
            claims=True,
            removes=True,
        )
        options = allowing(self._work, options, {*saved.allow_destructive, *allow_destructive})
        program, chosen, _ = self._work.select(saved.select, saved.exclude)
        check_compiled(program, chosen)
        with self._work.opened(chosen, of_command(program, Command.BUILD, chosen)) as opened:
            seen = opened.seen
            program = seen.bound.program
            plan = make_plan(program, Command.BUILD, chosen, options, seen.past, seen.codes, seen.impact)
            kept = check_saved(saved, plan, program, self.name, seen.codes, seen.past.publications)
            check_plan(self._work, kept, seen, options, opened.warehouse)
            return self._run(kept, opened)

    def apply(self, plan: Plan, *, allow_destructive: Collection[str] = ()) -> Recorded:
        """Carries out a plan; the result is iterated over as events, and can be asked to `stop`.

        Raises ProjectError where a model would lose columns that `allow_destructive` does not name, or where
        a view from outside the project would break.
        """
        options = allowing(
            self._work, plan_options(self._work, False, False, False, None, False), allow_destructive
        )
        # Nothing else may be read from prod than what the plan was bound to.
        own = self._work.program().graph.nodes.keys() - {one.node for one in plan.deferred}
        with self._work.opened(frozenset(plan.nodes), frozenset(own)) as opened:
            bound = opened.seen.bound
            check_deferred(plan, bound.deferred.values(), bound.program)
            check_plan(self._work, plan, opened.seen, options, opened.warehouse)
            return self._run(plan, opened)

    def build(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full_refresh: bool = False,
        forward_only: bool = False,
        skip_backfill: bool = False,
        allow_destructive: Collection[str] = (),
        force: bool = False,
        fail_fast: bool = False,
        threads: int | None = None,
        store_failures: bool = False,
        start: datetime | None = None,
        end: datetime | None = None,
        restate: Collection[str] = (),
    ) -> Recorded:
        """Brings the selected models, seeds and sources up to date, each tested before it is published.

        What was built from the same code and the same data is left as it is, unless `force` is set. With
        `forward_only`, incremental models whose code changed, or that read what is of other code, go on with
        the rows that they have. With `skip_backfill`, only what computes no rows is done: what would have to
        be filled, and what depends on it, stays due. Where a `start` or an `end` is given, the models that
        are built by time range get the complete batches of that interval, anew; without a zone, it is meant
        by each model's clocks. Where models are named to `restate`, only these do, and what reads them
        follows. Raises ProjectError where no such model is selected, where tables that go on would lose
        columns, of models that `allow_destructive` does not name, or can't take the query's, or where a view
        from outside the project would break; ValueError for an interval without a length, and for a full
        refresh of one, or of what is `forward_only`, or with `skip_backfill`, which goes with no interval
        either.
        """
        options = plan_options(
            self._work, full_refresh, force, fail_fast, threads, store_failures, forward_only=forward_only
        )
        options = skipping(options, skip_backfill)
        options = allowing(self._work, options, allow_destructive)
        options = within(self._work, options, start, end, restate, select, exclude)
        return self._make(Command.BUILD, select, exclude, options)

    def test(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        fail_fast: bool = False,
        threads: int | None = None,
        store_failures: bool = False,
    ) -> Recorded:
        """Runs the selected tests on what is there."""
        options = plan_options(self._work, False, False, fail_fast, threads, store_failures)
        return self._make(Command.TEST, select, exclude, options)

    def seed(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        force: bool = False,
        fail_fast: bool = False,
        threads: int | None = None,
    ) -> Recorded:
        """Loads the selected seeds, each tested before it is published."""
        options = plan_options(self._work, False, force, fail_fast, threads, False)
        return self._make(Command.SEED, select, exclude, options)

    def show(self, name: str, *, limit: int = 5) -> Preview:
        """Gives the first rows of a model, a seed or a source; of a test, those that it found and kept."""
        program = self._work.program()
        for id, node in program.graph.nodes.items():
            if node.name == name and from_clause(program, id) is not None:
                program = self._work.bound(frozenset({id})).program
                check_there(program, effective_parents(program)[id] if is_ephemeral(program, id) else (id,))
                clause = from_clause(program, id)
                return self._preview(f"SELECT * FROM {clause} AS q", limit, name, node.span, None)
        raise self._work.unknown(name)

    def show_failed(self, name: str, *, limit: int = 5) -> Mapping[str, Preview]:
        """Gives, by the name of the test, the first of the rows that the tests of a node found and kept."""
        from sqlflow.apply.preview import kept_rows

        program = self._work.program()
        named = [id for id, node in program.graph.nodes.items() if node.name == name]
        if not named:
            raise self._work.unknown(name)
        tests = {**program.generic_tests, **program.singular_tests}
        tables = {
            test.name: test.failures
            for id, test in tests.items()
            if id in named or any(node in program.graph.parents[id] for node in named)
        }
        found = kept_rows(self._work.open(reads=True), self._work.adapter(), tables, limit=limit)
        return {test: Preview(columns=columns, rows=rows) for test, (columns, rows) in found.items()}

    def show_inline(self, sql: str, *, limit: int = 5) -> Preview:
        """Gives the first rows of a query, written as a model would be."""
        program = self._work.bound().program
        query = compile_inline(replace(self._work.compiled, program=program), sql)
        check_there(program, dict.fromkeys(read.node for read in query.reads))
        return self._preview(query.sql, limit, "the query", Span("<inline>", 0, len(sql)), query)

    def diff(
        self,
        left: str,
        right: str,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        on: Sequence[str] = (),
        tolerance: float = 0.0,
        samples: int = 3,
    ) -> tuple[Comparison, ...]:
        """Compares what two environments show of the selected models and seeds, as `compare` does.

        Raises ProjectError where there is no such environment, or where nothing can be compared.
        """
        program, chosen, _ = self._work.select(select, exclude)
        nodes = chosen & (program.models.keys() | program.seeds.keys())
        sides = (
            {node: relation for node, relation in one.items() if node in nodes}
            for one in shown(self._work, left, right)
        )
        return self.compare(*sides, on=on, tolerance=tolerance, samples=samples)

    def compare(
        self,
        left: Mapping[NodeId, Relation],
        right: Mapping[NodeId, Relation],
        *,
        on: Sequence[str] = (),
        tolerance: float = 0.0,
        samples: int = 3,
    ) -> tuple[Comparison, ...]:
        """Compares the tables and views that models, seeds and sources have on two sides, in their order.

        Rows are matched by the columns `on`, else by a model's `unique_key`, else by a column that is tested
        to be unique; without any of these, whole rows are counted. Numbers that are not exact may differ by
        the `tolerance`. Of each column that differs so many `samples` are given. Raises ProjectError where a
        relation can't be read, or has no column of `on`.
        """
        from sqlflow.apply.compare import Compared, compare_relations

        program = self._work.program()
        asked = (Key(columns=tuple(on), origin=KeyOrigin.ASKED),) if on else ()
        nodes = [
            Compared(
                node=node,
                name=program.graph.nodes[node].name,
                span=program.graph.nodes[node].span,
                left=left.get(node),
                right=right.get(node),
                keys=(*asked, *declared_keys(program, node)),
            )
            for node in program.graph.order
            if node in left or node in right
        ]
        warehouse, adapter = self._work.open(reads=True), self._work.adapter()
        return compare_relations(warehouse, adapter, nodes, tolerance=tolerance, samples=samples)

    def pull_sources(
        self, select: Sequence[str] = (), exclude: Sequence[str] = (), *, write: bool = True
    ) -> PulledSources:
        """Asks the warehouse for the columns of the selected sources and writes them down for the compiler.

        What models make of sources may be wrong: only the files that declare something must have no errors.
        Without a selection, what the file has of tables that are no sources any more is taken out.
        """
        return pull_sources(self._work, select, exclude, write=write)

    def environments(self) -> tuple[EnvironmentStatus, ...]:
        """Says what environments there are in the warehouse."""
        return list_environments(self._work)

    def roll_back(self) -> RolledBack:
        """Makes the environment what it was before its code changed last; nothing is computed.

        Raises ProjectError where there is nothing to go back to.
        """
        return roll_back(self._work)

    def drop_environment(self, name: str) -> None:
        """Drops all that an environment shows; raises ProjectError for prod, or where there is none."""
        drop(self._work, name)

    def collect_garbage(self, *, dry_run: bool = False) -> Collected:
        """Drops the environments that have expired, and the tables that nothing shows any more."""
        return collect(self._work, dry_run=dry_run)

    def state(self) -> State:
        """Gives what is known of the past, by the events that were kept; nothing is changed for that."""
        return self._work.state()

    def intervals(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[Coverage, ...]:
        """Gives what each selected model that is built by time range covers, as the state knows it."""
        program, chosen, _ = self._work.select(select, exclude)
        published, now = self.state().publications, self._work.compiled.system.now()
        found: list[Coverage] = []
        for node in program.graph.order:
            model = program.models.get(node) if node in chosen else None
            if model is not None:
                last = published.get((program.environment.name, node))
                covered = (last.ranges if last is not None else None) or ()
                coverage = coverage_of(node, model.name, model.config, covered, now)
                found += [coverage] if coverage is not None else []
        return tuple(found)

    def freshness(
        self, select: Sequence[str] = (), exclude: Sequence[str] = ()
    ) -> tuple[SourceFreshness, ...]:
        """Asks the selected sources that declare their freshness when their last rows came.

        Raises ProjectError where the connection is lost.
        """
        from sqlflow.apply.freshness import look_at_sources

        program, chosen, _ = self._work.select(select, exclude)
        asked = self._work.questions(node for node in program.graph.order if node in program.sources)
        asked = [q for q in asked if q.declared.freshness is not None and q.bound.id in chosen]
        return look_at_sources(
            asked, lambda: self._work.open(reads=True), self._work.adapter(), self._work.compiled.system
        )

    def export_state(self) -> Iterator[str]:
        """Gives the events that were kept of this project on this target, each as a line of JSON."""
        from sqlflow.store.open import open_to_read

        log = open_to_read(*self._work.state_place())
        if log is not None:
            try:
                for _, text in log.texts():
                    yield text
            finally:
                log.close()

    def import_state(self, lines: Iterable[str], path: str, *, replace: bool = False) -> Imported:
        """Puts the lines of an export, which were read from `path`, into the state.

        Raises ProjectError where one is no event, or where there are events already and not `replace`.
        """
        from sqlflow.store.open import open_log
        from sqlflow.store.transfer import import_lines

        log = open_log(*self._work.state_place())
        try:
            return import_lines(log, lines, path, replace=replace)
        finally:
            log.close()

    def repair_state(self) -> Repaired:
        """Checks the state, takes out what can't be read and says what it did."""
        from sqlflow.store.repair import repair

        return repair(*self._work.state_place())

    def clean(self) -> bool:
        """Removes the target folder; says whether there was one."""
        return self._work.compiled.system.remove_tree(self._work.target_path())

    def _make(
        self, command: Command, select: Sequence[str], exclude: Sequence[str], options: PlanOptions
    ) -> Recorded:
        program, chosen, _ = self._work.select(select, exclude)
        check_compiled(program, chosen)
        with self._work.opened(chosen, of_command(program, command, chosen)) as opened:
            seen = opened.seen
            plan = make_plan(seen.bound.program, command, chosen, options, seen.past, seen.codes, seen.impact)
            check_plan(self._work, plan, seen, options, opened.warehouse)
            return self._run(plan, opened)

    def _run(self, plan: Plan, opened: Opened) -> Recorded:
        from sqlflow.apply.record import Recorded
        from sqlflow.apply.run import execution

        self._work.write_compiled(opened.seen.bound.program, frozenset(plan.nodes))
        run = execution(plan, opened)
        return Recorded(run, self._work.compiled.system, self._work.target_path(), opened.events)

    def _preview(self, sql: str, limit: int, name: str, span: Span, query: BoundQuery | None) -> Preview:
        from sqlflow.apply.preview import first_rows

        columns, rows = first_rows(
            self._work.open(),
            self._work.adapter(),
            sql,
            limit=limit,
            name=name,
            span=span,
            text_map=query.map if query else None,
        )
        return Preview(columns=columns, rows=rows)
