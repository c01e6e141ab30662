"""Puts together what a run needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlflow.adapter.protocol import Adapter, Warehouse
from sqlflow.apply.builder import NodeBuilder
from sqlflow.apply.executor import Execution, new_run_id
from sqlflow.apply.failed_rows import FailedRows
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.freshness import SourceQuestion, too_old
from sqlflow.apply.leases import Leases
from sqlflow.apply.looking import Seen, look_around
from sqlflow.apply.places import Stages
from sqlflow.apply.publish import Publisher
from sqlflow.apply.questions import Questions
from sqlflow.apply.run_hooks import RunHookRunner
from sqlflow.apply.signals import Signals
from sqlflow.apply.work import Workshop
from sqlflow.bind.run_hooks import RunHooks
from sqlflow.bind.types import Program
from sqlflow.core.diagnostic import Severity
from sqlflow.core.ids import NodeId
from sqlflow.plan.types import Plan
from sqlflow.plan.versions import Version
from sqlflow.project.types import Settings
from sqlflow.state.state import State, fold
from sqlflow.store.log import EventLog
from sqlflow.system.protocol import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open warehouse, and what is known of it; `run` is the id of the run that it was opened for."""

    run: str
    warehouse: Warehouse
    adapter: Adapter
    system: System
    leases: Leases
    events: EventLog
    seen: Seen


def open_run(
    warehouse: Warehouse,
    adapter: Adapter,
    system: System,
    program: Program,
    settings: Settings,
    outside: Mapping[NodeId, str],
    versions: Mapping[NodeId, Version],
    events: EventLog,
    asked: Sequence[SourceQuestion],
) -> Opened:
    """Reads what a run has to know of an open warehouse, and of earlier runs.

    `outside` has what the files that are sources tell of their version, `versions` what the nodes are built
    from; `asked` are the sources that the warehouse is asked about, `events` is the log of the project's
    state. Raises ProjectError where the warehouse can't be looked into.
    """
    run = new_run_id()
    state = fold(State(), events.events())
    return Opened(
        run=run,
        warehouse=warehouse,
        adapter=adapter,
        system=system,
        leases=Leases(
            warehouse,
            adapter,
            settings.target.database,
            run=run,
            told=system.process(),
            seconds=settings.lease_time,
            patience=settings.lock_timeout,
            clock=system.monotonic,
        ),
        events=events,
        seen=look_around(
            warehouse, adapter, system, program, settings.target, outside, versions, state, asked
        ),
    )


def execution(plan: Plan, program: Program, opened: Opened, run_hooks: RunHooks) -> Execution:
    """Makes the run of a plan; it closes the warehouse when it ends."""
    spec = opened.adapter.spec
    models = (program.models.get(action.node) for action in plan.actions)
    publisher = Publisher(
        spec=spec,
        catalog=opened.seen.catalog,
        planned=frozenset(model.relation for model in models if model is not None),
    )
    functions, now = FunctionRunner(opened.system), opened.system.now()
    questions = Questions(spec=spec, catalog=opened.seen.catalog, log=opened.seen.log)
    builder = NodeBuilder(
        spec=spec,
        system=opened.system,
        functions=functions,
        catalog=opened.seen.catalog,
        publisher=publisher,
        questions=questions,
        log=opened.seen.log,
        leases=opened.leases,
        stages=Stages(
            spec=spec,
            catalog=opened.seen.catalog,
            publisher=publisher,
            log=opened.seen.log,
            intents=opened.seen.intents,
        ),
        run=opened.run,
        now=now,
    )
    workshop = Workshop(
        spec=spec,
        system=opened.system,
        signals=Signals(functions=functions, now=now),
        catalog=opened.seen.catalog,
        failed_rows=FailedRows(spec=spec, catalog=opened.seen.catalog),
        questions=questions,
        log=opened.seen.log,
        intents=opened.seen.intents,
        leases=opened.leases,
        builder=builder,
        now=plan.now or now,
    )
    known = opened.seen.state.publications
    unseen = tuple(
        found
        for found in opened.seen.past.publications.values()
        if known.get((found.environment, found.node)) != found
    )
    told = [found.diagnostic or too_old(found) for found in opened.seen.freshness]
    warnings = tuple(replace(d, severity=Severity.WARNING) for d in told if d is not None)
    hooks = RunHookRunner(run_hooks, opened.warehouse, opened.adapter, opened.system)
    return Execution(plan, opened.warehouse, opened.adapter, opened.system, workshop, unseen, hooks, warnings)
