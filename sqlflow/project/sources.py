"""Reading of the sources that properties declare."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from sqlflow.core.ids import NodeKind, node_id
from sqlflow.core.value import Value
from sqlflow.project.columns import read_columns
from sqlflow.project.decode import Section, as_section
from sqlflow.project.generic_tests import read_tests
from sqlflow.project.nodes import MappingNode
from sqlflow.project.templates import render_node
from sqlflow.project.types import RenderValue, SourceDecl

_RENDERED = frozenset({"schema", "database", "identifier", "location"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What a source says about all of its tables."""

    name: str
    database: str | None
    schema: str | None
    tags: tuple[str, ...]
    meta: MappingProxyType[str, Value]
    description: str


def read_sources(top: Section, package: str, render_value: RenderValue) -> tuple[SourceDecl, ...]:
    """Reads `sources`: each table of each source is a declaration of its own."""
    found: list[SourceDecl] = []
    for item in top.items("sources"):
        section = as_section(item, "a source", top.diagnostics)
        if section is None:
            continue
        name = section.required_text("name")
        if name is not None:
            section.where = f"the source `{name}`"
        section = _rendered(section, render_value)
        shared = _Shared(
            name=name or "",
            database=section.text("database"),
            schema=section.text("schema"),
            tags=section.texts("tags") or (),
            meta=MappingProxyType(dict(section.values("meta"))),
            description=section.text("description") or "",
        )
        for node in section.items("tables"):
            table = as_section(node, "a table of a source", top.diagnostics)
            decl = _table(table, shared, package, render_value) if table is not None else None
            found.extend([decl] if decl is not None and name is not None else [])
        section.finish(also=("name",))
    return tuple(found)


def _rendered(section: Section, render_value: RenderValue) -> Section:
    """Evaluates the templates in the parts of a name."""
    pairs = tuple(
        pair._replace(node=render_node(pair.node, render_value, section.diagnostics))
        if pair.key in _RENDERED
        else pair
        for pair in section.node.pairs
    )
    node = MappingNode(pairs=pairs, span=section.node.span)
    return Section(node, section.where, section.diagnostics)


def _table(section: Section, shared: _Shared, package: str, render_value: RenderValue) -> SourceDecl | None:
    section = _rendered(section, render_value)
    name = section.required_text("name")
    if name is not None:
        section.where = f"the table `{name}` of the source `{shared.name}`"
    identifier, location = section.text("identifier"), section.text("location")
    description = section.text("description")
    tags, meta = section.texts("tags") or (), section.values("meta")
    columns, column_tests = read_columns(section, render_value)
    tests = read_tests(section, None, render_value)
    section.finish()
    if name is None:
        return None
    return SourceDecl(
        id=node_id(NodeKind.SOURCE, package, shared.name, name),
        source=shared.name,
        name=name,
        database=shared.database,
        schema=shared.schema,
        identifier=identifier or name,
        location=location,
        description=description or shared.description,
        columns=columns,
        tests=(*tests, *column_tests),
        tags=tuple(dict.fromkeys((*shared.tags, *tags))),
        meta=MappingProxyType({**shared.meta, **meta}),
        span=section.span("name"),
    )
