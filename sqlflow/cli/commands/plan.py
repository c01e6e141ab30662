"""`sqlflow plan`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("plan", cls=options.SelectCommand)
@click.argument("environment", required=False, metavar="[ENV]")
@options.selection
@options.defer
@options.full_refresh
@options.forward_only
@options.skip_backfill
@options.allow_destructive
@options.force
@options.interval
@options.restate
@click.option("-o", "out", metavar="FILE", help="Save the plan, for `sqlflow apply FILE`.")
@click.option("--markdown", is_flag=True, help="Write it for a pull request.")
@click.option("--exit-code", is_flag=True, help="End with 3 where the code has changes.")
@click.option("-v", "--verbose", is_flag=True, help="Show all that is built.")
@options.with_session()
def command(
    session: Session,
    *,
    environment: str | None,
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
    out: str | None,
    markdown: bool,
    exit_code: bool,
    verbose: bool,
) -> None:
    """Show what a build would do, and why.

    ENV is the environment, prod if it is left out. What changed in the code since it was built, in words of
    SQL; what is built because of that, or because of new data, and what is taken from another environment;
    what it took last time. The warehouse is looked into, and nothing is changed.
    """
    from sqlflow.cli.failures import CHANGES
    from sqlflow.cli.views.plan import plan_markdown, plan_record, plan_text
    from sqlflow.plan.saved import encode_plan

    if environment is not None:
        if session.given.env not in (None, environment):
            raise click.UsageError(f"ENV and --env {session.given.env} exclude each other")
        session.given = session.given._replace(env=environment)
    session.defer = options.deferring(defer=defer, defer_to=defer_to, favor_state=favor_state)
    options.check_interval(start, end, full_refresh=full_refresh, restate=restate)
    options.check_forward_only(forward_only=forward_only, full_refresh=full_refresh)
    options.check_skip_backfill(skip_backfill=skip_backfill, full_refresh=full_refresh, start=start, end=end)
    if markdown and session.terminal.is_json:
        raise click.UsageError("--markdown and --json exclude each other")
    found = session.load(select, exclude).review(
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
    )
    record, terminal = plan_record(found.review), session.terminal
    if terminal.is_json:
        terminal.record(record)
    elif markdown:
        terminal.data(plan_markdown(found.review))
    else:
        terminal.data(plan_text(found.review, paint=terminal.paint_data, all_work=verbose))
    if out is not None:
        _write(out, encode_plan(found.saved, record))
        terminal.tell(f"saved: sqlflow apply {out}")
    if exit_code and found.review.changes_code:
        click.get_current_context().exit(CHANGES)


def _write(path: str, text: str) -> None:
    """Writes a file where the user wants it; raises UsageError where that can't be."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.UsageError(f"{path} can't be written: {error.strerror or error}") from error
