"""Puts together what a run needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlflow.adapter.protocol import Adapter, Warehouse
from sqlflow.apply.builder import NodeBuilder
from sqlflow.apply.executor import Execution, new_run_id
from sqlflow.apply.failed_rows import FailedRows
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.freshness import too_old
from sqlflow.apply.leases import Leases
from sqlflow.apply.looking import Seen, Subject, look_around
from sqlflow.apply.places import Stages
from sqlflow.apply.promotion import make_promoter
from sqlflow.apply.run_hooks import RunHookRunner
from sqlflow.apply.signals import Signals
from sqlflow.apply.versioned import Versions
from sqlflow.apply.work import Workshop
from sqlflow.bind.types import Program
from sqlflow.core.diagnostic import Severity
from sqlflow.plan.replaced import made_again
from sqlflow.plan.types import Plan
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


def open_run(warehouse: Warehouse, subject: Subject, events: EventLog) -> Opened:
    """Reads what a run has to know of an open warehouse, and of earlier runs.

    `events` is the log of the project's state. Raises ProjectError where the warehouse can't be looked into.
    """
    run, settings = new_run_id(), subject.settings
    return Opened(
        run=run,
        warehouse=warehouse,
        adapter=subject.adapter,
        system=subject.system,
        leases=leases_of(warehouse, subject.adapter, settings, subject.system, run),
        events=events,
        seen=look_around(warehouse, subject, fold(State(), events.events())),
    )


def execution(plan: Plan, opened: Opened) -> Execution:
    """Makes the run of a plan; it closes the warehouse when it ends."""
    spec, program = opened.adapter.spec, opened.seen.bound.program
    now = opened.system.now()
    promoter = make_promoter(
        spec,
        opened.seen.catalog,
        opened.seen.log,
        program.plain,
        made_again(plan, program),
        opened.run,
        now,
    )
    functions, questions = FunctionRunner(opened.system), promoter.versions.questions
    builder = _builder(opened, program, promoter.versions, functions, now)
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
        impact=opened.seen.impact,
        codes=opened.seen.codes,
        now=plan.now or now,
    )
    known = opened.seen.state.publications
    unseen = tuple(
        found
        for found in opened.seen.past.publications.values()
        if known.get((found.environment, found.node)) != found and found.node not in opened.seen.past.carried
    )
    told = [found.diagnostic or too_old(found) for found in opened.seen.freshness]
    warnings = tuple(replace(d, severity=Severity.WARNING) for d in told if d is not None)
    hooks = RunHookRunner(opened.seen.bound.run_hooks, opened.warehouse, opened.adapter, opened.system)
    return Execution(
        plan, opened.warehouse, opened.adapter, opened.system, workshop, promoter, unseen, hooks, warnings
    )


def _builder(
    opened: Opened,
    program: Program,
    versions: Versions,
    functions: FunctionRunner,
    now: datetime,
) -> NodeBuilder:
    seen, spec = opened.seen, opened.adapter.spec
    return NodeBuilder(
        spec=spec,
        system=opened.system,
        functions=functions,
        catalog=seen.catalog,
        publisher=versions.publisher,
        questions=versions.questions,
        log=seen.log,
        leases=opened.leases,
        stages=Stages(
            spec=spec, catalog=seen.catalog, publisher=versions.publisher, log=seen.log, intents=seen.intents
        ),
        versions=versions if program.environment.is_virtual else None,
        run=opened.run,
        now=now,
    )


def leases_of(warehouse: Warehouse, adapter: Adapter, settings: Settings, system: System, run: str) -> Leases:
    """Makes the leases of a run."""
    return Leases(
        warehouse,
        adapter,
        settings.target.database,
        run=run,
        told=system.process(),
        seconds=settings.lease_time,
        patience=settings.lock_timeout,
        clock=system.monotonic,
    )
