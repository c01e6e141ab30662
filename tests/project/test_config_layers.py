from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.config import (
    Hook,
    IncrementalStrategy,
    Index,
    Materialization,
    NodeConfig,
    OnSchemaChange,
    OnStaleSource,
    PersistDocs,
)
from sqlflow.core.config import TestConfig as SettingsOfTest
from sqlflow.core.config import TestSeverity as Severity
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeKind
from sqlflow.core.span import Span
from sqlflow.core.value import Value, freeze
from sqlflow.project.config import (
    KEYS,
    check_python_materialization,
    decode_node_config,
    decode_test_config,
    merge_layers,
)
from sqlflow.project.types import ConfigEntry, ConfigLayer, PythonFunction

FUNCTION = PythonFunction(name="m", parameters=())


def layer(path: str = "f", **entries: object) -> ConfigLayer:
    """Makes a layer whose entries stand one after another: the key at 10 n, the value at 10 n + 5."""
    return {
        key: ConfigEntry(freeze(value), Span(path, 10 * n + 5, 10 * n + 9), Span(path, 10 * n, 10 * n + 4))
        for n, (key, value) in enumerate(entries.items())
    }


def model(**entries: object) -> tuple[NodeConfig, tuple[Diagnostic, ...]]:
    return decode_node_config(layer(**entries), NodeKind.MODEL, Materialization.VIEW)


def merged(*layers: Mapping[str, object]) -> dict[str, Value]:
    result = merge_layers([layer(str(n), **entries) for n, entries in enumerate(layers)])
    return {key: entry.value for key, entry in result.items()}


def test_the_more_specific_layer_replaces() -> None:
    assert merged({"schema": "a", "alias": "x"}, {"schema": "b"}) == {"schema": "b", "alias": "x"}
    assert merged({"unique_key": ["a"]}, {"unique_key": "b"}) == {"unique_key": "b"}
    assert merged({"schema": "a"}, {"schema": None}) == {"schema": None}
    assert merged({"persist_docs": {"relation": True}}, {"persist_docs": {"columns": True}}) == {
        "persist_docs": {"columns": True}
    }


def test_tags_and_hooks_add_up() -> None:
    assert merged({"tags": "a"}, {"tags": ["b", "c"]}, {"tags": "d"}) == {"tags": ("a", "b", "c", "d")}
    assert merged({"pre-hook": "x"}, {"pre_hook": ["y"]}) == {"pre_hook": ("x", "y")}
    assert merged({"post_hook": ["x"]}, {"post-hook": "x"}) == {"post_hook": ("x", "x")}
    outside = {"sql": "z", "transaction": False}
    assert merged({"post_hook": outside}, {"post_hook": ["x"]}) == {"post_hook": (outside, "x")}
    assert merged({"post_hook": "x"}, {"post_hook": outside}) == {"post_hook": ("x", outside)}


def test_mappings_merge() -> None:
    assert merged({"meta": {"a": 1, "b": 1}}, {"meta": {"b": 2}}) == {"meta": {"a": 1, "b": 2}}
    assert merged({"column_types": {"a": "int"}}, {"column_types": {"b": "text"}}) == {
        "column_types": {"a": "int", "b": "text"}
    }


def test_grants_replace_or_add_by_privilege() -> None:
    general = {"grants": {"select": ["a"], "insert": "x"}}
    assert merged(general, {"grants": {"select": "b"}}) == {"grants": {"select": "b", "insert": "x"}}
    assert merged(general, {"grants": {"+select": "b"}}) == {"grants": {"select": ("a", "b"), "insert": "x"}}
    assert merged(general, {"grants": {"+delete": ["c"]}}) == {
        "grants": {"select": ("a",), "insert": "x", "delete": ("c",)}
    }
    assert merged({"grants": {"+select": "a"}}, general, {"grants": {"+insert": ["y"]}}) == {
        "grants": {"select": ("a",), "insert": ("x", "y")}
    }


@pytest.mark.parametrize(
    ("general", "specific", "stays"),
    [
        ({"tags": 5}, {"tags": "a"}, "0"),
        ({"tags": "a"}, {"tags": 5}, "1"),
        ({"meta": "x"}, {"meta": {"a": 1}}, "0"),
        ({"meta": {"a": 1}}, {"meta": "x"}, "1"),
    ],
)
def test_a_value_of_a_wrong_type_is_not_hidden(
    general: Mapping[str, object], specific: Mapping[str, object], stays: str
) -> None:
    result = merge_layers([layer("0", **general), layer("1", **specific)])
    _, diagnostics = decode_node_config(result, NodeKind.MODEL, Materialization.VIEW)
    assert [(d.code, d.span.path if d.span else None) for d in diagnostics] == [(Code.WRONG_TYPE, stays)]


def test_merging_nothing() -> None:
    assert merged() == {}
    assert merged({"tags": None}, {"tags": "a"}) == {"tags": "a"}


def test_defaults() -> None:
    assert model() == (NodeConfig(), ())
    config, _ = decode_node_config({}, NodeKind.MODEL, Materialization.TABLE)
    assert config.materialized is Materialization.TABLE


def test_every_setting_of_a_model() -> None:
    config, diagnostics = model(
        materialized="incremental",
        enabled=False,
        alias="a",
        schema="s",
        database="d",
        tags=["x", "y", "x"],
        meta={"owner": "me"},
        pre_hook="one",
        post_hook=["two", {"sql": "three", "transaction": False}, {"sql": "two", "transaction": True}],
        timeout=90,
        persist_docs={"relation": True, "columns": False},
        stale_after="36 Hours",
        on_stale_source="hold",
        grants={"select": ["a", "b", "a"], "+Insert": "c", "update": []},
        indexes=[{"columns": ["a", "b"], "unique": True}, {"columns": "c"}],
        unique_key=["id", "day", "id"],
        incremental_strategy="delete+insert",
        on_schema_change="sync_all_columns",
        full_refresh=False,
    )
    assert diagnostics == ()
    assert config == NodeConfig(
        materialized=Materialization.INCREMENTAL,
        enabled=False,
        alias="a",
        schema="s",
        database="d",
        tags=("x", "y"),
        meta={"owner": "me"},
        pre_hook=(Hook(sql="one"),),
        post_hook=(Hook(sql="two"), Hook(sql="three", transaction=False), Hook(sql="two")),
        timeout=90.0,
        persist_docs=PersistDocs(relation=True),
        stale_after=timedelta(hours=36),
        on_stale_source=OnStaleSource.HOLD,
        grants={"SELECT": ("a", "b"), "INSERT": ("c",), "UPDATE": ()},
        indexes=(Index(columns=("a", "b"), unique=True), Index(columns=("c",))),
        unique_key=("id", "day"),
        incremental_strategy=IncrementalStrategy.DELETE_INSERT,
        on_schema_change=OnSchemaChange.SYNC_ALL_COLUMNS,
        full_refresh=False,
    )


def test_every_setting_of_a_seed() -> None:
    entries = layer(column_types={"a": "int"}, delimiter=";", tags="x")
    config, diagnostics = decode_node_config(entries, NodeKind.SEED, Materialization.SEED)
    assert diagnostics == ()
    assert (config.materialized, config.delimiter, dict(config.column_types), config.tags) == (
        Materialization.SEED,
        ";",
        {"a": "int"},
        ("x",),
    )


def test_every_setting_of_a_test() -> None:
    config, diagnostics = decode_test_config(
        layer(severity="warn", store_failures=True, enabled=False, tags="t", meta={"a": 1})
    )
    assert diagnostics == ()
    assert config == SettingsOfTest(
        severity=Severity.WARN, store_failures=True, enabled=False, tags=("t",), meta={"a": 1}
    )
    assert decode_test_config({}) == (SettingsOfTest(), ())


def test_lengths_of_time() -> None:
    for written, meant in (
        ("1 minute", timedelta(minutes=1)),
        (" 2weeks ", timedelta(weeks=2)),
        ({"count": 6, "period": "hour"}, timedelta(hours=6)),
    ):
        assert model(stale_after=written) == (NodeConfig(stale_after=meant), ())


def test_the_strategy_of_an_incremental_model() -> None:
    keyed, _ = model(materialized="incremental", unique_key="id")
    assert keyed.incremental_strategy is IncrementalStrategy.MERGE
    bare, _ = model(materialized="incremental")
    assert bare.incremental_strategy is IncrementalStrategy.APPEND
    empty, _ = model(materialized="incremental", unique_key=[])
    assert empty.incremental_strategy is IncrementalStrategy.APPEND
    table, _ = model(materialized="table")
    assert table.incremental_strategy is None


@pytest.mark.parametrize("strategy", ["merge", "delete+insert"])
def test_a_strategy_that_needs_a_key(strategy: str) -> None:
    config, (found,) = model(materialized="incremental", incremental_strategy=strategy)
    assert (found.code, found.span) == (Code.MISSING_UNIQUE_KEY, Span("f", 15, 19))
    assert strategy in found.message
    assert config.incremental_strategy is not None
    assert model(materialized="view", incremental_strategy=strategy)[1] == ()


VALUE, KEY = Span("f", 5, 9), Span("f", 0, 4)


@pytest.mark.parametrize(
    ("entries", "code", "place", "message", "help_"),
    [
        ({"materialized": "tabel"}, Code.INVALID_VALUE, VALUE, "`tabel`", "did you mean `table`?"),
        ({"materialized": "seed"}, Code.INVALID_VALUE, VALUE, "`seed`", "one of `view`"),
        ({"materialized": 1}, Code.WRONG_TYPE, VALUE, "not a whole number", "quotes"),
        ({"materialised": "table"}, Code.UNKNOWN_KEY, KEY, "`materialised`", "`materialized`?"),
        ({"pre-hok": "x"}, Code.UNKNOWN_KEY, KEY, "`pre-hok`", "`pre-hook`"),
        ({"delimiter": ";"}, Code.UNKNOWN_KEY, KEY, "`delimiter`", "a setting of seeds"),
        ({"severity": "warn"}, Code.UNKNOWN_KEY, KEY, "`severity`", "a setting of tests"),
        ({"enabled": "no"}, Code.WRONG_TYPE, VALUE, "must be true or false, not text", ""),
        ({"enabled": 0}, Code.WRONG_TYPE, VALUE, "not a whole number", ""),
        ({"alias": ""}, Code.INVALID_VALUE, VALUE, "`alias` is empty", ""),
        ({"alias": "a\0"}, Code.INVALID_VALUE, VALUE, "`alias` has a NUL character in it", ""),
        ({"schema": 5}, Code.WRONG_TYPE, VALUE, "`schema` must be text", "quotes"),
        ({"tags": {"a": 1}}, Code.WRONG_TYPE, VALUE, "a list of texts, not a mapping", ""),
        ({"tags": ["a", 1]}, Code.WRONG_TYPE, VALUE, "an item of `tags`", "quotes"),
        ({"meta": ["a"]}, Code.WRONG_TYPE, VALUE, "`meta` must be a mapping", ""),
        ({"stale_after": "soon"}, Code.INVALID_VALUE, VALUE, "`soon` is not a length of time", "6 hours"),
        ({"stale_after": "0 days"}, Code.INVALID_VALUE, VALUE, "`0 days` is not a length", ""),
        ({"stale_after": "3 months"}, Code.INVALID_VALUE, VALUE, "`3 months` is not a length", "`weeks`"),
        ({"stale_after": 6}, Code.WRONG_TYPE, VALUE, "must be a length of time", ""),
        ({"stale_after": {"count": 6}}, Code.MISSING_SETTING, VALUE, "`period` is missing", ""),
        ({"stale_after": {"count": None, "period": "day"}}, Code.MISSING_SETTING, VALUE, "`count` is", ""),
        ({"stale_after": {"count": 6, "period": "year"}}, Code.INVALID_VALUE, VALUE, "`year` is not", ""),
        (
            {"stale_after": {"count": 10**12, "period": "week"}},
            Code.INVALID_VALUE,
            VALUE,
            "is not a length",
            "",
        ),
        ({"timeout": "soon"}, Code.WRONG_TYPE, VALUE, "`timeout` must be a number", ""),
        ({"timeout": True}, Code.WRONG_TYPE, VALUE, "not true or false", ""),
        ({"timeout": 0}, Code.INVALID_VALUE, VALUE, "more than 0", ""),
        ({"timeout": float("inf")}, Code.INVALID_VALUE, VALUE, "more than 0", ""),
        ({"timeout": float("nan")}, Code.INVALID_VALUE, VALUE, "more than 0", ""),
        ({"timeout": 10**400}, Code.INVALID_VALUE, VALUE, "more than 0", ""),
        ({"persist_docs": True}, Code.WRONG_TYPE, VALUE, "`persist_docs` must be a mapping", ""),
        ({"persist_docs": {"relation": "yes"}}, Code.WRONG_TYPE, VALUE, "true or false", ""),
        ({"persist_docs": {"column": True}}, Code.UNKNOWN_KEY, VALUE, "`persist_docs`", "`columns`?"),
        ({"pre_hook": 5}, Code.WRONG_TYPE, VALUE, "a hook of `pre_hook`", "quotes"),
        ({"post_hook": ["a", ["b"]]}, Code.WRONG_TYPE, VALUE, "a mapping with `sql`", ""),
        ({"post_hook": {"transaction": False}}, Code.MISSING_SETTING, VALUE, "`sql` is missing", ""),
        ({"post_hook": {"sql": " "}}, Code.INVALID_VALUE, VALUE, "`sql` is empty", ""),
        ({"post_hook": {"sql": "a", "transaction": 1}}, Code.WRONG_TYPE, VALUE, "true or false", ""),
        ({"post_hook": [{"sql": "a", "trans": False}]}, Code.UNKNOWN_KEY, VALUE, "`trans`", "`transaction`"),
        ({"grants": ["a"]}, Code.WRONG_TYPE, VALUE, "`grants` must be a mapping", ""),
        ({"grants": {"select": 5}}, Code.WRONG_TYPE, VALUE, "`select` must be text", "quotes"),
        (
            {"grants": {"select; drop": "a"}},
            Code.INVALID_VALUE,
            VALUE,
            "`select; drop` is no privilege",
            "`select`",
        ),
        ({"grants": {"select": ["a", " "]}}, Code.INVALID_VALUE, VALUE, "a grantee of `select`", "a role"),
        ({"grants": {"select": "a\0"}}, Code.INVALID_VALUE, VALUE, "a grantee of `select`", "a role"),
        ({"indexes": "a"}, Code.WRONG_TYPE, VALUE, "`indexes` must be a list", ""),
        ({"indexes": ["a"]}, Code.WRONG_TYPE, VALUE, "an index must be a mapping", ""),
        ({"indexes": [{"unique": True}]}, Code.MISSING_SETTING, VALUE, "`columns` is missing", "[a, b]"),
        ({"indexes": [{"columns": []}]}, Code.MISSING_SETTING, VALUE, "`columns` is missing", ""),
        ({"indexes": [{"columns": 5}]}, Code.WRONG_TYPE, VALUE, "`columns` must be text", ""),
        ({"indexes": [{"columns": "a", "uniqe": 1}]}, Code.UNKNOWN_KEY, VALUE, "an index", "`unique`?"),
        ({"unique_key": 5}, Code.WRONG_TYPE, VALUE, "`unique_key`", ""),
        ({"on_schema_change": "sync"}, Code.INVALID_VALUE, VALUE, "`sync`", "sync_all_columns"),
        ({"full_refresh": "no"}, Code.WRONG_TYPE, VALUE, "true or false", ""),
    ],
)
def test_mistakes_in_a_model(
    entries: Mapping[str, object], code: Code, place: Span, message: str, help_: str
) -> None:
    _, (found,) = model(**entries)
    assert (found.code, found.span) == (code, place)
    assert message in found.message
    assert help_ in found.help


@pytest.mark.parametrize(
    ("entries", "code", "place", "message"),
    [
        ({"delimiter": ";;"}, Code.INVALID_VALUE, VALUE, "one character"),
        ({"delimiter": '"'}, Code.INVALID_VALUE, VALUE, "one character"),
        ({"delimiter": 1}, Code.WRONG_TYPE, VALUE, "must be text"),
        ({"column_types": ["a"]}, Code.WRONG_TYPE, VALUE, "must be a mapping"),
        ({"column_types": {"a": 5}}, Code.WRONG_TYPE, VALUE, "`a` must be text"),
        ({"column_types": {"a": None}}, Code.MISSING_SETTING, VALUE, "`a` is missing in `column_types`"),
        ({"unique_key": "a"}, Code.UNKNOWN_KEY, KEY, "config of a seed"),
    ],
)
def test_mistakes_in_a_seed(entries: Mapping[str, object], code: Code, place: Span, message: str) -> None:
    _, (found,) = decode_node_config(layer(**entries), NodeKind.SEED, Materialization.SEED)
    assert (found.code, found.span) == (code, place)
    assert message in found.message


@pytest.mark.parametrize(
    ("entries", "code", "place", "message"),
    [
        ({"severity": "warning"}, Code.INVALID_VALUE, VALUE, "`warning`"),
        ({"store_failures": "yes"}, Code.WRONG_TYPE, VALUE, "true or false"),
        ({"alias": "a"}, Code.UNKNOWN_KEY, KEY, "config of a test"),
    ],
)
def test_mistakes_in_a_test(entries: Mapping[str, object], code: Code, place: Span, message: str) -> None:
    _, (found,) = decode_test_config(layer(**entries))
    assert (found.code, found.span) == (code, place)
    assert message in found.message


def test_all_mistakes_at_once() -> None:
    _, diagnostics = model(materialized="x", enabled=3, tagz=1, timeout=-1)
    assert len(diagnostics) == 4


def test_a_key_whose_place_is_unknown_is_reported_at_its_value() -> None:
    entry = {"tagz": ConfigEntry("a", Span("m.sql", 3, 8))}
    _, (found,) = decode_node_config(entry, NodeKind.MODEL, Materialization.VIEW)
    assert found.span == Span("m.sql", 3, 8)


@pytest.mark.parametrize("word", ["view", "ephemeral"])
def test_a_python_model_is_a_table(word: str) -> None:
    entries = layer(materialized=word)
    config, _ = decode_node_config(entries, NodeKind.MODEL, Materialization.TABLE)
    function = Span("m.py", 4, 8)
    (found,) = check_python_materialization(config, entries, function, FUNCTION)
    assert (found.code, found.span, found.labels[0].span) == (Code.BAD_MATERIALIZATION, VALUE, function)
    table, _ = decode_node_config({}, NodeKind.MODEL, Materialization.TABLE)
    assert check_python_materialization(table, {}, function, FUNCTION) == ()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LAYERS = st.lists(st.dictionaries(st.sampled_from([*KEYS, "pre-hook", "x"]), ANY, max_size=5), max_size=4)


@settings(max_examples=200, deadline=None)
@given(LAYERS)
def test_no_values_make_it_raise(layers: list[dict[str, object]]) -> None:
    result = merge_layers([layer(**entries) for entries in layers])
    for kind in (NodeKind.MODEL, NodeKind.SEED):
        config, _ = decode_node_config(result, kind, Materialization.VIEW)
        incremental = config.materialized is Materialization.INCREMENTAL
        assert not incremental or config.incremental_strategy is not None
    decode_test_config(result)


@settings(max_examples=200, deadline=None)
@given(LAYERS)
def test_merging_in_two_steps_is_merging_in_one(layers: list[dict[str, object]]) -> None:
    made = [layer(**entries) for entries in layers]
    values = {key: entry.value for key, entry in merge_layers(made).items()}
    steps: ConfigLayer = {}
    for one in made:
        steps = merge_layers([steps, one])
    assert repr({key: entry.value for key, entry in steps.items()}) == repr(values)
