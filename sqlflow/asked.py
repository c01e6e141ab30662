"""What a build is asked for, as the options of its plan; and whether the plan may do it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.plan.due import Interval
from sqlflow.plan.losses import find_losses
from sqlflow.plan.plan import PlanOptions
from sqlflow.plan.renames import find_refused
from sqlflow.plan.restated import check_interval
from sqlflow.plan.types import Plan, RunTest
from sqlflow.workspace import Workspace

if TYPE_CHECKING:
    from sqlflow.adapter.protocol import Warehouse
    from sqlflow.apply.looking import Seen
    from sqlflow.bind.types import Program
    from sqlflow.core.relation import Relation


def plan_options(
    work: Workspace,
    full_refresh: bool,
    force: bool,
    fail_fast: bool,
    threads: int | None,
    store_failures: bool,
    *,
    forward_only: bool = False,
) -> PlanOptions:
    """Gives the options of a plan that is made now; raises ValueError where they exclude each other."""
    if full_refresh and forward_only:
        raise ValueError("a full refresh makes rows anew, and what is forward only keeps them")
    settings = work.compiled.settings
    return PlanOptions(
        target=work.target,
        threads=threads or (settings.target.threads if settings else 1),
        full_refresh=full_refresh,
        forward_only=forward_only,
        force=force,
        fail_fast=fail_fast,
        store_failures=store_failures,
        now=work.compiled.system.now(),
    )


def skipping(options: PlanOptions, skip_backfill: bool) -> PlanOptions:
    """Leaves out what computes rows, where that is asked for; raises ValueError where these are, too."""
    if skip_backfill and options.full_refresh:
        raise ValueError("a full refresh makes rows anew, and without a backfill none are made")
    return replace(options, skip_backfill=skip_backfill)


def allowing(work: Workspace, options: PlanOptions, names: Collection[str]) -> PlanOptions:
    """Lets the models of these names lose columns; raises ProjectError for one that there is not."""
    for name in names:
        work.find(name)
    return replace(options, allow_destructive=frozenset(names))


def within(
    work: Workspace,
    options: PlanOptions,
    start: datetime | None,
    end: datetime | None,
    restate: Collection[str],
    select: Sequence[str],
    exclude: Sequence[str],
) -> PlanOptions:
    """Adds the interval that is asked for, and the nodes that it is for where these are named.

    Raises ValueError where it is none, ProjectError where no model has one to build.
    """
    if start is None and end is None:
        if restate:
            raise ValueError("what is restated is an interval: its start or its end is missing")
        return options
    if options.skip_backfill:
        raise ValueError("an interval is built, and without a backfill nothing is")
    if options.full_refresh:
        raise ValueError("a full refresh builds all batches, and not those of an interval")
    if Interval(start, end).is_backward:
        raise ValueError("the interval ends before it starts")
    program, chosen, _ = work.select(select, exclude)
    named = frozenset(work.find(name) for name in restate)
    check_interval(program, chosen, named)
    return replace(options, interval=Interval(start, end), restate=named)


def check_plan(
    work: Workspace, plan: Plan, seen: Seen, options: PlanOptions, warehouse: Warehouse | None = None
) -> tuple[Relation, ...]:
    """Gives the views from outside the project that are made again along with what they read.

    Raises ProjectError where a plan would lose data that it is not allowed to, would break such a view, would
    rename what can't be, or is known to fail. The `warehouse` is the one that is open; else one is opened
    where there is something to ask.
    """
    wrong = [
        *_missing_parents(plan, seen.bound.program),
        *find_refused(plan, seen.bound.program, seen.past),
    ]
    if wrong:
        raise ProjectError(wrong)
    before = seen.past.begun_from
    found = find_losses(plan, seen.bound.program, before, seen.tables, options.allow_destructive)
    outside = work.look_outside(plan, seen, warehouse)
    if found or outside.problems:
        raise ProjectError((*found, *outside.problems))
    return outside.kept


def check_there(program: Program, reads: Iterable[NodeId]) -> None:
    """Raises ProjectError where something that is read is neither there nor in prod."""
    found = [
        _nowhere(program, node, program.graph.nodes[node].span) for node in reads if node in program.nowhere
    ]
    if found:
        raise ProjectError(found)


def _missing_parents(plan: Plan, program: Program) -> Iterator[Diagnostic]:
    """Tells of what is built of something that is neither there nor in prod."""
    for action in plan.actions:
        for node in () if isinstance(action.work, RunTest) else action.reads:
            if node in program.nowhere:
                yield _nowhere(program, node, program.graph.nodes[action.node].span, action.name)


def _nowhere(program: Program, node: NodeId, span: Span, reader: str = "") -> Diagnostic:
    bound = program.models.get(node) or program.seeds[node]
    what = f"`{reader}` reads what is" if reader else f"`{bound.name}` is"
    return Diagnostic(
        code=Code.PARENT_MISSING,
        message=f"{what} neither there, `{bound.relation}`, nor in prod, `{program.nowhere[node]}`",
        span=span,
        help="build it here (select it as well), or in prod",
    )
