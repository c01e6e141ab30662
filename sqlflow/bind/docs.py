"""The descriptions that are kept in the warehouse, as comments on what a node becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from sqlflow.bind.types import Docs, NodeSchema
from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization, NodeConfig
from sqlflow.core.diagnostic import Diagnostic, Severity, did_you_mean
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.dialect.names import lookup_key, name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.types import ColumnDecl, ModelDecl, Project, SeedDecl, place_of
from sqlflow.render.types import Rendered


def bound_docs(
    config: NodeConfig, declared: ModelDecl | SeedDecl, stored: Callable[[str], str]
) -> Docs | None:
    """Gives what of a node's descriptions is kept; `stored` gives a column's name on the target."""
    kept = config.persist_docs
    if config.materialized is Materialization.EPHEMERAL or not (kept.relation or kept.columns):
        return None
    columns = {stored(c.name): c.description.strip() for c in declared.columns if c.description.strip()}
    return Docs(
        description=declared.description.strip() if kept.relation else None,
        columns=MappingProxyType(columns) if kept.columns else None,
    )


def check_docs(
    project: Project,
    rendered: Rendered,
    schemas: Mapping[NodeId, NodeSchema],
    source: DialectSpec,
    target: DialectSpec,
) -> Iterator[Diagnostic]:
    """Tells of descriptions that can't be kept: of a column that is not there, or by the engine.

    `source` is the dialect that the names of columns are written in.
    """
    unable: dict[Span, Diagnostic] = {}
    for node in (*rendered.models.values(), *rendered.seeds.values()):
        kept = node.config.persist_docs
        if node.config.materialized is Materialization.EPHEMERAL or not (kept.relation or kept.columns):
            continue
        declared = project.models.get(node.id) or project.seeds[node.id]
        if not target.comments:
            place = place_of(node.layer, "persist_docs", declared.span)
            unable[place] = _no_comments(place, target)
        elif kept.columns and node.id in schemas:
            yield from _unknown(declared.name, declared.columns, schemas[node.id], source)
    yield from unable.values()


def _no_comments(place: Span, target: DialectSpec) -> Diagnostic:
    return Diagnostic(
        code=Code.UNSUPPORTED_BY_ENGINE,
        message=f"`persist_docs` does nothing here: {target.name} has no comments",
        severity=Severity.WARNING,
        span=place,
        label="set here",
        help="take it out, or set it for the targets whose engine has comments",
    )


def _unknown(
    name: str, declared: Sequence[ColumnDecl], schema: NodeSchema, spec: DialectSpec
) -> Iterator[Diagnostic]:
    if schema.open or schema.opaque or any(column.name is None for column in schema.columns):
        return
    names = [column.name for column in schema.columns if column.name]
    known = {name_key(spec, column) for column in names}
    for column in declared:
        described = column.description.strip()
        if described and not known & {name_key(spec, column.name), lookup_key(spec, column.name)}:
            yield Diagnostic(
                code=Code.UNKNOWN_DESCRIBED_COLUMN,
                message=f"`{name}` has no column `{column.name}`, whose description is to be kept",
                severity=Severity.WARNING,
                span=column.span,
                label="described here",
                help=did_you_mean(column.name, names) or f"it has: {', '.join(names)}",
            )
