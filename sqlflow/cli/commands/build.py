"""`sqlflow build`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("build", cls=options.SelectCommand)
@options.selection
@options.defer
@options.full_refresh
@options.forward_only
@options.skip_backfill
@options.allow_destructive
@options.force
@options.interval
@options.restate
@options.running
@options.store_failures
@options.with_session()
def command(
    session: Session,
    *,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    defer: bool,
    defer_to: str | None,
    favor_state: bool,
    full_refresh: bool,
    forward_only: bool,
    skip_backfill: bool,
    allow_destructive: tuple[str, ...],
    force: bool,
    start: datetime | None,
    end: datetime | None,
    restate: tuple[str, ...],
    fail_fast: bool,
    threads: int | None,
    store_failures: bool,
) -> None:
    """Load seeds, build models, run tests, in order.

    Nodes run as soon as what they read is done. The tests of a model hold back what reads it; a failure
    skips what depends on it and nothing else.
    """
    from sqlflow.cli.runs import run

    session.defer = options.deferring(defer=defer, defer_to=defer_to, favor_state=favor_state)
    options.check_interval(start, end, full_refresh=full_refresh, restate=restate)
    options.check_forward_only(forward_only=forward_only, full_refresh=full_refresh)
    options.check_skip_backfill(skip_backfill=skip_backfill, full_refresh=full_refresh, start=start, end=end)

    run(
        session,
        lambda project: project.build(
            select,
            exclude,
            full_refresh=full_refresh,
            forward_only=forward_only,
            skip_backfill=skip_backfill,
            allow_destructive=allow_destructive,
            force=force,
            start=start,
            end=end,
            restate=restate,
            fail_fast=fail_fast,
            threads=threads,
            store_failures=store_failures,
        ),
        select,
        exclude,
    )
