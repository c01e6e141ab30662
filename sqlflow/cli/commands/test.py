"""`sqlflow test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("test", cls=options.SelectCommand)
@options.selection
@options.defer
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
    fail_fast: bool,
    threads: int | None,
    store_failures: bool,
) -> None:
    """Run data tests on what is in the warehouse.

    Nothing is built. A test that finds wrong rows fails, or warns where its severity says so.
    """
    from sqlflow.cli.runs import run

    session.defer = options.deferring(defer=defer, defer_to=defer_to, favor_state=favor_state)
    run(
        session,
        lambda project: project.test(
            select, exclude, fail_fast=fail_fast, threads=threads, store_failures=store_failures
        ),
        select,
        exclude,
    )
