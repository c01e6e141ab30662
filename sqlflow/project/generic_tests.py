"""Reading of the data tests that properties put on a node or a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.ids import NodeKind
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.project.config import canonical, keys_of, layer_of, merge_layers, unknown_config_key
from sqlflow.project.decode import Section, as_section, invalid_value, is_failed, unknown_key, wrong_type
from sqlflow.project.nodes import MappingNode, Node, Pair, ScalarNode, to_value
from sqlflow.project.references import parse_reference
from sqlflow.project.templates import render_node
from sqlflow.project.types import ConfigLayer, RenderValue, TestDecl

# The generic tests and their arguments: True for one that is required.
GENERIC_TESTS: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {
        "not_null": {},
        "unique": {},
        "accepted_values": {"values": True, "quote": False},
        "relationships": {"to": True, "field": True},
    }
)
_OWN = ("name", "description", "config", "arguments", "test_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A test as it stands in the file: its name, and the mapping that says more, if there is one."""

    test: str
    body: MappingNode
    span: Span


def read_tests(owner: Section, column: str | None, render_value: RenderValue) -> tuple[TestDecl, ...]:
    """Reads `data_tests` and `tests`, its older spelling, of a node (`column` is None) or of a column.

    Settings may stand below `config` or beside the arguments, arguments below `arguments` or directly.
    """
    found: list[TestDecl] = []
    for key in ("data_tests", "tests"):
        for item in owner.items(key):
            written = _written(item, owner.diagnostics)
            if written is not None:
                test = _read_test(written, column, render_value, owner.diagnostics)
                found.extend([test] if test is not None else [])
    return tuple(found)


def _written(node: Node, diagnostics: list[Diagnostic]) -> _Written | None:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        body = MappingNode(pairs=(), span=node.span)
        return _known(node.value, node.span, body, diagnostics)
    if not isinstance(node, MappingNode) or not node.pairs:
        if not is_failed(node):
            diagnostics.append(wrong_type("text or a mapping", node, "a test"))
        return None
    named = node.get("test_name")
    if named is not None:
        name = Section(node, "a test", diagnostics).required_text("test_name")
        return _known(name, named.node.span, node, diagnostics) if name is not None else None
    first = node.pairs[0]
    if len(node.pairs) > 1:
        extra = node.pairs[1]
        help_ = f"indent `{extra.key}` below `{first.key}`"
        diagnostics.append(
            invalid_value("a test is one key with its arguments below it", extra.key_span, help_)
        )
        return None
    if isinstance(first.node, ScalarNode) and first.node.value is None:
        body = MappingNode(pairs=(), span=first.key_span)
        return _known(first.key, first.key_span, body, diagnostics)
    body_section = as_section(first.node, f"the test `{first.key}`", diagnostics)
    if body_section is None:
        return None
    return _known(first.key, first.key_span, body_section.node, diagnostics)


def _known(name: str, span: Span, body: MappingNode, diagnostics: list[Diagnostic]) -> _Written | None:
    if name in GENERIC_TESTS:
        return _Written(test=name, body=body, span=span)
    listed = "there are: " + ", ".join(f"`{test}`" for test in GENERIC_TESTS)
    help_ = did_you_mean(name, GENERIC_TESTS) or listed
    diagnostics.append(invalid_value(f"there is no test `{name}`", span, help_, "no such test"))
    return None


def _read_test(
    written: _Written, column: str | None, render_value: RenderValue, diagnostics: list[Diagnostic]
) -> TestDecl | None:
    where = f"the test `{written.test}`"
    section = Section(written.body, where, diagnostics)
    before = len(diagnostics)
    name, description = section.text("name"), section.text("description")
    below = section.section("arguments", f"the arguments of {where}")
    settings = [pair for pair in written.body.pairs if pair.key in keys_of(NodeKind.TEST)]
    layers = [_layer(settings, render_value, diagnostics)]
    inner = section.mapping("config")
    if inner is not None:
        layers.append(_layer(inner.pairs, render_value, diagnostics))
    reserved = {*_OWN, *keys_of(NodeKind.TEST)}
    direct = tuple(pair for pair in written.body.pairs if pair.key not in reserved)
    inner_pairs = below.node.pairs if below is not None else ()
    own = {*GENERIC_TESTS[written.test], *(() if column is not None else ("column_name",))}
    diagnostics.extend(
        unknown_key(pair.key, pair.key_span, known, where)
        for pairs, known in ((direct, own | reserved - {"test_name"}), (inner_pairs, own))
        for pair in pairs
        if pair.key not in own
    )
    pairs = (*direct, *inner_pairs)
    arguments, given = _arguments(written, pairs, column, diagnostics)
    if len(diagnostics) > before:
        return None
    return TestDecl(
        test=written.test,
        column=given,
        arguments=arguments,
        config=merge_layers(layers),
        name=name,
        description=description or "",
        span=written.span,
    )


def _layer(
    pairs: list[Pair] | tuple[Pair, ...], render_value: RenderValue, diagnostics: list[Diagnostic]
) -> ConfigLayer:
    for pair in pairs:
        if canonical(pair.key) not in keys_of(NodeKind.TEST):
            diagnostics.append(unknown_config_key(pair.key, pair.key_span, NodeKind.TEST))
    known = [pair for pair in pairs if canonical(pair.key) in keys_of(NodeKind.TEST)]
    rendered = [pair._replace(node=render_node(pair.node, render_value, diagnostics)) for pair in known]
    return layer_of(rendered, diagnostics)


def _arguments(
    written: _Written,
    pairs: tuple[Pair, ...],
    column: str | None,
    diagnostics: list[Diagnostic],
) -> tuple[Mapping[str, Value], str | None]:
    """Checks the arguments of a test; gives them and the column, which a test on a node names itself."""
    section = Section(MappingNode(pairs=pairs, span=written.span), f"the test `{written.test}`", diagnostics)
    if column is None:
        column = section.required_text("column_name")
    for key, required in GENERIC_TESTS[written.test].items():
        if required and (section.pair(key) is None):
            diagnostics.append(
                Diagnostic(
                    code=Code.MISSING_SETTING,
                    message=f"`{key}` is missing in the test `{written.test}`",
                    span=written.span,
                    label=f"no `{key}` here",
                    help=f"add `{key}:`",
                )
            )
    if written.test == "accepted_values":
        _check_values(section)
    if written.test == "relationships":
        _check_relationship(section)
    own = {pair.key: to_value(pair.node) for pair in pairs if pair.key != "column_name"}
    return MappingProxyType(own), column


def _check_values(section: Section) -> None:
    values = section.items("values")
    section.flag("quote")
    found = section.pair("values")
    if found is not None and to_value(found.node) == ():
        section.report(invalid_value("`values` is empty: no row could pass", section.span("values")))
    for item in values:
        if not isinstance(item, ScalarNode):
            section.report(wrong_type("a single value", item, "an item of `values`"))


def _check_relationship(section: Section) -> None:
    to = section.text("to")
    section.text("field")
    if to is not None and parse_reference(to) is None:
        help_ = "write ref('model') or source('source', 'table')"
        section.report(invalid_value(f"`{to[:60]}` is not a reference", section.span("to"), help_))
