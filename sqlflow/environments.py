"""Looks after the environments of a project: lists them, goes back to what one was, drops them, cleans up."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, did_you_mean
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.dialect.environments import PROD
from sqlflow.dialect.names import read_relation
from sqlflow.workspace import Workspace

if TYPE_CHECKING:
    from sqlflow.adapter.protocol import Session, Warehouse
    from sqlflow.apply.environments import Collected, EnvironmentStatus, RolledBack
    from sqlflow.apply.leases import Leases
    from sqlflow.apply.promotion import Promoter
    from sqlflow.apply.publish_log import PublishLog
    from sqlflow.apply.sender import Sender


def list_environments(work: Workspace) -> tuple[EnvironmentStatus, ...]:
    """Says what environments there are in the warehouse, which is only looked into."""
    from sqlflow.apply.environments import statuses

    ttl = timedelta(days=work.settings().environment_ttl)
    with _looked(work) as (log, session):
        return statuses(log.everywhere(session), log.history.read(session), log.tables.owners(), ttl)


def shown(work: Workspace, *names: str) -> tuple[Mapping[NodeId, Relation], ...]:
    """Gives the table or view by which each environment shows each node; the warehouse is only looked into.

    Where an environment's view shows a table by version, it is that table: two that show one are equal.
    Raises ProjectError where there is no environment of one of the names.
    """
    spec = work.adapter().spec
    with _looked(work) as (log, session):
        everywhere = log.everywhere(session)
    out: list[Mapping[NodeId, Relation]] = []
    for name in names:
        if name not in everywhere:
            raise ProjectError([_no_environment(name, tuple(everywhere))])
        last = everywhere[name].items()
        out.append({node: one.table or read_relation(spec, one.relation) for node, one in last})
    return tuple(out)


@contextmanager
def _looked(work: Workspace) -> Generator[tuple[PublishLog, Session]]:
    """Opens the warehouse to look at what all environments show."""
    from sqlflow.apply.publish_log import PublishLog

    log = PublishLog(work.adapter().spec, work.settings().target.database, PROD)
    with closing(work.open_or_empty()) as warehouse, closing(warehouse.session()) as session:
        log.tables.read(session)
        yield log, session


def roll_back(work: Workspace) -> RolledBack:
    """Makes the environment what it was before its code changed last.

    Raises ProjectError where there is nothing to go back to, or another run changes the environment.
    """
    from sqlflow.apply.environments import can_undo
    from sqlflow.apply.environments import roll_back as go_back
    from sqlflow.apply.promotion import make_promoter
    from sqlflow.plan.versions import version_id

    program = work.program()
    environment = program.environment.name
    if environment not in {one.name for one in list_environments(work)}:
        raise ProjectError([_nothing(environment)])
    nodes = frozenset(program.graph.nodes)
    with work.opened(nodes, nodes) as opened, ExitStack() as stack:
        for closed in (opened.events, opened.warehouse, opened.leases):
            stack.callback(closed.close)
        log, spec = opened.seen.log, opened.adapter.spec
        planned = frozenset(model.relation for model in program.models.values())
        promoter = make_promoter(
            spec, opened.seen.catalog, log, program.plain, planned, opened.run, work.compiled.system.now()
        )
        with _sender(work, opened.warehouse, opened.leases, log.environment) as sender:
            with sender.asking() as session:
                entries = log.history.read(session, log.environment)
            if not entries or not can_undo(entries[-1], opened.seen.past.publications):
                raise ProjectError([_nothing(log.environment)])
            before = [one for one in entries[-1].before.values() if one is not None]
            with sender.asking() as session:
                versions = log.versions.read(session, sorted({version_id(one.code) for one in before}))
            return go_back(program, entries[-1], versions, promoter, sender)


def drop(work: Workspace, name: str) -> None:
    """Drops all that an environment shows; raises ProjectError where it is prod, or not there."""
    from sqlflow.apply.environments import drop_environment

    known = tuple(one.name for one in list_environments(work))
    if name == PROD or name not in known:
        raise ProjectError([_not_dropped(name, known)])
    with _opened(work, name) as (promoter, sender):
        with sender.asking() as session:
            everywhere = dict(promoter.log.everywhere(session))
        drop_environment(everywhere.pop(name, {}), everywhere, promoter, sender)


def collect(work: Workspace, *, dry_run: bool = False) -> Collected:
    """Drops the environments that have expired and the tables that nothing shows.

    With `dry_run`, only says which these are.
    """
    from sqlflow.apply.environments import Collected, collectable, drop_tables, is_read

    now, ttl = work.compiled.system.now(), timedelta(days=work.settings().environment_ttl)
    known = list_environments(work)
    if not known:
        return Collected(environments=(), tables=(), kept=())
    expired = [e.name for e in known if e.expires is not None and e.expires < now]
    for name in () if dry_run else expired:
        drop(work, name)
    with _opened(work, PROD) as (promoter, sender):
        log = promoter.log
        with sender.asking() as session:
            held, shown = log.tables.read(session), log.everywhere(session)
            entries = log.history.read(session)
        alive = [name for name in shown if name not in expired]
        old = [entry for entry in entries if entry.at < now - ttl or entry.environment not in alive]
        needed = [entry for entry in entries if entry not in old]
        last = [one for name in alive for one in shown[name].values()]
        tables = collectable(held, last, needed, now - ttl)
        kept = [table for table in tables if is_read(table, promoter, sender)]
        dropped = [table for table in tables if table not in kept]
        if not dry_run:
            drop_tables(dropped, old, promoter, sender)
    return Collected(
        environments=tuple(expired),
        tables=tuple(str(table) for table in dropped),
        kept=tuple(str(table) for table in kept),
    )


@contextmanager
def _opened(work: Workspace, environment: str) -> Generator[tuple[Promoter, Sender]]:
    """Opens the warehouse for an environment whose nodes are not asked about."""
    from sqlflow.apply.catalog import Catalog
    from sqlflow.apply.executor import new_run_id
    from sqlflow.apply.promotion import make_promoter
    from sqlflow.apply.publish_log import PublishLog
    from sqlflow.apply.run import leases_of

    adapter, settings, run = work.adapter(), work.settings(), new_run_id()
    with ExitStack() as stack:
        warehouse = work.open()
        stack.callback(warehouse.close)
        leases = leases_of(warehouse, adapter, settings, work.compiled.system, run)
        stack.callback(leases.close)
        log = PublishLog(adapter.spec, settings.target.database, environment)
        promoter = make_promoter(
            adapter.spec, Catalog(adapter.spec), log, {}, frozenset(), run, work.compiled.system.now()
        )
        with _sender(work, warehouse, leases, environment) as sender:
            with sender.asking() as session:
                log.tables.read(session)
            yield promoter, sender


@contextmanager
def _sender(work: Workspace, warehouse: Warehouse, leases: Leases, environment: str) -> Generator[Sender]:
    """Gives what sends statements, under the environment's lease; raises ProjectError where that is held."""
    from sqlflow.apply.environment_run import environment_sender
    from sqlflow.apply.failures import WorkFailedError, environment_held

    adapter, system, span = work.adapter(), work.compiled.system, work.settings().target.span
    try:
        with environment_sender(
            warehouse, adapter, system, environment, span, lambda event: None, threading.Event()
        ) as sender:
            holder = leases.claim(environment, sender)
            if holder is not None:
                raise ProjectError([environment_held(environment, holder, None)])
            yield sender
    except WorkFailedError as error:
        raise ProjectError(error.diagnostics) from error


def _nothing(environment: str) -> Diagnostic:
    return Diagnostic(
        code=Code.NOTHING_BEFORE,
        message=f"there is nothing that the environment `{environment}` was before",
        help="put the code back to what it was, and build it",
    )


def _not_dropped(name: str, known: tuple[str, ...]) -> Diagnostic:
    others = tuple(one for one in known if one != PROD)
    if name == PROD:
        return Diagnostic(code=Code.INVALID_VALUE, message="`prod` is never dropped", help=_there_are(others))
    return _no_environment(name, others)


def _no_environment(name: str, known: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        code=Code.INVALID_VALUE,
        message=f"there is no environment `{name}`",
        help=did_you_mean(name, known) or _there_are(known),
    )


def _there_are(names: tuple[str, ...]) -> str:
    return f"there are: {', '.join(names)}" if names else "there is no other"
