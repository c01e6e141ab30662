"""Typed reading of mappings, which collects every mistake instead of stopping at the first."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.span import Span
from sqlflow.core.value import EMPTY, Value, type_name
from sqlflow.project.nodes import ListNode, MappingNode, Node, Pair, ScalarNode, mapping_value, to_value
from sqlflow.project.scalars import BadScalarError, read_scalar

T = TypeVar("T")


def wrong_type(expected: str, node: Node, what: str = "") -> Diagnostic:
    """Says that a value has another type than is expected; the value itself is not shown."""
    value = to_value(node)
    quote = isinstance(node, ScalarNode) and not isinstance(value, str) and value is not None
    return Diagnostic(
        code=Code.WRONG_TYPE,
        message=f"{what or 'this'} must be {expected}, not {type_name(value)}",
        span=node.span,
        label=f"expected {expected}",
        help="put it in quotes" if quote and expected.startswith("text") else "",
    )


def unknown_key(key: str, span: Span, known: Iterable[str], where: str, help_: str = "") -> Diagnostic:
    """Says that a key is none of the known ones, with those that are close."""
    names = sorted(known)
    listed = "known here: " + ", ".join(f"`{name}`" for name in names) if names else ""
    return Diagnostic(
        code=Code.UNKNOWN_KEY,
        message=f"unknown key `{key}` in {where}",
        span=span,
        label="no such key",
        help=help_ or did_you_mean(key, names) or listed,
    )


def invalid_value(message: str, span: Span, help_: str = "", label: str = "") -> Diagnostic:
    """Says that a value of the right type is not one of those that are possible."""
    return Diagnostic(code=Code.INVALID_VALUE, message=message, span=span, label=label, help=help_)


def is_failed(node: Node) -> bool:
    """Whether a value is absent because of a mistake that was reported."""
    return isinstance(node, ScalarNode) and node.failed


def as_section(node: Node, where: str, diagnostics: list[Diagnostic]) -> Section | None:
    """Gives a reader of a node that must be a mapping; a WRONG_TYPE and None where it is not."""
    if isinstance(node, MappingNode):
        return Section(node, where, diagnostics)
    if not is_failed(node):
        diagnostics.append(wrong_type("a mapping", node, where))
    return None


class Section:
    """Reads the keys of one mapping. The keys that were asked for are the known ones.

    `where` names the mapping in messages. Mistakes go to `diagnostics`; what is asked for is then None.
    """

    def __init__(self, node: MappingNode, where: str, diagnostics: list[Diagnostic]) -> None:
        self.node = node
        self.where = where
        self.diagnostics = diagnostics
        self._pairs = {pair.key: pair for pair in node.pairs}
        self._known: dict[str, None] = {}

    def pair(self, key: str) -> Pair | None:
        """Gives a key and its node; None where it is not there or its value is empty."""
        self._known[key] = None
        found = self._pairs.get(key)
        if found is None or is_failed(found.node):
            return None
        empty = isinstance(found.node, ScalarNode) and found.node.value is None
        return None if empty else found

    def span(self, key: str) -> Span:
        """Gives the place of a key's value, or else that of the mapping."""
        found = self._pairs.get(key)
        return found.node.span if found is not None else self.node.span

    def report(self, diagnostic: Diagnostic) -> None:
        """Adds a diagnostic."""
        self.diagnostics.append(diagnostic)

    def text(self, key: str) -> str | None:
        """Reads text."""
        return self._read(key, "text", _as_text)

    def required_text(self, key: str) -> str | None:
        """Reads text that must be there and must not be empty."""
        found = self._pairs.get(key)
        value = self.text(key)
        if (found is None or isinstance(found.node, ScalarNode)) and value is None:
            failed = found is not None and (is_failed(found.node) or to_value(found.node) is not None)
            if not failed:
                self.missing(key)
        elif value is not None and not value.strip():
            self.report(invalid_value(f"`{key}` is empty", self.span(key)))
            return None
        return value

    def missing(self, key: str, help_: str = "") -> None:
        """Reports that a key is not there."""
        found = self._pairs.get(key)
        span = found.key_span if found is not None else _first_place(self.node)
        self.report(
            Diagnostic(
                code=Code.MISSING_SETTING,
                message=f"`{key}` is missing in {self.where}",
                span=span,
                label=f"no `{key}` here",
                help=help_ or f"add `{key}:`",
            )
        )

    def flag(self, key: str) -> bool | None:
        """Reads true or false."""
        return self._read(key, "true or false", _as_flag)

    def whole(self, key: str, *, least: int) -> int | None:
        """Reads a whole number that is at least `least`."""
        value = self._read(key, "a whole number", _as_whole)
        if value is not None and value < least:
            self.report(invalid_value(f"`{key}` must be at least {least}", self.span(key)))
            return None
        return value

    def positive(self, key: str) -> float | None:
        """Reads a finite number that is more than 0."""
        value = self._read(key, "a number", _as_number)
        if value is not None and not (value > 0 and math.isfinite(value)):
            self.report(invalid_value(f"`{key}` must be more than 0", self.span(key)))
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Reads a list of texts; one text is a list of one."""
        found = self.pair(key)
        if found is None:
            return None
        if isinstance(found.node, ScalarNode):
            text = _as_text(found.node)
            if text is None:
                self.report(wrong_type("text or a list of texts", found.node, f"`{key}`"))
                return None
            return (text,)
        if isinstance(found.node, MappingNode):
            self.report(wrong_type("text or a list of texts", found.node, f"`{key}`"))
            return None
        return tuple(text for item in found.node.items if (text := self._item(key, item)) is not None)

    def _item(self, key: str, item: Node) -> str | None:
        text = _as_text(item)
        if text is None and not is_failed(item):
            self.report(wrong_type("text", item, f"an item of `{key}`"))
        return text

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """Reads one of some words."""
        value = self.text(key)
        if value is None or value in choices:
            return value
        listed = "one of " + ", ".join(f"`{choice}`" for choice in choices)
        message = f"`{value}` is not a value of `{key}`"
        self.report(invalid_value(message, self.span(key), did_you_mean(value, choices) or listed, listed))
        return None

    def mapping(self, key: str) -> MappingNode | None:
        """Reads a mapping."""
        return self._read(key, "a mapping", lambda node: node if isinstance(node, MappingNode) else None)

    def items(self, key: str) -> tuple[Node, ...]:
        """Reads a list, empty where there is none."""
        found = self._read(key, "a list", lambda node: node if isinstance(node, ListNode) else None)
        return found.items if found is not None else ()

    def section(self, key: str, where: str) -> Section | None:
        """Reads a mapping, to be read by its keys in turn."""
        node = self.mapping(key)
        return Section(node, where, self.diagnostics) if node is not None else None

    def values(self, key: str) -> Mapping[str, Value]:
        """Reads a mapping of anything; empty where there is none."""
        node = self.mapping(key)
        return mapping_value(node) if node is not None else EMPTY

    def _read(self, key: str, expected: str, read: Callable[[Node], T | None]) -> T | None:
        found = self.pair(key)
        if found is None:
            return None
        value = read(found.node)
        if value is None:
            self.report(wrong_type(expected, found.node, f"`{key}`"))
        return value

    def rest(self) -> tuple[Pair, ...]:
        """Gives the pairs that were not asked for."""
        return tuple(pair for pair in self.node.pairs if pair.key not in self._known)

    def finish(self, *, also: Iterable[str] = ()) -> None:
        """Reports the keys that were not asked for; `also` are further known ones."""
        known = {*self._known, *also}
        for pair in self.rest():
            if pair.key not in known:
                self.report(unknown_key(pair.key, pair.key_span, known, self.where))


def _first_place(node: MappingNode) -> Span:
    """Gives the place to show for a whole mapping: its first key, or all of it where it has none."""
    return node.pairs[0].key_span if node.pairs else node.span


def plain(node: Node) -> Node:
    """Reads text that a template gave as plain YAML: "4" from an environment variable is a number."""
    if isinstance(node, ScalarNode) and node.rendered and isinstance(node.value, str):
        try:
            value = read_scalar(node.value.strip())
        except BadScalarError:
            return node
        return ScalarNode(value=value, text=node.text, span=node.span, rendered=True)
    return node


def _as_text(node: Node) -> str | None:
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else None


def _as_flag(node: Node) -> bool | None:
    node = plain(node)
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, bool) else None


def _as_whole(node: Node) -> int | None:
    node = plain(node)
    if isinstance(node, ScalarNode) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    return None


def _as_number(node: Node) -> float | None:
    node = plain(node)
    if not isinstance(node, ScalarNode) or isinstance(node.value, bool):
        return None
    if isinstance(node.value, (int, float)):
        try:
            return float(node.value)
        except OverflowError:
            return math.inf
    return None
