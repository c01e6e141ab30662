"""`sqlflow env`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.group("env")
def command() -> None:
    """List environments, go back to what one was, drop one."""


@command.command("list")
@options.with_session()
def list_(session: Session) -> None:
    """List the environments that are in the warehouse.

    How many nodes each shows, how many of their tables are its own, how many more it has that it does not
    show, when it was changed, when it may be dropped, and how many of its changes can be gone back on.
    """
    from sqlflow.cli.views.table import table

    found = session.open().environments()
    terminal = session.terminal
    if terminal.is_json:
        for one in found:
            terminal.record(
                {
                    "event": "environment",
                    "name": one.name,
                    "nodes": one.nodes,
                    "own_tables": one.own_tables,
                    "unshown_tables": one.unshown_tables,
                    "changed_at": one.changed.isoformat(),
                    "expires_at": one.expires.isoformat() if one.expires is not None else None,
                    "undoable": one.undoable,
                }
            )
        return
    if not found:
        terminal.tell("nothing was built yet")
        return
    rows = [
        (
            one.name,
            str(one.nodes),
            str(one.own_tables),
            str(one.unshown_tables),
            f"{one.changed:%Y-%m-%d %H:%M}",
            f"{one.expires:%Y-%m-%d %H:%M}" if one.expires is not None else "never",
            str(one.undoable),
        )
        for one in found
    ]
    heads = ("environment", "nodes", "own tables", "not shown", "changed", "expires", "can go back")
    terminal.data(table(heads, rows, paint=terminal.paint_data, width=None))


@command.command("rollback")
@options.with_session()
def rollback(session: Session) -> None:
    """Make an environment what it was before its code changed last: --env, or prod.

    Its views show the tables again that they showed then, in one transaction; nothing is computed. The
    project's files stay as they are: the next plan shows the change again.
    """
    found = session.load().roll_back()
    terminal = session.terminal
    if terminal.is_json:
        terminal.record(
            {"event": "rolled_back", "restored": list(found.restored), "dropped": list(found.dropped)}
        )
        return
    environment = session.given.env or "prod"
    terminal.tell(f"{environment} is what it was before: {', '.join(found.restored) or 'nothing else'}")
    if found.dropped:
        terminal.tell(f"was not there before, and is dropped: {', '.join(found.dropped)}")


@command.command("drop")
@click.argument("name")
@options.with_session()
def drop(session: Session, *, name: str) -> None:
    """Drop all that the environment NAME shows; tables of its own stay until `sqlflow gc`."""
    session.open().drop_environment(name)
    if session.terminal.is_json:
        session.terminal.record({"event": "environment_dropped", "name": name})
    else:
        session.terminal.tell(f"dropped the environment {name}")
