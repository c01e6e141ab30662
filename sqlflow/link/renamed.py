"""Finds out what nodes were called before, by what they say of it: `renamed_from`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.ids import NodeId, NodeKind
from sqlflow.core.span import Span
from sqlflow.link.types import Node
from sqlflow.render.types import Rendered, RenderedModel, RenderedSeed

_KINDS = (NodeKind.MODEL, NodeKind.SEED, NodeKind.SNAPSHOT)


def renamed_nodes(
    rendered: Rendered, nodes: Mapping[NodeId, Node]
) -> tuple[Mapping[NodeId, NodeId], tuple[Diagnostic, ...]]:
    """Gives the id that each node had before which says so: what has another kind now is another node.

    A name that is still one of the project's, or that two nodes say they had, is a mistake.
    """
    named = {node.name: node for node in nodes.values() if node.kind in _KINDS}
    found: dict[NodeId, NodeId] = {}
    claimed: dict[NodeId, NodeId] = {}
    diagnostics: list[Diagnostic] = []
    for node in (*rendered.models.values(), *rendered.seeds.values()):
        name, place = node.config.renamed_from, _place(node, nodes)
        if name is None:
            continue
        old = NodeId(f"{node.id.rpartition('.')[0]}.{name}")
        there, other = named.get(name), claimed.setdefault(old, node.id)
        if old == node.id:
            diagnostics.append(_wrong(f"`{name}` is renamed from itself", place, (), "leave it out"))
        elif there is not None:
            diagnostics.append(
                _wrong(
                    f"`{nodes[node.id].name}` is renamed from `{name}`, which is still in the project",
                    place,
                    (Label(there.span, "still here"),),
                    f"take `{name}` out of the project, or leave `renamed_from` out",
                )
            )
        elif other != node.id:
            diagnostics.append(
                _wrong(
                    f"`{nodes[other].name}` and `{nodes[node.id].name}` are both renamed from `{name}`",
                    place,
                    (Label(_place(_of(other, rendered), nodes), "the other one"),),
                    "only one of them can go on with what was published",
                )
            )
        else:
            found[node.id] = old
    return MappingProxyType(found), tuple(diagnostics)


def _of(node: NodeId, rendered: Rendered) -> RenderedModel | RenderedSeed:
    return rendered.models[node] if node in rendered.models else rendered.seeds[node]


def _place(node: RenderedModel | RenderedSeed, nodes: Mapping[NodeId, Node]) -> Span:
    entry = node.layer.get("renamed_from")
    return entry.span if entry is not None and entry.span.path else nodes[node.id].span


def _wrong(message: str, span: Span, labels: tuple[Label, ...], help: str) -> Diagnostic:
    return Diagnostic(code=Code.RENAMED_FROM, message=message, span=span, labels=labels, help=help)
