"""`sqlflow schema`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.api import LoadedProject
    from sqlflow.cli.session import Session
    from sqlflow.core.ids import NodeId


@click.command("schema")
@click.argument("name")
@options.no_python
@options.with_session()
def command(session: Session, *, no_python: bool, name: str) -> None:
    """Show the columns of a model, seed or source, with their types.

    NAME is a model, a seed, or a source as source.table. What is shown is known from the project alone; no
    warehouse is opened.
    """
    session.python = not no_python
    from sqlflow.cli.views.schema import schema_record, schema_text
    from sqlflow.core.ids import NodeKind

    project = session.load()
    schema = project.schema(name)
    node = next(node for node in project.nodes() if node.name == name and node.kind is not NodeKind.TEST)
    described = descriptions(project, node.id)
    terminal = session.terminal
    if terminal.is_json:
        terminal.record(schema_record(node.id, node.name, schema, described))
    else:
        terminal.data(
            schema_text(node.name, schema, described, paint=terminal.paint_data, width=terminal.table_width)
        )


def descriptions(project: LoadedProject, node: NodeId) -> Mapping[str, str]:
    """Gives the descriptions of a node's columns by their names in lower case."""
    nodes = cast("Mapping[str, Mapping[str, object]]", project.manifest()["nodes"])
    columns = cast("list[Mapping[str, object]]", nodes[node].get("columns", []))
    return {str(column["name"]).lower(): str(column["description"] or "") for column in columns}
