"""Makes the nodes of the graph from declarations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.link.types import GenericTest, Node
from sqlflow.project.types import Project
from sqlflow.render.types import Rendered


def nodes_of(project: Project, rendered: Rendered, tests: Mapping[NodeId, GenericTest]) -> dict[NodeId, Node]:
    """Gives all nodes that are not switched off, those with a broken template included."""
    settings = project.settings
    nodes: dict[NodeId, Node] = {}
    for model in project.models.values():
        if model.id in rendered.disabled:
            continue
        config = rendered.models[model.id].config if model.id in rendered.models else None
        nodes[model.id] = Node(
            id=model.id,
            kind=kind_of(model.id),
            name=model.name,
            path=model.path,
            folders=_folders(
                model.path,
                settings.snapshot_paths if kind_of(model.id) is NodeKind.SNAPSHOT else settings.model_paths,
            ),
            tags=config.tags if config else (),
            materialized=(config.materialized if config else _default(model.id)).value,
            description=model.description,
            attached=None,
            span=model.span,
        )
    for seed in project.seeds.values():
        if seed.id in rendered.disabled:
            continue
        nodes[seed.id] = Node(
            id=seed.id,
            kind=NodeKind.SEED,
            name=seed.name,
            path=seed.path,
            folders=_folders(seed.path, settings.seed_paths),
            tags=rendered.seeds[seed.id].config.tags if seed.id in rendered.seeds else (),
            materialized=Materialization.SEED.value,
            description=seed.description,
            attached=None,
            span=seed.span,
        )
    for source in project.sources.values():
        nodes[source.id] = Node(
            id=source.id,
            kind=NodeKind.SOURCE,
            name=f"{source.source}.{source.name}",
            path=source.span.path,
            folders=(),
            tags=source.tags,
            materialized="",
            description=source.description,
            attached=None,
            span=source.span,
        )
    nodes.update(_test_nodes(project, rendered, tests))
    return nodes


def _default(model: NodeId) -> Materialization:
    return Materialization.SNAPSHOT if kind_of(model) is NodeKind.SNAPSHOT else Materialization.VIEW


def _test_nodes(
    project: Project, rendered: Rendered, tests: Mapping[NodeId, GenericTest]
) -> dict[NodeId, Node]:
    nodes: dict[NodeId, Node] = {}
    for test in project.tests.values():
        if test.id in rendered.disabled:
            continue
        nodes[test.id] = Node(
            id=test.id,
            kind=NodeKind.TEST,
            name=test.name,
            path=test.path,
            folders=_folders(test.path, project.settings.test_paths),
            tags=rendered.tests[test.id].config.tags if test.id in rendered.tests else (),
            materialized="",
            description="",
            attached=None,
            span=test.span,
        )
    for generic in tests.values():
        nodes[generic.id] = Node(
            id=generic.id,
            kind=NodeKind.TEST,
            name=generic.id.rsplit(".", 1)[1],
            path=generic.declared.span.path,
            folders=(),
            tags=generic.config.tags,
            materialized="",
            description=generic.declared.description,
            attached=generic.node,
            span=generic.declared.span,
        )
    return nodes


def _folders(path: str, roots: Sequence[str]) -> tuple[str, ...]:
    pure = PurePosixPath(path)
    for root in roots:
        if pure.is_relative_to(root):
            return pure.relative_to(root).parts[:-1]
    return pure.parts[:-1]
