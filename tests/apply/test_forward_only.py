"""`--forward-only`: incremental models whose code changed go on with the rows that they have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sqlflow.plan.review import Category
from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project
from tests.apply.test_environments import physical, shown, taken

__all__ = ["duck", "pg", "project"]

TABLE = "{{ config(materialized='table') }} "
INCREMENT = "{{ config(materialized='incremental', unique_key='id') }} "
FILES = {
    "seeds/s.csv": "id,amount\n1,10\n2,20\n",
    "orders": TABLE + "select id, amount from s where amount > 5",
    "more": INCREMENT + "select id, amount from orders",
    "after": INCREMENT + "select id, amount + 1 as amount from more",
}
BY_DAY = (
    "{{ config(materialized='incremental', incremental_strategy='time_range', event_time='ts', "
    "begin='2024-03-01') }} "
)
NARROWER = {"more": INCREMENT + "select id, amount from orders where id > 1"}
# The contents of a seed are code: new rows come from a source.
RAW = {**FILES, "models/s.yml": "sources: [{name: raw, tables: [{name: s}]}]"}
del RAW["seeds/s.csv"]
NEW_ROWS = {"seeds/s.csv": "id,amount\n1,10\n2,20\n3,30\n"}


@pytest.fixture
def virtual(project: Project) -> Project:
    """An empty project whose tables are made by version."""
    project.layout = "virtual"
    return project


def test_a_changed_model_goes_on_in_its_table(virtual: Project) -> None:
    virtual.built(FILES)
    before = physical(virtual)
    run = virtual.built(NARROWER, forward_only=True)
    assert run.done == {"more", "after"}
    assert shown(virtual, "prod", "more", "after") == {
        "more": [(1, 10), (2, 20)],
        "after": [(1, 11), (2, 21)],
    }
    assert physical(virtual) == before
    assert virtual.load().review().review.is_empty


def test_a_file_that_is_a_source_holds_data_and_no_code(virtual: Project) -> None:
    """Where it has other rows, what reads it goes on, whether it is read in place or loaded."""
    source = "sources: [{name: raw, tables: [{name: s, location: data/s.csv}]}]"
    files = {
        "models/s.yml": source,
        "data/s.csv": "id,amount\n1,10\n2,20\n",
        "more": INCREMENT
        + "select id, amount, {{ 'true' if is_incremental() else 'false' }} as added from s",
        "after": INCREMENT + "select id, amount from more {% if is_incremental() %}where added{% endif %}",
    }
    virtual.built(files)
    virtual.write({"data/s.csv": "id,amount\n2,20\n3,30\n"})
    run = virtual.built({})
    assert {run.nodes[name].reason for name in ("more", "after")} == {""}
    assert virtual.rows("select id, added from more order by id") == [(1, False), (2, True), (3, True)]
    assert virtual.rows("select id from after order by id") == [(1,), (2,), (3,)]


def raw(project: Project) -> str:
    """Makes the source, in the schema of its name; gives the table."""
    project.warehouse.execute(
        "create schema raw", "create table raw.s as select * from (values (1, 10), (2, 20)) as t (id, amount)"
    )
    return "raw.s"


def test_what_went_on_is_not_made_anew_by_the_next_build(virtual: Project) -> None:
    table = raw(virtual)
    virtual.built(RAW)
    virtual.built(NARROWER, forward_only=True)
    before = physical(virtual)
    virtual.warehouse.execute(f"delete from {table} where id = 1", f"insert into {table} values (3, 30)")
    virtual.built()
    # The row that the source has no more tells that nothing was made anew.
    assert shown(virtual, "prod", "more", "after") == {
        "more": [(1, 10), (2, 20), (3, 30)],
        "after": [(1, 11), (2, 21), (3, 31)],
    }
    assert physical(virtual) == before


def test_what_reads_other_code_goes_on(virtual: Project) -> None:
    table = raw(virtual)
    virtual.built(RAW)
    changed = {"orders": TABLE + "select id, amount from s where amount > 15"}
    found = virtual.write(changed).load().review(forward_only=True).review
    assert {work.name: work.forward_only for work in found.work} == {
        "orders": False,
        "more": True,
        "after": True,
    }
    virtual.built({}, forward_only=True)
    assert shown(virtual, "prod", "orders", "more") == {"orders": [(2, 20)], "more": [(1, 10), (2, 20)]}
    virtual.warehouse.execute(f"insert into {table} values (3, 30)")
    virtual.built()
    assert shown(virtual, "prod", "more") == {"more": [(1, 10), (2, 20), (3, 30)]}


def test_the_flag_is_for_one_plan(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(NARROWER, forward_only=True)
    virtual.built({"more": INCREMENT + "select id, amount from orders where id > 1 and amount > 1"})
    assert shown(virtual, "prod", "more", "after") == {"more": [(2, 20)], "after": [(2, 21)]}


def test_without_the_flag_what_is_read_is_made_anew(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(NARROWER, "more", forward_only=True)
    virtual.built({"orders": TABLE + "select id, amount from s where amount > 15"})
    assert shown(virtual, "prod", "more") == {"more": [(2, 20)]}


def test_a_table_of_prod_is_copied_first(virtual: Project) -> None:
    virtual.built(FILES)
    before = shown(virtual, "prod", "more", "after")
    run = virtual.built({**NARROWER, **NEW_ROWS}, environment="dev", forward_only=True)
    assert run.done == {"s", "orders", "more", "after"}
    rows = {"more": [(1, 10), (2, 20), (3, 30)], "after": [(1, 11), (2, 21), (3, 31)]}
    assert shown(virtual, "dev", "more", "after") == rows
    assert shown(virtual, "prod", "more", "after") == before
    assert virtual.built({}, environment="dev").done == set()
    run = virtual.built()
    assert run.done == set()
    assert taken(run)["more"] == "dev"
    assert shown(virtual, "prod", "more", "after") == rows


def test_a_plan_shows_and_keeps_it(virtual: Project) -> None:
    virtual.built(FILES)
    found = virtual.write(NARROWER).load().review(forward_only=True)
    [change] = found.review.changes
    assert change.category is Category.FORWARD_ONLY
    assert change.why == "the rows that are there stay, by --forward-only; --full-refresh makes them anew"
    assert found.saved.forward_only
    list(virtual.load().apply_saved(found.saved))
    assert shown(virtual, "prod", "more") == {"more": [(1, 10), (2, 20)]}


def test_a_model_that_is_always_made_anew_has_no_rows_to_keep(virtual: Project) -> None:
    anew = "{{ config(materialized='incremental', full_refresh=true) }} "
    virtual.built({**FILES, "more": anew + "select id, amount from orders"})
    found = virtual.write({"more": anew + "select id, amount from orders where id > 1"}).load()
    review = found.review(forward_only=True).review
    assert [change.category for change in review.changes] == [Category.BREAKING]
    assert {work.name: work.forward_only for work in review.work} == {"more": False, "after": True}
    virtual.built({}, forward_only=True)
    assert shown(virtual, "prod", "more", "after") == {"more": [(2, 20)], "after": [(1, 11), (2, 21)]}


@pytest.mark.parametrize("forward_only", [True, False])
def test_only_batches_that_are_due(
    virtual: Project, monkeypatch: pytest.MonkeyPatch, forward_only: bool
) -> None:
    now = [datetime(2024, 3, 4, 12, tzinfo=UTC)]
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: now[0])
    days = ", ".join(f"(timestamp '2024-03-0{day} 01:00', {day})" for day in range(1, 6))
    virtual.built(
        {
            "e": TABLE + f"select ts, id from (values {days}) as t (ts, id)",
            "models/p.yml": "models: [{name: e, config: {event_time: ts}}]",
            "m": BY_DAY + "select ts, id from e",
        }
    )
    now[0] = datetime(2024, 3, 5, 12, tzinfo=UTC)
    found = virtual.write({"m": BY_DAY + "select ts, id * 10 as id from e"}).load()
    [work] = found.review(forward_only=forward_only).review.work
    assert (work.batches, work.forward_only) == ((1, True) if forward_only else (4, False))
    virtual.built({}, forward_only=forward_only)
    ids = [id for _, id in shown(virtual, "prod", "m")["m"]]
    assert ids == ([1, 2, 3, 40] if forward_only else [10, 20, 30, 40])
    assert virtual.built().done == set()


def test_what_goes_on_leaves_the_table_that_it_shared(
    virtual: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime(2024, 3, 4, 12, tzinfo=UTC)]
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: now[0])
    days = ", ".join(f"(timestamp '2024-03-0{day} 01:00', {day})" for day in range(1, 6))
    before, after = {"m": BY_DAY + "select ts, id from e"}, {"m": BY_DAY + "select ts, id * 10 as id from e"}
    virtual.built(
        {
            "e": TABLE + f"select ts, id from (values {days}) as t (ts, id)",
            "models/p.yml": "models: [{name: e, config: {event_time: ts}}]",
            **before,
        }
    )
    # No batch is due.
    virtual.built(after, environment="dev", forward_only=True)
    assert virtual.built({}, environment="dev").done == set()
    now[0] = datetime(2024, 3, 5, 12, tzinfo=UTC)
    virtual.built(before)
    virtual.built(after, environment="dev")
    assert [id for _, id in shown(virtual, "prod", "m")["m"]] == [1, 2, 3, 4]
    assert [id for _, id in shown(virtual, "dev", "m")["m"]] == [1, 2, 3, 40]


def test_rows_are_not_kept_and_made_anew_at_once(duck: Project) -> None:
    project = duck.write(FILES).load()
    with pytest.raises(ValueError, match="forward only"):
        project.build(full_refresh=True, forward_only=True)
    with pytest.raises(ValueError, match="forward only"):
        project.review(full_refresh=True, forward_only=True)
