"""What a plan would lose: columns of tables that go on with their rows, told before anything is built."""

from __future__ import annotations

from typing import Any

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project

__all__ = ["duck", "pg", "project"]

SYNC = "{{ config(materialized='incremental', unique_key='id', on_schema_change='sync_all_columns') }} "
TABLE = "{{ config(materialized='table') }} "
FILES = {
    "orders": TABLE + "select 1 as id, 10 as amount, 'x' as note",
    "named": SYNC + "select id, amount, note from orders",
    "star": SYNC + "select * from orders",
}
CHANGED = {
    "orders": TABLE + "select 1 as id, 10 as amount",
    "named": SYNC + "select id, amount from orders",
}


@pytest.fixture
def direct(project: Project) -> Project:
    """An empty project whose tables have their own names."""
    project.layout = "direct"
    return project


@pytest.fixture
def virtual(project: Project) -> Project:
    """An empty project whose tables are made by version."""
    project.layout = "virtual"
    return project


def stopped(project: Project, **options: Any) -> tuple[Diagnostic, ...]:
    """What stops a plan and a build alike, before anything is written."""
    before = project.rows("select count(*) from _sqlflow.publications")
    with pytest.raises(ProjectError) as planned:
        project.load().review(**options)
    with pytest.raises(ProjectError) as built:
        project.load().build(**options)
    assert planned.value.diagnostics == built.value.diagnostics
    assert project.rows("select count(*) from _sqlflow.publications") == before
    return tuple(planned.value.diagnostics)


def columns(project: Project, name: str) -> list[str]:
    schema = project.warehouse.schema
    found = project.rows(
        "select column_name from information_schema.columns "
        f"where table_schema = '{schema}' and table_name = '{name}' order by ordinal_position"
    )
    return [column for (column,) in found]


def test_columns_that_would_be_lost_stop_a_plan(direct: Project) -> None:
    direct.built(FILES)
    direct.write(CHANGED)
    named, star = sorted(stopped(direct), key=lambda one: one.message)
    assert (named.code, star.code) == (Code.DESTRUCTIVE_CHANGE, Code.DESTRUCTIVE_CHANGE)
    assert named.message == "`named` would lose what its table has in a column: note"
    # Its own text is what it was: the star stands for less.
    assert star.message == "`star` would lose what its table has in a column: note"
    assert (named.span and named.span.path) == "models/named.sql"
    assert star.help is not None and "--allow-destructive star" in star.help
    assert len(star.notes) == 1 and star.notes[0].startswith("- note ")


def test_what_is_allowed_by_name_may_be_lost(direct: Project) -> None:
    direct.built(FILES)
    direct.write(CHANGED)
    [star] = stopped(direct, allow_destructive=["named"])
    assert "`star`" in star.message
    direct.built({}, allow_destructive=["named", "star"])
    assert columns(direct, "named") == columns(direct, "star") == ["id", "amount"]
    assert direct.rows("select * from named") == [(1, 10)]
    # It was for that plan.
    direct.write({"named": SYNC + "select id from orders"})
    [named] = stopped(direct)
    assert named.message == "`named` would lose what its table has in a column: amount"


def test_a_saved_plan_keeps_what_is_allowed(direct: Project) -> None:
    direct.built(FILES)
    allowed = ["named", "star"]
    saved = direct.write(CHANGED).load().review(allow_destructive=allowed).saved
    assert saved.allow_destructive == ("named", "star")
    list(direct.load().apply_saved(saved))
    assert columns(direct, "star") == ["id", "amount"]


def test_a_plan_is_looked_at_when_it_is_applied(direct: Project) -> None:
    direct.built(FILES)
    plan = direct.write(CHANGED).load().plan()
    with pytest.raises(ProjectError) as error:
        direct.load().apply(plan)
    assert {one.code for one in error.value.diagnostics} == {Code.DESTRUCTIVE_CHANGE}
    list(direct.load().apply(plan, allow_destructive=["named", "star"]))
    assert columns(direct, "star") == ["id", "amount"]


def test_a_name_that_is_none(duck: Project) -> None:
    duck.built(FILES)
    with pytest.raises(ProjectError) as error:
        duck.load().review(allow_destructive=["nammed"])
    [found] = error.value.diagnostics
    assert (found.code, found.help) == (Code.UNKNOWN_REFERENCE, "did you mean `named`?")


def test_a_type_that_holds_less(direct: Project) -> None:
    direct.built(FILES)
    # What holds more loses nothing.
    direct.built({"named": SYNC + "select id, cast(amount as bigint) as amount, note from orders"})
    direct.write({"named": SYNC + "select id, cast(amount as smallint) as amount, note from orders"})
    [found] = stopped(direct)
    assert found.message == "`named` would lose what its table has in a column: amount"
    [note] = found.notes
    assert note.lower() == "~ amount is bigint, and is smallint then"


@pytest.mark.parametrize("mode", ["ignore", "append_new_columns", "fail", "sync_all_columns"])
def test_what_is_there_is_no_loss(direct: Project, mode: str) -> None:
    direct.built(FILES)
    direct.built({"orders": TABLE + "select 2 as id, 20 as amount, 'y' as note"})
    config = SYNC.replace("sync_all_columns", mode)
    direct.built({"named": config + "select id, amount, note from orders where id > 0"})
    assert direct.rows("select count(*) from named") == [(2,)]


def test_columns_that_stay_are_no_loss(direct: Project) -> None:
    appends = SYNC.replace("sync_all_columns", "append_new_columns")
    direct.built({**FILES, "named": appends + "select id, amount, note from orders"})
    direct.built({"named": appends + "select id, amount from orders"})
    assert columns(direct, "named") == ["id", "amount", "note"]


@pytest.mark.parametrize("mode", ["fail", "ignore"])
def test_what_will_fail_is_told_before_its_parents_are_built(direct: Project, mode: str) -> None:
    config = SYNC.replace("sync_all_columns", mode)
    direct.built({**FILES, "named": config + "select * from orders", "star": "select 1 as one"})
    direct.write(CHANGED | {"named": config + "select * from orders"})
    [found] = stopped(direct)
    assert found.code is Code.SCHEMA_CHANGED
    assert "- note" in found.notes[0]
    assert stopped(direct, allow_destructive=["named"]) == (found,)
    # That is what the build would have said.
    direct.built({}, full_refresh=True)
    assert columns(direct, "named") == ["id", "amount"]


def test_a_history_that_does_not_fit(direct: Project) -> None:
    config = "{{ config(unique_key='id', strategy='check', check_cols='all') }}"
    text = "{{% snapshot past %}}{config} select id, {amount} as amount from orders{{% endsnapshot %}}"
    files = {"orders": FILES["orders"], "snapshots/past.sql": text.format(config=config, amount="amount")}
    direct.built(files)
    # No column of a history is dropped.
    direct.built({"snapshots/past.sql": text.format(config=config, amount="id as more, amount")})
    direct.built(files)
    assert "more" in columns(direct, "past")
    direct.write({"snapshots/past.sql": text.format(config=config, amount="note")})
    [found] = stopped(direct)
    assert found.code is Code.SCHEMA_CHANGED
    assert "`amount` is INTEGER in the history of `past`" in found.message.replace("integer", "INTEGER")


def test_where_the_table_is_made_anew_nothing_is_lost(virtual: Project) -> None:
    virtual.built(FILES)
    before = columns(virtual, "star")
    virtual.write(CHANGED)
    assert {one.message.split("`")[1] for one in stopped(virtual, forward_only=True)} == {"named", "star"}
    virtual.built()
    assert (before, columns(virtual, "star")) == (["id", "amount", "note"], ["id", "amount"])


def test_what_goes_on_by_version_loses_what_is_allowed(virtual: Project) -> None:
    kept = SYNC.replace("unique_key", "full_refresh=false, unique_key")
    virtual.built({**FILES, "named": kept + "select id, amount, note from orders"})
    virtual.write({"named": kept + "select id, amount from orders"})
    [found] = stopped(virtual)
    assert "`named`" in found.message
    virtual.built({}, allow_destructive=["named"])
    assert columns(virtual, "named") == ["id", "amount"]


def test_of_a_copy_of_prod_columns_are_lost_too(virtual: Project) -> None:
    virtual.built(FILES)
    loaded = virtual.write(CHANGED).load("dev")
    with pytest.raises(ProjectError) as error:
        loaded.build(forward_only=True)
    assert {one.code for one in error.value.diagnostics} == {Code.DESTRUCTIVE_CHANGE}
    virtual.built({}, environment="dev", forward_only=True, allow_destructive=["named", "star"])
    assert columns(virtual, "star") == ["id", "amount", "note"]


def test_what_is_not_known_without_the_engine_is_left_to_it(direct: Project) -> None:
    hooks = SYNC.replace("sync_all_columns'", "fail', pre_hook='alter table {{ this }} drop column note'")
    direct.built({**FILES, "named": SYNC + "select id, amount, note from orders"})
    direct.write({"named": hooks + "select id, amount from orders"})
    run = direct.build()
    assert run.statuses["named"] == "success"
    assert columns(direct, "named") == ["id", "amount"]
