"""`on-run-start` and `on-run-end`: what they see, and what their failure does to the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import sqlflow
from tests.apply.projects import Project, Run, source_text

SLOW = {"duckdb": "select count(*) from range(100000) a, range(1000000) b", "postgres": "select pg_sleep(60)"}
BROKEN = "select cast(word as integer) as id from (select 'x' as word) as q"
TABLE = "{{ config(materialized='table') }} "
LOG = "insert into log values ('{}')"


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose warehouse has a table that the hooks write to."""
    project.warehouse.execute("create table log (word varchar)")
    return project


def words(project: Project) -> list[str]:
    return [word for (word,) in project.rows("select word from log")]


def hooks(run: Run) -> dict[str, sqlflow.RunHooksFinished]:
    return {event.hook: event for event in run.events if isinstance(event, sqlflow.RunHooksFinished)}


def set_hooks(project: Project, start: object = None, end: object = None) -> None:
    project.settings |= {"on-run-start": start, "on-run-end": end}


def test_they_run_before_the_first_and_after_the_last_action(shop: Project) -> None:
    start = ["insert into log values ('start {{ target.name }}')", "create table aid as select 7 as id"]
    end = "insert into log select 'end ' || count(*) from {{ ref('m') }}"
    set_hooks(shop, start, end)
    source = f"sources: [{{name: raw, schema: {shop.warehouse.schema}, tables: [{{name: aid}}]}}]"
    files = {"m": TABLE + "select id from {{ source('raw', 'aid') }}", "models/s.yml": source}
    run = shop.built(files)
    assert words(shop) == ["start dev", "end 1"]
    assert shop.rows("select id from m") == [(7,)]
    found = hooks(run)
    assert list(found) == ["on-run-start", "on-run-end"]
    assert [(event.status.value, event.statements) for event in found.values()] == [
        ("success", 2),
        ("success", 1),
    ]
    kinds = [type(event).__name__ for event in run.events]
    assert kinds.index("RunHooksFinished") < kinds.index("NodeStarted")
    assert kinds[-2:] == ["RunHooksFinished", "RunFinished"]
    sent = [event for event in run.events if isinstance(event, sqlflow.StatementSent)]
    assert [event.node for event in sent if "'start dev'" in event.sql] == [None]


def test_what_their_templates_see(shop: Project) -> None:
    shop.settings["vars"] = {"word": "a var"}
    set_hooks(
        shop,
        LOG.format("{{ var('word') }} {{ run_started_at.year > 2000 }} {{ invocation_id | length }}"),
        [
            "{% for r in results %}insert into log values ('{{ r.node.name }} {{ r.node.resource_type }} "
            "{{ r.status }} {{ r.execution_time >= 0 }} {{ r.message }}{{ r.failures }}'){% endfor %}",
            LOG.format(
                "{{ schemas | join(',') }} {{ database_schemas | length }} {{ invocation_id | length }}"
            ),
            "{{ greeting() }}",
            "  ",
        ],
    )
    files = {
        "m": TABLE + "select 1 as id",
        "macros/g.sql": "{% macro greeting() %}insert into log values ('hi'){% endmacro %}",
    }
    shop.built(files)
    schema = shop.warehouse.schema
    assert words(shop) == ["a var True 32", "m model success True None", f"{schema} 1 32", "hi"]


def test_where_nothing_is_to_be_done_they_do_not_run(shop: Project) -> None:
    set_hooks(shop, LOG.format("start"), LOG.format("end"))
    shop.built({"m": TABLE + "select 1 as id"})
    run = shop.built()
    assert run.statements == []
    assert hooks(run) == {}
    assert words(shop) == ["start", "end"]


def test_tests_and_seeds_run_them_too(shop: Project) -> None:
    set_hooks(shop, LOG.format("start"), LOG.format("{{ results[0].node.name }} {{ results[0].status }}"))
    shop.write({"seeds/s.csv": "id\n1\n", "tests/t.sql": "select id from s where id = 1"})
    assert Run(list(shop.load().seed())).finished.ok is False
    run = Run(list(shop.load().test()))
    assert run.statuses == {"t": "warn"}
    assert words(shop) == ["start", "t fail", "start", "t warn"]


def test_a_start_that_fails_stops_the_run(shop: Project) -> None:
    set_hooks(
        shop,
        [LOG.format("undone"), "insert into nowhere values (1)"],
        LOG.format("end {{ results[0].status }}"),
    )
    run = shop.build({"m": TABLE + "select 1 as id", "tests/t.sql": "select m.id from m where m.id < 0"})
    assert run.statuses == {"m": "skipped", "t": "skipped"}
    assert run.nodes["m"].reason == "on-run-start failed"
    assert not run.finished.ok
    [found] = run.diagnostics
    assert found.code == "SF0701"
    assert "a statement of `on-run-start`" in found.message
    assert source_text(shop, found) == '"insert into nowhere values (1)"'
    assert hooks(run)["on-run-start"].diagnostics == (found,)
    assert words(shop) == ["end skipped"]
    assert "m" not in shop.warehouse.names()


def test_the_end_runs_whatever_failed(shop: Project) -> None:
    failed = (
        "{% for r in results if r.status == 'error' %}" + LOG.format("{{ r.unique_id }}") + "{% endfor %}"
    )
    set_hooks(shop, None, failed)
    run = shop.build({"m": TABLE + BROKEN, "below": "select id from m"})
    assert run.statuses == {"m": "error", "below": "skipped"}
    assert words(shop) == ["model.shop.m"]
    assert hooks(run)["on-run-end"].status.value == "success"


@pytest.mark.parametrize(
    ("end", "code", "covered"),
    [
        ("insert into nowhere values (1)", "SF0701", '"insert into nowhere values (1)"'),
        ("{{ results[7].status }}", "SF0102", '"{{ results[7].status }}"'),
        ("{{ ref('m' ~ results | length) }}", "SF0203", "\"{{ ref('m' ~ results | length) }}\""),
    ],
)
def test_an_end_that_fails_is_a_failure_of_the_run(shop: Project, end: str, code: str, covered: str) -> None:
    set_hooks(shop, None, [LOG.format("undone"), end])
    run = shop.build({"m": TABLE + "select 1 as id"})
    assert run.statuses == {"m": "success"}
    assert not run.finished.ok
    assert run.finished.not_done == ()
    [found] = run.diagnostics
    assert (found.code, source_text(shop, found)) == (code, covered)
    assert hooks(run)["on-run-end"].status.value == "error"
    assert words(shop) == []
    assert shop.rows("select id from m") == [(1,)]
    assert shop.build().statuses == {"m": "unchanged"}


def stopping(project: Project, when: Callable[[sqlflow.Event], bool], *, later: float = 0.0) -> Run:
    """A run that is stopped at an event."""
    running = project.load().build()
    events: list[sqlflow.Event] = []
    for event in running:
        events.append(event)
        if when(event):
            time.sleep(later)
            running.stop()
    return Run(events)


def test_a_run_that_is_stopped_still_runs_the_end(shop: Project) -> None:
    set_hooks(shop, None, LOG.format("{{ results[0].status }}"))
    shop.write({"m": TABLE + f"select 1 as id from ({SLOW[shop.warehouse.engine]}) as q"})
    run = stopping(shop, lambda event: isinstance(event, sqlflow.NodeStarted), later=0.5)
    assert run.statuses == {"m": "cancelled"}
    assert run.finished.interrupted
    assert words(shop) == ["cancelled"]


def test_a_start_that_is_stopped(shop: Project) -> None:
    set_hooks(shop, [LOG.format("undone"), SLOW[shop.warehouse.engine]], LOG.format("end"))
    shop.write({"m": TABLE + "select 1 as id"})
    began = time.monotonic()
    run = stopping(
        shop, lambda event: isinstance(event, sqlflow.StatementSent) and "undone" in event.sql, later=0.3
    )
    assert time.monotonic() - began < 30
    assert hooks(run)["on-run-start"].status.value == "cancelled"
    assert run.statuses == {"m": "skipped"}
    assert words(shop) == ["end"]


def test_an_end_that_is_stopped(shop: Project) -> None:
    set_hooks(shop, None, [LOG.format("undone"), SLOW[shop.warehouse.engine]])
    shop.write({"m": TABLE + "select 1 as id"})
    began = time.monotonic()
    run = stopping(
        shop, lambda event: isinstance(event, sqlflow.StatementSent) and "undone" in event.sql, later=0.3
    )
    assert time.monotonic() - began < 30
    assert hooks(run)["on-run-end"].status.value == "cancelled"
    assert (run.statuses, run.finished.interrupted, run.finished.ok) == ({"m": "success"}, True, False)
    assert words(shop) == []


def test_a_run_that_is_dropped_meanwhile(shop: Project) -> None:
    """What runs is cancelled and rolled back, and the warehouse is let go of."""
    set_hooks(shop, [LOG.format("undone"), SLOW[shop.warehouse.engine]])
    shop.write({"m": TABLE + "select 1 as id"})
    with shop.load().build() as running:
        for event in running:
            if isinstance(event, sqlflow.StatementSent) and "undone" in event.sql:
                break
        time.sleep(0.3)
    assert words(shop) == []


@pytest.mark.parametrize(
    ("start", "end", "code", "covered"),
    [
        ("{{ nosuch }}", None, "SF0102", '"{{ nosuch }}"'),
        (["select 1", "{{ this }}"], None, "SF0102", '"{{ this }}"'),
        ("{{ results }}", None, "SF0102", '"{{ results }}"'),
        ("{{ ref('nosuch') }}", None, "SF0203", "\"{{ ref('nosuch') }}\""),
        ("{% if %}", None, "SF0101", '"{% if %}"'),
        (None, "{% if %}", "SF0101", '"{% if %}"'),
        (5, None, "SF0005", "5"),
        (None, ["a", {"sql": "b"}], "SF0005", '{"sql": "b"}'),
    ],
)
def test_mistakes_that_are_known_before_a_run(
    duck: Project, start: object, end: object, code: str, covered: str
) -> None:
    set_hooks(duck, start, end)
    duck.write({"m": "select 1 as id"})
    with pytest.raises(AssertionError):
        duck.load()
    [found] = [d for d in sqlflow.load(duck.root).diagnostics if d.is_error]
    assert (found.code, source_text(duck, found)) == (code, covered)


def test_another_target_s_settings_are_seen(duck: Project) -> None:
    """The statements are left alone when the settings are read, where `target` is not known yet."""
    duck.settings |= {"vars": {"who": "{{ env_var('USER_NAME', 'nobody') }}"}}
    set_hooks(duck, "create table {{ target.schema }}.{{ var('who') }} as select '{{ target.type }}' as kind")
    duck.built({"m": TABLE + "select 1 as id"})
    found: list[tuple[Any, ...]] = duck.rows("select kind from nobody")
    assert found == [("duckdb",)]
