"""Plans: what they say, that making one changes nothing, that what is applied is what was reviewed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

import sqlflow
from sqlflow.api import Reviewed
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import ProjectError
from sqlflow.core.ids import NodeId
from sqlflow.plan.review import Category, Change
from sqlflow.plan.saved import SavedPlan, UnreadablePlanError, decode_plan, encode_plan
from tests.apply.engines import duck, duckdb_warehouse, pg, project
from tests.apply.projects import Project, Run

__all__ = ["duck", "pg", "project"]

TABLE = "{{ config(materialized='table') }} "
FILES = {
    "orders": TABLE + "select 1 as id, 10 as amount",
    "m": TABLE + "select id, amount from orders where amount > 0",
    "below": "select id from m",
    "beside": TABLE + "select 1 as one",
}


def planned(project: Project, files: Mapping[str, str] | None = None, *select: str) -> Reviewed:
    return project.write(files or {}).load().review(select)


def changes(found: Reviewed) -> dict[str, Change]:
    return {change.name: change for change in found.review.changes}


def reasons(found: Reviewed) -> dict[str, str]:
    return {work.name: work.reason for work in found.review.work}


def applied(project: Project, saved: SavedPlan) -> Run:
    return Run(list(project.load().apply_saved(saved))).check()


def refused(project: Project, saved: SavedPlan) -> tuple[str, ...]:
    with pytest.raises(ProjectError) as error:
        project.load().apply_saved(saved)
    [diagnostic] = error.value.diagnostics
    assert diagnostic.code is Code.PLAN_OUT_OF_DATE
    return diagnostic.notes or (diagnostic.message,)


def test_a_first_plan_touches_nothing(duck: Project) -> None:
    found = planned(duck, FILES)
    assert {name: change.category for name, change in changes(found).items()} == dict.fromkeys(
        FILES, Category.ADDED
    )
    assert sorted(path.name for path in duck.root.iterdir()) == ["models", "sqlflow.yml"]


def test_a_plan_changes_nothing_on_a_server(pg: Project) -> None:
    pg.write(FILES)
    planned(pg)
    assert pg.rows("select schema_name from information_schema.schemata where schema_name = '_sqlflow'") == []


def test_a_plan_after_a_build_is_empty(project: Project) -> None:
    project.built(FILES)
    found = planned(project)
    assert found.review.is_empty
    assert (found.review.unchanged, found.review.work) == (len(FILES), ())


CHANGED = {
    "filter": ("select id, amount from orders where amount > 1", Category.BREAKING),
    "column": ("select id, amount, 1 as more from orders where amount > 0", Category.ADDITIVE),
    "dropped": ("select id from orders where amount > 0", Category.BREAKING),
    "distinct": ("select distinct id, amount from orders where amount > 0", Category.BREAKING),
    "distinct column": ("select id, amount, 1 as more from orders group by all", Category.BREAKING),
    "grouped": (
        "select id, amount, count(*) as n from orders where amount > 0 group by all",
        Category.BREAKING,
    ),
    "rows for items": (
        "select id, amount, unnest([1, 2]) as n from orders where amount > 0",
        Category.BREAKING,
    ),
    "renamed": ("select id, amount as sum from orders where amount > 0", Category.BREAKING),
}


# What is below reads none of these.
UNREAD = {"column": ("more",), "dropped": ("amount",), "renamed": ("amount", "sum")}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_a_change_means(duck: Project, kind: str) -> None:
    text, category = CHANGED[kind]
    duck.built(FILES)
    found = planned(duck, {"m": TABLE + text})
    assert {name: change.category for name, change in changes(found).items()} == {"m": category}
    assert changes(found)["m"].differences["full"]
    if kind in UNREAD:
        assert reasons(found) == {"m": "its code changed"}
        assert [(one.name, one.unread) for one in found.review.pruned] == [("below", {"m": UNREAD[kind]})]
    else:
        assert reasons(found) == {"m": "its code changed", "below": "m is built"}
        assert [work.path for work in found.review.work] == [(), ("m", "below")]
    assert found.review.unchanged == 2


def test_what_else_changes(project: Project) -> None:
    increment = "{{ config(materialized='incremental') }} select 1 as id"
    project.built({**FILES, "more": increment, "gone": "select 1 as id"})
    (project.root / "models/gone.sql").unlink()
    config = "{{ config(materialized='table', indexes=[{'columns': ['id']}]) }} "
    found = planned(
        project,
        {
            "more": increment.replace("1", "2"),
            "m": config + FILES["m"].removeprefix(TABLE),
            "below": "{{ config(persist_docs={'relation': true}) }} " + FILES["below"],
            "models/p.yml": "models: [{name: below, description: Text.}]",
            "new": "select 1 as id",
        },
    )
    told = changes(found)
    assert {name: change.category.value for name, change in told.items()} == {
        "more": "forward-only",
        "m": "breaking",
        "below": "metadata",
        "new": "added",
    }
    assert [name for name, _, _ in told["m"].settings] == ["indexes"]
    assert found.review.removed == ("gone",)
    # Once it is built there is nothing left to do; what is gone is told, and is no change.
    project.built()
    found = planned(project)
    assert found.review.removed == ("gone",)
    assert found.review.is_empty and not found.review.changes_code


def test_new_data_is_no_change_of_code(project: Project) -> None:
    files = {"seeds/s.csv": "id\n1\n", "m": TABLE + "select * from s", "at": TABLE + "select now() as at"}
    project.built(files)
    found = planned(project)
    assert reasons(found) == {"at": "uses now"}
    assert not found.review.changes_code


def test_rows_are_those_of_the_last_build_by_batches_where_there_are_some(duck: Project) -> None:
    ranged = (
        "{{ config(materialized='incremental', incremental_strategy='time_range', event_time='ts', "
        "batch_size='month', begin='2026-01-01') }} select ts, id from {{ ref('raw') }}"
    )
    raw = TABLE + (
        "select timestamp '2026-01-05' + interval (i) month as ts, unnest([1, 2, 3]) as id "
        "from range(60) q(i)"
    )
    found = planned(duck, {**FILES, "raw": raw, "ranged": ranged})
    assert {work.rows for work in found.review.work} == {None}
    duck.built()
    built = duck.load().state().nodes["prod", NodeId("model.shop.ranged")].success
    assert built is not None and built.batches and built.rows == 3 * built.batches
    more = {"raw": raw + " where true", "orders": FILES["orders"] + " union all select 2, 20"}
    found = planned(duck, more)
    rows = {work.name: work.rows for work in found.review.work}
    assert (rows["orders"], rows["raw"], rows["below"]) == (1, 180, None)
    words = {"start": datetime(2026, 1, 1), "end": datetime(2026, 3, 1)}
    again = duck.load().review(["ranged"], **words)  # pyright: ignore[reportArgumentType]
    assert [(work.batches, work.rows) for work in again.review.work] == [(2, 6)]


def test_batches_that_are_due(duck: Project) -> None:
    config = (
        "{{ config(materialized='incremental', incremental_strategy='time_range', event_time='at', "
        "batch_size='month', begin='2026-01-01') }} select cast('2026-01-05' as timestamp) as at"
    )
    [work] = planned(duck, {"m": config}).review.work
    assert work.batches == (work.ranges[0].end.year - 2026) * 12 + work.ranges[0].end.month - 1
    duck.built()
    again = duck.load().review(start=work.ranges[0].start, end=work.ranges[0].end.replace(month=3, year=2026))
    assert [(w.batches, w.reason) for w in again.review.work] == [(2, "asked for")]


def test_what_was_reviewed_is_done_and_nothing_else(project: Project) -> None:
    project.built(FILES)
    found = planned(project, {"m": FILES["m"] + " and id > 0"}, "m")
    saved = decode_plan(encode_plan(found.saved, {}))
    assert saved == found.saved
    run = applied(project, saved)
    assert run.statuses == {"m": "success"}
    assert reasons(planned(project)) == {"below": "m changed"}
    assert refused(project, saved) == ("`m` was published since the plan was made",)


def test_the_code_must_be_what_was_reviewed(project: Project) -> None:
    project.built(FILES)
    saved = planned(project, {"m": FILES["m"] + " and id > 0"}).saved
    project.write({"m": FILES["m"] + " and id > 1"})
    assert refused(project, saved) == ("`m` has other code than when the plan was made",)
    before = project.rows("select count(*) from _sqlflow.publications")
    (project.root / "models/below.sql").unlink()
    assert "`model.shop.below` is no longer in the project" in refused(project, saved)
    assert project.rows("select count(*) from _sqlflow.publications") == before


def test_tests_must_be_what_was_reviewed(duck: Project) -> None:
    """They decide what is published."""
    small = "tests/small.sql"
    files = {small: "select * from m where amount > 100", "m": FILES["m"] + " and id > 0"}
    duck.built({**FILES, small: files[small]})
    saved = planned(duck, files, "m").saved
    assert [one.reason for one in saved.actions] == ["a test of m", "its code changed"]
    duck.write({small: "select * from m where amount > 1000"})
    assert refused(duck, saved) == ("`small` has other code than when the plan was made",)
    duck.write({**files, "tests/more.sql": "select * from m where id is null"})
    assert refused(duck, saved) == ("`more` is a test that was not there when the plan was made",)
    (duck.root / "tests/more.sql").unlink()
    assert applied(duck, saved).statuses == {"small": "success", "m": "success"}


def test_what_was_there_must_be_there(project: Project) -> None:
    project.built(FILES)
    saved = planned(project, {"m": FILES["m"] + " and id > 0"}, "m").saved
    project.warehouse.execute("drop table m cascade")
    assert refused(project, saved) == ("`m` is not there any more as it was when the plan was made",)


def test_newer_data_does_not_spoil_a_plan(project: Project) -> None:
    project.built(FILES)
    saved = planned(project, {"m": FILES["m"] + " and id > 0"}, "m").saved
    project.built(
        {"orders": FILES["orders"].replace("10", "20"), "beside": TABLE + "select 2 as one"}, "orders"
    )
    assert applied(project, saved).statuses == {"m": "success"}
    assert project.rows("select amount from m") == [(20,)]


def test_a_plan_is_of_its_project_and_target(duck: Project) -> None:
    saved = planned(duck, FILES).saved
    for other in (replace(saved, project="x"), replace(saved, target="x")):
        [message] = refused(duck, other)
        assert "and this is `shop` on `dev`" in message


def test_applying_a_saved_plan_is_applying_a_fresh_one(
    duck: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:

    root = tmp_path_factory.mktemp("other")
    other = Project(root, duckdb_warehouse(root))
    for one in (duck, other):
        one.built(FILES)
        one.write({"m": FILES["m"] + " and id > 0"})
    applied(duck, planned(duck).saved)
    other.built()
    states = [
        {
            node: (p.number, p.code, p.ranges, p.relation)
            for (_, node), p in one.load().state().publications.items()
        }
        for one in (duck, other)
    ]
    assert states[0] == states[1]


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"format": 3}', '{"format": 2, "project": 3}'])
def test_what_is_no_plan(text: str) -> None:
    with pytest.raises(UnreadablePlanError):
        decode_plan(text)


def test_a_plan_of_a_broken_project(duck: Project) -> None:
    duck.write({"m": "select nothing from nowhere"})
    (duck.root / "sqlflow.yml").write_text('{"name": "shop", "targets": {"dev": {"type": "duckdb"}}}')
    with pytest.raises(ProjectError):
        sqlflow.load(duck.root).review()
