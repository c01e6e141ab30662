"""Environments on tables by version: what is shared, promoted, gone back to, dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import ProjectError
from sqlflow.plan.saved import decode_plan, encode_plan
from sqlflow.system.local import LocalSystem
from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project, Run

__all__ = ["duck", "pg", "project"]

TABLE = "{{ config(materialized='table') }} "
INCREMENT = "{{ config(materialized='incremental', unique_key='id') }} "
FILES = {
    "seeds/s.csv": "id,amount\n1,10\n2,20\n",
    "orders": TABLE + "select id, amount from s where amount > 5",
    "v": "select id, amount * 2 as twice from orders",
    "totals": TABLE + "select sum(twice) as total from v",
    "more": INCREMENT + "select id, amount from orders",
    "beside": TABLE + "select 1 as one",
}
CHANGED = {"orders": TABLE + "select id, amount from s where amount > 15"}
NODES = {"s", "orders", "v", "totals", "more", "beside"}


@pytest.fixture
def virtual(project: Project) -> Project:
    """An empty project whose tables are made by version."""
    project.layout = "virtual"
    return project


def taken(run: Run) -> dict[str, str]:
    """The names of what was taken and is not built, and where from."""
    return {
        node.split(".", 2)[2]: event.source
        for event in run.events
        if isinstance(event, sqlflow.NodesTaken)
        for node in event.nodes
        if node.split(".", 2)[2] not in run.done
    }


def shown(project: Project, environment: str = "prod", *names: str) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that an environment shows."""
    schema = project.warehouse.schema + ("" if environment == "prod" else f"__{environment}")
    return {
        name: sorted(project.rows(f'select * from "{schema}"."{name}"')) for name in names or sorted(NODES)
    }


def kinds(project: Project, schema: str) -> set[str]:
    found = project.rows(
        f"select distinct table_type from information_schema.tables where table_schema = '{schema}'"
    )
    return {kind for (kind,) in found}


def physical(project: Project) -> set[str]:
    found = project.rows(
        "select table_name from information_schema.tables "
        f"where table_schema = '{project.warehouse.schema}__physical'"
    )
    return {name for (name,) in found}


def later(project: Project, *, days: int) -> LoadedProject:
    """The project, some days from now."""

    class Later(LocalSystem):
        def now(self) -> datetime:
            return super().now() + timedelta(days=days)

    project.load()
    return sqlflow.load(project.root, system=Later(project.root))


def test_an_environment_shows_views_and_tables_lie_aside(virtual: Project) -> None:
    virtual.built(FILES)
    assert kinds(virtual, virtual.warehouse.schema) == {"VIEW"}
    names = {name.rpartition("__")[0] for name in physical(virtual)}
    assert names == NODES - {"v"}
    assert virtual.built().done == set()
    before = physical(virtual)
    assert virtual.built({}, force=True).done == NODES
    assert physical(virtual) == before


def test_another_environment_builds_only_what_differs(virtual: Project) -> None:
    virtual.built(FILES)
    prod = shown(virtual)
    run = virtual.built(CHANGED, environment="dev")
    assert run.done == {"orders", "v", "totals", "more"}
    assert taken(run) == {"s": "prod", "beside": "prod"}
    assert shown(virtual) == prod
    assert shown(virtual, "dev", "orders", "totals", "more", "s") == {
        "orders": [(2, 20)],
        "totals": [(40,)],
        "more": [(2, 20)],
        "s": prod["s"],
    }
    assert virtual.built({}, environment="dev").done == set()


def test_an_environment_like_prod_builds_nothing(virtual: Project) -> None:
    virtual.built(FILES)
    run = virtual.built({}, environment="dev")
    assert (run.done, taken(run).keys()) == (set(), NODES)
    assert shown(virtual, "dev") == shown(virtual)


SOURCE = {
    "models/raw.yml": "sources: [{name: raw, tables: [{name: t, columns: [{name: id}, {name: amount}]}]}]",
    "s": TABLE + "select id, amount from raw.t",
}


def test_what_is_shared_follows_prod(virtual: Project) -> None:
    virtual.warehouse.execute(
        "create schema raw", "create table raw.t as select 1 as id, 10 as amount union all select 2, 20"
    )
    files = {name: text for name, text in {**FILES, **SOURCE}.items() if name != "seeds/s.csv"}
    virtual.built(files)
    virtual.built(CHANGED, environment="dev")
    virtual.write(files)
    # New rows come to prod; dev, whose code is another, is told of them by what it shares.
    virtual.warehouse.execute("insert into raw.t values (3, 30)")
    virtual.built()
    assert shown(virtual, "dev", "s") == shown(virtual, "prod", "s")
    assert shown(virtual, "dev", "orders") == {"orders": [(2, 20)]}
    run = virtual.built(CHANGED, environment="dev")
    assert run.done >= {"orders", "v", "totals", "more"}
    assert shown(virtual, "dev", "orders", "totals") == {"orders": [(2, 20), (3, 30)], "totals": [(100,)]}


def test_a_promotion_computes_nothing(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    before, dev = physical(virtual), shown(virtual, "dev")
    run = virtual.built()
    assert (run.done, taken(run).keys()) == (set(), {"orders", "v", "totals", "more"})
    assert shown(virtual) == dev
    assert physical(virtual) == before
    scans = [sql for sql in run.statements if "CREATE TABLE" in sql or "where amount" in sql]
    assert scans == []
    for environment in ("prod", "dev"):
        run = virtual.built({}, environment=environment)
        assert (run.done, taken(run)) == (set(), {})


def test_what_was_promoted_is_copied_before_it_is_written(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    virtual.built()
    # In dev, an incremental model of prod's goes on by itself once what it reads is another.
    again = {"orders": TABLE + "select id, amount + 1 as amount from s where amount > 15"}
    run = virtual.built(again, environment="dev")
    assert run.done == {"orders", "v", "totals", "more"}
    assert shown(virtual, "dev", "more") == {"more": [(2, 21)]}
    assert shown(virtual, "prod", "more") == {"more": [(2, 20)]}


def test_a_promotion_waits_for_nothing_that_was_not_built(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, "orders", environment="dev")
    run = virtual.built()
    assert taken(run).keys() == {"orders"}
    assert run.done == {"v", "totals", "more"}
    assert shown(virtual, "prod", "totals") == {"totals": [(40,)]}


def test_what_was_made_of_something_else_is_not_promoted(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    # Since then, dev's orders are others, and nothing else of dev was built.
    virtual.built(
        {"orders": TABLE + "select id, amount from s where amount > 25"}, "orders", environment="dev"
    )
    run = virtual.built({}, environment="prod")
    assert taken(run).keys() == {"orders"}
    assert shown(virtual, "prod", "orders", "totals") == {"orders": [], "totals": [(None,)]}


def test_code_that_was_taken_back_is_not_computed_again(virtual: Project) -> None:
    virtual.built(FILES)
    before = shown(virtual)
    virtual.built(CHANGED)
    run = virtual.built(FILES)
    assert "orders" not in run.done
    assert taken(run)["orders"] == "an earlier build"
    assert shown(virtual) == before


def test_a_rollback_shows_what_was_there(virtual: Project) -> None:
    virtual.built(FILES)
    before = shown(virtual)
    changed = {
        **CHANGED,
        "v": "select id, amount * 3 as thrice from orders",
        "totals": TABLE + "select count(*) as n from v",
    }
    virtual.built(changed)
    virtual.built({"new": TABLE + "select 2 as two"})
    found = virtual.load().roll_back()
    assert (found.restored, found.dropped) == ((), ("new",))
    found = virtual.load().roll_back()
    assert set(found.restored) == {"orders", "v", "totals", "more"}
    assert shown(virtual) == before
    changes = {change.name for change in virtual.load().review().review.changes}
    assert changes == {"orders", "v", "totals", "new"}
    with pytest.raises(ProjectError) as error:
        virtual.load().roll_back()
    assert [d.code for d in error.value.diagnostics] == [Code.NOTHING_BEFORE]


@pytest.mark.parametrize("where", ["prod", "dev"])
def test_code_that_follows_a_rollback_finds_all_as_it_is(virtual: Project, where: str) -> None:
    virtual.built(FILES)
    before = shown(virtual)
    virtual.built(CHANGED, environment=where)
    virtual.built()
    virtual.load().roll_back()
    assert shown(virtual) == before
    virtual.write(FILES)
    assert virtual.load().review().review.is_empty
    # And forward again: all that was built is still there, but what a view gave is known of dev's only.
    run = virtual.built(CHANGED)
    again = set[str]() if where == "dev" else {"v", "totals"}
    assert (run.done, taken(run).keys()) == (again, {"orders", "v", "totals", "more"} - again)


def test_an_environment_is_dropped_and_prod_stays(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    before = shown(virtual)
    virtual.load().drop_environment("dev")
    assert shown(virtual) == before
    assert (
        virtual.rows(
            f"select 1 from information_schema.tables where table_schema = '{virtual.warehouse.schema}__dev'"
        )
        == []
    )
    assert [one.name for one in virtual.load().environments()] == ["prod"]
    for name in ("prod", "dev"):
        with pytest.raises(ProjectError):
            virtual.load().drop_environment(name)


def test_what_another_environment_shows_outlives_its_maker(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    run = virtual.built({}, environment="qa")
    assert (run.done, set(taken(run).values())) == (set(), {"prod", "dev"})
    virtual.load().drop_environment("dev")
    later(virtual, days=6).collect_garbage()
    assert shown(virtual, "qa", "orders") == {"orders": [(2, 20)]}
    assert virtual.built({}, environment="qa").done == set()


def test_garbage_is_what_nothing_shows(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    virtual.built(CHANGED)
    assert later(virtual, days=6).collect_garbage().tables == ()
    told = later(virtual, days=8).collect_garbage(dry_run=True)
    assert told.environments == ("dev",)
    assert {name.rpartition(".")[2].rpartition("__")[0] for name in told.tables} == {
        "orders",
        "totals",
        "more",
    }
    before = shown(virtual)
    assert later(virtual, days=8).collect_garbage() == told
    assert shown(virtual) == before
    assert len(physical(virtual)) == len(NODES - {"v"})
    assert virtual.built().done == set()


def test_tables_of_plain_names_are_adopted(project: Project) -> None:
    project.built(FILES)
    before = shown(project)
    project.layout = "virtual"
    run = project.built()
    assert run.done == set()
    assert taken(run) == dict.fromkeys(NODES - {"v"}, "prod")
    assert shown(project) == before
    assert kinds(project, project.warehouse.schema) >= {"VIEW"}
    assert project.built().done == set()
    run = project.built({}, environment="dev")
    assert (run.done, taken(run).keys()) == (set(), NODES)
    run = project.built({**CHANGED, "seeds/s.csv": "id,amount\n1,10\n2,20\n4,40\n"})
    assert shown(project, "prod", "orders", "totals", "more") == {
        "orders": [(2, 20), (4, 40)],
        "totals": [(120,)],
        "more": [(1, 10), (2, 20), (4, 40)],
    }


def test_a_changed_incremental_model_is_filled_anew(virtual: Project) -> None:
    virtual.built(FILES)
    run = virtual.built({"more": INCREMENT + "select id, amount from orders where id > 1"})
    assert run.done == {"more"}
    assert shown(virtual, "prod", "more") == {"more": [(2, 20)]}


def test_history_goes_on_where_code_changes(virtual: Project) -> None:
    kept = "{{ config(materialized='incremental', unique_key='id', full_refresh=false) }} "
    virtual.built({**FILES, "more": kept + "select id, amount from orders"})
    before = physical(virtual)
    virtual.built({"more": kept + "select id, amount from orders where id > 1"})
    assert shown(virtual, "prod", "more") == {"more": [(1, 10), (2, 20)]}
    assert physical(virtual) == before


def test_a_failed_audit_shows_nothing(virtual: Project) -> None:
    tests = "models: [{name: orders, columns: [{name: id, tests: [unique]}]}]"
    virtual.built({**FILES, "models/p.yml": tests})
    before, tables = shown(virtual), physical(virtual)
    run = virtual.build({"orders": TABLE + "select 1 as id, amount from s"})
    assert run.statuses["orders"] == "fail"
    assert shown(virtual) == before
    assert physical(virtual) == tables


def test_hooks_change_the_table(virtual: Project) -> None:
    hook = 'post_hook="insert into {{ this }} select 3, 30"'
    virtual.built({"m": f"{{{{ config(materialized='table', {hook}) }}}} select 1 as id, 10 as amount"})
    assert shown(virtual, "prod", "m") == {"m": [(1, 10), (3, 30)]}


def test_environments_of_plain_tables_are_apart(project: Project) -> None:
    project.layout = "direct"
    project.built(FILES)
    run = project.built(CHANGED, environment="dev")
    assert run.done == NODES
    assert shown(project, "dev", "orders") == {"orders": [(2, 20)]}
    assert shown(project, "prod", "orders") == {"orders": [(1, 10), (2, 20)]}
    assert [one.name for one in project.load().environments()] == ["prod", "dev"]
    project.load().drop_environment("dev")
    assert project.built(FILES).done == set()


@pytest.mark.parametrize("name", ["Dev", "a-b", "", "1x", "x" * 40, "a'b"])
def test_not_every_word_names_an_environment(duck: Project, name: str) -> None:
    duck.write(FILES).load()
    found = sqlflow.load(duck.root, environment=name)
    assert [d.code for d in found.diagnostics] == [Code.INVALID_VALUE]


@pytest.mark.parametrize(("naming", "schema"), [("suffix", "main__dev"), ("prefix", "dev__main")])
def test_how_environments_are_called(duck: Project, naming: str, schema: str) -> None:
    duck.settings |= {"layout": "virtual", "environment-naming": naming}
    duck.built(FILES)
    duck.built({}, environment="dev")
    assert duck.rows(f"select one from {schema}.beside") == [(1,)]


def test_a_saved_plan_takes_what_was_reviewed(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    saved = decode_plan(encode_plan(virtual.load().review().saved, {}))
    assert {take.source for take in saved.takes} == {"dev"}
    run = Run(list(virtual.load().apply_saved(saved))).check()
    assert (run.done, taken(run).keys()) == (set(), {"orders", "v", "totals", "more"})
    with pytest.raises(ProjectError) as error:
        virtual.load().apply_saved(saved)
    assert [d.code for d in error.value.diagnostics] == [Code.PLAN_OUT_OF_DATE]


def test_a_saved_plan_is_out_of_date_where_the_other_environment_moved_on(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    saved = virtual.load().review().saved
    virtual.built({}, "orders", environment="dev", force=True)
    before = shown(virtual)
    with pytest.raises(ProjectError) as error:
        virtual.load().apply_saved(saved)
    [diagnostic] = error.value.diagnostics
    assert (diagnostic.code, "orders" in str(diagnostic.notes)) == (Code.PLAN_OUT_OF_DATE, True)
    assert shown(virtual) == before


def test_a_saved_plan_is_of_one_environment(virtual: Project) -> None:
    saved = virtual.write(FILES).load("dev").review().saved
    with pytest.raises(ProjectError) as error:
        virtual.load().apply_saved(saved)
    assert [d.code for d in error.value.diagnostics] == [Code.PLAN_OUT_OF_DATE]
    Run(list(virtual.load("dev").apply_saved(saved))).check()


def test_two_plans_are_not_applied_at_once(pg: Project) -> None:
    pg.layout = "virtual"
    pg.built(FILES)
    pg.write(CHANGED)
    first, second = (pg.load().review().saved for _ in range(2))
    running = pg.load().apply_saved(first)
    events = [next(running)]
    while not any(isinstance(event, sqlflow.NodeStarted) for event in events):
        events.append(next(running))
    before = shown(pg)
    other = Run(list(pg.load().apply_saved(second)))
    assert [d.code for d in other.finished.diagnostics] == [Code.LEASE]
    assert "the environment `prod`" in other.finished.diagnostics[0].message
    assert {event.status.value for event in other.nodes.values()} == {"skipped"}
    assert not [sql for sql in other.statements if "orders" in sql]
    Run([*events, *running]).check()
    assert shown(pg) != before
    # Another environment is nobody else's business.
    assert pg.built({}, environment="dev").done == set()


def test_a_view_from_outside_survives_a_promotion(virtual: Project) -> None:
    virtual.built(FILES)
    schema = virtual.warehouse.schema
    virtual.warehouse.execute(f"create view {schema}.theirs as select id, amount from {schema}.orders")
    virtual.built(CHANGED, environment="dev")
    run = virtual.built()
    assert run.done == set()
    assert virtual.rows(f"select * from {schema}.theirs") == [(2, 20)]


def test_a_view_from_outside_that_can_t_follow_stops_a_promotion(pg: Project) -> None:
    pg.layout = "virtual"
    pg.built(FILES)
    pg.warehouse.execute("create view public.theirs as select id, amount from public.orders")
    changed = {
        "orders": TABLE + "select id, amount as sum from s",
        "v": "select id, sum * 2 as twice from orders",
        "more": INCREMENT + "select id, sum from orders",
    }
    pg.built(changed, environment="dev")
    before = shown(pg)
    [early] = pg.stopped()
    definition = "create view public.theirs as select id, amount from public.orders"
    pg.warehouse.execute("drop view public.theirs")
    running = pg.load().build()
    # It comes between the look and the promotion.
    pg.warehouse.execute(definition)
    [late] = Run(list(running)).finished.diagnostics
    assert (early.code, late.code) == (Code.VIEWS_IN_THE_WAY, Code.VIEWS_IN_THE_WAY)
    assert early == late and "`public.theirs`" in early.message
    assert shown(pg) == before
    assert pg.rows("select count(*) from public.theirs") == [(2,)]


def applied(project: Project, environment: str = "prod") -> Run:
    saved = decode_plan(encode_plan(project.load(environment).review().saved, {}))
    return Run(list(project.load(environment).apply_saved(saved))).check()


def test_what_is_no_longer_in_the_project_goes_when_a_plan_is_applied(virtual: Project) -> None:
    virtual.built(FILES)
    before = shown(virtual)
    for name in ("v", "totals"):
        (virtual.root / f"models/{name}.sql").unlink()
    # A build leaves it, as does a plan for a part of the project.
    virtual.built()
    assert shown(virtual) == before
    assert virtual.load().review(("orders",)).review.is_empty
    found = virtual.load().review()
    assert (set(found.review.removed), found.review.drops) == ({"v", "totals"}, True)
    applied(virtual)
    assert (
        virtual.rows(
            "select table_name from information_schema.tables "
            f"where table_schema = '{virtual.warehouse.schema}' "
            "and table_name in ('v', 'totals')"
        )
        == []
    )
    found = virtual.load().review()
    assert (found.review.is_empty, found.review.removed) == (True, ())
    assert shown(virtual, "prod", "orders") == {"orders": before["orders"]}
    # Its table stays for a while.
    assert set(virtual.load().roll_back().restored) == {"v", "totals"}
    assert shown(virtual) == before


def test_an_interval_is_never_all_that_prod_shows(virtual: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sqlflow.system.local.LocalSystem.now", lambda _: datetime(2024, 3, 4, 12, tzinfo=UTC)
    )
    config = (
        "materialized='incremental', incremental_strategy='time_range', event_time='ts', begin='2024-03-01'"
    )
    rows = ", ".join(f"(cast('2024-03-0{day} 01:00' as timestamp), {day})" for day in (1, 2, 3))
    files = {
        "e": TABLE + f"select ts, id from (values {rows}) as t (ts, id)",
        "models/e.yml": "models: [{name: e, config: {event_time: ts}}]",
        "d": f"{{{{ config({config}) }}}} select ts, id from e",
    }
    changed = {"d": f"{{{{ config({config}) }}}} select ts, id * 10 as id from e"}
    start = datetime(2024, 3, 3)
    schema = virtual.warehouse.schema
    virtual.built(files)
    virtual.built(changed, environment="dev", start=start)
    # In dev, a part is what was asked for; prod takes it, and builds the rest.
    assert virtual.rows(f"select id from {schema}__dev.d") == [(30,)]
    run = virtual.built()
    assert (taken(run).keys() | run.done) >= {"d"}
    assert virtual.rows(f"select id from {schema}.d order by id") == [(10,), (20,), (30,)]
    virtual.built({"d": changed["d"].replace("10", "100")}, start=start)
    assert virtual.rows(f"select id from {schema}.d order by id") == [(100,), (200,), (300,)]


def test_where_nothing_was_built_there_is_nothing_to_look_after(duck: Project) -> None:
    project = duck.write(FILES).load()
    assert project.environments() == ()
    assert project.collect_garbage().tables == ()
    for call in (project.roll_back, lambda: project.drop_environment("dev")):
        with pytest.raises(ProjectError):
            call()
    assert not (duck.root / "shop.duckdb").exists()


def test_what_is_not_there_any_more_is_not_taken(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    schema = virtual.warehouse.schema
    [(table,)] = virtual.rows(
        "select relation from _sqlflow.tables where environment = 'dev' and relation like '%orders%'"
    )
    # Who clears up by hand.
    virtual.warehouse.execute(
        *(f"drop view {schema}__dev.{name}" for name in ("v", "orders")), f"drop table {table}"
    )
    run = virtual.built()
    assert run.done >= {"orders", "v", "totals", "more"}
    assert shown(virtual, "prod", "orders", "totals") == {"orders": [(2, 20)], "totals": [(40,)]}


def test_a_plan_of_tests_alone_is_applied_where_nothing_was_built(project: Project) -> None:
    schema = project.warehouse.schema
    project.warehouse.execute(f"create table {schema}.t as select 1 as id")
    project.write(
        {
            "models/raw.yml": f"sources: [{{name: raw, schema: {schema}, tables: [{{name: t}}]}}]",
            "tests/t.sql": "select id from raw.t where id > 1",
        }
    )
    assert applied(project).statuses == {"t": "success"}
