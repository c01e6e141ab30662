"""`sqlflow gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only say what would be dropped.")
@options.with_session()
def command(session: Session, *, dry_run: bool) -> None:
    """Drop environments that expired, and tables that nothing shows.

    What an environment shows is never dropped, nor what a rollback would show again, before `environment-ttl`
    days have passed.
    """
    from sqlflow.cli.views.paint import count

    found = session.open().collect_garbage(dry_run=dry_run)
    terminal = session.terminal
    if terminal.is_json:
        terminal.record(
            {
                "event": "garbage_collected",
                "dry_run": dry_run,
                "environments": list(found.environments),
                "tables": list(found.tables),
                "kept": list(found.kept),
            }
        )
        return
    word = "to drop" if dry_run else "dropped"
    for name in found.environments:
        terminal.data(f"{word}: environment {name}")
    for name in found.tables:
        terminal.data(f"{word}: table {name}")
    for name in found.kept:
        terminal.data(f"kept: table {name}, which views outside of the project read")
    terminal.tell(
        f"{word}: {count(len(found.environments), 'environment')}, {count(len(found.tables), 'table')}"
    )
