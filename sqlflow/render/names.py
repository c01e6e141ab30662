"""The relation that a node is published as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlflow.core.config import NodeConfig
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId, kind_of
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.core.value import thaw
from sqlflow.project.types import ConfigLayer, place_of
from sqlflow.render.execute import attempt
from sqlflow.render.scope import Scope
from sqlflow.render.surroundings import Surroundings

SCHEMA_MACRO = "generate_schema_name"
ALIAS_MACRO = "generate_alias_name"


def name_relation(
    around: Surroundings,
    *,
    node: NodeId,
    name: str,
    path: str,
    config: NodeConfig,
    layer: ConfigLayer,
    span: Span,
) -> tuple[Relation, tuple[Diagnostic, ...]]:
    """Names a node's relation by its configuration, or by the project's macros that decide on names."""
    target = around.settings.target
    diagnostics: list[Diagnostic] = []

    def decide(macro: str, custom: str | None, key: str, default: Callable[[], str | None]) -> str | None:
        if macro not in around.macros.files and macro not in around.macros.broken:
            return default()
        place = place_of(layer, key, span)
        scope = Scope(around, path, layers=(layer,), fixed=place)
        described = MappingProxyType(
            {
                "name": name,
                "path": path,
                "package_name": around.settings.name,
                "resource_type": kind_of(node).value,
                "unique_id": str(node),
                "config": _settings(config, layer),
            }
        )
        value, failure = attempt(
            lambda: str(scope.macros.find(macro)(custom, described)).strip(), around, scope, None, place
        )
        diagnostics.extend((*scope.warnings, *failure))
        return value if value is not None else default()

    exact = config.snapshot.target_schema if config.snapshot is not None else None
    schema = exact or decide(
        SCHEMA_MACRO, config.schema, "schema", lambda: _schema(target.schema, config.schema)
    )
    alias = decide(ALIAS_MACRO, config.alias, "alias", lambda: config.alias or name)
    relation = Relation(config.database or target.database, schema or None, alias or name)
    return relation, tuple(diagnostics)


def _schema(default: str | None, custom: str | None) -> str | None:
    if custom is None:
        return default
    return f"{default}_{custom}" if default else custom


def _settings(config: NodeConfig, layer: ConfigLayer) -> Mapping[str, object]:
    written = {key: thaw(entry.value) for key, entry in layer.items()}
    fixed = {
        "materialized": config.materialized.value,
        "schema": config.schema,
        "alias": config.alias,
        "database": config.database,
        "tags": list(config.tags),
    }
    return MappingProxyType(written | fixed)
