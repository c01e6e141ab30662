"""`sqlflow lineage`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

from sqlflow.cli import options
from sqlflow.core.diagnostic import did_you_mean
from sqlflow.core.ids import NodeId, has_query

if TYPE_CHECKING:
    from sqlflow.api import LoadedProject
    from sqlflow.bind.types import NodeSchema, SchemaColumn
    from sqlflow.cli.session import Session
    from sqlflow.cli.views.lineage import Link, Names


@click.command("lineage")
@click.argument("name", metavar="NAME[.COLUMN]")
@click.option("--up/--down", default=True, help="Where columns come from, or what reads them.  [default: up]")
@options.no_python
@options.with_session()
def command(session: Session, *, no_python: bool, name: str, up: bool) -> None:
    """Show where columns come from, or what reads them.

    NAME is a model, a seed, or a source as source.table. With a column, each hop of its way is shown with
    the expression there and, apart from that, the columns that only decide which rows there are. Without,
    each column is shown with the columns at the ends of its ways or, with --down, with what reads it
    directly.
    """
    session.python = not no_python
    from sqlflow.cli.views.lineage import Names

    project = session.load()
    schemas = project.schemas()
    names = Names(
        names={node.id: node.name for node in project.nodes()},
        opaque=frozenset(node for node, schema in schemas.items() if schema.opaque),
    )
    node, column = split(name, [names.names[node] for node in schemas])
    if column is not None:
        _trace(session, project, names, node, column, up=up)
    elif up:
        _sources(session, project, names, node)
    else:
        _readers(session, project, names, node)


def split(text: str, known: Iterable[str]) -> tuple[str, str | None]:
    """Splits `node.column`; the names of sources have dots themselves, and so may those of columns."""
    names = frozenset(known)
    if text in names:
        return text, None
    dots = [place for place, letter in enumerate(text) if letter == "."]
    for dot in reversed(dots):
        if text[:dot] in names:
            return text[:dot], text[dot + 1 :]
    head, _, tail = text.rpartition(".")
    # Neither is there: the message is about the part that is close to a known name.
    return (head, tail) if did_you_mean(head, names) else (text, None)


def _trace(
    session: Session, project: LoadedProject, names: Names, name: str, column: str, *, up: bool
) -> None:
    from sqlflow.cli.views.lineage import hop_record, trace_text

    hops = project.lineage(name, column, down=not up)
    terminal = session.terminal
    if terminal.is_json:
        for hop in hops:
            terminal.record(hop_record(hop, names))
    else:
        terminal.data(
            trace_text(hops, names, down=not up, paint=terminal.paint_data, width=terminal.table_width)
        )


def _sources(session: Session, project: LoadedProject, names: Names, name: str) -> None:
    from sqlflow.bind.query.values import ColumnRef
    from sqlflow.cli.views.lineage import sources_records, sources_text

    node, schemas = _find(project, names, name), project.schemas()
    links = [_to_ends(node, column, schemas) for column in schemas[node].columns]
    deciding = [hop for hop in project.lineage(name) if hop.kind == "rows"]
    rows = sorted(ColumnRef(hop.node, hop.column) for hop in deciding if _is_end(hop.node, schemas))
    terminal = session.terminal
    if terminal.is_json:
        for record in sources_records(node, links, rows, names):
            terminal.record(record)
    else:
        terminal.data(sources_text(node, links, rows, names, paint=terminal.paint_data))


def _readers(session: Session, project: LoadedProject, names: Names, name: str) -> None:
    from sqlflow.cli.views.lineage import readers_records, readers_text

    node, schemas = _find(project, names, name), project.schemas()
    hops = project.lineage(name, down=True)
    near = {hop.node: schemas[hop.node] for hop in hops if hop.depth == 1}
    links = [_to_readers(node, column, near) for column in schemas[node].columns]
    terminal = session.terminal
    if terminal.is_json:
        for record in readers_records(node, links, names):
            terminal.record(record)
    else:
        terminal.data(readers_text(links, names, paint=terminal.paint_data))


def _find(project: LoadedProject, names: Names, name: str) -> NodeId:
    """Gives the node of a name; raises ProjectError where there is none."""
    schema = project.schema(name)
    return next(node for node, known in project.schemas().items() if known is schema)


def _is_end(node: NodeId, schemas: Mapping[NodeId, NodeSchema]) -> bool:
    """Whether the project does not say where the columns of a node come from."""
    return not has_query(node) or schemas[node].opaque


def _to_ends(node: NodeId, column: SchemaColumn, schemas: Mapping[NodeId, NodeSchema]) -> Link:
    """Follows a column's values up to where they come from."""
    from sqlflow.bind.query.values import ColumnRef
    from sqlflow.cli.views.lineage import Link

    own = [ColumnRef(node, column.name or "")]
    waiting = own if schemas[node].opaque else sorted(column.sources)
    seen = set(waiting)
    ends: list[ColumnRef] = []
    for ref in waiting:
        here = NodeId(ref.table)
        if _is_end(here, schemas):
            ends.append(ref)
            continue
        found = next((c for c in schemas[here].columns if c.name == ref.column), None)
        onward = sorted(found.sources - seen) if found is not None else []
        seen.update(onward)
        waiting += onward
    return Link(
        column=column.name,
        values=tuple(ref for ref in sorted(ends) if not schemas[NodeId(ref.table)].opaque),
        rows=(),
        opaque=tuple(ref for ref in sorted(ends) if schemas[NodeId(ref.table)].opaque),
    )


def _to_readers(node: NodeId, column: SchemaColumn, near: Mapping[NodeId, NodeSchema]) -> Link:
    """Gives what reads a column directly; `near` are the nodes that read its own."""
    from sqlflow.bind.query.values import ColumnRef
    from sqlflow.cli.views.lineage import Link

    own = ColumnRef(node, column.name or "")
    values: list[ColumnRef] = []
    rows: list[ColumnRef] = []
    opaque: list[ColumnRef] = []
    for reader, schema in near.items():
        for made in schema.columns:
            ref = ColumnRef(reader, made.name or "")
            if schema.opaque:
                opaque.append(ref)
            elif own in made.sources:
                values.append(ref)
            elif own in schema.rows:
                rows.append(ref)
    return Link(column=column.name, values=tuple(values), rows=tuple(rows), opaque=tuple(opaque))
