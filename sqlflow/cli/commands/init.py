"""`sqlflow init`."""

from __future__ import annotations

import click

from sqlflow.cli import options
from sqlflow.cli.session import Session
from sqlflow.cli.starter import StarterError, write_starter


@click.command("init")
@click.argument("name", metavar="NAME")
@options.with_session(project=False, target=False)
def command(session: Session, *, name: str) -> None:
    """Make a project that builds at once.

    NAME is the folder to make; it may be there already if it is empty.
    """
    terminal = session.terminal
    try:
        made = write_starter(name)
    except StarterError as error:
        if terminal.is_json:
            terminal.record(
                {
                    "event": "diagnostic",
                    "code": None,
                    "severity": "error",
                    "message": error.message,
                    "help": error.help,
                }
            )
        else:
            terminal.tell(f"{terminal.paint('error', 'error')}: {error.message}")
            terminal.tell(f"  {terminal.paint('help:', 'help')} {error.help}")
        click.get_current_context().exit(1)
    if terminal.is_json:
        terminal.record(
            {"event": "created", "name": made.name, "folder": made.folder, "files": list(made.files)}
        )
        return
    for path in made.files:
        terminal.data(path)
    where = "" if made.folder == "." else f" --project {_quoted(made.folder)}"
    terminal.tell(f"\nmade the project {made.name}; next:\n\n  sqlflow build{where}\n")


def _quoted(path: str) -> str:
    return path if all(c.isalnum() or c in "._-/" for c in path) else '"' + path + '"'
