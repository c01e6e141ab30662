"""Reads hooks: statements that run before or after a node is built, or when a run starts or ends."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlflow.core.config import Hook
from sqlflow.project.decode import Section, as_section, is_failed, wrong_type
from sqlflow.project.nodes import ListNode, MappingNode, Node, ScalarNode
from sqlflow.project.types import Template

RUN_START, RUN_END = "on-run-start", "on-run-end"
RUN_HOOKS = (RUN_START, RUN_END)


def read_run_hooks(top: Section) -> Mapping[str, tuple[Template, ...]]:
    """Reads the statements of `on-run-start` and `on-run-end`, each a text or a list of texts."""
    found: dict[str, tuple[Template, ...]] = {}
    for key in RUN_HOOKS:
        pair = top.pair(key)
        if pair is None:
            continue
        templates: list[Template] = []
        for item in pair.node.items if isinstance(pair.node, ListNode) else (pair.node,):
            if isinstance(item, ScalarNode) and isinstance(item.value, str):
                templates.append(Template(item.value, item.span))
            elif not is_failed(item):
                top.report(wrong_type("text", item, f"a statement of `{key}`"))
        found[key] = tuple(templates)
    return MappingProxyType(found)


def decode_hooks(section: Section, key: str) -> tuple[Hook, ...]:
    """Reads a hook, or a list of hooks; each is its text, or a mapping of `sql` and `transaction`."""
    found = section.pair(key)
    if found is None:
        return ()
    items = found.node.items if isinstance(found.node, ListNode) else (found.node,)
    hooks = (_hook(section, key, item) for item in items)
    return tuple(hook for hook in hooks if hook is not None)


def _hook(section: Section, key: str, item: Node) -> Hook | None:
    if isinstance(item, ScalarNode) and isinstance(item.value, str):
        return Hook(sql=item.value)
    if not isinstance(item, MappingNode):
        if not is_failed(item):
            section.report(wrong_type("text or a mapping with `sql`", item, f"a hook of `{key}`"))
        return None
    entry = as_section(item, f"a hook of `{key}`", section.diagnostics)
    if entry is None:
        return None
    sql, transaction = entry.required_text("sql"), entry.flag("transaction")
    entry.finish()
    return Hook(sql=sql, transaction=transaction is not False) if sql is not None else None
