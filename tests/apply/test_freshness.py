"""Sources tell when their last rows came: how fresh they are, and whether what reads them has to be built."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import sqlflow
from sqlflow.apply.freshness import SourceFreshness, age_text
from sqlflow.core.diagnostic import ProjectError, Severity
from tests.apply.projects import Project, Run, source_text

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FILES = {
    "reads": "{{ config(materialized='table') }} select id from raw.theirs",
    "below": "{{ config(materialized='table') }} select id from reads",
}


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Pins the clock; puts it forward when called."""
    now = [NOW]
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: now[0])

    def forward(by: timedelta) -> None:
        now[0] += by

    return forward


@pytest.fixture
def theirs(project: Project) -> Project:
    """A project over a table of others', whose rows tell when they were loaded."""
    project.warehouse.execute(
        "create table theirs (id integer, loaded_at timestamp)",
        "insert into theirs values (1, timestamp '2026-03-10 06:00:00')",
    )
    return project


def declared(project: Project, more: str) -> dict[str, str | bytes]:
    schema = project.warehouse.schema
    yml = f"sources: [{{name: raw, schema: {schema}, tables: [{{name: theirs, {more}}}]}}]"
    return {**FILES, "models/raw.yml": yml}


def built(run: Run) -> set[str]:
    """The names of what was done."""
    assert run.finished.ok, run.diagnostics
    return {name for name, status in run.statuses.items() if status != "unchanged"}


def fresh(project: Project) -> SourceFreshness:
    [found] = project.load().freshness()
    return found


@pytest.mark.parametrize(
    "how", ["loaded_at_field: loaded_at", "loaded_at_query: 'select max(loaded_at) from theirs'"]
)
def test_what_reads_a_source_is_built_when_that_has_new_rows(theirs: Project, how: str) -> None:
    theirs.built(declared(theirs, how))
    run = theirs.built()
    assert built(run) == set()
    # Not one statement that reads or writes data, and nothing to name.
    assert run.statements == []
    assert not [e for e in run.events if isinstance(e, sqlflow.Unchanged) and e.untold]
    theirs.warehouse.execute("insert into theirs values (2, timestamp '2026-03-10 07:00:00')")
    assert built(theirs.built()) == {"reads", "below"}
    assert theirs.rows("select count(*) from below") == [(2,)]
    assert built(theirs.built()) == set()


def test_rows_that_come_late_or_go_are_noticed(theirs: Project) -> None:
    theirs.built(declared(theirs, "loaded_at_field: loaded_at"))
    theirs.warehouse.execute("insert into theirs values (3, timestamp '2026-03-01 00:00:00')")
    assert built(theirs.built()) == {"reads", "below"}
    theirs.warehouse.execute("delete from theirs where id = 3")
    assert built(theirs.built()) == {"reads", "below"}
    assert theirs.rows("select id from below") == [(1,)]


def test_only_what_is_read_is_asked(theirs: Project) -> None:
    files = declared(theirs, "loaded_at_field: no_such_column")
    run = theirs.built({**files, "steady": "{{ config(materialized='table') }} select 1 as id"}, "steady")
    assert run.diagnostics == []


def test_through_an_ephemeral_model(theirs: Project) -> None:
    files = {
        **declared(theirs, "loaded_at_field: loaded_at"),
        "middle": "{{ config(materialized='ephemeral') }} select id from raw.theirs",
        "reads": "{{ config(materialized='table') }} select id from middle",
    }
    theirs.built(files)
    assert built(theirs.built({}, "reads")) == set()
    theirs.warehouse.execute("insert into theirs values (2, timestamp '2026-03-10 07:00:00')")
    assert built(theirs.built({}, "reads")) == {"reads"}


@pytest.mark.parametrize(
    ("how", "place"),
    [
        ("loaded_at_field: no_such_column", "no_such_column"),
        ("loaded_at_query: select max(id) from theirs", "select max(id) from theirs"),
        ("loaded_at_query: 'select null from no_such_table'", "'select null from no_such_table'"),
    ],
)
def test_a_source_that_cant_tell_counts_as_changed(theirs: Project, how: str, place: str) -> None:
    theirs.write(declared(theirs, f"{how}, freshness: {{error_after: 1 day}}"))
    for _ in range(2):
        run = theirs.build()
        assert run.finished.ok
        assert {run.statuses[name] for name in ("reads", "below")} == {"success"}
        [said] = run.finished.diagnostics
        assert (said.code, said.severity) == ("SF0712", Severity.WARNING)
        assert source_text(theirs, said) == place
    found = fresh(theirs)
    assert found.status is None and found.diagnostic is not None and found.diagnostic.is_error


def test_how_fresh_a_source_is(theirs: Project, later: Callable[[timedelta], None]) -> None:
    more = (
        "loaded_at_field: loaded_at, freshness: {warn_after: 8 hours, error_after: {count: 1, period: day}}"
    )
    theirs.write(declared(theirs, more))
    found = fresh(theirs)
    assert (found.name, found.status, found.age) == ("raw.theirs", "pass", timedelta(hours=6))
    assert found.loaded_at == datetime(2026, 3, 10, 6, tzinfo=UTC)
    assert theirs.built().finished.diagnostics == ()
    later(timedelta(hours=3))
    assert (fresh(theirs).status, fresh(theirs).limit) == ("warn", "warn after 8 hours")
    later(timedelta(days=1))
    assert (fresh(theirs).status, fresh(theirs).limit) == ("error", "error after 1 day")
    run = theirs.built()
    [said] = run.finished.diagnostics
    assert (said.code, said.severity) == ("SF0713", Severity.WARNING)
    assert "its last rows came 1 day 9 h ago (error after 1 day)" in said.message
    theirs.warehouse.execute("delete from theirs")
    empty = fresh(theirs)
    assert (empty.status, empty.loaded_at) == ("error", None)


def test_only_some_rows_are_looked_at(theirs: Project) -> None:
    theirs.warehouse.execute("insert into theirs values (2, timestamp '2030-01-01 00:00:00')")
    more = (
        "loaded_at_field: loaded_at, freshness: {warn_after: 1 day, filter: 'id < 2 -- not those of tests'}"
    )
    theirs.write(declared(theirs, more))
    assert fresh(theirs).loaded_at == datetime(2026, 3, 10, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("date '2026-03-09'", datetime(2026, 3, 9, tzinfo=UTC)),
        ("timestamptz '2026-03-10 08:00:00+02'", datetime(2026, 3, 10, 6, tzinfo=UTC)),
        ("'2026-03-10T08:00:00+02:00'", datetime(2026, 3, 10, 6, tzinfo=UTC)),
        ("timestamp '2026-03-10 06:00:00.25'", datetime(2026, 3, 10, 6, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_values_that_are_moments(theirs: Project, value: str, moment: datetime) -> None:
    query = f"select {value}".replace("'", "''")
    theirs.write(declared(theirs, f"loaded_at_query: '{query}', freshness: {{warn_after: 1 day}}"))
    found = fresh(theirs)
    assert found.diagnostic is None, found.diagnostic
    assert found.loaded_at == moment


@pytest.mark.parametrize(
    "query",
    [
        "select max(loaded_at) from {{ this }}",
        "select max({{ this.identifier }}.loaded_at) from {{ this }}",
        "{% set when = 'loaded_at' %}select max({{ when }}) from {{ source('raw', 'theirs') }}",
        "select max(t.loaded_at) from {{ this }} as t, {{ source('raw', 'more') }} as m where m.id = t.id",
        "select {{ newest(var('column')) }} from {{ this }}",
    ],
)
def test_a_query_is_a_template(theirs: Project, query: str) -> None:
    """It is set for all tables of a source, and asks each; `this` is the source's table."""
    theirs.warehouse.execute(
        "create table more (id integer, loaded_at timestamp)",
        "insert into more values (1, timestamp '2026-03-10 05:00:00'), (2, timestamp '2026-03-10 05:00:00')",
    )
    more = f'loaded_at_query: "{query}", freshness: {{warn_after: 1 day}}}}, {{name: more'
    theirs.settings["vars"] = {"column": "loaded_at"}
    macro = "{% macro newest(column) %}max({{ column }}){% endmacro %}"
    theirs.write({**declared(theirs, more), "macros/newest.sql": macro})
    assert fresh(theirs).loaded_at == datetime(2026, 3, 10, 6, tzinfo=UTC)
    theirs.built()
    assert built(theirs.built()) == set()
    theirs.warehouse.execute("insert into theirs values (2, timestamp '2026-03-10 07:00:00')")
    assert built(theirs.built()) == {"reads", "below"}


def test_a_query_for_all_tables_of_a_source(theirs: Project) -> None:
    theirs.warehouse.execute(
        "create table more as select id, timestamp '2026-03-10 05:00:00' as loaded_at from theirs"
    )
    schema = theirs.warehouse.schema
    asked = (
        'config: {loaded_at_query: "select max(loaded_at) from {{ this }}", freshness: {warn_after: 1 day}}'
    )
    yml = f"sources: [{{name: raw, schema: {schema}, {asked}, tables: [{{name: theirs}}, {{name: more}}]}}]"
    theirs.write({**FILES, "models/raw.yml": yml})
    told = {found.name: found.loaded_at for found in theirs.load().freshness()}
    assert told == {
        "raw.theirs": datetime(2026, 3, 10, 6, tzinfo=UTC),
        "raw.more": datetime(2026, 3, 10, 5, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("select max(loaded_at) from {{ thiss }}", "SF0102", "`thiss` is not defined"),
        ("select max(loaded_at) from {{ this", "SF0101", "unexpected end of template"),
        ("select max(loaded_at) from {{ source('raw', 'their') }}", "SF0203", "their"),
        ("select {{ config(tags='a') }}", "SF0102", "`config` is not defined"),
    ],
)
def test_a_query_that_is_no_template(duck: Project, query: str, code: str, message: str) -> None:
    duck.write(declared(duck, ""))
    duck.load()
    duck.write(declared(duck, f'loaded_at_query: "{query}"'))
    [found] = sqlflow.load(duck.root).diagnostics
    assert found.code == code and message in found.message
    assert source_text(duck, found) == f'"{query}"'


def test_a_file_has_its_time_of_change(project: Project) -> None:
    yml = "sources: [{name: raw, tables: [{name: e, location: data/e.csv, freshness: {warn_after: 1 day}}]}]"
    project.write({"models/raw.yml": yml, "data/e.csv": "id\n1\n"})
    moment = datetime(2026, 3, 9, 13, tzinfo=timezone(timedelta(hours=1)))
    os.utime(project.root / "data/e.csv", (moment.timestamp(), moment.timestamp()))
    found = fresh(project)
    assert (found.loaded_at, found.status) == (moment, "pass")
    (project.root / "data/e.csv").unlink()
    gone = fresh(project)
    assert gone.diagnostic is not None and "there is no file `data/e.csv`" in gone.diagnostic.message


def test_a_lost_connection_is_told(duck: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    duck.warehouse.execute("create table theirs (id integer, loaded_at timestamp)")
    duck.write(declared(duck, "loaded_at_field: loaded_at, freshness: {warn_after: 1 day}"))
    loaded = duck.load()

    def refuse(*_: Any) -> Any:
        raise ConnectionError("gone")

    monkeypatch.setattr("sqlflow_duckdb.warehouse.DuckDBWarehouse.session", refuse)
    with pytest.raises(ProjectError) as error:
        loaded.freshness()
    assert [d.code for d in error.value.diagnostics] == ["SF0708"]


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=1, minutes=5), "1 day"),
        (timedelta(days=3, hours=4), "3 days 4 h"),
    ],
)
def test_ages_in_words(age: timedelta, text: str) -> None:
    assert age_text(age) == text


HOLDS = {
    "waits": "{{ config(materialized='table', on_stale_source='hold') }} select id from raw.theirs",
    "under": "{{ config(materialized='table') }} select w.id from waits w join other o on w.id = o.id",
    "goes_on": "{{ config(materialized='table') }} select id from raw.theirs",
    "other": "{{ config(materialized='table') }} select 1 as id",
    "models/w.yml": "models: [{name: waits, columns: [{name: id, tests: [unique]}]}]",
}


def held(project: Project, more: str) -> dict[str, str | bytes]:
    schema = project.warehouse.schema
    yml = f"sources: [{{name: raw, schema: {schema}, tables: [{{name: theirs, {more}}}]}}]"
    return {**HOLDS, "models/raw.yml": yml}


def test_models_wait_for_a_source_that_is_too_old(
    theirs: Project, later: Callable[[timedelta], None]
) -> None:
    more = "loaded_at_field: loaded_at, freshness: {warn_after: 1 hour, error_after: 1 day}"
    assert set(theirs.built(held(theirs, more)).statuses.values()) == {"success"}
    # New rows, and not new enough; a change of code as well.
    later(timedelta(days=3))
    theirs.warehouse.execute("insert into theirs values (2, timestamp '2026-03-10 07:00:00')")
    other = "{{ config(materialized='table') }} select 1 as id union all select 2"
    run = theirs.built({"other": other})
    assert run.statuses == {
        "waits": "held",
        "unique_waits_id": "held",
        "under": "held",
        "goes_on": "success",
        "other": "success",
    }
    assert run.nodes["waits"].reason == "raw.theirs is not fresh: its last rows came 3 days 5 h ago"
    assert run.nodes["under"].reason == "because of waits (held)"
    assert run.finished.not_done == ()
    assert theirs.rows("select id from waits") == [(1,)]
    # What is held counts neither as built nor as failed.
    assert theirs.load().state().nodes["prod", "model.shop.waits"].status == "success"
    theirs.warehouse.execute("insert into theirs values (3, timestamp '2026-03-13 11:00:00')")
    assert set(built(theirs.built())) == {"waits", "unique_waits_id", "under", "goes_on"}
    assert sorted(theirs.rows("select id from under")) == [(1,), (2,)]


def test_what_is_current_waits_for_nothing(theirs: Project, later: Callable[[timedelta], None]) -> None:
    more = "loaded_at_field: loaded_at, freshness: {error_after: 1 day}"
    theirs.built(held(theirs, more))
    later(timedelta(days=3))
    assert built(theirs.built()) == set()


@pytest.mark.parametrize("option", ["force", "full_refresh"])
def test_what_is_asked_for_waits_for_nothing(
    theirs: Project, later: Callable[[timedelta], None], option: str
) -> None:
    later(timedelta(days=3))
    files = held(theirs, "loaded_at_field: loaded_at, freshness: {error_after: 1 day}")
    assert theirs.built(files).statuses["waits"] == "held"
    assert theirs.built({}, **{option: True}).statuses["waits"] == "success"


def test_models_wait_for_a_source_that_cant_tell(theirs: Project) -> None:
    run = theirs.built(held(theirs, "loaded_at_field: nowhere, freshness: {error_after: 1 day}"))
    assert (run.statuses["waits"], run.statuses["under"]) == ("held", "held")
    assert run.nodes["waits"].reason == "raw.theirs can't tell how fresh it is"


def test_models_wait_for_a_file(project: Project) -> None:
    yml = "sources: [{name: raw, tables: [{name: theirs, location: e.csv, freshness: {error_after: 1 day}}]}]"
    project.write({**HOLDS, "models/raw.yml": yml, "e.csv": "id\n1\n"})
    os.utime(project.root / "e.csv", (0, 0))
    assert project.built().statuses["waits"] == "held"
    os.utime(project.root / "e.csv", (NOW.timestamp(), NOW.timestamp()))
    assert project.built().statuses["waits"] == "success"


def test_waiting_stops_nothing_else(theirs: Project, later: Callable[[timedelta], None]) -> None:
    later(timedelta(days=3))
    theirs.threads = 1
    files = held(theirs, "loaded_at_field: loaded_at, freshness: {error_after: 1 day}")
    late = "{{ config(materialized='table') }} select id from goes_on"
    run = theirs.built({**files, "zz_late": late}, fail_fast=True)
    assert (run.statuses["waits"], run.statuses["zz_late"]) == ("held", "success")
