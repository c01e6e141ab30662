"""`--defer`: what an environment has not built is read as prod has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.core.diagnostic import ProjectError
from sqlflow.plan.plan import Command
from sqlflow.plan.saved import decode_plan, encode_plan
from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project, Run
from tests.apply.test_followed_ranges import FILES as RANGES
from tests.apply.test_followed_ranges import day
from tests.apply.test_time_ranges import clock

__all__ = ["clock", "duck", "pg", "project"]

TABLE = "{{ config(materialized='table') }} "
FILES = {
    "seeds/s.csv": "id,amount\n1,10\n2,20\n",
    "orders": TABLE + "select id, amount from s where amount > 5",
    "v": "select id, amount * 2 as twice from orders",
    "totals": TABLE + "select sum(twice) as total from v",
}
OTHER = TABLE + "select id, amount from s where amount > 15"


@pytest.fixture(autouse=True)
def direct(request: pytest.FixtureRequest) -> None:
    """Lets all projects of these tests have the layout that is meant."""
    for name in {"project", "duck", "pg"} & set(request.fixturenames):
        request.getfixturevalue(name).settings["layout"] = "direct"


def dev(
    project: Project, *, favor_state: bool = False, to: str | None = None, env: str = "dev", **options: Any
) -> LoadedProject:
    """Loads the project, to read from prod what is not there."""
    project.load()
    defer = sqlflow.Defer(to=to, favor_state=favor_state)
    loaded = sqlflow.load(project.root, environment=env, defer=defer, **options)
    assert loaded.ok, [(d.code.value, d.message) for d in loaded.diagnostics]
    return loaded


def deferred(
    project: Project, *select: str, files: Mapping[str, str | bytes] | None = None, **options: Any
) -> Run:
    """Builds what is selected in dev."""
    project.write(files or {})
    return Run(list(dev(project, **options).build(select))).check()


def rows(project: Project, name: str, env: str = "dev") -> list[tuple[Any, ...]]:
    schema = project.warehouse.schema + ("" if env == "prod" else f"__{env}")
    return sorted(project.rows(f'select * from "{schema}"."{name}"'))


def there(project: Project, env: str = "dev") -> set[str]:
    schema = project.warehouse.schema + ("" if env == "prod" else f"__{env}")
    found = project.rows(f"select table_name from information_schema.tables where table_schema = '{schema}'")
    return {name for (name,) in found}


def read_from_prod(project: Project, *select: str, **options: Any) -> list[str]:
    """What a plan says is read as prod has it."""
    return [one.name for one in dev(project, **options).review(select).review.deferred]


def codes(error: pytest.ExceptionInfo[ProjectError]) -> list[str]:
    return [diagnostic.code.value for diagnostic in error.value.diagnostics]


def test_what_is_selected_is_built_of_what_prod_has(project: Project) -> None:
    project.built(FILES)
    run = deferred(project, "v")
    assert there(project) == {"v"}
    assert rows(project, "v") == [(1, 20), (2, 40)]
    assert deferred(project, "v").statuses == {"v": "unchanged"}
    # What is selected is read where it is built.
    deferred(project, "orders", files={"orders": OTHER})
    assert deferred(project, "orders", "v", "totals").statuses["v"] == "success"
    assert rows(project, "totals") == [(40,)]
    # And prod is as it was.
    assert rows(project, "totals", "prod") == [(60,)]
    assert there(project, "prod") == {"s", "orders", "v", "totals"}
    assert not any('"s"' in text for text in run.statements if text.startswith("CREATE"))


def test_it_is_stale_when_prod_publishes_anew_and_when_it_is_built_here(project: Project) -> None:
    project.built(FILES)
    deferred(project, "v")
    project.built({"seeds/s.csv": "id,amount\n1,10\n2,30\n"})
    assert dev(project).review(["v"]).review.work[0].reason == "orders changed"
    assert deferred(project, "v").statuses == {"v": "success"}
    assert rows(project, "v") == [(1, 20), (2, 60)]
    assert deferred(project, "v").statuses == {"v": "unchanged"}
    deferred(project, "orders", files={"orders": OTHER})
    assert read_from_prod(project, "orders") == []
    assert deferred(project, "v").statuses == {"v": "success"}
    assert rows(project, "v") == [(2, 60)]
    # All that is selected and nothing deferred: only what is not there yet.
    everything = project.build(environment="dev").check().statuses
    assert everything == {"s": "success", "orders": "success", "v": "success", "totals": "success"}


def test_what_is_there_is_read_here_unless_prod_is_favored(project: Project) -> None:
    project.built(FILES)
    deferred(project, "orders", files={"orders": OTHER})
    assert read_from_prod(project, "v") == []
    assert read_from_prod(project, "v", favor_state=True) == ["orders"]
    assert read_from_prod(project, "v", "orders", favor_state=True) == []
    deferred(project, "v", favor_state=True)
    assert rows(project, "v") == [(1, 20), (2, 40)]
    deferred(project, "v")
    assert rows(project, "v") == [(2, 40)]
    schema = project.warehouse.schema
    project.warehouse.execute(
        f'drop view "{schema}__dev".v', f'drop table "{schema}__dev".orders', f'drop table "{schema}".totals'
    )
    assert read_from_prod(project, "v", "totals") == ["orders"]
    deferred(project, "v")
    assert rows(project, "v") == [(1, 20), (2, 40)]


def test_favoring_prod_reads_here_what_prod_has_not(project: Project) -> None:
    project.built(FILES)
    new = {"new": TABLE + "select 7 as id", "below": TABLE + "select new.id from new cross join orders"}
    deferred(project, "new", files=new)
    assert read_from_prod(project, "below", favor_state=True) == ["orders"]
    deferred(project, "below", favor_state=True)
    assert rows(project, "below") == [(7,), (7,)]


def test_snapshots_ephemeral_models_and_python_models(project: Project) -> None:
    files = {
        **FILES,
        "snapshots/h.sql": "{% snapshot h %}{{ config(unique_key='id', strategy='check', check_cols='all') }}"
        "select id, amount from s{% endsnapshot %}",
        "e": "{{ config(materialized='ephemeral') }} select id from h where amount > 15",
        "below": TABLE + "select e.id, s.amount from e join s on s.id = e.id",
        "models/p.py": "import pyarrow\n\ndef p(e: pyarrow.Table):\n    return e\n",
    }
    project.built(files)
    deferred(project, "below", "p")
    assert there(project) == {"below", "p"}
    assert (rows(project, "below"), rows(project, "p")) == ([(2, 20)], [(2,)])
    assert read_from_prod(project, "below", "p") == []
    files = {"below": TABLE + "select e.id from e join s on s.id = e.id"}
    project.write(files)
    assert read_from_prod(project, "below", "p") == ["s", "h"]


def test_tests_read_what_prod_has(project: Project) -> None:
    declared = """models:
  - name: v
    columns:
      - name: id
        data_tests:
          - unique
          - relationships: {to: ref('orders'), field: id}
"""
    both = "select v.id from v left join s on s.id = v.id where s.id is null"
    project.built({**FILES, "models/m.yml": declared, "tests/both.sql": both})
    run = deferred(project, "v")
    assert set(run.statuses.values()) == {"success"}
    assert len(run.statuses) == 4
    # An audit reads what prod has as well, and stops what it finds.
    broken = "select id + 100 as id, amount * 2 as twice from orders"
    run = Run(list(dev(project.write({"v": broken})).build(["v"])))
    assert run.statuses["v"] == "fail"
    assert rows(project, "v") == [(1, 20), (2, 40)]
    project.write({"v": FILES["v"]})
    # What is tested is prod's, where there is nothing here.
    project.warehouse.execute(f'drop view "{project.warehouse.schema}__dev".v')
    run = Run(list(dev(project).test(["v"])))
    assert set(run.check().statuses.values()) == {"success"}
    assert there(project) == set()


def test_tests_that_are_selected_test_what_is_here(duck: Project) -> None:
    declared = (
        "models: [{name: v, columns: [{name: id, data_tests: [{relationships: {to: ref('s'), field: id}}]}]}]"
    )
    duck.built({**FILES, "models/m.yml": declared})
    duck.built(
        {
            "seeds/s.csv": "id,amount\n7,10\n",
            "v": TABLE + "select 7 as id, 1 as twice",
            "orders": TABLE + "select 7 as id, 10 as amount",
        },
        environment="dev",
    )
    for favor, status in ((False, "success"), (True, "fail")):
        run = Run(list(dev(duck, favor_state=favor).test(["v"])))
        assert list(run.statuses.values()) == [status]


def test_what_is_neither_here_nor_in_prod(project: Project) -> None:
    project.built(FILES)
    project.write({"new": "select 1 as id", "below": "select id from new"})
    project.write({"models/m.yml": "models: [{name: new, columns: [{name: id, data_tests: [unique]}]}]"})
    with pytest.raises(ProjectError) as error:
        dev(project).build(["below"])
    assert codes(error) == ["SF0719"]
    [diagnostic] = error.value.diagnostics
    schema = project.warehouse.schema
    assert diagnostic.message == (
        f"`below` reads what is neither there, `{schema}__dev.new`, nor in prod, `{schema}.new`"
    )
    assert diagnostic.span is not None and diagnostic.span.path == "models/below.sql"
    with pytest.raises(ProjectError) as error:
        dev(project).review(["below"])
    assert codes(error) == ["SF0719"]
    run = Run(list(dev(project).test(["new"]))).check()
    [found] = run.diagnostics
    assert found.code.value == "SF0706"
    assert f"`{schema}__dev.new`, `{schema}.new`" in found.message
    project.write({"e": "{{ config(materialized='ephemeral') }} select id from new"})
    for ask in (
        lambda loaded: loaded.show("new"),
        lambda loaded: loaded.show("e"),
        lambda loaded: loaded.show_inline("select * from e"),
    ):
        with pytest.raises(ProjectError) as error:
            ask(dev(project))
        assert error.value.diagnostics[0].message == (
            f"`new` is neither there, `{schema}__dev.new`, nor in prod, `{schema}.new`"
        )
    deferred(project, "new", "below")
    assert rows(project, "below") == [(1,)]


def test_the_plan_says_of_what_code_prod_is(duck: Project) -> None:
    duck.built(FILES)
    [one] = dev(duck).review(["v"]).review.deferred
    assert (one.name, str(one.relation), one.other) == ("orders", "main.orders", ())
    duck.write({"orders": TABLE + "select id, amount\nfrom s -- all\nwhere s.amount > 5"})
    assert dev(duck).review(["v"]).review.deferred[0].other == ()
    duck.write({"orders": OTHER})
    assert dev(duck).review(["v"]).review.deferred[0].other == ("orders",)
    # What is made of it is made of other code as well.
    [one] = dev(duck).review(["totals"]).review.deferred
    assert (one.name, one.other) == ("v", ("orders",))
    duck.warehouse.execute("delete from _sqlflow.publications where node like '%orders'")
    [one] = dev(duck).review(["v"]).review.deferred
    assert (one.publication, one.other) == (None, ())
    # What nobody can tell of is read anew each time.
    deferred(duck, "v")
    assert dev(duck).review(["v"]).review.work[0].reason == "orders can't tell whether it changed"


def test_what_prod_changes_in_columns_that_are_not_read(project: Project) -> None:
    project.built({**FILES, "c": TABLE + "select id from orders"})
    deferred(project, "c")
    project.built({"orders": TABLE + "select id, amount + 1 as amount from s where amount > 5"})
    assert [one.name for one in dev(project).review(["c"]).review.pruned] == ["c"]
    assert deferred(project, "c").statuses == {"c": "unchanged"}
    project.built({"orders": TABLE + "select id + 1 as id, amount + 1 as amount from s where amount > 5"})
    assert deferred(project, "c").statuses == {"c": "success"}
    assert rows(project, "c") == [(2,), (3,)]


@pytest.mark.usefixtures("clock")
def test_ranges_of_time_that_prod_built_anew(project: Project) -> None:
    project.built(RANGES)
    deferred(project, "m")
    project.warehouse.execute(
        f"update events set id = 12 where ts >= timestamp '{day(2)}' and ts < timestamp '{day(3)}'"
    )
    project.built({}, "p", start=day(2), end=day(3))
    assert deferred(project, "m").nodes["m"].reason == "1 batch"
    assert sorted(id for _, id in rows(project, "m")) == [1, 3, 12]
    assert deferred(project, "m").statuses == {"m": "unchanged"}


def test_a_saved_plan_keeps_it(project: Project) -> None:
    project.built(FILES)
    saved = decode_plan(encode_plan(dev(project).review(["v"]).saved, {}))
    assert saved.defer == sqlflow.Defer()
    assert [one.relation for one in saved.deferred] == [f"{project.warehouse.schema}.orders"]
    # Newer rows are read; that is no reason.
    project.built({"seeds/s.csv": "id,amount\n1,10\n2,30\n"})
    Run(list(dev(project).apply_saved(saved))).check()
    assert rows(project, "v") == [(1, 20), (2, 60)]


def test_a_saved_plan_is_refused_where_it_is_not_so_any_more(duck: Project) -> None:
    duck.built(FILES)
    saved = dev(duck).review(["v"]).saved

    def notes(loaded: LoadedProject) -> list[str]:
        with pytest.raises(ProjectError) as error:
            loaded.apply_saved(saved)
        assert codes(error) == ["SF0716"]
        return list(error.value.diagnostics[0].notes)

    assert notes(duck.load("dev")) == ["`orders` is not read as prod has it any more"]
    duck.built({"orders": OTHER})
    assert notes(dev(duck)) == ["`orders` is of other code in prod than when the plan was made"]
    deferred(duck, "orders")
    assert notes(dev(duck)) == ["`orders` is not read as prod has it any more"]
    saved = dev(duck).review(["v"]).saved
    duck.warehouse.execute("drop table main__dev.orders")
    assert notes(dev(duck)) == ["`orders` would be read as prod has it"]
    assert there(duck) == set()


def test_a_plan_of_the_api(duck: Project) -> None:
    duck.built(FILES)
    loaded = dev(duck)
    plan = loaded.plan(Command.BUILD, ["v"])
    assert [one.name for one in plan.deferred] == ["orders"]
    Run(list(loaded.apply(plan))).check()
    assert rows(duck, "v") == [(1, 20), (2, 40)]
    assert deferred(duck, "v").statuses == {"v": "unchanged"}
    deferred(duck, "orders")
    with pytest.raises(ProjectError) as error:
        dev(duck).apply(plan)
    assert codes(error) == ["SF0716"]
    assert len(list(dev(duck).apply(replace(plan, actions=(), deferred=())))) > 0


def test_rows_are_shown_as_prod_has_them(project: Project) -> None:
    project.built(FILES)
    deferred(project, "orders", files={"orders": OTHER})
    loaded = dev(project)
    assert sorted(loaded.show("v").rows) == [(1, 20), (2, 40)]
    assert loaded.show("orders").rows == ((2, 20),)
    both = "select sum(orders.id) as mine, sum(v.id) as theirs from orders cross join v"
    assert [tuple(map(int, row)) for row in loaded.show_inline(both).rows] == [(4, 3)]
    favored = dev(project, favor_state=True)
    assert favored.show("orders").rows == ((2, 20),)
    assert favored.show_inline("select count(*) as n from orders").rows == ((2,),)
    with pytest.raises(ProjectError):
        project.load("dev").show("v")


def test_hooks_read_what_prod_has(duck: Project) -> None:
    duck.warehouse.execute("create table log (n bigint)")
    duck.built(FILES)
    duck.settings["on-run-start"] = "insert into log select count(*) from {{ ref('orders') }}"
    hook = "{{ config(post_hook=\"insert into log select 70 + count(*) from {{ ref('s') }}\") }} "
    deferred(duck, "hooked", files={"hooked": hook + "select 1 as id"})
    assert duck.rows("select n from log order by n") == [(2,), (72,)]
    assert there(duck) == {"hooked"}


def test_what_is_published_there_is_not_told_of_here(duck: Project) -> None:
    targets(duck)
    live(duck)
    Run(list(dev(duck, env="prod", to="live").build(["v"]))).check()
    known = duck.load().state().publications
    assert {node.rpartition(".")[2] for _, node in known} == {"v"}


# --- another target


def targets(project: Project, **more: Mapping[str, Any]) -> None:
    """Gives the project two targets in one warehouse, by their schemas."""
    own = project.warehouse.target
    project.write(FILES)
    project.settings |= {
        "target": "dev",
        "targets": {
            "dev": {**own, "schema": "sandbox"},
            "live": {**own, "schema": "live"},
            **more,
        },
    }


def live(project: Project) -> None:
    """Builds all on the other target."""
    project.load()
    Run(list(sqlflow.load(project.root, target="live").build())).check()


def test_prod_is_another_target(project: Project) -> None:
    targets(project)
    live(project)
    loaded = dev(project, env="prod", to="live")
    Run(list(loaded.build(["v"]))).check()
    assert sorted(project.rows("select * from sandbox.v")) == [(1, 20), (2, 40)]
    assert {
        n
        for (n,) in project.rows(
            "select table_name from information_schema.tables where table_schema = 'sandbox'"
        )
    } == {"v"}
    again = dev(project, env="prod", to="live")
    assert Run(list(again.build(["v"]))).statuses == {"v": "unchanged"}
    project.write({"seeds/s.csv": "id,amount\n1,10\n2,30\n"})
    live(project)
    assert Run(list(dev(project, env="prod", to="live").build(["v"]))).check().statuses == {"v": "success"}
    assert sorted(project.rows("select * from sandbox.v")) == [(1, 20), (2, 60)]
    # An environment of this target, too.
    Run(list(dev(project, env="mine", to="live").build(["totals"]))).check()
    assert project.rows("select * from sandbox__mine.totals") == [(80,)]
    project.write({"orders": OTHER})
    found = dev(project, env="prod", to="live").review(["v"]).review
    assert found.prod == "live"


def test_a_target_may_name_it(duck: Project) -> None:
    targets(duck)
    duck.settings["targets"]["dev"]["defer_to"] = "live"
    live(duck)
    [one] = dev(duck, env="prod").review(["v"]).review.deferred
    assert str(one.relation) == "live.orders"
    # What is asked for wins: prod on this target itself.
    with pytest.raises(ProjectError) as error:
        dev(duck, env="mine", to="dev").review(["v"])
    assert codes(error) == ["SF0719"]
    # It says where prod is; whether to read from there is asked for each time.
    assert duck.load().review(["v"]).review.deferred == ()


def test_the_code_is_that_which_the_other_target_has(duck: Project) -> None:
    targets(duck)
    duck.write({"orders": TABLE + "select id, amount from s {% if target.name == 'dev' %}limit 1{% endif %}"})
    live(duck)
    [one] = dev(duck, env="prod", to="live").review(["v"]).review.deferred
    assert one.other == ()


def refused(project: Project, *, to: str | None = None, env: str = "prod") -> sqlflow.Diagnostic:
    (project.root / "sqlflow.yml").write_text(json.dumps({"name": "shop", **project.settings}))
    loaded = sqlflow.load(project.root, environment=env, defer=sqlflow.Defer(to=to))
    [diagnostic] = loaded.diagnostics
    assert not loaded.ok
    return diagnostic


def test_where_nothing_can_be_deferred(duck: Project) -> None:
    own = duck.warehouse.target
    targets(
        duck,
        far={"type": "duckdb", "path": "far.duckdb", "schema": "x"},
        same={**own, "path": "./shop.duckdb", "schema": "sandbox"},
        server={"type": "postgres", "dbname": "x"},
    )
    found = {to: refused(duck, to=to) for to in ("far", "same", "server", None, "nowhere")}
    assert {to: one.code.value for to, one in found.items()} == {
        "far": "SF0018",
        "same": "SF0018",
        "server": "SF0018",
        None: "SF0018",
        "nowhere": "SF0009",
    }
    assert found["far"].message == (
        "the warehouse of `far` can't be read from that of `dev`: `path` is `shop.duckdb` and `far.duckdb`"
    )
    assert found["same"].message == "`dev` has the same names as `same`"
    assert found["server"].message == "`dev` is a target of type duckdb, and `server` one of postgres"
    assert found[None].message == "prod on the target `dev` is what would be deferred to"
    duck.settings["targets"]["dev"]["defer_to"] = "nowhere"
    unknown = refused(duck, env="dev")
    assert unknown.code.value == "SF0009" and unknown.label == "named here"


@pytest.mark.parametrize("to", [None, "live"])
def test_tables_by_version_need_none(duck: Project, to: str | None) -> None:
    targets(duck)
    duck.settings["layout"] = "virtual"
    found = refused(duck, to=to, env="dev")
    assert found.code.value == "SF0018"
    assert found.message.startswith("`layout: virtual` shares what environments have in common by itself")


def test_errors_that_the_project_has_for_the_other_target_are_told(duck: Project) -> None:
    targets(duck)
    duck.write(
        {
            "orders": "select {% if target.name == 'live' %}{{ nothing }}{% else %}1 as id{% endif %}",
            "v": "select id as twice from orders",
        }
    )
    assert refused(duck, to="live").code.value == "SF0102"


def test_a_view_here_on_a_table_of_prod(pg: Project) -> None:
    """Where views hold on to what they read, prod makes it anew, and loses no column that it reads."""
    pg.built(FILES)
    deferred(pg, "v")
    pg.built({"seeds/s.csv": "id,amount\n1,10\n2,30\n"})
    assert rows(pg, "v") == [(1, 20), (2, 60)]
    pg.built({"orders": TABLE + "select id, amount, 1 as more from s"})
    assert rows(pg, "v") == [(1, 20), (2, 60)]
    fewer = {"orders": TABLE + "select id from s", "v": "select id as twice from orders"}
    [diagnostic] = pg.stopped(fewer, "orders")
    assert diagnostic.code.value == "SF0704"
    assert "public__dev.v" in diagnostic.message + "".join(diagnostic.notes)


def test_why_it_is_built_when_its_parent_is_built_here(duck: Project) -> None:
    duck.built(FILES)
    deferred(duck, "totals")
    found = dev(duck).review(["v", "totals"]).review
    assert [(work.name, work.reason) for work in found.work] == [
        ("v", "not built yet"),
        ("totals", "v is built"),
    ]
    deferred(duck, "v", "totals")
    assert rows(duck, "totals") == [(60,)]
    assert dev(duck).review(["v", "totals"]).review.is_empty
