"""`sqlflow intervals`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("intervals", cls=options.SelectCommand)
@options.selection
@options.with_session()
def command(session: Session, *, select: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    """Show which ranges of time are built, and which are missing.

    A line for each range of each model that is built by time range, by what is known of past runs; times are
    in UTC. No warehouse is opened, unless the state is kept there.
    """
    from sqlflow.cli.views.intervals import interval_records, interval_text

    found = session.load(select, exclude).intervals(select, exclude)
    terminal = session.terminal
    if terminal.is_json:
        for record in interval_records(found):
            terminal.record(record)
    elif not found:
        terminal.tell("no model that is built by time range is selected")
    else:
        terminal.data(interval_text(found, paint=terminal.paint_data, width=terminal.table_width))
