"""A build does what is stale and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sqlflow
from tests.apply.projects import Project, Run

pytestmark = pytest.mark.layouts("direct", "virtual")


def table(sql: str, config: str = "") -> str:
    return f"{{{{ config(materialized='table'{config}) }}}} {sql}"


FILES: Mapping[str, str] = {
    "seeds/s.csv": "id\n1\n2\n",
    "a": table("select id from s"),
    "b": table("select id from a"),
    "view": "select id from b",
    "other": table("select 1 as id"),
    "models/m.yml": "models: [{name: b, columns: [{name: id, tests: [unique]}]}]",
    "tests/both.sql": "select b.id from b join other on b.id = other.id where b.id < 0",
}
ALL = {"s", "a", "b", "view", "other", "unique_b_id", "both"}


def built(run: Run) -> set[str]:
    """The names of what was done."""
    assert run.finished.ok, run.diagnostics
    return {name for name, status in run.statuses.items() if status != "unchanged"}


def test_a_second_build_does_nothing(project: Project) -> None:
    assert built(project.built(FILES)) == ALL
    run = project.built()
    assert built(run) == set()
    assert set(run.unchanged) == ALL
    assert run.statements == []
    assert dict(run.finished.counts) == {sqlflow.Status.UNCHANGED: len(ALL)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"other": table("select 2 as id")}, {"other", "both"}),
        ({"a": table("select id + 1 as id from s")}, {"a", "b", "view", "unique_b_id", "both"}),
        ({"seeds/s.csv": "id\n1\n3\n"}, {"s", "a", "b", "view", "unique_b_id", "both"}),
        ({"view": "select id, 1 as one from b"}, {"view"}),
        ({"a": table("select id from s", ", tags=['x'], meta={'owner': 'y'}")}, set()),
        ({"models/m.yml": FILES["models/m.yml"].replace("name: b", "name: b, description: B")}, set()),
        ({"tests/both.sql": FILES["tests/both.sql"].replace("< 0", "< -1")}, {"both"}),
        ({"new": table("select id from b")}, {"new"}),
    ],
)
def test_a_change_builds_what_it_reaches(
    project: Project, change: dict[str, str], expected: set[str]
) -> None:
    project.built(FILES)
    assert built(project.built(change)) == expected
    assert built(project.built()) == set()


def test_reasons_are_in_the_plan(project: Project) -> None:
    project.built(FILES)
    project.write({"a": table("select id + 1 as id from s"), "new": "select id from view"})
    events = list(project.load().build())
    started = [event.name for event in events if isinstance(event, sqlflow.NodeStarted)]
    assert set(started) == {"a", "b", "view", "new", "both"}


def test_what_was_asked_for_is_built(project: Project) -> None:
    project.built(FILES)
    assert built(project.built({}, force=True)) == ALL
    assert built(project.built({}, "b", force=True)) == {"b", "unique_b_id", "both"}
    # The view reads a table that was built since.
    assert built(project.built()) == {"view"}
    assert built(project.built({}, "other", full_refresh=True)) == {"other", "both"}


def test_what_reads_a_parent_that_was_built_alone_is_stale(project: Project) -> None:
    project.built(FILES)
    assert built(project.built({"a": table("select id + 1 as id from s")}, "a")) == {"a"}
    assert built(project.built()) == {"b", "view", "unique_b_id", "both"}


def test_what_is_gone_is_built_again(project: Project) -> None:
    project.built(FILES)
    project.warehouse.execute(f"drop {project.warehouse.names()['other']} other")
    assert built(project.built()) == {"other", "both"}
    assert built(project.built()) == set()


def test_what_was_not_published_is_tried_again(project: Project) -> None:
    project.built(FILES)
    run = project.build({"b": table("select 1 as id from a")})
    assert (run.statuses["b"], run.statuses["a"]) == ("fail", "unchanged")
    run = project.build()
    assert (run.statuses["b"], run.statuses["unique_b_id"], run.statuses["view"]) == (
        "fail",
        "fail",
        "skipped",
    )
    assert built(project.built({"b": FILES["b"]})) == set()


def test_a_test_that_failed_runs_again(project: Project) -> None:
    project.built(FILES)
    wrong = "select b.id from b join other on b.id = other.id"
    for _ in range(2):
        assert project.build({"tests/both.sql": wrong}).statuses["both"] == "fail"
    assert built(project.built({"tests/both.sql": FILES["tests/both.sql"]})) == {"both"}


@pytest.mark.parametrize("how", ["now() as moment", "current_timestamp as moment", "random() as moment"])
def test_what_gives_something_else_each_time_is_always_built(project: Project, how: str) -> None:
    files = {
        "clock": "{{ config(materialized='ephemeral') }} select " + how,
        "reads_it": table("select moment from clock"),
        "below": table("select moment from reads_it"),
        "steady": table("select 1 as id"),
    }
    project.built(files)
    assert built(project.built()) == {"reads_it", "below"}


def test_tables_outside_the_project_cant_tell(project: Project) -> None:
    project.warehouse.execute("create table theirs (id integer)", "insert into theirs values (1)")
    yml = f"sources: [{{name: raw, schema: {project.warehouse.schema}, tables: [{{name: theirs}}]}}]"
    files = {
        "models/raw.yml": yml,
        "reads": table("select id from raw.theirs"),
        "below": table("select id from reads"),
        "steady": table("select 1 as id"),
    }
    project.built(files)
    run = project.built()
    assert built(run) == {"reads", "below"}
    [told] = [event for event in run.events if isinstance(event, sqlflow.Unchanged)]
    assert told.untold == ("raw.theirs",)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Pins the clock; puts it forward when called."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: now[0])

    def forward(by: timedelta) -> None:
        now[0] += by

    return forward


def test_what_cant_be_told_counts_as_unchanged_for_a_while(
    project: Project, later: Callable[[timedelta], None]
) -> None:
    project.warehouse.execute("create table theirs (id integer)", "insert into theirs values (1)")
    yml = f"sources: [{{name: raw, schema: {project.warehouse.schema}, tables: [{{name: theirs}}]}}]"
    files = {
        "models/raw.yml": yml,
        "clock": table("select now() as moment", ", stale_after='6 hours'"),
        "reads": table("select id from raw.theirs", ", stale_after={'count': 1, 'period': 'day'}"),
        "both": table("select id, now() as moment from steady", ", stale_after='90 minutes'"),
        "steady": table("select 1 as id"),
        "always": table("select now() as moment"),
    }
    project.built(files)
    later(timedelta(minutes=89))
    assert built(project.built()) == {"always"}
    later(timedelta(minutes=1))
    assert built(project.built()) == {"always", "both"}
    # What is known to have changed is not waited for.
    assert built(project.built({"steady": table("select 2 as id")})) == {"always", "both", "steady"}
    later(timedelta(hours=4, minutes=30))
    assert built(project.built()) == {"always", "both", "clock"}
    later(timedelta(hours=18))
    assert built(project.built()) == {"always", "both", "clock", "reads"}
    assert built(project.built({}, "reads", force=True)) == {"reads"}


def test_changing_how_long_something_counts_as_unchanged_changes_no_code(
    project: Project, later: Callable[[timedelta], None]
) -> None:
    project.built({"clock": table("select now() as moment", ", stale_after='6 hours'")})
    later(timedelta(hours=1))
    assert (
        built(project.built({"clock": table("select now() as moment", ", stale_after='2 hours'")})) == set()
    )
    assert built(project.built({"clock": table("select now() as moment", ", stale_after='1 hour'")})) == {
        "clock"
    }


def test_files_tell_by_what_is_in_them(project: Project) -> None:
    yml = "sources: [{name: raw, tables: [{name: e, location: data/e.csv}]}]"
    files = {"models/raw.yml": yml, "data/e.csv": "id\n1\n", "reads": table("select id from raw.e")}
    project.built(files)
    assert built(project.built({"data/e.csv": "id\n1\n"})) == set()
    assert {"reads"} <= built(project.built({"data/e.csv": "id\n2\n"}))
    assert project.rows("select id from reads") == [(2,)]


def test_a_project_that_is_moved_is_built_again_where_it_has_to_be(duck: Project, tmp_path: Path) -> None:
    """A view reads the file by its whole path; a table has its rows."""
    yml = "sources: [{name: raw, tables: [{name: e, location: data/e.csv}]}]"
    files = {
        "models/raw.yml": yml,
        "data/e.csv": "id\n1\n",
        "shows": "select id from raw.e",
        "holds": table("select id from raw.e"),
    }
    duck.built(files)
    moved = replace(duck, root=tmp_path.with_name(f"{tmp_path.name}_moved"))
    shutil.move(duck.root, moved.root)
    assert built(moved.built()) == {"shows"}


def test_python_models_are_built_with_what_they_import(project: Project) -> None:
    helper = "def ids():\n    return [{}]\n"
    files = {
        "lib/helper.py": helper.format(1),
        "lib/unused.py": "",
        "models/p.py": "import pyarrow\n\n\ndef p(other: pyarrow.Table):\n"
        "    from lib.helper import ids\n\n    return pyarrow.table({'id': ids()})\n",
        "other": table("select 1 as id"),
    }
    project.built(files)
    assert built(project.built()) == set()
    assert built(project.built({"lib/unused.py": "x = 1\n"})) == set()
    assert built(project.built({"lib/helper.py": helper.format(2)})) == {"p"}
    assert project.rows("select id from p") == [(2,)]


def test_a_child_of_what_turned_out_unchanged_is_left_alone(project: Project) -> None:
    """The view is planned since its parent is, which was built by another run meanwhile."""
    project.built(FILES)
    project.write({"a": table("select id + 1 as id from s")})
    plan_before = project.load()
    project.built()
    run = Run(list(plan_before.build()))
    assert built(run) == set()


def test_a_lost_state_is_found_again(project: Project) -> None:
    project.settings["state"] = "sqlite:///.sqlflow/state.db"
    project.built(FILES)
    before = project.load().state().publications
    shutil.rmtree(project.root / ".sqlflow")
    run = project.built()
    # Only what a test passed on was known to nobody else.
    assert built(run) == {"both"}
    assert project.load().state().publications == before
    assert built(project.built()) == set()


def test_an_old_copy_of_the_state_is_brought_up_to_date(project: Project) -> None:
    project.settings["state"] = "sqlite:///.sqlflow/state.db"
    project.built(FILES)
    state = project.root / ".sqlflow" / "state.db"
    old = state.read_bytes()
    project.built({"a": table("select id + 1 as id from s")})
    after = project.load().state().publications
    state.write_bytes(old)
    run = project.built()
    assert built(run) <= {"both"}
    assert project.load().state().publications == after


def test_an_old_copy_of_the_warehouse_is_built_from_what_it_holds(duck: Project) -> None:
    duck.built(FILES)
    copy = (duck.root / "shop.duckdb").read_bytes()
    duck.built({"a": table("select id + 1 as id from s")})
    (duck.root / "shop.duckdb").write_bytes(copy)
    assert built(duck.built()) == {"a", "b", "view", "unique_b_id", "both"}
    assert sorted(duck.rows("select id from b")) == [(2,), (3,)]
    assert built(duck.built()) == set()
