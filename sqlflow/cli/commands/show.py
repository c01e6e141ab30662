"""`sqlflow show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.api import Preview
    from sqlflow.cli.session import Session


@click.command("show")
@click.argument("name", required=False)
@click.option("--inline", metavar="SQL", help="Show the rows of this query; it may use what a model may.")
@click.option("--failed", is_flag=True, help="Show the rows that its tests found and kept.")
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, help="How many rows.")
@options.defer
@options.with_session()
def command(
    session: Session,
    *,
    name: str | None,
    inline: str | None,
    failed: bool,
    limit: int,
    defer: bool,
    defer_to: str | None,
    favor_state: bool,
) -> None:
    """Show the first rows of a model, seed, source or query.

    NAME is a model, a seed, a source as source.table, or a test that kept rows; nothing is built.
    """
    if (name is None) == (inline is None) or (failed and name is None):
        raise click.UsageError("give either NAME or --inline SQL, --failed with NAME only")
    session.defer = options.deferring(defer=defer, defer_to=defer_to, favor_state=favor_state)
    if failed and session.defer is not None:
        raise click.UsageError("--failed shows what tests have kept here: it excludes --defer")
    session.inline = inline
    project = session.load()
    if failed and name is not None:
        found = project.show_failed(name, limit=limit)
        for test, preview in found.items():
            if not session.terminal.is_json:
                session.terminal.data(test)
            _show(session, preview, test)
        if not found:
            session.terminal.tell(f"the tests of {name} have kept no rows")
    elif name is not None:
        _show(session, project.show(name, limit=limit))
    else:
        _show(session, project.show_inline(inline or "", limit=limit))


def _show(session: Session, preview: Preview, test: str | None = None) -> None:
    terminal = session.terminal
    if terminal.is_json:
        from sqlflow.cli.views.json import json_value

        terminal.record(
            {
                "event": "preview",
                **({"test": test} if test is not None else {}),
                "columns": [{"name": column.name, "type": column.type} for column in preview.columns],
                "rows": [[json_value(value) for value in row] for row in preview.rows],
            }
        )
        return
    from sqlflow.cli.views.table import table

    terminal.data(
        table(
            [column.name for column in preview.columns],
            preview.rows,
            paint=terminal.paint_data,
            width=terminal.table_width,
        )
    )
    if not preview.rows:
        terminal.tell("no rows")
