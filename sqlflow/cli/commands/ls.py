"""`sqlflow ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options
from sqlflow.cli.views.paint import visible

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("ls", cls=options.SelectCommand)
@options.selection
@options.no_python
@options.with_session()
def command(session: Session, *, no_python: bool, select: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    """List the nodes of the project.

    One name a line: models, seeds, sources and tests, each after what it reads.
    """
    session.python = not no_python
    project = session.load(select, exclude)
    for node in project.nodes(select, exclude):
        if session.terminal.is_json:
            session.terminal.record(
                {
                    "event": "node",
                    "id": node.id,
                    "name": node.name,
                    "kind": node.kind.value,
                    "path": node.path,
                    "tags": list(node.tags),
                    "materialized": node.materialized,
                }
            )
        else:
            session.terminal.data(visible(node.name))
