"""`renamed_from`: a node goes on with what was published under the name that it had before."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sqlflow
from sqlflow.core.codes import Code
from sqlflow.plan.saved import decode_plan, encode_plan
from tests.apply.engines import duck, duckdb_warehouse, pg, project
from tests.apply.projects import Project, Run, source_text
from tests.safety.stages import offer_adapters

__all__ = ["duck", "pg", "project"]

TABLE = "{{ config(materialized='table') }} "
INCREMENT = "{{ config(materialized='incremental', unique_key='id') }} "
SNAPSHOT = "snapshots/{}.sql"
FILES = {
    "seeds/s.csv": "id,amount\n1,10\n2,20\n",
    "orders": TABLE + "select id, amount from s where amount > 5",
    "v": "select id, amount * 2 as twice from orders",
    "totals": TABLE + "select sum(twice) as total from v",
    "more": INCREMENT + "select id, amount from orders",
    "beside": TABLE + "select 1 as one",
}
READERS = {
    "v": "select id, amount * 2 as twice from sales",
    "more": INCREMENT + "select id, amount from sales",
}
SALES = (
    "{{{{ config(materialized='table', renamed_from='orders') }}}} select id, amount from s where amount > {}"
)


def renamed(run: Run) -> dict[str, str]:
    """The new names of what was renamed, by the old ones."""
    return {
        old: node.split(".", 2)[2]
        for event in run.events
        if isinstance(event, sqlflow.NodesRenamed)
        for old, node in event.nodes
    }


def rows(project: Project, name: str, environment: str = "prod") -> list[tuple[object, ...]]:
    schema = project.warehouse.schema + ("" if environment == "prod" else f"__{environment}")
    return sorted(project.rows(f'select * from "{schema}"."{name}"'))


def rename_orders(project: Project, amount: int = 5) -> None:
    """Calls `orders` `sales`, in what reads it as well."""
    (project.root / "models/orders.sql").unlink()
    project.write({**READERS, "sales": SALES.format(amount)})


def marked(project: Project) -> None:
    """Marks the rows of all tables by one that no build makes."""
    found = project.rows(
        "select table_schema, table_name from information_schema.tables "
        "where table_type = 'BASE TABLE' and (table_name like 'orders%' or table_name like 'more%')"
    )
    assert found
    for schema, name in found:
        project.warehouse.execute(f'insert into "{schema}"."{name}" values (77, 77)')


@pytest.mark.layouts("direct", "virtual")
def test_a_renamed_model_keeps_its_table_and_its_readers_theirs(project: Project) -> None:
    project.built(FILES)
    marked(project)
    rename_orders(project)
    found = project.load().review().review
    (one,) = found.renamed
    assert (one.old, one.name, one.is_view, {*one.readers}) == ("orders", "sales", False, {"more", "v"})
    assert (found.changes, found.work, found.removed, found.taken) == ((), (), (), ())
    run = project.built()
    assert (renamed(run), run.done) == ({"orders": "sales"}, set())
    assert rows(project, "sales") == [(1, 10), (2, 20), (77, 77)]
    assert rows(project, "more") == [(1, 10), (2, 20), (77, 77)]
    assert rows(project, "v") == [(1, 20), (2, 40), (77, 154)]
    assert "orders" not in project.warehouse.names()
    assert project.load().review().review.is_empty


@pytest.mark.layouts("direct", "virtual")
def test_the_key_may_stay_or_go_once_it_was_done(project: Project) -> None:
    project.built(FILES)
    rename_orders(project)
    project.built()
    assert (renamed(project.built()), project.built().done) == ({}, set())
    project.write({"sales": SALES.format(5).replace(", renamed_from='orders'", "")})
    found = project.load().review().review
    assert found.is_empty, (found.changes, found.work)
    assert project.built({"seeds/s.csv": "id,amount\n1,10\n3,30\n"}).done == {
        "s",
        "sales",
        "v",
        "totals",
        "more",
    }
    assert rows(project, "sales") == [(1, 10), (3, 30)]


@pytest.mark.layouts("direct", "virtual")
def test_a_renamed_model_whose_code_changed_is_built_as_one_that_has_changed(project: Project) -> None:
    project.built(FILES)
    rename_orders(project, amount=15)
    found = project.load().review().review
    assert [(one.name, one.category.value) for one in found.changes] == [("sales", "breaking")]
    (filter_,) = (text for each in found.changes[0].differences.values() for text in each)
    assert "15" in str(filter_)
    run = project.built()
    assert renamed(run) == {"orders": "sales"}
    assert "sales" in run.done
    assert rows(project, "sales") == [(2, 20)]
    assert rows(project, "totals") == [(40,)]
    assert project.load().review().review.is_empty


HISTORY = (
    "{{% snapshot {name} %}}{{{{ config(strategy='check', unique_key='id', check_cols='all'{more}) }}}} "
    "select id, amount{column} from s{{% endsnapshot %}}"
)


def history(name: str, more: str = "", column: str = "") -> dict[str, str]:
    return {SNAPSHOT.format(name): HISTORY.format(name=name, more=more, column=column)}


@pytest.mark.parametrize("column", ["", ", amount * 2 as twice"])
@pytest.mark.layouts("direct", "virtual")
def test_a_renamed_snapshot_keeps_its_history(project: Project, column: str) -> None:
    seed = {"seeds/s.csv": "id,amount\n1,10\n2,20\n"}
    project.built({**seed, **history("was"), "last": "select id, amount from was where dbt_valid_to is null"})
    project.built({"seeds/s.csv": "id,amount\n1,11\n2,20\n"})
    assert len(rows(project, "was")) == 3
    (project.root / "snapshots/was.sql").unlink()
    project.write(history("has_been", ", renamed_from='was'", column))
    project.write({"last": "select id, amount from has_been where dbt_valid_to is null"})
    found = project.load().review().review
    assert [(one.name, one.category.value) for one in found.changes] == (
        [("has_been", "forward-only")] if column else []
    )
    run = project.built()
    assert renamed(run) == {"was": "has_been"}
    assert len(rows(project, "has_been")) == (5 if column else 3)
    assert rows(project, "last") == [(1, 11), (2, 20)]
    project.built({"seeds/s.csv": "id,amount\n1,12\n2,20\n"})
    assert len(rows(project, "has_been")) == (6 if column else 4)


@pytest.mark.layouts("direct", "virtual")
def test_a_renamed_incremental_model_goes_on(project: Project) -> None:
    more = INCREMENT + (
        "select id, amount from raw.t {% if is_incremental() %}"
        "where id > (select max(id) from {{ this }}){% endif %}"
    )
    raw = "sources: [{name: raw, tables: [{name: t, columns: [{name: id}, {name: amount}]}]}]"
    project.warehouse.execute("create schema raw", "create table raw.t as select 1 as id, 10 as amount")
    project.built({"models/raw.yml": raw, "more": more})
    project.warehouse.execute("update raw.t set amount = 11", "insert into raw.t values (2, 20)")
    project.built()
    (project.root / "models/more.sql").unlink()
    project.write({"most": more.replace("unique_key", "renamed_from='more', unique_key")})
    assert project.load().review().review.changes == ()
    project.warehouse.execute("insert into raw.t values (3, 30)")
    assert renamed(project.built()) == {"more": "most"}
    assert rows(project, "most") == [(1, 10), (2, 20), (3, 30)]


RANGED = (
    "{{{{ config(materialized='incremental', incremental_strategy='time_range', event_time='ts', "
    "batch_size='day', begin='{begin}'{more}) }}}} select ts, id from {source}"
)


@pytest.mark.layouts("direct", "virtual")
def test_what_a_renamed_model_covers_is_not_built_again_nor_what_reads_it_by_range(project: Project) -> None:
    today = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    begin = f"{today - timedelta(days=3):%Y-%m-%d}"
    project.warehouse.execute("create schema raw", "create table raw.t (ts timestamp, id integer)")
    days = ", ".join(f"(timestamp '{today - timedelta(days=n):%Y-%m-%d} 05:00', {n})" for n in (1, 2, 3))
    project.warehouse.execute(f"insert into raw.t values {days}")
    project.write(
        {
            "models/raw.yml": "sources: [{name: raw, tables: [{name: t, columns: [{name: id}, "
            "{name: ts, data_type: timestamp}]}]}]",
            "a": RANGED.format(begin=begin, more=", stale_after='1 hour'", source="raw.t"),
            "b": "select ts, id from a",
            "c": RANGED.format(begin=begin, more="", source="b"),
            "d": RANGED.format(begin=begin, more="", source="a"),
        }
    )
    project.built()
    project.built({}, force=True)
    (project.root / "models/a.sql").unlink()
    project.write(
        {
            "z": RANGED.format(begin=begin, more=", stale_after='1 hour', renamed_from='a'", source="raw.t"),
            "b": "select ts, id from z",
            "d": RANGED.format(begin=begin, more="", source="z"),
        }
    )
    run = project.built()
    assert (renamed(run), run.done) == ({"a": "z"}, set())
    # One batch is built again: what reads it follows by that, and by nothing else.
    project.warehouse.execute("update raw.t set id = 9 where id = 1")
    yesterday = today - timedelta(days=1)
    run = project.built({}, restate=["z"], start=yesterday.replace(tzinfo=UTC), end=today.replace(tzinfo=UTC))
    assert {"z", "c", "d"} <= run.done
    assert {name: run.nodes[name].rows for name in ("z", "c", "d")} == {"z": 1, "c": 1, "d": 1}
    assert [row[1] for row in rows(project, "c")] == [3, 2, 9]
    assert [row[1] for row in rows(project, "d")] == [3, 2, 9]


@pytest.mark.layouts("direct", "virtual")
def test_renamed_seeds_and_views(project: Project) -> None:
    project.built(FILES)
    (project.root / "seeds/s.csv").rename(project.root / "seeds/raw_orders.csv")
    (project.root / "models/v.sql").unlink()
    project.write(
        {
            "seeds/s.yml": "seeds: [{name: raw_orders, config: {renamed_from: s}}]",
            "orders": TABLE + "select id, amount from raw_orders where amount > 5",
            "doubled": "{{ config(renamed_from='v') }} select id, amount * 2 as twice from orders",
            "totals": TABLE + "select sum(twice) as total from doubled",
        }
    )
    run = project.built()
    assert (renamed(run), run.done) == ({"s": "raw_orders", "v": "doubled"}, set())
    assert rows(project, "doubled") == [(1, 20), (2, 40)]
    assert not {"s", "v"} & project.warehouse.names().keys()
    assert project.load().review().review.is_empty


@pytest.mark.layouts("direct", "virtual")
def test_indexes_get_the_names_of_the_table(project: Project) -> None:
    config = "{{{{ config(materialized='table', indexes=[{{'columns': ['id'], 'unique': true}}]{}) }}}} "
    project.built({"a": config.format("") + "select 1 as id"})
    (project.root / "models/a.sql").unlink()
    run = project.built({"b": config.format(", renamed_from='a'") + "select 1 as id"})
    assert (renamed(run), run.done) == ({"a": "b"}, set())
    if project.layout == "direct":
        catalog = (
            "pg_indexes where schemaname = 'public'" if project.warehouse.is_postgres else "duckdb_indexes()"
        )
        name = "indexname" if project.warehouse.is_postgres else "index_name"
        assert [one for (one,) in project.rows(f"select {name} from {catalog}")] == ["b__id__idx"]
    project.built({"b": config.format(", renamed_from='a'") + "select 2 as id"})
    assert rows(project, "b") == [(2,)]


@pytest.mark.layouts("direct", "virtual")
def test_a_name_in_the_warehouse_may_stay_by_an_alias(project: Project) -> None:
    project.built(FILES)
    rename_orders(project)
    project.write({"sales": SALES.format(5).replace("renamed_from", "alias='orders', renamed_from")})
    run = project.built()
    assert (renamed(run), run.done) == ({"orders": "sales"}, set())
    assert rows(project, "orders") == [(1, 10), (2, 20)]
    assert project.load().review().review.is_empty


@pytest.mark.layouts("direct", "virtual")
def test_a_saved_plan_renames_what_was_reviewed_and_nothing_else(project: Project) -> None:
    project.built(FILES)
    rename_orders(project)
    saved = decode_plan(encode_plan(project.load().review().saved, {}))
    assert [(one.node, one.old) for one in saved.renames] == [("model.shop.sales", "model.shop.orders")]
    run = Run(list(project.load().apply_saved(saved))).check()
    assert renamed(run) == {"orders": "sales"}
    with pytest.raises(sqlflow.ProjectError) as error:
        project.load().apply_saved(saved)
    assert error.value.diagnostics[0].code is Code.PLAN_OUT_OF_DATE


@pytest.mark.layouts("direct", "virtual")
def test_what_was_published_since_is_not_renamed(project: Project) -> None:
    project.built(FILES)
    rename_orders(project)
    saved = project.load().review().saved
    (project.root / "models/sales.sql").unlink()
    project.built(FILES, force=True)
    rename_orders(project)
    with pytest.raises(sqlflow.ProjectError) as error:
        project.load().apply_saved(saved)
    assert "old name" in str(error.value.diagnostics[0].notes)


@pytest.mark.layouts("direct", "virtual")
def test_only_what_is_selected_is_renamed_or_what_it_reads(project: Project) -> None:
    project.built(FILES)
    rename_orders(project)
    assert renamed(project.built({}, "beside")) == {}
    assert renamed(project.built({}, "more")) == {"orders": "sales"}
    assert rows(project, "v") == [(1, 20), (2, 40)]


@pytest.mark.parametrize("layout", ["direct", "virtual"])
def test_a_view_of_somebody_else_goes_along_where_the_engine_binds_it(pg: Project, layout: str) -> None:
    pg.built(FILES)
    pg.warehouse.execute("create view outside as select sum(amount) as total from orders")
    rename_orders(pg)
    assert renamed(pg.built()) == {"orders": "sales"}
    assert pg.rows("select total from outside") == [(30,)]


def test_an_engine_without_transactions_renames_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    offer_adapters(tmp_path)
    staged = Project(tmp_path, duckdb_warehouse(tmp_path, "injected_autocommit"))
    staged.built(FILES)
    rename_orders(staged)
    (found,) = staged.stopped()
    assert found.code is Code.NOT_RENAMED
    assert "no transactions" in found.message


@pytest.mark.layouts("direct", "virtual")
def test_nothing_is_renamed_into_another_schema_or_over_something_else(project: Project) -> None:
    project.built(FILES)
    rename_orders(project)
    project.write({"sales": SALES.format(5).replace("renamed_from", "schema='far', renamed_from")})
    (found,) = project.stopped()
    assert found.code is Code.NOT_RENAMED
    assert "another schema" in found.message
    project.write({"sales": SALES.format(5)})
    project.warehouse.execute("create table sales as select 1 as mine")
    (found,) = project.stopped()
    assert found.code is Code.NOT_RENAMED
    assert project.rows("select mine from sales") == [(1,)]
    project.warehouse.execute("drop table sales")
    assert renamed(project.built()) == {"orders": "sales"}


def test_names_that_can_not_be_taken_over(duck: Project) -> None:
    duck.write({"a": "{{ config(renamed_from='b') }} select 1 as x", "b": "select 1 as x"})
    duck.write({"c": "{{ config(renamed_from='c') }} select 1 as x"})
    duck.write({"d": "{{ config(renamed_from='gone') }} select 1 as x"})
    duck.write({"e": "{{ config(renamed_from='gone') }} select 1 as x"})
    (duck.root / "sqlflow.yml").write_text("name: shop\ntargets: {dev: {type: duckdb, path: shop.duckdb}}\n")
    found = {d.message: source_text(duck, d) for d in sqlflow.load(duck.root).diagnostics}
    assert found == {
        "`a` is renamed from `b`, which is still in the project": "'b'",
        "`c` is renamed from itself": "'c'",
        "`d` and `e` are both renamed from `gone`": "'gone'",
    }


@pytest.fixture
def virtual(project: Project) -> Project:
    project.layout = "virtual"
    return project


def test_an_environment_begins_with_what_prod_has_under_the_old_name(virtual: Project) -> None:
    virtual.built(FILES)
    marked(virtual)
    rename_orders(virtual)
    run = virtual.built({}, environment="dev")
    assert run.done == set()
    assert rows(virtual, "sales", "dev") == [(1, 10), (2, 20), (77, 77)]
    assert rows(virtual, "orders") == rows(virtual, "sales", "dev")
    assert virtual.built({}, environment="dev").done == set()
    run = virtual.built()
    assert (renamed(run), run.done) == ({"orders": "sales"}, set())
    assert virtual.built({}, environment="dev").done == set()
    assert rows(virtual, "v", "dev") == rows(virtual, "v") == [(1, 20), (2, 40), (77, 154)]


def test_an_environment_that_has_renamed_follows_a_prod_that_has_not(virtual: Project) -> None:
    virtual.built(FILES)
    rename_orders(virtual)
    virtual.built({}, environment="dev")
    (virtual.root / "models/sales.sql").unlink()
    virtual.built({**FILES, "seeds/s.csv": "id,amount\n1,10\n3,30\n"})
    rename_orders(virtual)
    assert virtual.built({}, environment="dev").done == set()
    assert rows(virtual, "sales", "dev") == [(1, 10), (3, 30)]
    assert virtual.built().done == set()


def test_an_environment_renames_what_is_its_own(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built({"orders": TABLE + "select id, amount from s where amount > 15"}, environment="dev")
    rename_orders(virtual, amount=15)
    run = virtual.built({}, environment="dev")
    assert (renamed(run), run.done) == ({"orders": "sales"}, set())
    assert rows(virtual, "more", "dev") == [(2, 20)]
    run = virtual.built()
    assert renamed(run) == {"orders": "sales"}
    assert run.done == set()
    assert rows(virtual, "totals") == [(40,)]


@pytest.mark.parametrize("back", [False, True])
def test_a_rename_is_gone_back_on(virtual: Project, back: bool) -> None:
    virtual.built(FILES)
    rename_orders(virtual)
    virtual.built()
    if back:
        (virtual.root / "models/sales.sql").unlink()
        virtual.write(FILES)
    virtual.load().roll_back()
    assert rows(virtual, "orders") == [(1, 10), (2, 20)]
    assert rows(virtual, "v") == [(1, 20), (2, 40)]
    run = virtual.built()
    assert run.done == set()
    assert renamed(run) == ({} if back else {"orders": "sales"})
    assert rows(virtual, "v") == [(1, 20), (2, 40)]


def test_a_table_of_a_time_without_versions_is_renamed_and_adopted(project: Project) -> None:
    project.layout = "direct"
    project.built(FILES)
    project.layout = "virtual"
    rename_orders(project)
    run = project.built()
    assert renamed(run) == {"orders": "sales"}
    assert run.done <= {"v"}
    assert rows(project, "sales") == [(1, 10), (2, 20)]
    assert project.warehouse.names()["sales"] == "view"
