"""Incremental models: what a further build adds, changes and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apply.projects import Project, Run


def model(rows: str, **config: Any) -> str:
    """An incremental model of rows `(1, 'a'), (2, 'b')`."""
    settings = "".join(f", {key}={value!r}" for key, value in config.items())
    return (
        f"{{{{ config(materialized='incremental'{settings}) }}}}\n"
        f"select * from (values {rows}) as t (id, name)"
    )


KEYED = [("merge", "id"), ("delete+insert", "id"), ("merge", ["id", "name"]), (None, "id")]


def test_append(project: Project) -> None:
    project.built({"m": model("(1, 'a')")})
    run = project.built({"m": model("(1, 'a'), (2, 'b')")})
    assert sorted(project.rows("select * from m")) == [(1, "a"), (1, "a"), (2, "b")]
    assert (run.nodes["m"].reason, run.nodes["m"].rows) == ("", 2)


@pytest.mark.parametrize(("strategy", "key"), KEYED)
def test_by_key(project: Project, strategy: str | None, key: str | list[str]) -> None:
    config: dict[str, Any] = {"unique_key": key}
    if strategy:
        config["incremental_strategy"] = strategy
    project.built({"m": model("(1, 'a'), (2, 'b')", **config)})

    run = project.built({"m": model("(2, 'z'), (3, 'c')", **config)})

    changed = [(2, "b"), (2, "z")] if isinstance(key, list) else [(2, "z")]
    assert sorted(project.rows("select * from m")) == [(1, "a"), *changed, (3, "c")]
    assert run.nodes["m"].rows == 2
    assert list(project.warehouse.names()) == ["m"]


@pytest.mark.parametrize("strategy", ["merge", "delete+insert"])
@pytest.mark.parametrize("unique", [True, False])
def test_indexed_by_key(project: Project, strategy: str, unique: bool) -> None:
    config = {
        "unique_key": "id",
        "incremental_strategy": strategy,
        "indexes": [{"columns": ["id"], "unique": unique}, {"columns": ["name", "id"]}],
    }
    project.built({"m": model("(1, 'a'), (2, 'b')", **config)})
    for name in "yz":
        project.built({"m": model(f"(2, '{name}'), (3, 'c')", **config)})
    assert sorted(project.rows("select * from m")) == [(1, "a"), (2, "z"), (3, "c")]


def test_delete_insert_keeps_all_rows_of_a_key(project: Project) -> None:
    config = {"unique_key": "id", "incremental_strategy": "delete+insert"}
    project.built({"m": model("(1, 'a'), (2, 'b')", **config)})
    project.built({"m": model("(2, 'x'), (2, 'y')", **config)})
    assert sorted(project.rows("select * from m")) == [(1, "a"), (2, "x"), (2, "y")]


@pytest.mark.parametrize(
    ("rows", "strategy", "said"),
    [
        ("(2, 'x'), (2, 'y')", "merge", "more than once"),
        ("(cast(null as integer), 'x'), (2, 'y')", "merge", "NULL in their unique_key"),
        ("(cast(null as integer), 'x'), (2, 'y')", "delete+insert", "NULL in their unique_key"),
    ],
)
def test_bad_keys_change_nothing(project: Project, rows: str, strategy: str, said: str) -> None:
    config = {"unique_key": "id", "incremental_strategy": strategy}
    project.built({"m": model("(1, 'a'), (2, 'b')", **config)})
    run = project.build({"m": model(rows, **config), "below": "select * from m"})
    [diagnostic] = run.nodes["m"].diagnostics
    assert diagnostic.code == "SF0705" and said in diagnostic.message
    assert diagnostic.notes and diagnostic.notes[0].startswith("for example id = ")
    assert run.statuses == {"m": "error", "below": "skipped"}
    assert sorted(project.rows("select * from m")) == [(1, "a"), (2, "b")]
    assert list(project.warehouse.names()) == ["m"]
    project.built({"m": model("(2, 'c')", **config)})
    assert sorted(project.rows("select * from m")) == [(1, "a"), (2, "c")]


@pytest.mark.parametrize(
    ("config", "flag", "refreshed"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"full_refresh": False}, True, False),
        ({"full_refresh": True}, False, True),
    ],
)
def test_full_refresh(project: Project, config: dict[str, Any], flag: bool, refreshed: bool) -> None:
    project.built({"m": model("(1, 'a')", **config)})
    run = project.built({"m": model("(2, 'b')", **config)}, full_refresh=flag)
    assert sorted(project.rows("select * from m")) == ([] if refreshed else [(1, "a")]) + [(2, "b")]
    assert run.nodes["m"].reason == ("made anew" if refreshed else "")


def test_two_renderings(project: Project) -> None:
    text = """{{ config(materialized='incremental', unique_key='id') }}
    select id, {% if is_incremental() %}'later'{% else %}'first'{% endif %} as name from source_rows
    {% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}"""
    rows = "{{ config(materialized='table') }} select * from (values (1), (2)) as t (id)"
    project.built({"m": text, "source_rows": rows})
    project.built({"source_rows": rows.replace("(2)", "(2), (3)")})
    assert sorted(project.rows("select * from m")) == [(1, "first"), (2, "first"), (3, "later")]
    project.built(full_refresh=True)
    assert sorted(project.rows("select * from m")) == [(1, "first"), (2, "first"), (3, "first")]


def test_order_of_columns_does_not_matter(project: Project) -> None:
    for strategy in ("append", "merge", "delete+insert"):
        key = {} if strategy == "append" else {"unique_key": "id"}
        config = {"incremental_strategy": strategy, "on_schema_change": "fail", **key}
        name = f"m_{strategy[:3]}"
        project.built({name: model("(1, 'a')", **config)})
        project.built({name: model("(2, 'b')", **config).replace("select *", "select name, id")}, name)
        assert sorted(project.rows(f"select id, name from {name}")) == [(1, "a"), (2, "b")]


BASE = "select 1 as id, 'a' as name, cast(5 as smallint) as n"
ADDED = "select 2 as id, 'b' as name, cast(6 as smallint) as n, 'new' as extra"
REMOVED = "select 2 as id, cast(6 as smallint) as n"
RETYPED = "select 2 as id, 'b' as name, cast(70000 as bigint) as n"
KEY_RETYPED = f"select {2**40} as id, cast(6 as smallint) as n, 'x' as extra"
NO = "SF0703"


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize(
    ("mode", "change", "expected"),
    [
        ("ignore", ADDED, [(1, "a", 5), (2, "b", 6)]),
        ("ignore", REMOVED, NO),
        ("fail", ADDED, NO),
        ("fail", REMOVED, NO),
        ("fail", RETYPED, NO),
        ("append_new_columns", ADDED, [(1, "a", 5, None), (2, "b", 6, "new")]),
        ("append_new_columns", REMOVED, [(1, "a", 5), (2, None, 6)]),
        ("sync_all_columns", ADDED, [(1, "a", 5, None), (2, "b", 6, "new")]),
        ("sync_all_columns", REMOVED, [(1, 5), (2, 6)]),
        ("sync_all_columns", RETYPED, [(1, "a", 5), (2, "b", 70000)]),
        ("sync_all_columns", KEY_RETYPED, [(1, 5, None), (2**40, 6, "x")]),
        ("append_new_columns", RETYPED.replace("70000", "7"), [(1, "a", 5), (2, "b", 7)]),
    ],
)
def test_schema_change(project: Project, mode: str, change: str, expected: Any, keyed: bool) -> None:
    key = ", unique_key='id'" if keyed else ""
    index = ", indexes=[{'columns': ['id'], 'unique': true}]"
    head = f"{{{{ config(materialized='incremental', on_schema_change='{mode}'{key}{index}) }}}} "
    project.built({"m": head + BASE})
    if expected == NO:
        [diagnostic] = project.stopped({"m": head + change}, allow_destructive=["m"])
        assert diagnostic.code == NO and diagnostic.notes
        assert project.rows("select * from m") == [(1, "a", 5)]
        return
    project.built({"m": head + change}, allow_destructive=["m"])
    assert sorted(project.rows("select * from m")) == expected
    assert _indexes(project) == ["m__id__idx"]
    if keyed:
        project.built()
        assert sorted(project.rows("select * from m")) == expected


def _indexes(project: Project) -> list[str]:
    if project.warehouse.is_postgres:
        return [
            name for (name,) in project.rows("select indexname from pg_indexes where schemaname = 'public'")
        ]
    return [name for (name,) in project.rows("select index_name from duckdb_indexes()")]


def test_a_key_that_the_table_lacks(project: Project) -> None:
    project.built({"m": model("(1, 'a')")})
    changed = {"m": model("(1, 'a')", unique_key="code").replace("(id, name)", "(id, code)")}
    assert [d.code for d in project.stopped(changed)] == ["SF0703"]
    assert project.rows("select * from m") == [(1, "a")]


def test_full_refresh_follows_any_change(project: Project) -> None:
    head = "{{ config(materialized='incremental', on_schema_change='fail') }} "
    project.built({"m": head + BASE})
    project.built({"m": head + REMOVED}, full_refresh=True)
    assert project.rows("select * from m") == [(2, 6)]


MERGED = "materialized='incremental', unique_key='id', incremental_strategy='merge'"


def merged(project: Project, config: str, id: int, name: str, seen: str) -> Run:
    text = f"select {id} as id, '{name}' as name, '{seen}' as seen"
    return project.build({"m": f"{{{{ config({MERGED}, {config}) }}}} {text}"}, force=True)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("merge_update_columns=['NAME']", [(1, "b", "x")]),
        ("merge_exclude_columns=['name']", [(1, "a", "y")]),
        ("merge_update_columns=[]", [(1, "b", "y")]),
    ],
)
def test_a_merge_updates_the_columns_that_it_is_told(
    project: Project, config: str, expected: list[tuple[object, ...]]
) -> None:
    if project.warehouse.is_postgres:
        config = config.replace("NAME", "name")
    merged(project, config, 1, "a", "x").check()
    merged(project, config, 1, "b", "y").check()
    assert project.rows("select * from m") == expected


def test_a_column_that_a_merge_does_not_have(project: Project) -> None:
    merged(project, "merge_update_columns=['nam']", 1, "a", "x").check()
    run = merged(project, "merge_update_columns=['nam']", 1, "b", "y")
    assert [(d.code.value, d.help) for d in run.diagnostics] == [("SF0703", "did you mean `name`?")]
    assert project.rows("select * from m") == [(1, "a", "x")]


@pytest.mark.parametrize("strategy", ["merge", "delete+insert"])
def test_predicates_leave_rows_out(project: Project, strategy: str) -> None:
    """A row that is left out is not touched; its key counts as new."""
    config = "incremental_predicates=['DBT_INTERNAL_DEST.id > 1 -- not the first']"
    for name in ("a", "b"):
        text = f"{{{{ config({MERGED.replace('merge', strategy)}, {config}) }}}} select id, '{name}' as name"
        project.build({"m": f"{text} from (select 1 as id union all select 2) as q"}, force=True).check()
    assert project.rows("select id, name from m order by 1, 2") == [(1, "a"), (1, "b"), (2, "b")]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("unique_key='id', merge_update_columns=['a'], merge_exclude_columns=['b']", "are both set"),
        ("merge_update_columns=['a']", "is for the strategy `merge`"),
        ("incremental_predicates=['a']", "is for the strategy `merge` or `delete.insert`"),
        ("unique_key='id', incremental_predicates=['']", "is empty"),
    ],
)
def test_settings_that_do_not_go_together(duck: Project, config: str, message: str) -> None:
    duck.write({"m": f"{{{{ config(materialized='incremental', {config}) }}}} select 1 as id"})
    with pytest.raises(AssertionError, match=message):
        duck.load()
