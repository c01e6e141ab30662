"""Reading of the sources that properties declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.freshness import Freshness, LoadedAt
from sqlflow.core.ids import NodeKind, node_id
from sqlflow.core.value import Value
from sqlflow.project.columns import read_columns
from sqlflow.project.decode import Section, as_section, invalid_value
from sqlflow.project.freshness import FRESHNESS_KEYS, FreshnessLevel, merged, read_level
from sqlflow.project.generic_tests import read_tests
from sqlflow.project.nodes import MappingNode
from sqlflow.project.templates import render_node
from sqlflow.project.types import RenderValue, SourceDecl

# Its template sees the source's table, and is rendered with those of models.
_LATER = frozenset({"loaded_at_query"})
_RENDERED = frozenset({"schema", "database", "identifier", "location", "config", *FRESHNESS_KEYS}) - _LATER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What a source says about all of its tables."""

    name: str
    database: str | None
    schema: str | None
    tags: tuple[str, ...]
    meta: Mapping[str, Value]
    description: str
    freshness: tuple[FreshnessLevel, ...]


class _Config(NamedTuple):
    """What a source or a table has in `config`, or beside it."""

    tags: tuple[str, ...]
    meta: Mapping[str, Value]
    freshness: tuple[FreshnessLevel, ...]


def _config(section: Section) -> _Config:
    sections = [section]
    below = section.section("config", f"the config of {section.where}")
    if below is not None:
        sections.append(below)
    found = _Config(
        tags=tuple(tag for part in sections for tag in part.texts("tags") or ()),
        meta={key: value for part in sections for key, value in part.values("meta").items()},
        freshness=tuple(read_level(part) for part in sections),
    )
    if below is not None:
        below.finish()
    return found


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
        config = _config(section)
        shared = _Shared(
            name=name or "",
            database=section.text("database"),
            schema=section.text("schema"),
            tags=config.tags,
            meta=config.meta,
            description=section.text("description") or "",
            freshness=config.freshness,
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
        pair._replace(node=render_node(pair.node, render_value, section.diagnostics, skip=_LATER))
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
    config = _config(section)
    loaded_at, freshness = _freshness(section, shared, config, location)
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
        tags=tuple(dict.fromkeys((*shared.tags, *config.tags))),
        meta=MappingProxyType({**shared.meta, **config.meta}),
        span=section.span("name"),
        loaded_at=loaded_at,
        freshness=freshness,
    )


def _freshness(
    section: Section, shared: _Shared, config: _Config, location: str | None
) -> tuple[LoadedAt | None, Freshness | None]:
    """A table has to say when its rows came; a file has its time of change."""
    loaded_at, freshness, span, filtered = merged((*shared.freshness, *config.freshness))
    is_own = filtered is not None and any(level.filter_span == filtered for level in config.freshness)
    by_query = loaded_at is not None and loaded_at.query
    if filtered is not None and (by_query or (is_own and (location is not None or freshness is None))):
        section.report(
            invalid_value(
                "this `filter` filters nothing",
                filtered,
                "it goes with a `loaded_at_field`, and with `warn_after` or `error_after`",
            )
        )
    if location is not None:
        own = next((level.loaded_at for level in config.freshness if level.loaded_at is not None), None)
        if own is not None:
            section.report(
                invalid_value(
                    "a source with a `location` came when its file was changed",
                    own.span,
                    "leave `loaded_at_field` and `loaded_at_query` out",
                )
            )
        return None, freshness
    if freshness is not None and loaded_at is None:
        section.report(
            Diagnostic(
                code=Code.MISSING_SETTING,
                message=f"`loaded_at_field` is missing in {section.where}",
                span=span,
                label="freshness is asked for here",
                help="name the column that tells when a row was loaded, or write a `loaded_at_query`",
            )
        )
        return None, None
    return loaded_at, freshness
