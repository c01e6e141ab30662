from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeKind
from sqlflow.core.value import Value
from sqlflow.project.properties import NodePatch, Properties, read_properties
from sqlflow.project.types import ConfigLayer
from sqlflow.project.types import TestDecl as Decl
from tests.project.reading import covered, render_value, shown


def read(text: str) -> tuple[Properties, tuple[Diagnostic, ...]]:
    return read_properties(text, "p.yml", "shop", render_value)


def patch_of(text: str) -> NodePatch:
    properties, diagnostics = read(text)
    assert diagnostics == ()
    (patch,) = properties.patches
    return patch


def plain(layer: ConfigLayer) -> dict[str, Value]:
    return {key: entry.value for key, entry in layer.items()}


def test_a_model() -> None:
    text = """version: 2
models:
  - name: orders
    description: One row an order, {{ not_rendered }}
    tags: [a]
    meta: {x: 1}
    config:
      materialized: table
      tags: b
      schema: "{{ word }}"
      enabled: "{{ true_text }}"
      post-hook: "grant {{ this }}"
    columns:
      - name: id
        description: Its number
        data_type: bigint
        tags: pk
        meta: {unit: none}
        data_tests: [unique]
        tests: [not_null]
      - name: day
    tests:
      - unique: {column_name: day}
"""
    patch = patch_of(text)
    assert (patch.kind, patch.name, covered(patch.span, text)) == (NodeKind.MODEL, "orders", "orders")
    assert patch.description == "One row an order, {{ not_rendered }}"
    assert plain(patch.layer) == {
        "tags": ("a", "b"),
        "meta": {"x": 1},
        "materialized": "table",
        "schema": "word",
        "enabled": True,
        "post_hook": "grant {{ this }}",
    }
    first, second = patch.columns
    assert (first.name, first.description, first.data_type, first.tags) == (
        "id",
        "Its number",
        "bigint",
        ("pk",),
    )
    assert first.meta == {"unit": "none"} and covered(first.span, text) == "id"
    assert (second.name, second.description, second.data_type) == ("day", "", None)
    assert [(t.test, t.column) for t in patch.tests] == [
        ("unique", "day"),
        ("unique", "id"),
        ("not_null", "id"),
    ]


def test_a_seed() -> None:
    patch = patch_of("seeds: [{name: s, config: {column_types: {a: int}, delimiter: ';'}}]")
    assert patch.kind is NodeKind.SEED
    assert plain(patch.layer) == {"column_types": {"a": "int"}, "delimiter": ";"}


def test_sources() -> None:
    text = """sources:
  - name: raw
    description: From the shop
    database: "{{ word }}"
    schema: "{{ word }}"
    tags: [a]
    meta: {x: 1, y: 1}
    tables:
      - name: orders
        identifier: "{{ word }}"
        description: Its own
        tags: [b, a]
        meta: {y: 2}
        columns: [{name: id, tests: [unique]}]
        tests: [{not_null: {column_name: id}}]
      - {name: files, location: "{{ word }}"}
"""
    properties, diagnostics = read(text)
    assert diagnostics == ()
    orders, files = properties.sources
    assert orders.id == "source.shop.raw.orders"
    assert (orders.source, orders.name, covered(orders.span, text)) == ("raw", "orders", "orders")
    assert (orders.database, orders.schema, orders.identifier) == ("word", "word", "word")
    assert (orders.location, orders.description, orders.tags) == (None, "Its own", ("a", "b"))
    assert orders.meta == {"x": 1, "y": 2}
    assert [column.name for column in orders.columns] == ["id"]
    assert [(t.test, t.column) for t in orders.tests] == [("not_null", "id"), ("unique", "id")]
    assert (files.identifier, files.location, files.description) == ("files", "word", "From the shop")


def declared(written: str) -> tuple[Decl, ...]:
    return patch_of(f"models: [{{name: m, columns: [{{name: c, tests: [{written}]}}]}}]").tests


@pytest.mark.parametrize(
    ("written", "test", "arguments", "config"),
    [
        ("unique", "unique", {}, {}),
        ("{unique: }", "unique", {}, {}),
        ("{not_null: {severity: warn}}", "not_null", {}, {"severity": "warn"}),
        ("{accepted_values: {values: [a, 1]}}", "accepted_values", {"values": ("a", 1)}, {}),
        (
            "{accepted_values: {arguments: {values: [a], quote: no}}}",
            "accepted_values",
            {"values": ("a",), "quote": False},
            {},
        ),
        (
            "{relationships: {to: \"ref('x')\", field: id}}",
            "relationships",
            {"to": "ref('x')", "field": "id"},
            {},
        ),
        ("{test_name: not_null, name: n, config: {tags: t}}", "not_null", {}, {"tags": "t"}),
        (
            "{unique: {tags: a, enabled: yes, config: {tags: b, severity: error}}}",
            "unique",
            {},
            {"tags": ("a", "b"), "enabled": True, "severity": "error"},
        ),
        ('{unique: {config: {severity: "{{ word }}"}}}', "unique", {}, {"severity": "word"}),
    ],
)
def test_ways_to_write_a_test(
    written: str, test: str, arguments: dict[str, Value], config: dict[str, Value]
) -> None:
    (found,) = declared(written)
    assert (found.test, found.column) == (test, "c")
    assert dict(found.arguments) == arguments
    assert plain(found.config) == config


def test_name_and_description_of_a_test() -> None:
    first, second = declared("{unique: {name: n, description: d}}, {test_name: unique, name: o}")
    assert (first.name, first.description, second.name, second.description) == ("n", "d", "o", "")


MODEL = "models: [{name: m, %s}]"
COLUMN = "models: [{name: m, columns: [{name: c, tests: [%s]}]}]"
NODE_TEST = "models: [{name: m, tests: [%s]}]"


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("[a]", Code.WRONG_TYPE, "[a]", "p.yml must be a mapping"),
        ("modls: []", Code.UNKNOWN_KEY, "modls", "unknown key `modls`"),
        ("version: 3", Code.INVALID_VALUE, "3", "version of a properties file is 2"),
        ("version: two", Code.WRONG_TYPE, "two", "a whole number"),
        ("models: {a: b}", Code.WRONG_TYPE, "{a: b}", "`models` must be a list, not a mapping"),
        ("models: [a]", Code.WRONG_TYPE, "a", "a model must be a mapping"),
        ("models: [{description: x}]", Code.MISSING_SETTING, "description", "`name` is missing in a model"),
        ("models: [{name: 1}]", Code.WRONG_TYPE, "1", "`name` must be text"),
        ("models: [{name: yes}]", Code.WRONG_TYPE, "yes", "`name` must be text, not true or false"),
        ("models: [{name: ''}]", Code.INVALID_VALUE, "''", "`name` is empty"),
        (MODEL % "descr: x", Code.UNKNOWN_KEY, "descr", "in the model `m`"),
        (MODEL % "description: 1", Code.WRONG_TYPE, "1", "`description` must be text"),
        (MODEL % "config: [a]", Code.WRONG_TYPE, "[a]", "`config` must be a mapping"),
        (MODEL % "config: {materialised: table}", Code.UNKNOWN_KEY, "materialised", "config of a model"),
        (MODEL % "config: {alias: '{{ no }}'}", Code.MISSING_ENV_VAR, "'{{ no }}'", "no {{ no }}"),
        (MODEL % "columns: [a]", Code.WRONG_TYPE, "a", "a column must be a mapping"),
        (MODEL % "columns: [{data_type: a}]", Code.MISSING_SETTING, "data_type", "missing in a column"),
        (MODEL % "columns: [{name: a, typ: b}]", Code.UNKNOWN_KEY, "typ", "in the column `a`"),
        (MODEL % "columns: [{name: a}, {name: 'a'}]", Code.DUPLICATE_NAME, "'a'", "is declared twice"),
        (MODEL % "columns: [{name: a, tags: 1}]", Code.WRONG_TYPE, "1", "`tags`"),
        (MODEL % "columns: [{name: a, meta: 1}]", Code.WRONG_TYPE, "1", "`meta` must be a mapping"),
        (COLUMN % "uniqe", Code.INVALID_VALUE, "uniqe", "there is no test `uniqe`"),
        (COLUMN % "{uniqe: {}}", Code.INVALID_VALUE, "uniqe", "there is no test `uniqe`"),
        (COLUMN % "{test_name: uniqe}", Code.INVALID_VALUE, "uniqe", "there is no test `uniqe`"),
        (COLUMN % "1", Code.WRONG_TYPE, "1", "a test must be text or a mapping"),
        (COLUMN % "[]", Code.WRONG_TYPE, "[]", "a test must be text or a mapping, not a list"),
        (COLUMN % "{}", Code.WRONG_TYPE, "{}", "a test must be text or a mapping"),
        (COLUMN % "{unique: 1}", Code.WRONG_TYPE, "1", "the test `unique` must be a mapping"),
        (COLUMN % "{unique: {a: 1}}", Code.UNKNOWN_KEY, "a", "unknown key `a` in the test `unique`"),
        (COLUMN % "{unique: {column_name: a}}", Code.UNKNOWN_KEY, "column_name", "`column_name`"),
        (
            COLUMN % "{unique: {arguments: {severity: warn}}}",
            Code.UNKNOWN_KEY,
            "severity",
            "in the test `unique`",
        ),
        (COLUMN % "{unique: {config: {where: x}}}", Code.UNKNOWN_KEY, "where", "the config of a test"),
        (COLUMN % "accepted_values", Code.MISSING_SETTING, "accepted_values", "`values` is missing"),
        (COLUMN % "{accepted_values: {values: a}}", Code.WRONG_TYPE, "a", "`values` must be a list"),
        (COLUMN % "{accepted_values: {values: []}}", Code.INVALID_VALUE, "[]", "`values` is empty"),
        (COLUMN % "{accepted_values: {values: [[b]]}}", Code.WRONG_TYPE, "[b]", "an item of `values`"),
        (
            COLUMN % "{accepted_values: {values: [a], quote: 1}}",
            Code.WRONG_TYPE,
            "1",
            "`quote` must be true or false",
        ),
        (
            COLUMN % "{accepted_values: , values: [a]}",
            Code.INVALID_VALUE,
            "values",
            "one key with its arguments below it",
        ),
        (
            COLUMN % "{relationships: {to: x}}",
            Code.MISSING_SETTING,
            "relationships",
            "`field` is missing in the test `relationships`",
        ),
        (
            COLUMN % "{relationships: {to: ref(x), field: a}}",
            Code.INVALID_VALUE,
            "ref(x)",
            "`ref(x)` is not a reference",
        ),
        (COLUMN % "{relationships: {to: 1, field: a}}", Code.WRONG_TYPE, "1", "`to` must be text"),
        (NODE_TEST % "unique", Code.MISSING_SETTING, "unique", "`column_name` is missing"),
        ("sources: [{tables: []}]", Code.MISSING_SETTING, "tables", "missing in a source"),
        ("sources: [{name: a, tabels: []}]", Code.UNKNOWN_KEY, "tabels", "in the source `a`"),
        ("sources: [{name: a, tables: [b]}]", Code.WRONG_TYPE, "b", "a table of a source"),
        ("sources: [{name: a, tables: [{description: b}]}]", Code.MISSING_SETTING, "description", "`name`"),
        ("sources: [{name: a, tables: [{name: b, x: c}]}]", Code.UNKNOWN_KEY, "x", "of the source `a`"),
        ("sources: [{name: a, schema: '{{ no }}'}]", Code.MISSING_ENV_VAR, "'{{ no }}'", "no {{ no }}"),
        ("models: [", Code.BROKEN_YAML, "[", "broken YAML"),
    ],
)
def test_mistakes(text: str, code: Code, place: str, message: str) -> None:
    _, diagnostics = read(text)
    assert shown(diagnostics, text) == [(code, place)]
    assert message in diagnostics[0].message


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        ("modls: []", "did you mean `models`?"),
        (COLUMN % "uniqe", "did you mean `unique`?"),
        (COLUMN % "no_such", "there are: `not_null`, `unique`, `accepted_values`, `relationships`"),
        (COLUMN % "{unique: {severty: warn}}", "did you mean `severity`?"),
        (COLUMN % "{accepted_values: , values: [a]}", "indent `values` below `accepted_values`"),
        (
            COLUMN % "{relationships: {to: 'f()', field: a}}",
            "write ref('model') or source('source', 'table')",
        ),
    ],
)
def test_help(text: str, help_: str) -> None:
    _, (found,) = read(text)
    assert found.help == help_


def test_a_mistake_leaves_the_rest_to_be_read() -> None:
    text = "models: [1, {name: a, columns: [{name: c, tests: [nope, unique]}]}, {name: b}]\nx: 1\n"
    properties, diagnostics = read(text)
    assert [patch.name for patch in properties.patches] == ["a", "b"]
    assert [test.test for test in properties.patches[0].tests] == ["unique"]
    assert shown(diagnostics, text) == [
        (Code.WRONG_TYPE, "1"),
        (Code.INVALID_VALUE, "nope"),
        (Code.UNKNOWN_KEY, "x"),
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "version: 2\n", "models:\nseeds: []\nsources:\n"])
def test_files_that_say_nothing(text: str) -> None:
    properties, diagnostics = read(text)
    assert (properties.patches, properties.sources, diagnostics) == ((), (), ())


WORDS = (
    "name models seeds sources columns tests tables config arguments unique accepted_values values to tags "
    "meta relationships test_name description version severity schema"
)
KEYS = st.sampled_from(WORDS.split())
LEAVES = st.sampled_from(["a", "unique", "1", "''", "~", "yes", "'{{ one }}'", "'{{ no }}'", "\"ref('x')\""])
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.dictionaries(KEYS, inner, max_size=4).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(
        ["%s", "models: [{name: a, tests: [%s], columns: [%s]}]", "sources: [{name: a, tables: [%s]}]"]
    ),
    TREES,
)
def test_no_shape_makes_it_raise(frame: str, tree: str) -> None:
    text = frame.replace("%s", tree)
    _, diagnostics = read(text)
    for diagnostic in diagnostics:
        covered(diagnostic.span, text)
