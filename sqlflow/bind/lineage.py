"""Follows columns through the models of a project."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sqlflow.bind.query.values import ColumnRef
from sqlflow.bind.types import NodeSchema, Program, SchemaColumn
from sqlflow.core.ids import NodeId
from sqlflow.dialect.names import name_key

# Gives the columns one hop on, and of which kind the hop is.
_Step: TypeAlias = Callable[[NodeId, "SchemaColumn | None"], Iterator[tuple[ColumnRef, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One column on the way of a trace.

    `depth` counts hops from where the trace began, which is 0. `kind` is "value" where the column's values
    are taken on, "rows" where it only decides which rows there are, "opaque" where a dataframe model may
    take it for anything. `text` is the expression that makes it, `reads` the columns that its values come
    from.
    """

    node: NodeId
    name: str
    column: str
    depth: int
    kind: str
    text: str
    reads: tuple[ColumnRef, ...]


def trace_up(program: Program, node: NodeId, column: str | None) -> tuple[Hop, ...]:
    """Gives where a column, or each column of a node, comes from: breadth first, each column once a kind."""

    def above(schema: NodeSchema, found: SchemaColumn | None) -> Iterator[tuple[ColumnRef, str]]:
        for ref in sorted(found.sources) if found is not None else ():
            yield ref, "value"
        for ref in sorted(schema.rows):
            yield ref, "rows"

    def opaque(here: NodeId) -> Iterator[tuple[ColumnRef, str]]:
        for parent in program.graph.parents[here]:
            for given in program.schemas[parent].columns if parent in program.schemas else ():
                yield ColumnRef(parent, given.name or ""), "opaque"

    def step(here: NodeId, found: SchemaColumn | None) -> Iterator[tuple[ColumnRef, str]]:
        schema = program.schemas[here]
        yield from opaque(here) if schema.opaque else above(schema, found)

    return _walk(program, node, column, step)


def trace_down(program: Program, node: NodeId, column: str | None) -> tuple[Hop, ...]:
    """Gives what is made of a column, or of each column of a node: breadth first, each column once a kind."""
    readers = _readers(program)

    def step(here: NodeId, found: SchemaColumn | None) -> Iterator[tuple[ColumnRef, str]]:
        name = found.name if found is not None else None
        yield from readers.get((here, name_key(program.spec, name or "")), ())

    return _walk(program, node, column, step)


def _walk(program: Program, node: NodeId, column: str | None, step: _Step) -> tuple[Hop, ...]:
    names = [column] if column is not None else [c.name for c in program.schemas[node].columns if c.name]
    waiting = deque((ColumnRef(node, name), 0, "value") for name in names)
    seen: set[tuple[NodeId, str, str]] = set()
    hops: list[Hop] = []
    while waiting:
        ref, depth, kind = waiting.popleft()
        here = NodeId(ref.table)
        key = (here, name_key(program.spec, ref.column), kind)
        if key in seen:
            continue
        seen.add(key)
        found = _column(program, here, ref.column)
        hops.append(
            Hop(
                node=here,
                name=program.graph.nodes[here].name,
                column=found.name if found is not None and found.name else ref.column,
                depth=depth,
                kind=kind,
                text=found.text if found is not None else "",
                reads=tuple(sorted(found.sources)) if found is not None else (),
            )
        )
        if here in program.schemas:
            for onward, next_kind in step(here, found):
                # What is made of a deciding column decides as well; it is no value of the first one.
                waiting.append((onward, depth + 1, next_kind if kind == "value" else kind))
    return tuple(hops)


def _column(program: Program, node: NodeId, name: str) -> SchemaColumn | None:
    schema = program.schemas.get(node)
    key = name_key(program.spec, name)
    columns = schema.columns if schema is not None else ()
    return next((c for c in columns if c.name and name_key(program.spec, c.name) == key), None)


def _readers(program: Program) -> Mapping[tuple[NodeId, str], list[tuple[ColumnRef, str]]]:
    """Turns the sources of all columns around: by column, the columns that are made of it."""
    readers: dict[tuple[NodeId, str], list[tuple[ColumnRef, str]]] = {}

    def note(source: ColumnRef, reader: ColumnRef, kind: str) -> None:
        key = (NodeId(source.table), name_key(program.spec, source.column))
        readers.setdefault(key, []).append((reader, kind))

    for node, schema in program.schemas.items():
        for column in schema.columns:
            reader = ColumnRef(node, column.name or "")
            for source in column.sources:
                note(source, reader, "value")
            for source in schema.rows - column.sources:
                note(source, reader, "rows")
            if schema.opaque:
                for parent in program.graph.parents[node]:
                    for given in program.schemas[parent].columns if parent in program.schemas else ():
                        note(ColumnRef(parent, given.name or ""), reader, "opaque")
    return readers
