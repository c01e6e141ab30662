"""`sqlflow apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session
    from sqlflow.plan.saved import SavedPlan


@click.command("apply")
@click.argument("file", required=False)
@options.allow_destructive
@options.running
@click.option("--yes", is_flag=True, help="Don't ask; for a plan that is made now.")
@options.with_session()
def command(
    session: Session,
    *,
    file: str | None,
    allow_destructive: tuple[str, ...],
    fail_fast: bool,
    threads: int | None,
    yes: bool,
) -> None:
    """Do what was planned, and nothing else.

    With the FILE that `sqlflow plan -o` saved, what was reviewed is done; if the code of what it builds has
    changed since, or somebody else has built it, nothing is. Without one, the plan is made now and shown, and
    done if that is agreed to.
    """
    from sqlflow.cli.runs import run

    saved = _read(file) if file is not None else _asked(session, allow_destructive, yes)
    if saved is None:
        return
    if session.given.env is None:
        # A plan is of one environment.
        session.given = session.given._replace(env=saved.environment)
    session.defer = saved.defer
    run(
        session,
        lambda project: project.apply_saved(
            saved, threads=threads, fail_fast=fail_fast, allow_destructive=allow_destructive
        ),
        saved.select,
        saved.exclude,
    )


def _read(path: str) -> SavedPlan:
    from sqlflow.plan.saved import UnreadablePlanError, decode_plan

    try:
        with open(path, encoding="utf-8") as file:
            return decode_plan(file.read())
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise click.UsageError(f"{path} can't be read: {why}") from error
    except UnreadablePlanError as error:
        raise click.UsageError(f"{path} is no plan: {error}") from error


def _asked(session: Session, allow_destructive: tuple[str, ...], yes: bool) -> SavedPlan | None:
    """Makes a plan and shows it; None where there is nothing to do, or it is not agreed to."""
    from sqlflow.cli.views.plan import plan_record, plan_text

    terminal = session.terminal
    if not yes and not terminal.live:
        raise click.UsageError("there is nobody to ask here: name the FILE of a plan, or give --yes")
    found = session.load().review(allow_destructive=allow_destructive)
    if terminal.is_json:
        terminal.record(plan_record(found.review))
    else:
        terminal.data(plan_text(found.review, paint=terminal.paint_data))
    if not (found.review.work or found.review.renamed or found.review.taken or found.review.drops):
        return None
    if not yes and not click.confirm("apply it?", err=True):
        return None
    return found.saved
