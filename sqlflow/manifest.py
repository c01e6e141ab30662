"""A project as plain data: what other tools read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

from sqlflow.bind.types import NodeSchema, Program
from sqlflow.core.value import Value
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.types import Node
from sqlflow.project.types import ColumnDecl, Project

VERSION = 1


def manifest(project: Project, program: Program) -> dict[str, object]:
    """Gives the manifest: `nodes` by id, in an order in which each comes after those that it reads."""
    return {
        "manifest_version": VERSION,
        "project": project.settings.name,
        "target": project.settings.target.name,
        "dialect": program.spec.name,
        "nodes": {node: _node(program.graph.nodes[node], project, program) for node in program.graph.order},
    }


def _node(node: Node, project: Project, program: Program) -> dict[str, object]:
    out: dict[str, object] = {
        "id": node.id,
        "kind": node.kind.value,
        "name": node.name,
        "path": node.path,
        "tags": list(node.tags),
        "materialized": node.materialized or None,
        "description": node.description,
        "reads": list(program.graph.parents[node.id]),
    }
    model, seed = program.models.get(node.id), program.seeds.get(node.id)
    source = program.sources.get(node.id)
    relation = model.relation if model else seed.relation if seed else source.relation if source else None
    if relation is not None and node.materialized != "ephemeral":
        out["relation"] = relation._asdict()
    config = model.config if model else seed.config if seed else None
    if config is not None:
        out["meta"] = _plain(config.meta)
    declared = project.models.get(node.id) or project.seeds.get(node.id) or project.sources.get(node.id)
    if declared is not None:
        out["columns"] = _columns(declared.columns, program.schemas.get(node.id), program.spec)
    if model is not None and model.full is not None:
        out["compiled_sql"] = model.full.sql
    return out


def _columns(
    declared: Sequence[ColumnDecl], schema: NodeSchema | None, spec: DialectSpec
) -> list[dict[str, object]]:
    """Gives the columns that the query has, in its order, then those that are only declared."""
    known = {name_key(spec, column.name): column for column in declared}
    out: list[dict[str, object]] = []
    for column in schema.columns if schema is not None else ():
        out.append(
            {
                **_declared(column.name, known.pop(name_key(spec, column.name or ""), None)),
                "type": str(column.type) if column.type is not None else None,
                "nullable": column.null.value,
                "sources": [list(source) for source in sorted(column.sources)],
            }
        )
    return out + [_declared(column.name, column) for column in known.values()]


def _declared(name: str | None, column: ColumnDecl | None) -> dict[str, object]:
    return {
        "name": name,
        "description": column.description if column else "",
        "data_type": column.data_type if column else None,
        "tags": list(column.tags) if column else [],
        "meta": _plain(column.meta) if column else {},
    }


def _plain(value: Value) -> object:
    """Copies a value to what JSON has: dates and times as ISO 8601, numbers that have no digits as text."""
    match value:
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case tuple():
            return [_plain(item) for item in value]
        case date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
