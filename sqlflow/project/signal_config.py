"""The signals that a model waits for, in its configuration."""

from __future__ import annotations

from sqlflow.core.config import SignalUse
from sqlflow.project.decode import Section, invalid_value, is_failed, wrong_type
from sqlflow.project.nodes import ListNode, MappingNode, Node, ScalarNode, mapping_value

_EXPECTED = "a signal's name, or its name with arguments"


def decode_signals(section: Section) -> tuple[SignalUse, ...]:
    """Reads a name, a list of names, or of mappings of a name to its arguments: `- landed: {hour: 6}`."""
    found = section.pair("signals")
    if found is None:
        return ()
    nodes = found.node.items if isinstance(found.node, ListNode) else (found.node,)
    read = [_read(node, section) for node in nodes]
    return tuple(use for use in read if use is not None)


def _read(node: Node, section: Section) -> SignalUse | None:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        if node.value.strip():
            return SignalUse(name=node.value.strip(), span=node.span)
        section.report(invalid_value("a name in `signals` is empty", node.span))
        return None
    if isinstance(node, MappingNode) and len(node.pairs) == 1:
        [pair] = node.pairs
        given = pair.node
        if isinstance(given, MappingNode):
            return SignalUse(name=pair.key, arguments=mapping_value(given), span=pair.key_span)
        if isinstance(given, ScalarNode) and given.value is None and not given.failed:
            return SignalUse(name=pair.key, span=pair.key_span)
        if not is_failed(given):
            section.report(wrong_type("a mapping", given, f"what is given to the signal `{pair.key}`"))
        return None
    if not is_failed(node):
        section.report(wrong_type(_EXPECTED, node, "an item of `signals`"))
    return None
