"""Configuration by folder: the `models`, `seeds`, `snapshots` and `tests` trees of `sqlflow.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.ids import NodeKind
from sqlflow.project.config import canonical, keys_of, layer_of, merge_layers, unknown_config_key
from sqlflow.project.decode import invalid_value, is_failed, unknown_key, wrong_type
from sqlflow.project.nodes import MappingNode, Node, Pair, ScalarNode
from sqlflow.project.types import ConfigLayer


def read_folder_config(
    node: Node, project: str | None, kind: NodeKind, diagnostics: list[Diagnostic]
) -> Mapping[str, ConfigLayer]:
    """Reads a tree into layers by folder, whose templates are already evaluated.

    `+key` is configuration. So is a known key without the sign, unless its value is a mapping: a key of a
    mapping is a folder. At the top, the project's own name stands for the project as a whole, as in dbt.
    """
    layers: dict[str, ConfigLayer] = {}
    todo: list[tuple[str, MappingNode]] = []
    if isinstance(node, MappingNode):
        todo.append(("", node))
    elif not is_failed(node) and not (isinstance(node, ScalarNode) and node.value is None):
        diagnostics.append(wrong_type("a mapping", node, f"`{kind}s`"))
    top = node
    while todo:
        folder, mapping = todo.pop(0)
        settings: list[Pair] = []
        for pair in mapping.pairs:
            if pair.key.startswith("+") or not isinstance(pair.node, MappingNode):
                setting = _setting(pair, kind, diagnostics)
                settings.extend([setting] if setting is not None else [])
            elif mapping is top and pair.key == project:
                todo.append(("", pair.node))
            else:
                path = _folder_path(folder, pair, diagnostics)
                todo.extend([(path, pair.node)] if path is not None else [])
        layer = layer_of(settings, diagnostics)
        layers[folder] = merge_layers([layers[folder], layer]) if folder in layers else layer
    return MappingProxyType({folder: layer for folder, layer in layers.items() if layer})


def _setting(pair: Pair, kind: NodeKind, diagnostics: list[Diagnostic]) -> Pair | None:
    """Takes a pair as configuration under the key without its sign, or reports that there is no such key."""
    name = pair.key.removeprefix("+")
    if canonical(name) in keys_of(kind):
        return pair._replace(key=name)
    if is_failed(pair.node):
        return None
    if pair.key.startswith("+"):
        diagnostics.append(unknown_config_key(name, pair.key_span, kind))
    else:
        close = did_you_mean(name, keys_of(kind))
        help_ = close or "a folder's value is a mapping of `+key: value`"
        diagnostics.append(unknown_key(pair.key, pair.key_span, keys_of(kind), f"`{kind}s`", help_))
    return None


def _folder_path(folder: str, pair: Pair, diagnostics: list[Diagnostic]) -> str | None:
    parts = [part for part in pair.key.split("/") if part]
    if not parts or any(part in (".", "..") for part in parts):
        diagnostics.append(invalid_value(f"`{pair.key}` is not the name of a folder", pair.key_span))
        return None
    return "/".join([*([folder] if folder else []), *parts])
