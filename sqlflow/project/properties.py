"""Reading of properties files: what they say about models and seeds, which sources they declare."""

from __future__ import annotations

from dataclasses import dataclass

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeKind
from sqlflow.core.span import Span
from sqlflow.project.columns import read_columns
from sqlflow.project.config import (
    HOOKS,
    canonical,
    keys_of,
    layer_of,
    merge_layers,
    unknown_config_key,
)
from sqlflow.project.decode import Section, as_section, invalid_value, wrong_type
from sqlflow.project.generic_tests import read_tests
from sqlflow.project.nodes import MappingNode, Pair, ScalarNode
from sqlflow.project.references import parse_reference
from sqlflow.project.sources import read_sources
from sqlflow.project.templates import render_node
from sqlflow.project.types import ColumnDecl, ConfigLayer, RenderValue, SourceDecl, Template, TestDecl
from sqlflow.project.yaml import read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePatch:
    """What a properties file says about a model, a snapshot or a seed; `span` is where it names it.

    A `template` is that of a snapshot which is declared here, by the relation that it reads.
    """

    kind: NodeKind
    name: str
    layer: ConfigLayer
    description: str
    columns: tuple[ColumnDecl, ...]
    tests: tuple[TestDecl, ...]
    span: Span
    template: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """The contents of one properties file."""

    path: str
    patches: tuple[NodePatch, ...]
    sources: tuple[SourceDecl, ...]


def read_properties(
    text: str, path: str, package: str, render_value: RenderValue
) -> tuple[Properties, tuple[Diagnostic, ...]]:
    """Reads a properties file; what is wrong in it is reported and left out.

    Templates are evaluated below `config` and in the parts of a source's name, nowhere else.
    """
    root, found = read_yaml(text, path)
    diagnostics = list(found)
    nothing = Properties(path=path, patches=(), sources=())
    if root is None or (isinstance(root, ScalarNode) and root.value is None):
        return nothing, tuple(diagnostics)
    if not isinstance(root, MappingNode):
        return nothing, (*diagnostics, wrong_type("a mapping", root, path))
    top = Section(root, path, diagnostics)
    _check_version(top)
    patches = (
        *_patches(top, "models", NodeKind.MODEL, render_value),
        *_patches(top, "seeds", NodeKind.SEED, render_value),
        *_patches(top, "snapshots", NodeKind.SNAPSHOT, render_value),
    )
    sources = read_sources(top, package, render_value)
    top.finish()
    return Properties(path=path, patches=patches, sources=sources), tuple(diagnostics)


def _check_version(top: Section) -> None:
    found = top.pair("version")
    if found is not None and top.whole("version", least=0) not in (None, 2):
        message = "the version of a properties file is 2"
        top.report(invalid_value(message, found.node.span, "write `version: 2`"))


def _patches(top: Section, key: str, kind: NodeKind, render_value: RenderValue) -> tuple[NodePatch, ...]:
    found: list[NodePatch] = []
    for item in top.items(key):
        section = as_section(item, f"a {kind}", top.diagnostics)
        patch = _patch(section, kind, render_value) if section is not None else None
        found.extend([patch] if patch is not None else [])
    return tuple(found)


def _patch(section: Section, kind: NodeKind, render_value: RenderValue) -> NodePatch | None:
    name = section.required_text("name")
    if name is not None:
        section.where = f"the {kind} `{name}`"
    description = section.text("description")
    columns, tests = read_columns(section, render_value)
    node_tests = read_tests(section, None, render_value)
    layer = _config(section, kind, render_value)
    template = _relation(section) if kind is NodeKind.SNAPSHOT else None
    section.finish()
    if name is None:
        return None
    return NodePatch(
        kind=kind,
        name=name,
        layer=layer,
        description=description or "",
        columns=columns,
        tests=(*node_tests, *tests),
        span=section.span("name"),
        template=template,
    )


def _relation(section: Section) -> Template | None:
    """Reads the `relation` of a snapshot as the query of all its rows."""
    text = section.text("relation")
    if text is None:
        return None
    place = section.span("relation")
    target = parse_reference(text)
    if target is None:
        help_ = "write ref('model') or source('source', 'table')"
        section.report(invalid_value(f"`{text[:60]}` is not a reference", place, help_))
        return None
    names = ", ".join(f"'{part}'" for part in target.parts)
    read = ".".join(target.parts) if target.kind == "name" else f"{{{{ {target.kind}({names}) }}}}"
    return Template(f"SELECT * FROM {read}", place)


def _config(section: Section, kind: NodeKind, render_value: RenderValue) -> ConfigLayer:
    """Reads `config`, and `tags` and `meta` beside it, where older dbt has them."""
    beside = [pair for key in ("tags", "meta") if (pair := section.pair(key)) is not None]
    below = section.mapping("config")
    layers = [_layer(beside, kind, section.diagnostics, render_value)]
    if below is not None:
        layers.append(_layer(below.pairs, kind, section.diagnostics, render_value))
    return merge_layers(layers)


def _layer(
    pairs: list[Pair] | tuple[Pair, ...],
    kind: NodeKind,
    diagnostics: list[Diagnostic],
    render_value: RenderValue,
) -> ConfigLayer:
    known: list[Pair] = []
    for pair in pairs:
        name = pair.key.removeprefix("+")
        if canonical(name) not in keys_of(kind):
            diagnostics.append(unknown_config_key(pair.key, pair.key_span, kind))
            continue
        hook = name in HOOKS
        node = pair.node if hook else render_node(pair.node, render_value, diagnostics)
        known.append(Pair(name, pair.key_span, node))
    return layer_of(known, diagnostics)
