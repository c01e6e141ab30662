"""`sqlflow show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("show")
@click.argument("name", required=False)
@click.option("--inline", metavar="SQL", help="Show the rows of this query; it may use what a model may.")
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, help="How many rows.")
@options.with_session()
def command(session: Session, *, name: str | None, inline: str | None, limit: int) -> None:
    """Show the first rows of a model, seed, source or query.

    NAME is a model, a seed, or a source as source.table; nothing is built.
    """
    if (name is None) == (inline is None):
        raise click.UsageError("give either NAME or --inline SQL")
    session.inline = inline
    project = session.load()
    preview = project.show(name, limit=limit) if name is not None else None
    if preview is None:
        preview = project.show_inline(inline or "", limit=limit)
    terminal = session.terminal
    if terminal.is_json:
        from sqlflow.cli.views.json import json_value

        terminal.record(
            {
                "event": "preview",
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
