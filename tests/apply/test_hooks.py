"""Hooks outside of the transaction that publishes: when they run, and what their failure leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import sqlflow
from tests.apply.projects import Project, source_text

pytestmark = pytest.mark.layouts("direct", "virtual")

# A statement that no transaction takes which has changed something.
ALONE = {"duckdb": "checkpoint", "postgres": "vacuum {{ this }}"}
SLOW = {"duckdb": "select count(*) from range(100000) a, range(1000000) b", "postgres": "select pg_sleep(60)"}


def log(word: str, count: str = "0") -> str:
    return f"insert into log select '{word}', {count}"


def model(config: str, text: str = "select 1 as id") -> str:
    return f"{{{{ config({config}) }}}} {text}"


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose warehouse has a table that hooks write to."""
    project.warehouse.execute("create table log (word varchar, n integer)")
    return project


def words(project: Project) -> list[str]:
    return [word for (word,) in project.rows("select word from log")]


@pytest.mark.parametrize("kind", ["table", "view", "incremental"])
def test_they_run_around_the_transaction(shop: Project, kind: str) -> None:
    hooks = (
        f'pre_hook=["{log("inside before")}", before_begin("{log("before")}")], '
        f'post_hook=[after_commit("{log("after", "(select count(*) from {{ this }})")}"), '
        f'"{log("inside after")}"]'
    )
    shop.built({"m": model(f"materialized='{kind}', {hooks}")})
    assert shop.rows("select word, n from log") == [
        ("before", 0), ("inside before", 0), ("inside after", 0), ("after", 1)
    ]  # fmt: skip
    run = shop.built()
    assert run.statements == []


def test_what_no_transaction_takes(shop: Project) -> None:
    alone = ALONE[shop.warehouse.engine]
    changing = f'pre_hook="{log("x")}", '
    inside = shop.build({"m": model(f"materialized='table', {changing}post_hook='{alone}'")})
    assert inside.statuses == {"m": "error"}
    assert words(shop) == []
    outside = f"{{'sql': '{alone}', 'transaction': false}}"
    shop.built({"m": model(f"materialized='table', {changing}post_hook={outside}")})
    assert words(shop) == ["x"]


def test_folders_properties_and_seeds(shop: Project) -> None:
    shop.settings |= {
        "models": {"+post-hook": {"sql": log("folder {{ this.identifier }}"), "transaction": False}},
        "seeds": {"+pre-hook": [{"sql": log("seed before"), "transaction": False}]},
    }
    properties = (
        "models:\n  - name: m\n    config:\n      post_hook:\n"
        f'        - sql: "{log("properties")}"\n          transaction: false\n'
        "seeds:\n  - name: s\n    config:\n"
        f'      post_hook: {{sql: "{log("seed after")}", transaction: false}}\n'
    )
    shop.built({"m": "select id from s", "seeds/s.csv": "id\n1\n", "models/m.yml": properties})
    assert words(shop) == ["seed before", "seed after", "folder m", "properties"]


def test_what_ran_before_stays_where_the_build_fails(shop: Project) -> None:
    before, inside = f'before_begin("{log("before")}")', f'"{log("inside")}"'
    hooks = f"pre_hook=[{before}, {inside}], post_hook=after_commit('nonsense')"
    broken = "select cast(word as integer) as id from (select 'x' as word) as q"
    run = shop.build({"m": model(f"materialized='table', {hooks}", broken)})
    assert run.statuses == {"m": "error"}
    assert "m" not in shop.warehouse.names()
    assert words(shop) == ["before"]


def test_a_hook_that_fails_before_stops_the_build(shop: Project) -> None:
    shop.built({"m": model("materialized='table'")})
    hooks = "pre_hook=before_begin('delete from nowhere')"
    run = shop.build(
        {"m": model(f"materialized='table', {hooks}", "select 2 as id"), "below": "select id from m"}
    )
    assert run.statuses == {"m": "error", "below": "skipped"}
    [found] = run.diagnostics
    assert found.code == "SF0701"
    assert source_text(shop, found) == "before_begin('delete from nowhere')"
    assert shop.rows("select id from m") == [(1,)]


@pytest.mark.parametrize("kind", ["table", "view", "incremental", "seed"])
def test_a_hook_that_fails_after_the_commit(shop: Project, kind: str) -> None:
    """The node is published, and said to be; its failure is told, and what reads it is not built."""
    failing = {"sql": "delete from nowhere", "transaction": False}
    if kind == "seed":
        shop.settings["seeds"] = {"+post_hook": failing}
        files = {"seeds/m.csv": "id\n1\n"}
    else:
        files = {"m": model(f"materialized='{kind}', unique_key='id', post_hook={failing}")}
    tests = {"models/m.yml": f"{'seeds' if kind == 'seed' else 'models'}: "
             "[{name: m, columns: [{name: id, tests: [unique]}]}]"}  # fmt: skip
    run = shop.build({**files, **tests, "below": model("materialized='table'", "select id from m")})
    assert run.statuses == {"m": "error", "unique_m_id": "success", "below": "skipped"}
    assert run.nodes["m"].reason == "published"
    assert not run.finished.ok
    [found] = run.diagnostics
    assert found.code == "SF0701"
    assert "`m` was published before, and stays so; what reads it was not built" in found.notes
    assert found.help == "build it again with --force to run its hooks again: -s m"
    [published] = [e.publication for e in run.events if isinstance(e, sqlflow.Published)]
    assert published.node.endswith(".m")
    assert shop.rows("select id from m") == [(1,)]
    # The next build takes it for built, and goes on behind it.
    run = shop.built()
    assert run.statuses == {"m": "unchanged", "unique_m_id": "unchanged", "below": "success"}
    run = shop.build({}, "m", force=True)
    assert run.statuses == {"m": "error", "unique_m_id": "success"}


def test_what_runs_after_the_commit_is_not_audited(shop: Project) -> None:
    hook = "post_hook=after_commit('insert into {{ this }} select -1')"
    tests = {"tests/t.sql": "select m.id from m where m.id < 0"}
    run = shop.built({"m": model(f"materialized='table', {hook}"), **tests})
    assert run.statuses == {"m": "success", "t": "success"}
    assert shop.rows("select id from m order by id") == [(-1,), (1,)]


def test_what_an_audit_stops_runs_no_hook_after(shop: Project) -> None:
    hook = f'post_hook=after_commit("{log("after")}")'
    tests = {"tests/t.sql": "select m.id from m where m.id > 0"}
    run = shop.build({"m": model(f"materialized='table', {hook}"), **tests})
    assert run.statuses == {"m": "fail", "t": "fail"}
    assert words(shop) == []


def test_a_timeout_after_the_commit(shop: Project) -> None:
    hook = f"post_hook=after_commit('{SLOW[shop.warehouse.engine]}')"
    run = shop.build({"m": model(f"materialized='table', timeout=1, {hook}")})
    assert run.statuses == {"m": "error"}
    [found] = run.diagnostics
    assert (found.code, run.nodes["m"].reason) == ("SF0702", "timed out")
    assert found.help.startswith("its hooks after the commit were cut short")
    assert [e for e in run.events if isinstance(e, sqlflow.Published)]
    assert shop.built().statuses == {"m": "unchanged"}


def test_a_build_that_is_stopped_after_the_commit(shop: Project) -> None:
    hook = f"post_hook=after_commit('{SLOW[shop.warehouse.engine]}')"
    shop.write({"m": model(f"materialized='table', {hook}")})
    running = shop.load().build()
    events: list[sqlflow.Event] = []
    for event in running:
        events.append(event)
        if (
            isinstance(event, sqlflow.StatementSent)
            and "INSERT INTO" in event.sql
            and "publications" in event.sql
        ):
            time.sleep(1)
            running.stop()
    [ended] = [e for e in events if isinstance(e, sqlflow.NodeFinished)]
    assert (ended.status.value, ended.reason) == ("cancelled", "published, its hooks were cut short")
    assert [e for e in events if isinstance(e, sqlflow.Published)]
    assert shop.built().statuses == {"m": "unchanged"}


def test_a_build_that_is_killed_after_the_commit(pg: Project) -> None:
    """The publish log knows of the commit, and nobody knows of the hook: it is not run again."""
    pg.warehouse.execute("create table log (word varchar, n integer)")
    hooks = f"post_hook=[after_commit('select pg_sleep(300)'), after_commit(\"{log('after')}\")]"
    pg.write({"m": model(f"materialized='table', {hooks}")})
    pg.load()
    code = "import sqlflow, sys\nfor _ in sqlflow.load(sys.argv[1]).build(): pass"
    process = subprocess.Popen([sys.executable, "-c", code, str(pg.root)])
    try:
        end = time.monotonic() + 60
        while "m" not in pg.warehouse.names() and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert pg.rows("select id from m") == [(1,)]
    run = pg.built({"below": model("materialized='table'", "select id from m")})
    assert run.statuses == {"m": "unchanged", "below": "success"}
    assert words(pg) == []


def test_batches(shop: Project) -> None:
    """Hooks in the transaction run in each batch's; those outside once, around all of them."""
    config = (
        "materialized='incremental', incremental_strategy='time_range', event_time='day', "
        "begin='2024-01-01', batch_size='year', "
        f'pre_hook=[before_begin("{log("before")}"), "{log("inside before")}"], '
        f'post_hook=["{log("inside after")}", after_commit("{log("after")}")]'
    )
    text = "select cast(d as date) as day from days"
    days = "select date '2024-05-01' as d union all select date '2025-05-01'"
    files = {"m": model(config, text), "days": model("materialized='table'", days)}
    shop.built(files)
    inside = ["inside before", "inside after"]
    batches = words(shop).count("inside after")
    assert batches >= 2
    assert words(shop) == ["before", *inside * batches, "after"]
    shop.warehouse.execute("delete from log")
    shop.built()
    assert words(shop) == []
    failing = config.replace("insert into log select 'after'", "insert into nolog select")
    run = shop.build({"m": model(failing, text)}, full_refresh=True)
    assert run.statuses["m"] == "error"
    assert words(shop) == ["before", *inside * batches]
    shop.warehouse.execute("delete from log")
    assert shop.built().statuses["m"] == "unchanged"


def test_a_change_of_such_a_hook_builds_the_model(shop: Project) -> None:
    for word in ("one", "two"):
        shop.built({"m": model(f"materialized='table', post_hook=after_commit(\"{log(word)}\")")})
    # So does moving it into the transaction.
    shop.built({"m": model(f"materialized='table', post_hook=\"{log('two')}\"")})
    assert words(shop) == ["one", "two", "two"]


def test_a_new_description_runs_no_hooks(shop: Project) -> None:
    config = f"persist_docs={{'relation': true}}, post_hook=after_commit(\"{log('after')}\")"
    for text in ("Before.", "After."):
        shop.built({"m": model(config), "models/m.yml": f"models: [{{name: m, description: {text}}}]"})
    assert words(shop) == ["after"]
