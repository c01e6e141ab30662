"""`sqlflow compile`."""

from __future__ import annotations

import posixpath
from collections import Counter

import click

from sqlflow.cli import options
from sqlflow.cli.session import Session
from sqlflow.cli.views.paint import count
from sqlflow.core.ids import NodeKind, kind_of


@click.command("compile", cls=options.SelectCommand)
@options.selection
@options.with_session()
def command(session: Session, *, select: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    """Check the project and write its SQL, without a warehouse.

    Writes one file per model and test into target/compiled and lists them. With `--select` and exactly one
    model chosen, its SQL is shown instead.
    """
    project = session.load(select, exclude)
    queries = project.compile(select, exclude)
    terminal = session.terminal
    if terminal.is_json:
        for query in queries:
            terminal.record(
                {
                    "event": "compiled",
                    "id": query.node,
                    "name": query.name,
                    "path": query.path,
                    "sql": query.sql,
                }
            )
        return
    models = [query for query in queries if kind_of(query.node) is NodeKind.MODEL]
    if select and len(models) == 1:
        terminal.data(models[0].sql.rstrip("\n"))
    else:
        for query in queries:
            terminal.data(query.path)
    kinds = Counter(kind_of(query.node).value for query in queries)
    what = " and ".join(count(number, kind) for kind, number in kinds.items()) or "nothing"
    folder = posixpath.commonpath([query.path for query in queries]) if len(queries) > 1 else ""
    where = folder or (queries[0].path if queries else "")
    terminal.tell(f"compiled {what}" + (f" into {where}" if where else ""))
