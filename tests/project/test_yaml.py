from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.value import Value
from sqlflow.project.nodes import ListNode, MappingNode, Node, ScalarNode, to_value
from sqlflow.project.yaml import MAX_DEPTH, read_yaml
from tests.project.reading import covered, shown


def value_of(text: str) -> Value:
    node, diagnostics = read_yaml(text, "f.yml")
    assert diagnostics == ()
    assert node is not None
    return to_value(node)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", "a"),
        ("'1'", "1"),
        ("12", 12),
        ("1_000", 1000),
        ("0x1f", 31),
        ("1.5", 1.5),
        ("yes", True),
        ("'yes'", "yes"),
        ("~", None),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int '5'", 5),
        ("2024-02-29", date(2024, 2, 29)),
        ("2024-02-29 10:11:12", datetime(2024, 2, 29, 10, 11, 12)),
        ("=", "="),
        ("[a, [b], {c: d}]", ("a", ("b",), {"c": "d"})),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
    ],
)
def test_values(text: str, value: Value) -> None:
    assert value_of(text) == value


def test_places_are_in_characters() -> None:
    text = "é: 😀 x # note\nü:\n  - [1, ä]\n  - |\n    long\n    text\n\n# end\n"
    node, _ = read_yaml(text, "f.yml")
    assert isinstance(node, MappingNode)
    first, second = node.pairs
    assert (covered(first.key_span, text), covered(first.node.span, text)) == ("é", "😀 x")
    assert covered(second.key_span, text) == "ü"
    assert isinstance(second.node, ListNode)
    flow, block = second.node.items
    assert covered(flow.span, text) == "[1, ä]"
    assert covered(block.span, text) == "|\n    long\n    text"
    assert covered(second.node.span, text).startswith("- [1, ä]")
    assert covered(second.node.span, text).endswith("text")


def test_an_empty_value_has_the_place_of_its_key() -> None:
    text = "a:\nb: 1\n"
    node, _ = read_yaml(text, "f.yml")
    assert isinstance(node, MappingNode)
    assert covered(node.pairs[0].node.span, text) == "a"


def test_aliases_share_and_merge_keys_merge() -> None:
    text = "base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}\nlist: {<<: [*b, {z: 4}]}\nsame: *b\n"
    assert value_of(text) == {
        "base": {"x": 1, "y": 2},
        "other": {"x": 1, "y": 3},
        "list": {"x": 1, "y": 2, "z": 4},
        "same": {"x": 1, "y": 2},
    }


@pytest.mark.parametrize("text", ["", "# only a note\n", "---\n", "\n\n"])
def test_an_empty_file_has_no_mistakes(text: str) -> None:
    node, diagnostics = read_yaml(text, "f.yml")
    assert diagnostics == ()
    assert node is None or to_value(node) is None


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("a: [1", Code.BROKEN_YAML, "1", "expected ',' or ']'"),
        ("a: b: c", Code.BROKEN_YAML, ":", "mapping values"),
        ("a: é\n\tb: c", Code.BROKEN_YAML, "\t", "tab"),
        ("é: 'x\n", Code.BROKEN_YAML, "x", "end of stream"),
        ("é😀: \x01", Code.BROKEN_YAML, "\x01", "U+0001"),
        ("a: \ud800", Code.BROKEN_YAML, "\ud800", "half of a pair"),
        ("--- a\n--- b\n", Code.BROKEN_YAML, "---", "more than one YAML document"),
        ("a: *x", Code.BROKEN_YAML, "*x", "no anchor `&x`"),
        ("a: &x [*x]", Code.BROKEN_YAML, "*x", "inside of what it names"),
        ("a: &x 1\nb: &x [*x]", Code.BROKEN_YAML, "*x", "inside of what it names"),
        ("%YAML 3.0\n---\na", Code.BROKEN_YAML, "%", "incompatible"),
        ("a: 1\n'a': 2", Code.DUPLICATE_KEY, "'a'", "`a` is there twice"),
        ("on: 1", Code.WRONG_TYPE, "on", "true or false"),
        ("1: 1", Code.WRONG_TYPE, "1", "a whole number"),
        ("? [a]\n: 1", Code.WRONG_TYPE, "[a]", "a list"),
        ("? {a: b}\n: 1", Code.WRONG_TYPE, "{a: b}", "a mapping"),
        ("a: !secret x", Code.INVALID_VALUE, "!secret", "!secret"),
        ("a: !!python/name:os.system x", Code.INVALID_VALUE, "!!python/name:os.system", "!!python"),
        ("a: !!set {x}", Code.INVALID_VALUE, "!!set", "!!set"),
        ('a: "x\\0y"', Code.INVALID_VALUE, '"x\\0y"', "can't hold a NUL character"),
        ("a: 2024-02-31", Code.INVALID_VALUE, "2024-02-31", "is not a date"),
        ("a: !!int x", Code.INVALID_VALUE, "!!int x", "is not a whole number"),
        ("a: {<<: 1}", Code.WRONG_TYPE, "1", "`<<` takes a mapping"),
    ],
)
def test_mistakes(text: str, code: Code, place: str, message: str) -> None:
    _, diagnostics = read_yaml(text, "f.yml")
    assert shown(diagnostics, text) == [(code, place)]
    assert message in diagnostics[0].message


def test_a_double_key_names_both_places_and_keeps_the_first() -> None:
    text = "a: 1\nb: 2\na: 3\n"
    node, (found,) = read_yaml(text, "f.yml")
    assert node is not None and to_value(node) == {"a": 1, "b": 2}
    assert found.span is not None and found.span.start == 10
    assert [label.span.start for label in found.labels] == [0]


def test_every_mistake_is_reported_at_once() -> None:
    text = "a: 1\na: 2\n3: x\nb: !t y\nc: 2024-13-01\n"
    _, diagnostics = read_yaml(text, "f.yml")
    assert shown(diagnostics, text) == [
        (Code.DUPLICATE_KEY, "a"),
        (Code.WRONG_TYPE, "3"),
        (Code.INVALID_VALUE, "!t"),
        (Code.INVALID_VALUE, "2024-13-01"),
    ]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5_000, 100_000])
@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_deep_nesting_is_a_mistake_and_no_crash(depth: int, opening: str) -> None:
    _, diagnostics = read_yaml(opening * depth, "f.yml")
    assert [d.code for d in diagnostics] == [Code.BROKEN_YAML]
    # libyaml has a limit of its own, which some of its builds reach first.
    assert any(words in diagnostics[0].message for words in ("levels deep", "nesting depth"))


def test_nesting_up_to_the_limit_is_read() -> None:
    node, diagnostics = read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f.yml")
    assert diagnostics == () and isinstance(node, ListNode)


def test_aliases_can_not_hide_depth() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 200)]
    _, diagnostics = read_yaml("\n".join(lines), "f.yml")
    assert ["levels deep" in d.message for d in diagnostics] == [True]


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    _, diagnostics = read_yaml("\n".join(lines), "f.yml")
    assert ["aliases stand for more" in d.message for d in diagnostics] == [True]


def test_a_merge_bomb_is_refused() -> None:
    keys = ", ".join(f"k{i}: 1" for i in range(400))
    merges = "\n".join(f"m{i}: {{<<: *base}}" for i in range(400))
    _, diagnostics = read_yaml(f"base: &base {{{keys}}}\n{merges}", "f.yml")
    assert ["aliases stand for more" in d.message for d in diagnostics] == [True]


def check_places(node: Node, text: str) -> None:
    covered(node.span, text)
    match node:
        case ListNode():
            for item in node.items:
                check_places(item, text)
        case MappingNode():
            for pair in node.pairs:
                covered(pair.key_span, text)
                check_places(pair.node, text)
        case ScalarNode():
            pass


SHAPES = st.text(alphabet="ab1é😀 \n\t:-[]{}*&!|>'\"#,?%<=~.\r\ufeff\x00\x85", max_size=60)


@settings(max_examples=400, deadline=None)
@given(SHAPES | st.text(max_size=60))
def test_no_text_makes_it_raise_and_places_lie_inside(text: str) -> None:
    node, diagnostics = read_yaml(text, "f.yml")
    for diagnostic in diagnostics:
        covered(diagnostic.span, text)
        for label in diagnostic.labels:
            covered(label.span, text)
    if node is not None:
        check_places(node, text)


WORDS = st.text(alphabet="abcé😀", min_size=1, max_size=5)
TREES = st.recursive(
    WORDS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_what_json_writes_is_read_back(tree: object) -> None:
    import json

    from sqlflow.core.value import thaw

    assert thaw(value_of(json.dumps(tree, ensure_ascii=False))) == tree
