"""Templates inside of the values of YAML files."""

from __future__ import annotations

from collections.abc import Collection

from sqlflow.core.diagnostic import Diagnostic, has_errors
from sqlflow.project.nodes import ListNode, MappingNode, Node, Pair, ScalarNode, from_value
from sqlflow.project.types import RenderValue


def holds_template(text: str) -> bool:
    """Whether a text has a template in it."""
    return "{{" in text or "{%" in text


def render_node(
    node: Node,
    render_value: RenderValue,
    diagnostics: list[Diagnostic],
    *,
    skip: Collection[str] = (),
) -> Node:
    """Evaluates the templates in all texts of a tree.

    What stands under a key in `skip`, with or without `+`, is left as it is. A text whose template fails
    has no value.
    """
    match node:
        case ScalarNode(value=str(text)) if holds_template(text):
            value, found = render_value(text, node.span)
            diagnostics.extend(found)
            if has_errors(found):
                return ScalarNode(value=None, text=node.text, span=node.span, failed=True)
            return from_value(value, node.span, rendered=True)
        case ScalarNode():
            return node
        case ListNode():
            items = tuple(render_node(item, render_value, diagnostics, skip=skip) for item in node.items)
            return ListNode(items=items, span=node.span)
        case MappingNode():
            pairs = tuple(
                pair
                if pair.key.removeprefix("+") in skip
                else Pair(
                    pair.key, pair.key_span, render_node(pair.node, render_value, diagnostics, skip=skip)
                )
                for pair in node.pairs
            )
            return MappingNode(pairs=pairs, span=node.span)
