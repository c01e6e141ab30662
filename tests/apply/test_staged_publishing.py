"""Engines without transactions: contents are made aside, audited, and shown by a view.

The engine is DuckDB, used as one that commits each statement: to begin a transaction is a failed assertion.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.apply.engines import duckdb_warehouse
from tests.apply.projects import Project
from tests.apply.test_audits import GOOD, KINDS, accepts_good, model
from tests.safety.injected import AUTOCOMMIT, PUBLISH, Fail, Fault, NoTrap
from tests.safety.stages import offer_adapters

APPEND = "{{ config(materialized='incremental') }} select "
BELOW = {"below": "{{ config(materialized='table') }} select * from m"}
# The calls of a node's publishing: its version, what is about to be published, the view, the publish log.
KEEP, ANNOUNCE, SHOW, LOG = 1, 2, 3, 4


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project on an engine without transactions."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    offer_adapters(tmp_path)
    root = tmp_path / "shop"
    root.mkdir()
    return Project(root, duckdb_warehouse(root, "injected_autocommit"))


@pytest.fixture
def before(shop: Project) -> Project:
    """The same project as it was built with transactions."""
    return Project(shop.root, duckdb_warehouse(shop.root))


def stages(shop: Project, name: str = "m") -> list[str]:
    return sorted(found for found in shop.warehouse.names() if found.startswith(f"{name}__sqlflow_at_"))


def disturbed(shop: Project, at: int, files: dict[str, str]) -> None:
    """Builds, and has one call of a publishing fail."""
    AUTOCOMMIT.trap = Fail(at, Fault.ERROR, PUBLISH)
    try:
        assert not shop.build(files).finished.ok
    finally:
        AUTOCOMMIT.trap = NoTrap()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "post_hook"])
def test_what_fails_an_audit_is_not_published(shop: Project, kind: str) -> None:
    good, bad = KINDS[kind]
    shop.built({**good, **accepts_good(), **BELOW})
    before, names = shop.rows("select * from m"), stages(shop)
    run = shop.build(bad)
    [test] = [event for event in run.nodes.values() if event.kind == "test"]
    assert run.statuses == {"m": "fail", test.name: "fail", "below": "skipped"}
    assert (shop.rows("select * from m"), stages(shop)) == (before, names)
    assert test.kept is not None and len(shop.rows(f"select * from {test.kept}")) > 0


def test_readers_of_the_table_before_can_read_on(shop: Project) -> None:
    for number in range(3):
        shop.built({"m": model("materialized='table'", f"select {number} as id")["m"]})
        assert shop.rows("select id from m") == [(number,)]
        contents = [shop.rows(f"select id from {stage}")[0][0] for stage in stages(shop)]
        assert sorted(contents) == [n for n in (number - 1, number) if n >= 0]


def test_what_is_added_to_keeps_its_indexes(shop: Project) -> None:
    config = "materialized='incremental', unique_key='id', indexes=[{'columns': ['id'], 'unique': true}]"
    for number in (1, 2):
        shop.built(model(config, f"select {number} as id"))
    names = [name for (name,) in shop.rows("select index_name from duckdb_indexes()")]
    assert sorted(names) == [f"{stage}__id__idx" for stage in stages(shop)]
    assert len(names) == 2


@pytest.mark.parametrize("at", [KEEP, ANNOUNCE, SHOW, LOG])
def test_what_was_ready_is_published_by_the_next_build(shop: Project, at: int) -> None:
    """Rows that are added can't be added twice: from the announcement on, they are there."""
    shop.built({"m": APPEND + "1 as id", **BELOW})
    disturbed(shop, at, {"m": APPEND + "2 as id"})
    assert sorted(shop.rows("select id from m")) == ([(1,), (2,)] if at == LOG else [(1,)])
    run = shop.built({})
    assert sorted(shop.rows("select id from m")) == [(1,), (2,)]
    assert sorted(shop.rows("select id from below")) == [(1,), (2,)]
    finished = run.nodes["m"].reason == "what an earlier run had ready was published"
    assert finished is (at > ANNOUNCE)
    assert shop.rows("select * from _sqlflow.publishing") == []
    assert shop.built({}).statuses == {"m": "unchanged", "below": "unchanged"}


def test_what_was_announced_is_of_a_version_that_is_kept(shop: Project) -> None:
    """It is finished by a build of other code, to which it is compared."""
    shop.built({"m": APPEND + "1 as id", "n": "select 1 as id"})
    disturbed(shop, LOG, {"m": APPEND + "2 as id"})
    run = shop.built({"m": APPEND + "/* the same */ 2 as id"})
    assert run.nodes["m"].reason == "what an earlier run had ready was published"
    assert sorted(shop.rows("select id from m")) == [(1,), (2,)]


@pytest.mark.parametrize("kind", ["table", "view"])
@pytest.mark.parametrize("at", [SHOW, LOG])
def test_code_that_was_taken_back_is_what_is_shown(shop: Project, kind: str, at: int) -> None:
    """Nobody knows whether the view was replaced: the log alone has the old code."""
    old = model(f"materialized='{kind}'", "select 1 as id")
    shop.built({**old, **BELOW})
    disturbed(shop, at, model(f"materialized='{kind}'", "select 2 as id"))
    shop.built(old)
    assert shop.rows("select id from m") == shop.rows("select id from below") == [(1,)]


def test_what_can_not_be_shown_any_more_is_built_again(shop: Project) -> None:
    shop.built({"m": APPEND + "1 as id"})
    disturbed(shop, SHOW, {"m": APPEND + "2 as id"})
    [ready] = [name for name in stages(shop) if name.endswith("_2")]
    shop.warehouse.execute(f"drop table {ready}")
    run = shop.built({})
    assert run.statuses == {"m": "success"}
    assert sorted(shop.rows("select id from m")) == [(1,), (2,)]


def test_tables_of_a_time_with_transactions_are_taken_over(shop: Project, before: Project) -> None:
    snapshot = "{{ config(unique_key='id', strategy='check', check_cols='all') }} select * from source"
    files = {
        "source": "{{ config(materialized='table') }} select 1 as id, 'a' as name",
        "m": APPEND + "1 as id",
        "snapshots/s.sql": snapshot,
        "seeds/seed.csv": "id\n1\n",
    }
    before.built(files)
    shop.built({"m": APPEND + "2 as id", "source": files["source"].replace("'a'", "'b'")})
    assert sorted(shop.rows("select id from m")) == [(1,), (2,)]
    assert sorted(shop.rows("select name from s")) == [("a",), ("b",)]
    assert len(stages(shop)) == 1
    assert shop.warehouse.names()["m"] == "view"
    # Where nothing changed, nothing was touched.
    assert shop.warehouse.names()["seed"] == "table"


def test_a_take_over_that_is_cut_short_loses_nothing(shop: Project, before: Project) -> None:
    """The table is dropped before the view can have its name."""
    before.built({"m": APPEND + "1 as id"})
    disturbed(shop, SHOW, {"m": APPEND + "2 as id"})
    assert "m" not in shop.warehouse.names()
    shop.built({})
    assert sorted(shop.rows("select id from m")) == [(1,), (2,)]


def test_a_lost_log_loses_no_rows(shop: Project) -> None:
    snapshot = "{{ config(unique_key='id', strategy='check', check_cols='all') }} select * from m"
    files = {"m": APPEND + "1 as id", "snapshots/s.sql": snapshot}
    shop.built(files)
    shop.warehouse.execute("drop schema _sqlflow cascade")
    shop.built({"m": APPEND + "2 as id"})
    assert sorted(shop.rows("select id from m")) == sorted(shop.rows("select id from s")) == [(1,), (2,)]
    shop.built({"m": APPEND + "3 as id"})
    assert sorted(shop.rows("select id from m")) == [(1,), (2,), (3,)]
    assert len(stages(shop)) == 2


def test_a_view_of_somebody_is_no_history(shop: Project) -> None:
    shop.warehouse.execute("create view s as select 1 as id, now() as changed")
    config = "{{ config(unique_key='id', strategy='timestamp', updated_at='changed') }}"
    run = shop.build({"snapshots/s.sql": f"{config} select 1 as id, now() as changed"})
    assert run.statuses == {"s": "error"}
    assert "what has its name is a view" in run.nodes["s"].diagnostics[0].message
    assert shop.warehouse.names() == {"s": "view"}


def test_names_that_are_cut_stay_apart(shop: Project) -> None:
    """What is left of one model must never be taken for another one's."""
    names = [f"{'x' * 55}_{i}" for i in range(2)]
    for round_ in range(2):
        for name in names:
            shop.built({name: model("materialized='table'", f"select {round_} as id")["m"]})
    assert [shop.rows(f"select id from {name}") for name in names] == [[(1,)], [(1,)]]
    assert len([name for name in shop.warehouse.names() if "__sqlflow_at_" in name]) == 4


def test_batches(shop: Project) -> None:
    config = "materialized='incremental', incremental_strategy='time_range', event_time='at'"
    begin = ", batch_size='month', begin='2026-01-01'"
    days = "select cast('2026-01-05' as timestamp) + interval (n) month as at from range(5) as r (n)"
    shop.built({"m": f"{{{{ config({config}{begin}) }}}} {days}"})
    assert len(shop.rows("select * from m")) == 5
    assert len(stages(shop)) == 2
    # As many as are due, each published for itself.
    [(count,)] = shop.rows("select max(number) from _sqlflow.publications")
    assert count > 5
    before = shop.rows("select * from m order by 1")
    shop.built({"m": f"{{{{ config({config}{begin}, lookback=3) }}}} {days} where true"})
    assert shop.rows("select * from m order by 1") == before
    assert len(stages(shop)) == 2


def test_descriptions_are_of_what_is_seen(shop: Project) -> None:
    config = "materialized='incremental', persist_docs={'relation': true, 'columns': true}"
    yml = "models: [{name: m, description: %s, columns: [{name: id, description: Its key.}]}]"
    for text in ("Rows.", "All rows."):
        shop.built({**model(config, "select 1 as id"), "models/m.yml": yml % text})
        assert shop.rows("select comment from duckdb_views() where view_name = 'm'") == [(text,)]
    assert shop.rows("select comment from duckdb_columns() where table_name = 'm'") == [("Its key.",)]
    # The second time, only the description is new.
    assert shop.rows("select count(*) from m") == [(1,)]


def test_hooks_come_before_and_after(shop: Project) -> None:
    shop.warehouse.execute("create table log (word text, rows bigint)")
    hooks = (
        "pre_hook=\"insert into log values ('before', 0)\", "
        "post_hook=\"insert into log select 'after', count(*) from {{ this }}\""
    )
    shop.built(model(f"materialized='table', {hooks}", GOOD))
    assert shop.rows("select * from log") == [("before", 0), ("after", 1)]
    failing = model("materialized='table', post_hook='insert into no_such values (1)'", "select 7 as id")
    run = shop.build({**failing, **BELOW})
    assert (run.statuses["m"], run.statuses["below"]) == ("error", "skipped")
    assert run.nodes["m"].reason == "published"
    assert shop.rows("select * from m") == [(7,)]
