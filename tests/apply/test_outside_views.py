"""Views from outside the project that read what is replaced: they are led along, or stop it beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sqlflow.cli.views.plan import plan_markdown, plan_record, plan_text
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from tests.apply.projects import Project

TABLE = "{{ config(materialized='table') }} "
SYNC = "{{ config(materialized='incremental', unique_key='id', on_schema_change='sync_all_columns') }} "
FILES = {
    "orders": TABLE + "select 1 as id, 10 as amount, 'paid'::text as status",
    "paid": "select id, amount from orders where status = 'paid'",
}


BOTH = pytest.mark.layouts("direct", "virtual")


def stopped(
    project: Project, files: Mapping[str, str], environment: str = "prod", **options: Any
) -> tuple[Diagnostic, ...]:
    """What stops a plan and a build alike, before anything is written."""
    before = project.rows("select count(*) from _sqlflow.publications")
    project.write(files)
    with pytest.raises(ProjectError) as planned:
        project.load(environment).review(**options)
    with pytest.raises(ProjectError) as built:
        project.load(environment).build(**options)
    assert planned.value.diagnostics == built.value.diagnostics
    assert project.rows("select count(*) from _sqlflow.publications") == before
    return tuple(planned.value.diagnostics)


def kept(project: Project, files: Mapping[str, str]) -> list[str]:
    """What a plan says of views from outside, after which it is carried out as it was saved."""
    reviewed = project.write(files).load().review()
    names = [str(view) for view in reviewed.review.kept]
    assert plan_record(reviewed.review)["outside_views"] == names
    line = f"views from outside, kept: {', '.join(names)}"
    assert (line in plan_text(reviewed.review)) == bool(names)
    assert (line in plan_markdown(reviewed.review)) == bool(names)
    list(project.load().apply_saved(reviewed.saved))
    return names


@BOTH
def test_a_view_whose_column_goes_stops_a_plan(pg: Project) -> None:
    pg.built(FILES)
    pg.warehouse.execute("create view theirs as select id, upper(status) as s from orders")
    changed = {
        "orders": TABLE + "select 1 as id, 10 as amount",
        "paid": "select id, amount from orders",
    }
    [found] = stopped(pg, changed)
    assert found.code is Code.VIEWS_IN_THE_WAY
    assert found.message == "`orders` is read by views that can't follow its new columns: `public.theirs`"
    assert found.span is not None and found.span.path == "models/orders.sql"
    assert found.help == "change or drop these views, or keep the columns that they read"
    # What is in the way is gone: the project's own view reads the column no more by then.
    pg.warehouse.execute("drop view theirs")
    pg.built({})


@BOTH
def test_a_view_that_can_follow_is_named_and_kept(pg: Project) -> None:
    pg.built(FILES)
    pg.warehouse.execute(
        "create view theirs as select o.id, count(*) as n from orders o group by o.id",
        "create view above as select n from theirs",
    )
    changed = {"orders": TABLE + "select 1 as id, 'paid'::text as status, 7 as amount"}
    assert kept(pg, changed) == ["public.above", "public.theirs"]
    assert pg.rows("select * from above") == [(1,)]
    assert pg.rows("select amount from orders") == [(7,)]
    # Nothing has to be led along where the columns stay.
    assert kept(pg, {"orders": TABLE + "select 1 as id, 'paid'::text as status, 8 as amount"}) == []


@BOTH
def test_all_that_is_in_the_way_is_told_at_once(pg: Project) -> None:
    pg.built({**FILES, "other": TABLE + "select 1 as a, 2 as b"})
    pg.warehouse.execute(
        "create view theirs as select status from orders",
        "create view joined as select o.id, x.b from orders o join other x on o.id = x.a",
        "create view mine as select amount from paid",
    )
    changed = {
        "orders": TABLE + "select 1 as id, 10 as amount",
        "paid": "select id from orders",
        "other": TABLE + "select 1 as a",
    }
    found = stopped(pg, changed)
    assert {one.code for one in found} == {Code.VIEWS_IN_THE_WAY}
    assert sorted(one.message for one in found) == [
        "`orders` is read by views that can't follow its new columns: `public.theirs`",
        "`other` is read by views that can't follow its new columns: `public.joined`",
        "`paid` is read by views that can't follow its new columns: `public.mine`",
    ]


@BOTH
def test_a_type_that_a_view_shows(pg: Project) -> None:
    pg.built(FILES)
    pg.warehouse.execute("create view theirs as select amount from orders")
    [found] = stopped(pg, {"orders": TABLE + "select 1 as id, 10.5 as amount, 'paid'::text as status"})
    assert "`public.theirs`" in found.message
    # One that only computes with it gives what it gave.
    pg.warehouse.execute("drop view theirs", "create view theirs as select amount > 3 as much from orders")
    changed = {"orders": TABLE + "select 1 as id, 10.5 as amount, 'paid'::text as status"}
    assert kept(pg, changed) == ["public.theirs"]
    assert pg.rows("select * from theirs") == [(True,)]


@BOTH
def test_views_of_the_project_that_are_not_selected(pg: Project) -> None:
    pg.built(FILES)
    changed = {"orders": TABLE + "select 1 as id, 10 as amount"}
    [found] = stopped(pg, {**changed, "paid": "select id from orders"}, select=["orders"])
    assert "`public.paid`" in found.message
    pg.built({})


@BOTH
def test_a_model_that_is_removed_with_the_column_it_read(pg: Project) -> None:
    """Where the plan drops its view, that need not follow; else it is in the way."""
    pg.built(FILES)
    (pg.root / "models/paid.sql").unlink()
    pg.write({"orders": TABLE + "select 1 as id"})
    if pg.layout == "virtual":
        list(pg.load().apply_saved(pg.load().review().saved))
        assert "paid" not in pg.warehouse.names()
        assert not [name for name in pg.warehouse.names() if "sqlflow_old" in name]
        assert pg.rows("select * from orders") == [(1,)]
        return
    [found] = stopped(pg, {})
    assert "`public.paid`" in found.message


def test_what_is_dropped_and_is_read(pg: Project) -> None:
    pg.layout = "virtual"
    pg.built({**FILES, "more": TABLE + "select id from paid"})
    pg.warehouse.execute("create view theirs as select id from more")
    for name in ("paid", "more"):
        (pg.root / f"models/{name}.sql").unlink()
    before = pg.warehouse.names()
    with pytest.raises(ProjectError) as error:
        pg.load().review()
    [found] = error.value.diagnostics
    assert (found.code, found.span) == (Code.VIEWS_IN_THE_WAY, None)
    assert (
        found.message == "`more` is read by views that would have nothing to read any more: `public.theirs`"
    )
    # A build drops nothing.
    pg.built({})
    assert pg.warehouse.names() == before
    pg.warehouse.execute("drop view theirs")
    list(pg.load().apply_saved(pg.load().review().saved))
    assert set(pg.warehouse.names()) & {"paid", "more"} == set()


def test_a_promotion(pg: Project) -> None:
    pg.layout = "virtual"
    pg.built(FILES)
    pg.warehouse.execute(
        "create view theirs as select id, status from orders",
        "create view others as select id from orders",
    )
    pg.built(
        {"orders": TABLE + "select 2 as id, 10 as amount", "paid": "select id, amount from orders"},
        environment="dev",
    )
    [found] = stopped(pg, {})
    assert found.message == "`orders` is read by views that can't follow its new columns: `public.theirs`"
    assert pg.rows("select id from theirs") == [(1,)]
    pg.warehouse.execute("drop view theirs")
    assert kept(pg, {}) == ["public.others"]
    assert pg.rows("select id from others") == [(2,)]


def test_an_environment_that_is_dropped_and_is_read(pg: Project) -> None:
    pg.layout = "virtual"
    pg.built(FILES)
    pg.built(environment="dev")
    pg.warehouse.execute("create view theirs as select id from public__dev.orders")
    with pytest.raises(ProjectError) as error:
        pg.load().drop_environment("dev")
    [found] = error.value.diagnostics
    assert found.code is Code.VIEWS_IN_THE_WAY
    assert found.message == "`orders` can't be dropped: something else in the warehouse hangs on it"
    assert any("theirs" in note for note in found.notes)
    assert pg.rows("select id from theirs") == [(1,)]
    assert "public__dev" in {schema for (schema,) in pg.rows("select nspname from pg_namespace")}
    assert pg.rows("select count(*) from public__dev.paid") == [(1,)]


def test_a_layout_that_changes(pg: Project) -> None:
    """Tables get names by version; what is built anew takes the place of a table that has none yet."""
    pg.layout = "direct"
    pg.built({**FILES, "more": TABLE + "select 1 as a, 2 as b"})
    pg.warehouse.execute(
        "create view theirs as select id from orders", "create view others as select a from more"
    )
    pg.layout = "virtual"
    assert kept(pg, {"more": TABLE + "select 5 as a"}) == ["public.others", "public.theirs"]
    assert pg.rows("select id, a from theirs, others") == [(1, 5)]
    assert pg.warehouse.names()["more"] == pg.warehouse.names()["orders"] == "view"


def test_a_table_that_goes_on(pg: Project) -> None:
    """A column that a view reads can neither be dropped nor get another type."""
    pg.layout = "direct"
    pg.built({"totals": SYNC + "select 1 as id, 2 as a, 3 as b"})
    pg.warehouse.execute(
        "create view theirs as select id, b > 2 as much from totals",
        "create view other as select a from totals",
    )
    dropped = {"totals": SYNC + "select 1 as id, 2 as a"}
    [found] = stopped(pg, dropped, allow_destructive=["totals"])
    assert found.message == (
        "`totals` is read by views that read columns that are dropped or get another type: `public.theirs`"
    )
    [found] = stopped(pg, {"totals": SYNC + "select 1 as id, 2 as a, 3::bigint as b"})
    assert "`public.theirs`" in found.message
    pg.built({"totals": SYNC + "select 1 as id, 2 as a, 3 as b, 4 as c"})
    assert pg.rows("select * from theirs") == [(1, True)]


def test_a_table_by_version_that_goes_on(pg: Project) -> None:
    pg.layout = "virtual"
    pg.built({"totals": SYNC + "select 1 as id, 2 as a, 3 as b"})
    pg.warehouse.execute("create view theirs as select id, b > 2 as much from totals")
    options: dict[str, Any] = {"forward_only": True, "allow_destructive": ["totals"]}
    [found] = stopped(pg, {"totals": SYNC + "select 1 as id, 2 as a"}, **options)
    assert "can't follow its new columns: `public.theirs`" in found.message
    pg.built({"totals": SYNC + "select 1 as id, 2 as a, 3::bigint as b"}, forward_only=True)
    assert pg.rows("select * from theirs") == [(1, True)]


@BOTH
def test_materialized_views_hold_rows_of_their_own(pg: Project) -> None:
    pg.built(FILES)
    pg.warehouse.execute("create materialized view theirs as select id from orders")
    # Where the columns stay, so do they.
    pg.built({"orders": TABLE + "select 2 as id, 10 as amount, 'paid'::text as status"})
    pg.warehouse.execute("refresh materialized view theirs")
    assert pg.rows("select * from theirs") == [(2,)]
    [found] = stopped(pg, {"orders": TABLE + "select 'paid'::text as status, 2 as id, 10 as amount"})
    assert found.message == (
        "`orders` is read by views that hold rows of their own, and so can't be made again: `public.theirs`"
    )


@BOTH
def test_what_is_not_known_is_left_to_the_build(pg: Project) -> None:
    python = (
        "import sqlflow\nimport pandas\n\n\n@sqlflow.model()\ndef frame() -> pandas.DataFrame:\n"
        "    return pandas.DataFrame({COLUMNS})\n"
    )
    first = python.replace("COLUMNS", "'id': [1], 'gone': [2]")
    pg.built({"models/frame.py": first})
    pg.warehouse.execute("create view theirs as select gone from frame")
    pg.write({"models/frame.py": python.replace("COLUMNS", "'id': [1]")})
    assert pg.load().review().review.kept == ()
    run = pg.build({})
    assert [d.code for d in run.diagnostics] == [Code.VIEWS_IN_THE_WAY]
    assert pg.rows("select * from theirs") == [(2,)]


@BOTH
def test_queries_that_views_have(pg: Project) -> None:
    """Whatever a view's definition is written like: what it reads is found in it."""
    pg.built({**FILES, "Odd": "{{ config(alias='Odd Name', materialized='table') }} select 1 as id, 2 as b"})
    pg.warehouse.execute(
        "create schema theirs",
        "create view theirs.orders as select id from public.orders",
        "create view theirs.cte as with orders as (select * from public.orders) select id from orders",
        "create view theirs.twice as select a.id, b.amount from public.orders a, public.orders b "
        "where a.id in (select id from public.orders)",
        'create view theirs.odd as select "Odd Name".id from "Odd Name"',
        "create view theirs.lateral as select o.id, l.x from public.orders o, lateral (select amount as x) l",
        "create view theirs.whole as select orders as o from public.orders",
    )
    changed = {
        "orders": TABLE + "select 1 as id, 5 as more, 10 as amount, 'paid'::text as status",
        "Odd": "{{ config(alias='Odd Name', materialized='table') }} select 1 as id",
    }
    names = {"orders", "cte", "twice", "odd", "lateral"}
    [found] = stopped(pg, changed)
    assert "`theirs.whole`" in found.message
    pg.warehouse.execute("drop view theirs.whole")
    assert kept(pg, changed) == sorted(f"theirs.{name}" for name in names)


def test_views_by_name_are_asked_about_nothing(duck: Project) -> None:
    duck.built(FILES)
    duck.warehouse.execute("create view theirs as select id from orders")
    assert kept(duck, {"orders": TABLE + "select 'paid'::text as status, 1 as id, 7 as amount"}) == []
