"""`sqlflow sources`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.group("sources")
def command() -> None:
    """Write down what the warehouse says of the sources."""


@command.command("pull", cls=options.SelectCommand)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where the file is out of date.")
@options.selection
@options.with_session()
def pull(session: Session, *, check: bool, select: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    """Write the columns of the sources into sources.lock.yml.

    The warehouse is asked for them once; the file is then read in place of a connection. A source whose
    table can't be read is reported and left out, the others are written all the same; the exit code is
    then 1.
    """
    from sqlflow.cli.failures import WRONG
    from sqlflow.cli.views.paint import count
    from sqlflow.cli.views.sources import pull_records, table_lines
    from sqlflow.core.diagnostic import has_errors

    # The mistakes of models are not told: what they read may be what is asked for.
    pulled = session.open().pull_sources(select, exclude, write=not check)
    terminal = session.terminal
    if terminal.is_json:
        *tables, last = pull_records(pulled)
        for record in tables:
            terminal.record(record)
        session.report(pulled.diagnostics)
        terminal.record(last)
    else:
        for table in pulled.tables:
            if not check or table.is_changed:
                for line in table_lines(table, paint=terminal.paint_data):
                    terminal.data(line)
        session.report(pulled.diagnostics)
    if not terminal.is_json:
        there = count(sum(table.now is not None for table in pulled.tables), "table")
        if pulled.written:
            terminal.tell(f"wrote {there} into {pulled.path}")
        elif not pulled.is_current:
            terminal.tell(f"{pulled.path} is out of date: `sqlflow sources pull` writes it anew")
        elif pulled.tables:
            terminal.tell(f"{pulled.path} is up to date: {there}")
        elif not pulled.diagnostics:
            terminal.tell("there was nothing to pull: no table of the warehouse is declared as a source")
    if has_errors(pulled.diagnostics) or not (pulled.written or pulled.is_current):
        click.get_current_context().exit(WRONG)
