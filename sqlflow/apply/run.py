"""Puts together what a run needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from sqlflow.adapter.protocol import Adapter, Failure, Warehouse
from sqlflow.apply.builder import NodeBuilder
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.executor import Execution, new_run_id
from sqlflow.apply.failed_rows import FailedRows
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.freshness import SourceFreshness, SourceQuestion, ask_sources, reasons_to_wait, too_old
from sqlflow.apply.intents import Intents
from sqlflow.apply.leases import Leases
from sqlflow.apply.past import node_relations, read_past
from sqlflow.apply.places import Stages
from sqlflow.apply.publish import Publisher
from sqlflow.apply.publish_log import PublishLog
from sqlflow.apply.questions import Questions
from sqlflow.apply.run_hooks import RunHookRunner
from sqlflow.apply.signals import Signals
from sqlflow.apply.work import Workshop
from sqlflow.bind.run_hooks import RunHooks
from sqlflow.bind.types import Program
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, Severity
from sqlflow.core.ids import NodeId
from sqlflow.plan.stale import Past
from sqlflow.plan.types import Plan
from sqlflow.project.types import Settings, Target
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
    catalog: Catalog
    log: PublishLog
    intents: Intents
    leases: Leases
    past: Past
    events: EventLog
    state: State
    freshness: tuple[SourceFreshness, ...]


def open_run(
    warehouse: Warehouse,
    adapter: Adapter,
    system: System,
    program: Program,
    settings: Settings,
    outside: Mapping[NodeId, str],
    events: EventLog,
    asked: Sequence[SourceQuestion],
) -> Opened:
    """Reads what a run has to know of an open warehouse, and of earlier runs.

    `outside` has what the files that are sources tell of their version, `asked` are the sources that the
    warehouse is asked about; `events` is the log of the project's state. Raises ProjectError where the
    warehouse can't be looked into.
    """
    catalog = Catalog(adapter.spec)
    target, run = settings.target, new_run_id()
    log, intents = PublishLog(adapter.spec, target.database), Intents(adapter.spec, target.database)
    leases = Leases(
        warehouse,
        adapter,
        target.database,
        run=run,
        told=system.process(),
        seconds=settings.lease_time,
        patience=settings.lock_timeout,
        clock=system.monotonic,
    )
    try:
        state = fold(State(), events.events())
        with closing(warehouse.session()) as session:
            freshness = ask_sources(asked, session, adapter, system)
            told = {found.node: found.version for found in freshness if found.version is not None}
            past = read_past(
                program,
                {**outside, **told},
                state,
                log,
                intents,
                catalog,
                session,
                reasons_to_wait(freshness),
            )
    except ProjectError:
        raise
    except Exception as error:
        raise ProjectError([_not_seen(adapter.classify(error), target)]) from error
    log.begin(past, node_relations(program))
    return Opened(
        run=run,
        warehouse=warehouse,
        adapter=adapter,
        system=system,
        catalog=catalog,
        log=log,
        intents=intents,
        leases=leases,
        past=past,
        events=events,
        state=state,
        freshness=freshness,
    )


def _not_seen(failure: Failure, target: Target) -> Diagnostic:
    return Diagnostic(
        code=Code.NO_CONNECTION,
        message=f"the warehouse of `{target.name}` can't be looked into: {failure.message}",
        span=target.span,
        help=failure.hint or "the user of this target needs the right to read its schemas",
    )


def execution(plan: Plan, program: Program, opened: Opened, run_hooks: RunHooks) -> Execution:
    """Makes the run of a plan; it closes the warehouse when it ends."""
    spec = opened.adapter.spec
    models = (program.models.get(action.node) for action in plan.actions)
    publisher = Publisher(
        spec=spec,
        catalog=opened.catalog,
        planned=frozenset(model.relation for model in models if model is not None),
    )
    functions, now = FunctionRunner(opened.system), opened.system.now()
    questions = Questions(spec=spec, catalog=opened.catalog, log=opened.log)
    builder = NodeBuilder(
        spec=spec,
        system=opened.system,
        functions=functions,
        catalog=opened.catalog,
        publisher=publisher,
        questions=questions,
        log=opened.log,
        leases=opened.leases,
        stages=Stages(
            spec=spec,
            catalog=opened.catalog,
            publisher=publisher,
            log=opened.log,
            intents=opened.intents,
        ),
        run=opened.run,
        now=now,
    )
    workshop = Workshop(
        spec=spec,
        system=opened.system,
        signals=Signals(functions=functions, now=now),
        catalog=opened.catalog,
        failed_rows=FailedRows(spec=spec, catalog=opened.catalog),
        questions=questions,
        log=opened.log,
        intents=opened.intents,
        leases=opened.leases,
        builder=builder,
        now=now,
    )
    known = opened.state.publications
    unseen = tuple(
        found
        for found in opened.past.publications.values()
        if known.get((found.environment, found.node)) != found
    )
    told = [found.diagnostic or too_old(found) for found in opened.freshness]
    warnings = tuple(replace(d, severity=Severity.WARNING) for d in told if d is not None)
    hooks = RunHookRunner(run_hooks, opened.warehouse, opened.adapter, opened.system)
    return Execution(plan, opened.warehouse, opened.adapter, opened.system, workshop, unseen, hooks, warnings)
