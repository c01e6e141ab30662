"""Makes a plan from a program and what was selected of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlflow.bind.types import BoundModel, BoundSingularTest, Program
from sqlflow.checks.generic import generic_query
from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId, NodeKind
from sqlflow.core.relation import Relation
from sqlflow.dialect.environments import physical_name
from sqlflow.link.types import Node
from sqlflow.plan.audits import audited_nodes
from sqlflow.plan.due import Interval
from sqlflow.plan.impact import Impact
from sqlflow.plan.judge import Judge
from sqlflow.plan.parents import effective_parents, is_ephemeral
from sqlflow.plan.renames import find_carried
from sqlflow.plan.stale import Past
from sqlflow.plan.takes import Shared, find_takes, shared_nodes, taken
from sqlflow.plan.types import (
    Action,
    BuildModel,
    LoadSeed,
    LoadSource,
    Plan,
    RunTest,
    Take,
    Verdict,
    Work,
)
from sqlflow.plan.unfilled import without_filling

_NO_CODES: Mapping[NodeId, str] = MappingProxyType({})


class Command(StrEnum):
    """What a plan is for, which decides the kinds of nodes that it takes."""

    BUILD = "build"
    TEST = "test"
    SEED = "seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """How a plan is to be carried out. `store_failures` keeps the rows of every failed test.

    `now` is the run's time, by which ranges of time are complete. Of the models that are built by time range,
    the batches of the `interval` are built, where one is given, whether they are there or not. Where it
    `claims` the environment, it is not carried out while another such plan is; where it `removes`, what is no
    longer in the project goes. With `forward_only`, incremental models go on with the rows that they have
    where code has changed. Of the models that are named in `allow_destructive`, columns of the table may be
    lost. Where nodes are named to `restate`, the interval is for these alone, and all others are built as
    always. With `skip_backfill`, only what computes no rows is done.
    """

    target: str
    threads: int
    full_refresh: bool = False
    forward_only: bool = False
    skip_backfill: bool = False
    allow_destructive: frozenset[str] = frozenset()
    fail_fast: bool = False
    store_failures: bool = False
    force: bool = False
    now: datetime | None = None
    interval: Interval | None = None
    restate: frozenset[NodeId] = frozenset()
    claims: bool = False
    removes: bool = False

    def interval_of(self, node: NodeId) -> Interval | None:
        """The interval that is built of a node, where one is asked for."""
        return self.interval if not self.restate or node in self.restate else None

    @property
    def forces(self) -> bool:
        """Whether what is selected is built in any case."""
        return self.force or self.full_refresh


def make_plan(
    program: Program,
    command: Command,
    selected: frozenset[NodeId],
    options: PlanOptions,
    past: Past | None = None,
    codes: Mapping[NodeId, str] = _NO_CODES,
    impact: Impact | None = None,
) -> Plan:
    """Plans the selected nodes in the graph's order.

    A file source that the engine can't read in place is loaded wherever a selected node reads it. What is
    as it should be, by the `past` and the digests of each node's code, is not built; without a past,
    everything selected is. `impact` tells what reads none of what will be other than it was.
    """
    effective = effective_parents(program)
    wanted = _wanted(program, command, selected, effective)
    before = _planned_before(program, wanted, effective)
    audited = audited_nodes(program, wanted, effective)
    if command is Command.SEED:
        # Of the tests, only those that a seed can't be published without.
        wanted = frozenset(n for n in wanted if program.graph.nodes[n].kind is NodeKind.SEED or n in audited)
    gates = _gates(program, wanted - audited.keys(), effective, before)
    audits = _audits(program, options, wanted, audited, effective)
    known = None if command is Command.TEST else past
    carried = find_carried(program, known, wanted, effective, impact) if known is not None else ()
    takes = find_takes(program, codes, known, wanted, effective, options.now) if known is not None else ()
    shared = shared_nodes(program, codes, known, takes, effective) if known is not None else Shared()
    known = taken(known, takes) if known is not None else None
    judge = Judge(program, codes, known, force=options.forces, now=options.now, shared=shared, impact=impact)
    took = {take.node for take in takes}
    actions, unchanged = list[Action](), list[NodeId]()
    for node in program.graph.order:
        if node not in wanted or node in audited:
            continue
        tests = audits.get(node, ())
        work = _work(program, node, options, _outside(program, effective[node], wanted), tests)
        if work is None:
            continue
        asked = _asked(program, node, options) if options.interval_of(node) is not None else ""
        verdict = judge.verdict(node, effective[node], asked=asked, tests=tests)
        if not verdict.reason:
            unchanged += [*(test.node for test in tests), *(() if node in took else (node,))]
            continue
        if past is None and node not in selected:
            verdict = replace(verdict, reason="read by what is selected")
        after, info = (*before[node], *gates.get(node, ())), program.graph.nodes[node]
        actions.append(_action(info, work, after, verdict, codes.get(node, ""), effective[node]))
    plan = Plan(
        command=command.value,
        target=options.target,
        threads=options.threads,
        fail_fast=options.fail_fast,
        now=options.now,
        schemas=_schemas(actions, takes),
        physical=_physical(program, actions),
        actions=tuple(actions),
        unchanged=tuple(unchanged),
        untold=judge.untold(node for action in actions for node in action.reads),
        takes=takes,
        carried=carried,
        gone=known.removed if known is not None and not program.graph.nodes.keys() - selected else (),
        drops_gone=options.removes and program.environment.is_virtual,
        claims=options.claims or bool(takes or carried),
    )
    plan = without_filling(plan, known) if options.skip_backfill else plan
    return plan.reading(past.deferred.values()) if past is not None else plan


def _action(
    node: Node,
    work: Work,
    after: tuple[NodeId, ...],
    verdict: Verdict,
    code: str,
    reads: tuple[NodeId, ...],
) -> Action:
    return Action(
        node=node.id,
        name=node.name,
        kind=node.kind.value,
        materialized=node.materialized,
        work=work,
        after=after,
        verdict=verdict,
        code=code,
        reads=reads,
    )


def _asked(program: Program, node: NodeId, options: PlanOptions) -> str:
    """Why a model is built where an interval is asked for; empty for what is not built by time range."""
    model = program.models.get(node)
    if model is None or model.time is None:
        return ""
    asked = "restated" if node in options.restate else "asked for"
    return f"{asked}, and with it what depends on it" if model.time.depends_on_past else asked


def of_command(program: Program, command: Command, selected: Collection[NodeId]) -> frozenset[NodeId]:
    """Gives what a command does something with, of what is selected."""
    kinds = {
        Command.BUILD: {NodeKind.MODEL, NodeKind.SEED, NodeKind.SNAPSHOT, NodeKind.SOURCE, NodeKind.TEST},
        Command.TEST: {NodeKind.TEST},
        Command.SEED: {NodeKind.SEED, NodeKind.TEST},
    }[command]
    return frozenset(node for node in selected if program.graph.nodes[node].kind in kinds)


def _wanted(
    program: Program,
    command: Command,
    selected: frozenset[NodeId],
    effective: Mapping[NodeId, tuple[NodeId, ...]],
) -> frozenset[NodeId]:
    nodes = program.graph.nodes
    wanted = {node for node in of_command(program, command, selected) if not is_ephemeral(program, node)}
    loads = {source.id for source in program.sources.values() if source.load is not None}
    if command is Command.BUILD:
        wanted |= {parent for node in wanted for parent in effective.get(node, ()) if parent in loads}
    return frozenset(node for node in wanted if nodes[node].kind is not NodeKind.SOURCE or node in loads)


def _planned_before(
    program: Program, wanted: frozenset[NodeId], effective: Mapping[NodeId, tuple[NodeId, ...]]
) -> Mapping[NodeId, tuple[NodeId, ...]]:
    """The planned nodes that each node comes after.

    A parent that is not planned stands for those before it: a view between two planned tables shows what
    the first one will hold, so the second waits for the first.
    """
    out: dict[NodeId, tuple[NodeId, ...]] = {}
    for node in program.graph.order:
        found: dict[NodeId, None] = {}
        for parent in effective[node]:
            found.update(dict.fromkeys((parent,) if parent in wanted else out[parent]))
        out[node] = tuple(found)
    return out


def _gates(
    program: Program,
    wanted: frozenset[NodeId],
    effective: Mapping[NodeId, tuple[NodeId, ...]],
    before: Mapping[NodeId, tuple[NodeId, ...]],
) -> Mapping[NodeId, tuple[NodeId, ...]]:
    """Gives for each planned node the tests that must have passed before it.

    A test gates the nodes that come after everything it reads, the nearest ones: what comes later waits
    for those anyway. So a test over two models gates nothing that only one of them leads to.
    """
    children: dict[NodeId, list[NodeId]] = {}
    for node, parents in effective.items():
        if program.graph.nodes[node].kind is not NodeKind.TEST and not is_ephemeral(program, node):
            for parent in parents:
                children.setdefault(parent, []).append(node)
    gates: dict[NodeId, list[NodeId]] = {}
    below: dict[NodeId, frozenset[NodeId]] = {}
    for test in program.graph.order:
        reads = effective[test]
        if test not in wanted or program.graph.nodes[test].kind is not NodeKind.TEST or not reads:
            continue
        if len(reads) == 1:
            nearest = _first_planned(children, reads[0], wanted)
        else:
            after = wanted.intersection(*(_descendants(children, read, below) for read in reads))
            nearest = {node for node in after if not any(parent in after for parent in before[node])}
        for node in sorted(nearest):
            gates.setdefault(node, []).append(test)
    return {node: tuple(tests) for node, tests in gates.items()}


def _first_planned(
    children: Mapping[NodeId, Sequence[NodeId]], node: NodeId, wanted: frozenset[NodeId]
) -> set[NodeId]:
    """The planned nodes below a node that are reached through nodes which are not planned."""
    seen: set[NodeId] = set()
    stack = [node]
    while stack:
        for child in children.get(stack.pop(), ()):
            if child not in seen:
                seen.add(child)
                if child not in wanted:
                    stack.append(child)
    return seen & wanted


def _descendants(
    children: Mapping[NodeId, Sequence[NodeId]], node: NodeId, known: dict[NodeId, frozenset[NodeId]]
) -> frozenset[NodeId]:
    if node not in known:
        seen: set[NodeId] = set()
        stack = [node]
        while stack:
            for child in children.get(stack.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
        known[node] = frozenset(seen)
    return known[node]


def _outside(program: Program, reads: Sequence[NodeId], wanted: frozenset[NodeId]) -> tuple[Relation, ...]:
    """The relations of the project that a node reads and that the plan does not build.

    Of what is nowhere, there are two: the one that prod could have had as well.
    """
    nodes = [program.models.get(node) or program.seeds.get(node) for node in reads if node not in wanted]
    found = [(node.relation, program.nowhere.get(node.id)) for node in nodes if node is not None]
    return tuple(relation for both in found for relation in both if relation is not None)


def _audits(
    program: Program,
    options: PlanOptions,
    wanted: frozenset[NodeId],
    audited: Mapping[NodeId, NodeId],
    effective: Mapping[NodeId, tuple[NodeId, ...]],
) -> Mapping[NodeId, tuple[RunTest, ...]]:
    """Gives the tests of each node that has such, in the graph's order."""
    out: dict[NodeId, tuple[RunTest, ...]] = {}
    for test in program.graph.order:
        if test in audited:
            run = _test(program, test, options, _outside(program, effective[test], wanted))
            out[audited[test]] = (*out.get(audited[test], ()), run)
    return out


def _work(
    program: Program,
    node: NodeId,
    options: PlanOptions,
    outside: tuple[Relation, ...],
    audits: tuple[RunTest, ...],
) -> Work | None:
    if node in program.models:
        return BuildModel(
            model=program.models[node],
            full_refresh=options.full_refresh,
            forward_only=options.forward_only and _can_go_on(program.models[node]),
            audits=audits,
            interval=options.interval_of(node),
        )
    if node in program.seeds:
        return LoadSeed(seed=program.seeds[node], audits=audits)
    if node in program.sources:
        return LoadSource(source=program.sources[node], audits=audits)
    if node in program.generic_tests or node in program.singular_tests:
        return _test(program, node, options, outside)
    return None


def _can_go_on(model: BoundModel) -> bool:
    """Whether a model goes on with its rows where it is asked to; its own `full_refresh` wins."""
    return model.config.materialized is Materialization.INCREMENTAL and model.config.full_refresh is None


def _test(program: Program, node: NodeId, options: PlanOptions, outside: tuple[Relation, ...]) -> RunTest:
    test = program.generic_tests.get(node) or program.singular_tests[node]
    query = test.query if isinstance(test, BoundSingularTest) else generic_query(test, program.spec)
    return RunTest(
        node=node,
        name=test.name,
        query=query,
        config=replace(test.config, store_failures=True) if options.store_failures else test.config,
        failures=test.failures,
        outside=outside,
        span=test.span,
    )


def _schemas(actions: Sequence[Action], takes: Sequence[Take]) -> tuple[tuple[str | None, str], ...]:
    """Gives the schemas of the names that are published."""
    return _schemas_of((*(take.relation for take in takes), *(_writes(action.work) for action in actions)))


def _physical(program: Program, actions: Sequence[Action]) -> tuple[tuple[str | None, str], ...]:
    """Gives the schemas of the tables by version that are made."""
    if not program.environment.is_virtual:
        return ()
    plain = (program.plain.get(action.node) for action in actions)
    return _schemas_of(physical_name(program.spec, name) for name in plain if name is not None)


def _schemas_of(relations: Iterable[Relation | None]) -> tuple[tuple[str | None, str], ...]:
    found = {(one.database, one.schema) for one in relations if one is not None and one.schema is not None}
    return tuple(sorted(found, key=lambda pair: (pair[0] or "", pair[1])))


def _writes(work: Work) -> Relation | None:
    match work:
        case BuildModel():
            return work.model.relation
        case LoadSeed():
            return work.seed.relation
        case LoadSource():
            return work.source.relation
        case RunTest():
            return None
