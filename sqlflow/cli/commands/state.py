"""`sqlflow state`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.group("state")
def command() -> None:
    """Look after what is known of the project's past runs."""


@command.command("export")
@click.option(
    "-o",
    "file",
    type=click.File("w", encoding="utf-8", lazy=True, atomic=True),
    metavar="FILE",
    help="Write into this file.  [default: standard output]",
)
@options.with_session()
def export(session: Session, *, file: IO[str] | None) -> None:
    """Write the events of the target's runs, one JSON object a line.

    The lines are those that `sqlflow state import` reads, in whatever form the output is asked for.
    """
    from sqlflow.cli.views.paint import count

    # Read to the end first: what breaks off half way leaves no file.
    lines = list(session.open().export_state())
    for line in lines:
        if file is not None:
            file.write(line + "\n")
        else:
            session.terminal.data(line)
    if file is not None:
        # A lazy file that nothing was written to would not be there.
        file.write("")
        if session.terminal.is_json:
            session.terminal.record({"event": "state_exported", "events": len(lines), "path": file.name})
        else:
            session.terminal.tell(f"wrote {count(len(lines), 'event')} into {file.name}")


@command.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="backslashreplace"))
@click.option("--replace", is_flag=True, help="Take out the events that are there, after a copy was made.")
@options.with_session()
def import_(session: Session, *, file: IO[str], replace: bool) -> None:
    """Put the events of an export into the state, which must be empty.

    FILE is what `sqlflow state export` wrote, or `-` for standard input.
    """
    from sqlflow.cli.views.paint import count

    done = session.open().import_state(file, file.name, replace=replace)
    if session.terminal.is_json:
        record = {"event": "state_imported", "events": done.events, "into": done.into, "copy": done.copy}
        session.terminal.record(record)
        return
    if done.copy is not None:
        session.terminal.tell(f"what was there is now in {done.copy}")
    session.terminal.tell(f"put {count(done.events, 'event')} into {done.into}")


@command.command("repair")
@options.with_session()
def repair(session: Session) -> None:
    """Check the state, and take out what can't be read.

    Every event is read, also those of the other targets that are kept in the same place, and their count is
    compared with the one that the state has of itself. What can't be read goes into a file that is named.
    Run it while nothing else builds.
    """
    from sqlflow.cli.views.state import repair_lines, repair_record

    done = session.open().repair_state()
    if session.terminal.is_json:
        session.terminal.record(repair_record(done))
        return
    for line in repair_lines(done):
        session.terminal.tell(line)
