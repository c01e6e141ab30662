"""Grants are made in the transaction that publishes, and what is not configured is taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import sqlflow
from sqlflow.core.diagnostic import Severity
from tests.apply.projects import Project, Run, source_text
from tests.servers import PostgresServer

pytestmark = pytest.mark.layouts("direct", "virtual")

ROW = "select 1 as id, 'a' as name"
ODD = 'We"ird Röle'
CONFIGS = (
    "materialized='view'",
    "materialized='table'",
    "materialized='incremental', unique_key='id'",
    "materialized='incremental'",
)
ASKED = """
    select a.privilege_type, coalesce(r.rolname, 'PUBLIC'), a.is_grantable
    from pg_class c, aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
    where c.oid = '{}'::regclass and a.grantee <> c.relowner order by 1, 2
"""


@pytest.fixture
def shop(postgres: PostgresServer, pg: Project) -> Iterator[Project]:
    """A project on a server that has roles; these outlive the database."""
    names = ["reader", "writer", '"' + ODD.replace('"', '""') + '"']
    postgres.execute(*(f"create role {name}" for name in names))
    try:
        yield pg
    finally:
        pg.warehouse.execute(*(f"drop owned by {name}" for name in names))
        postgres.execute(*(f"drop role {name}" for name in names))


def model(config: str, text: str = ROW) -> str:
    return f"{{{{ config({config}) }}}} {text}"


def granted(project: Project, name: str = "m") -> list[tuple[str, str]]:
    return [(privilege, role) for privilege, role, _ in project.rows(ASKED.format(name))]


def sent(run: Run) -> list[str]:
    return [sql for sql in run.statements if sql.startswith(("GRANT", "REVOKE"))]


def grants(project: Project, value: object) -> None:
    project.settings["models"] = {"+grants": value}


@pytest.mark.parametrize("config", CONFIGS)
def test_they_stay_as_configured_from_build_to_build(shop: Project, config: str) -> None:
    grants(shop, {"select": ["reader", ODD], "insert": "writer"})
    shop.built({"m": model(config)})
    expected = [("INSERT", "writer"), ("SELECT", ODD), ("SELECT", "reader")]
    assert granted(shop) == expected

    run = shop.built(force=True)
    assert granted(shop) == expected
    # What shows a table by version stays where its columns do.
    stays = "incremental" in config or "view" in config or shop.layout == "virtual"
    assert len(sent(run)) == (0 if stays else 3)

    grants(shop, {"select": ["public"]})
    shop.built({"m": model(config, "select 2 as id, 'b' as name")})
    assert granted(shop) == [("SELECT", "PUBLIC")]
    grants(shop, {"select": []})
    shop.built({"m": model(config, "select 3 as id, 'c' as name")})
    assert granted(shop) == []


@pytest.mark.parametrize("config", CONFIGS)
def test_a_change_of_grants_alone_builds_no_rows(shop: Project, config: str) -> None:
    grants(shop, {"select": "reader"})
    below = {"config": {"grants": {"select": "reader"}}, "name": "below"}
    shop.built(
        {
            "m": model(config),
            "below": model("materialized='table'", "select id from m"),
            "tests/t.sql": "select m.id from m where m.id < 0",
            "models/m.yml": json.dumps({"models": [below]}),
        }
    )
    grants(shop, {"select": ["reader", "writer"]})
    run = shop.built()
    assert sent(run) == ['GRANT SELECT ON "public"."m" TO "writer"']
    assert set(run.statuses.values()) == {"unchanged"}
    assert (run.nodes["m"].reason, "below" in run.nodes) == ("its data is unchanged", False)
    assert granted(shop) == [("SELECT", "reader"), ("SELECT", "writer")]
    assert granted(shop, "below") == [("SELECT", "reader")]
    assert shop.built().statements == []


def test_what_others_granted_is_taken_away_where_it_is_configured(shop: Project) -> None:
    by_hand = (
        "grant select, update on {} to writer",
        "grant select (id) on {} to writer",
        "grant select on {} to public",
        "grant select on {} to reader with grant option",
    )
    files = {"m": model(CONFIGS[1] + ", grants={'select': ['reader']}"), "other": model(CONFIGS[1])}
    shop.built(files)
    for name in files:
        shop.warehouse.execute(*(statement.format(name) for statement in by_hand))
    for more in ("", ", 5 as more"):
        shop.built({name: text + more for name, text in files.items()}, force=True)
        assert shop.rows(ASKED.format("m")) == [("SELECT", "reader", True)]
        assert granted(shop, "other") == [
            ("SELECT", "PUBLIC"),
            ("SELECT", "reader"),
            ("SELECT", "writer"),
            ("UPDATE", "writer"),
        ]
        # A grant on a column is no matter of the configuration.
        assert shop.rows("select has_column_privilege('writer', 'm', 'id', 'select')") == [(True,)]
        assert shop.rows("select has_column_privilege('writer', 'm', 'name', 'select')") == [(False,)]


def test_default_privileges_are_taken_away(shop: Project) -> None:
    shop.warehouse.execute("alter default privileges grant select, delete on tables to writer")
    files = {"m": model(CONFIGS[1] + ", grants={'select': ['reader']}"), "other": model(CONFIGS[1])}
    for _ in range(2):
        shop.built(files, force=True)
        assert granted(shop) == [("SELECT", "reader")]
        assert granted(shop, "other") == [("DELETE", "writer"), ("SELECT", "writer")]


def test_a_view_that_is_made_again(shop: Project) -> None:
    grants(shop, {"select": ["reader"]})
    shop.built({"m": model("materialized='view'")})
    for text in ("select 'x' as name", ROW):
        shop.built({"m": model("materialized='view'", text)})
        assert granted(shop) == [("SELECT", "reader")]
    shop.built({"m": model("materialized='table'")})
    assert granted(shop) == [("SELECT", "reader")]
    shop.warehouse.execute("create view theirs as select id from m", "grant select on theirs to writer")
    shop.built({"m": model("materialized='table'", ROW + ", 2 as more")})
    assert granted(shop, "theirs") == [("SELECT", "writer")]


def test_seeds_snapshots_and_batches(shop: Project) -> None:
    shop.settings |= {kind: {"+grants": {"select": ["reader"]}} for kind in ("models", "seeds", "snapshots")}
    batches = (
        "materialized='incremental', incremental_strategy='time_range', event_time='day', "
        "begin='2024-01-01', batch_size='year'"
    )
    files = {
        "seeds/s.csv": "id,name\n1,a\n",
        "snapshots/h.sql": model("unique_key='id', strategy='check', check_cols='all'", "select * from s"),
        "b": model(batches, "select cast(date '2024-05-01' as date) as day"),
    }
    shop.built(files)
    shop.built({"seeds/s.csv": "id,name\n1,b\n"})
    for name in ("s", "h", "b"):
        assert granted(shop, name) == [("SELECT", "reader")]
    for kind in ("models", "seeds", "snapshots"):
        shop.settings[kind] = {"+grants": {"select": ["writer"]}}
    run = shop.built()
    assert set(run.statuses.values()) == {"unchanged"}
    for name in ("s", "h", "b"):
        assert granted(shop, name) == [("SELECT", "writer")]


def test_layers_replace_or_add(shop: Project) -> None:
    grants(shop, {"select": ["reader"], "insert": ["writer"]})
    files = {
        "adds": model(CONFIGS[1] + ", grants={'+select': 'writer'}"),
        "replaces": model(CONFIGS[1] + ", grants={'select': ['writer']}"),
        "keeps": model(CONFIGS[1]),
    }
    shop.built(files)
    insert = ("INSERT", "writer")
    assert granted(shop, "adds") == [insert, ("SELECT", "reader"), ("SELECT", "writer")]
    assert granted(shop, "replaces") == [insert, ("SELECT", "writer")]
    assert granted(shop, "keeps") == [insert, ("SELECT", "reader")]


def test_what_is_not_configured_any_more_stays_granted(shop: Project) -> None:
    grants(shop, {"select": ["reader"]})
    shop.built({"m": model(CONFIGS[1])})
    for value in ({}, None):
        grants(shop, value)
        shop.built()
        assert granted(shop) == [("SELECT", "reader")]
        shop.built(force=True)
        assert granted(shop) == [("SELECT", "reader")]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_role_that_is_not_there(shop: Project, config: str) -> None:
    shop.built({"m": model(config)})
    grants(shop, {"select": ["reader", "raeder"]})
    for change in ("select 2 as id, 'b' as name", ROW):
        run = shop.build({"m": model(config, change)})
        assert run.statuses == {"m": "error"}
        [found] = run.diagnostics
        assert (found.code, found.message) == (
            "SF0715", "the grants of `m` can't be made: role \"raeder\" does not exist"
        )  # fmt: skip
        assert source_text(shop, found) == '{"select": ["reader", "raeder"]}'
        assert shop.rows("select id from m") == [(1,)]
        assert granted(shop) == []


def test_what_an_audit_stops_has_no_new_grants(shop: Project) -> None:
    test = {"tests/t.sql": "select m.id from m where m.id = 2"}
    for config in CONFIGS:
        grants(shop, {"select": ["reader"]})
        shop.built({"m": model(config), **test}, full_refresh=True)
        grants(shop, {"select": ["writer"]})
        run = shop.build({"m": model(config, "select 2 as id, 'b' as name")})
        assert run.statuses["m"] == "fail"
        assert granted(shop) == [("SELECT", "reader")]


def test_an_engine_without_grants(duck: Project) -> None:
    """There the setting does nothing, as the compiler says once for each place."""
    grants(duck, {"select": ["reader"]})
    run = duck.built({"m": model(CONFIGS[1]), "n": model(CONFIGS[0])})
    assert sent(run) == []
    [found] = duck.load().diagnostics
    assert (found.code, found.severity) == ("SF0603", Severity.WARNING)
    assert found.message == "`grants` does nothing here: duckdb has no grants"
    assert source_text(duck, found) == '{"select": ["reader"]}'
    grants(duck, {"select": ["writer"]})
    assert duck.built().statements == []


def test_a_privilege_that_there_is_not(pg: Project) -> None:
    grants(pg, {"selct": ["reader"], "usage": []})
    pg.write({"m": model(CONFIGS[1]), "n": model(CONFIGS[0])})
    with pytest.raises(AssertionError):
        pg.load()
    found = sqlflow.load(pg.root).diagnostics
    assert [(d.code, d.message) for d in found] == [
        ("SF0007", "`selct` can't be granted on a table or a view of postgres"),
        ("SF0007", "`usage` can't be granted on a table or a view of postgres"),
    ]
    assert found[0].help == "did you mean `select`?"
