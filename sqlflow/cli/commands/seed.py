"""`sqlflow seed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("seed", cls=options.SelectCommand)
@options.selection
@options.force
@options.running
@options.with_session()
def command(
    session: Session,
    *,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    force: bool,
    fail_fast: bool,
    threads: int | None,
) -> None:
    """Load the files of rows into tables.

    The files are the csv and parquet files of the seed folders.
    """
    from sqlflow.cli.runs import run

    run(
        session,
        lambda project: project.seed(select, exclude, force=force, fail_fast=fail_fast, threads=threads),
        select,
        exclude,
    )
