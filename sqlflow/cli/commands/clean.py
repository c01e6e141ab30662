"""`sqlflow clean`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("clean")
@options.with_session()
def command(session: Session) -> None:
    """Remove the folder that sqlflow writes into.

    That is target/, or what `target-path` names: compiled SQL and logs. The warehouse is not touched.
    """
    # The folder can be removed however broken the models are, so their mistakes are not told here.
    removed = session.open().clean()
    if session.terminal.is_json:
        session.terminal.record({"event": "cleaned", "removed": removed})
    else:
        session.terminal.tell(
            "removed what sqlflow had written" if removed else "there was nothing to remove"
        )
