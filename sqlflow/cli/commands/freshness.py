"""`sqlflow freshness`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("freshness", cls=options.SelectCommand)
@options.selection
@options.with_session()
def command(session: Session, *, select: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    """Show how old the rows of the sources are.

    Each selected source that declares its `freshness` is asked in the warehouse when its last rows came; a
    file has its time of change. The exit code is 1 where one is older than its `error_after`, or can't
    tell.
    """
    from sqlflow.cli.failures import WRONG
    from sqlflow.cli.views.freshness import freshness_records, freshness_text
    from sqlflow.core.freshness import FreshnessStatus

    found = session.load(select, exclude).freshness(select, exclude)
    diagnostics = [source.diagnostic for source in found if source.diagnostic is not None]
    terminal = session.terminal
    if terminal.is_json:
        for record in freshness_records(found):
            terminal.record(record)
    elif not found:
        terminal.tell("no source that declares its `freshness` is selected")
    else:
        terminal.data(freshness_text(found, paint=terminal.paint_data, width=terminal.table_width))
    session.report(diagnostics)
    if diagnostics or any(source.status is FreshnessStatus.ERROR for source in found):
        click.get_current_context().exit(WRONG)
