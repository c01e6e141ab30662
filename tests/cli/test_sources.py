"""`sqlflow sources pull` as its user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.cli.conftest import invoke

FILES = {
    "sqlflow.yml": "name: shop\ntargets: {dev: {type: duckdb, path: shop.duckdb}}\n",
    "models/sources.yml": "sources:\n  - name: raw\n    tables: [{name: orders}, {name: people}]\n",
    "models/q.sql": "select id from {{ source('raw', 'orders') }}\n",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, in which the process stands, and a warehouse with one of its two sources."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    execute("create schema raw", "create table raw.orders (id bigint not null, amount decimal(9, 2))")
    return tmp_path


def execute(*statements: str) -> None:
    with duckdb.connect("shop.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_source_that_is_missing_ends_in_1_and_the_rest_is_written(shop: Path) -> None:
    result = invoke("sources", "pull")
    assert result.exit_code == 1
    assert result.stdout == "raw.orders  2 columns, new\n"
    assert "error[SF0325]: the warehouse has no table `raw.people`" in result.stderr
    assert result.stderr.endswith("\nwrote 1 table into sources.lock.yml\n")
    assert (
        (shop / "sources.lock.yml")
        .read_text()
        .endswith("    raw:\n      orders:\n        id: BIGINT NOT NULL\n        amount: DECIMAL(9,2) NULL\n")
    )


def test_a_check_tells_what_differs_and_ends_in_1(shop: Path) -> None:
    execute("create table raw.people (id bigint, name varchar)")
    fresh = invoke("sources", "pull", "--check")
    assert (fresh.exit_code, fresh.stdout) == (1, "raw.orders  2 columns, new\nraw.people  2 columns, new\n")
    assert not (shop / "sources.lock.yml").exists()
    assert invoke("sources", "pull").exit_code == 0
    same = invoke("sources", "pull", "--check")
    assert (same.exit_code, same.stdout) == (0, "")
    assert same.stderr == "sources.lock.yml is up to date: 2 tables\n"
    written = (shop / "sources.lock.yml").read_bytes()
    execute(
        "drop table raw.people",
        "create table raw.people (name varchar, id bigint)",
        "alter table raw.orders alter amount type double",
        "alter table raw.orders add note varchar",
        "alter table raw.orders drop id",
    )
    changed = invoke("sources", "pull", "--check")
    assert changed.exit_code == 1
    assert changed.stdout == (
        "raw.orders  2 columns, changed\n"
        "  ~ amount DECIMAL(9,2) NULL -> DOUBLE NULL\n"
        "  + note VARCHAR NULL\n"
        "  - id BIGINT NOT NULL\n"
        "raw.people  2 columns, changed\n"
        "  ~ name has another place\n"
        "  ~ id has another place\n"
    )
    assert changed.stderr == "sources.lock.yml is out of date: `sqlflow sources pull` writes it anew\n"
    assert (shop / "sources.lock.yml").read_bytes() == written


def test_a_selection_pulls_what_is_selected(shop: Path) -> None:
    result = invoke("sources", "pull", "-s", "source:raw.orders")
    assert (result.exit_code, result.stdout) == (0, "raw.orders  2 columns, new\n")
    parents = invoke("sources", "pull", "-s", "+q")
    assert (parents.exit_code, parents.stdout) == (0, "raw.orders  2 columns\n")
    none = invoke("sources", "pull", "-s", "q")
    assert (none.exit_code, none.stdout) == (0, "")
    assert none.stderr == "there was nothing to pull: no table of the warehouse is declared as a source\n"


def test_a_table_that_is_gone_is_shown(shop: Path) -> None:
    execute("create table raw.people (id bigint)")
    assert invoke("sources", "pull").exit_code == 0
    (shop / "models/sources.yml").write_text("sources:\n  - {name: raw, tables: [{name: orders}]}\n")
    assert invoke("sources", "pull").stdout == "raw.orders  2 columns\nraw.people  gone\n"


def test_json_has_the_tables_what_is_wrong_and_a_last_line(shop: Path) -> None:
    result = invoke("sources", "pull", "--json")
    orders, wrong, last = map(json.loads, result.stdout.splitlines())
    assert (result.exit_code, result.stderr) == (1, "")
    assert orders == {
        "event": "source_pulled",
        "name": "raw.orders",
        "status": "new",
        "columns": [
            {"name": "id", "type": "BIGINT", "nullable": False},
            {"name": "amount", "type": "DECIMAL(9,2)", "nullable": True},
        ],
        "changes": [
            {"name": "id", "before": None, "now": "BIGINT NOT NULL"},
            {"name": "amount", "before": None, "now": "DECIMAL(9,2) NULL"},
        ],
    }
    assert (wrong["event"], wrong["code"]) == ("diagnostic", "SF0325")
    assert last == {
        "event": "pull_finished",
        "path": "sources.lock.yml",
        "tables": 1,
        "changed": 1,
        "is_current": False,
        "written": True,
    }


def test_names_of_a_warehouse_do_not_steer_the_terminal(shop: Path) -> None:
    execute('create table raw.people ("\x1b[31mred" integer)')
    invoke("sources", "pull")
    execute("drop table raw.people", 'create table raw.people ("\x1b[32mgreen" integer)')
    result = invoke("sources", "pull")
    assert "+ \ufffd[32mgreen INTEGER NULL" in result.stdout
    assert "\x1b" not in result.stdout


def test_the_file_that_can_not_be_written_is_told(shop: Path) -> None:
    (shop / "sources.lock.yml").mkdir()
    result = invoke("sources", "pull", "-s", "source:raw.orders")
    assert result.exit_code == 1
    assert "error[SF0014]" in result.stderr
