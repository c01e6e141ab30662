"""Reads what is set on the table or view that a node becomes, apart from its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlflow.core.config import PersistDocs
from sqlflow.core.value import Value
from sqlflow.project.decode import Section, invalid_value

# The words of a privilege stand in a statement as they are.
_PRIVILEGE = re.compile(r"[A-Z]+( [A-Z]+)*\Z")


def decode_persist_docs(section: Section) -> PersistDocs:
    """Reads `persist_docs`."""
    below = section.section("persist_docs", "`persist_docs`")
    if below is None:
        return PersistDocs()
    relation, columns = below.flag("relation"), below.flag("columns")
    below.finish()
    return PersistDocs(relation=bool(relation), columns=bool(columns))


def decode_grants(section: Section) -> Mapping[str, tuple[str, ...]] | None:
    """Reads `grants`: grantees by privilege; None where it is not there, or names no privilege."""
    node = section.mapping("grants")
    if node is None or not node.pairs:
        return None
    below = Section(node, "`grants`", section.diagnostics)
    found: dict[str, tuple[str, ...]] = {}
    for pair in node.pairs:
        privilege = " ".join(pair.key.removeprefix("+").upper().split())
        grantees = below.texts(pair.key) or ()
        if not _PRIVILEGE.match(privilege):
            message = f"`{pair.key}` is no privilege"
            section.report(invalid_value(message, pair.key_span, "name one, such as `select`"))
        elif any(not _is_name(grantee) for grantee in grantees):
            message = f"a grantee of `{pair.key}` has no name that a role can have"
            section.report(invalid_value(message, pair.node.span, "name a role"))
        else:
            found[privilege] = tuple(dict.fromkeys((*found.get(privilege, ()), *grantees)))
    return MappingProxyType(found)


def merge_grants(before: Mapping[str, Value], after: Mapping[str, Value]) -> Mapping[str, Value]:
    """Merges two layers of `grants`: `+select` adds to what is there, `select` replaces it."""
    merged = {key.removeprefix("+"): value for key, value in before.items()}
    for key, value in after.items():
        name = key.removeprefix("+")
        old, new = _listed(merged.get(name)), _listed(value)
        merged[name] = (*old, *new) if key.startswith("+") and old and new else value
    return MappingProxyType(merged)


def _listed(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and "\0" not in text and text.encode(errors="ignore").decode() == text
