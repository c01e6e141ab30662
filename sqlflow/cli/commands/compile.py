"""`sqlflow compile`."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING

import click

from sqlflow.cli import options
from sqlflow.cli.session import Session
from sqlflow.cli.views.paint import count
from sqlflow.core.ids import has_query, kind_of

if TYPE_CHECKING:
    from sqlflow.api import LoadedProject


@click.command("compile", cls=options.SelectCommand)
@click.option("--check", is_flag=True, help="Write nothing; say what is known of the models' columns.")
@click.option("--dialect", metavar="NAME", help="Compile for an engine of this dialect, if not the target's.")
@options.selection
@options.no_python
@options.with_session()
def command(
    session: Session,
    *,
    no_python: bool,
    check: bool,
    dialect: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
) -> None:
    """Check the project and write its SQL, without a warehouse.

    Writes one file per model and test into target/compiled and lists them. With `--select` and exactly one
    model chosen, its SQL is shown instead. With `--check`, nothing is written: it says for each model how
    many of its columns have a known type and are never null, and which types are unknown, and why. With
    `--dialect`, the SQL is that of another engine, which the project needs no target for.
    """
    session.dialect = dialect
    session.python = not no_python
    project = session.load(select, exclude)
    if check:
        _check(session, project, select, exclude)
        return
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
    models = [query for query in queries if has_query(query.node)]
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


def _check(
    session: Session, project: LoadedProject, select: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    from sqlflow.cli.views.schema import check_records, check_text, checked

    schemas = project.schemas()
    models = [
        checked(node.id, node.name, schemas[node.id])
        for node in project.nodes(select, exclude)
        if has_query(node.id)
    ]
    terminal = session.terminal
    if terminal.is_json:
        for record in check_records(models):
            terminal.record(record)
    else:
        terminal.data(check_text(models, paint=terminal.paint_data, width=terminal.table_width))
