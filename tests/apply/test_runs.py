"""What a run starts, skips, cancels and leaves behind."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import sqlflow
from sqlflow.core.diagnostic import ProjectError
from tests.apply.projects import Project, Run

BROKEN = "select cast('x' as integer) as id"
SLEEPER = {"models/sleeper.py": "import time\nimport pyarrow\n\n\ndef sleeper():\n    time.sleep(3)\n"}


def slow(project: Project, config: str = "materialized='table'") -> str:
    """A query that takes much longer than any test waits."""
    if project.warehouse.is_postgres:
        return f"{{{{ config({config}) }}}} select pg_sleep(60)::text as id"
    return (
        f"{{{{ config({config}) }}}} select sum(a.range * b.range % 7) as id "
        "from range(10000000) a, range(1000000) b"
    )


def test_nodes_start_when_their_parents_are_done(project: Project) -> None:
    files = {
        "a": "select 1 as id",
        "b": "select * from a",
        "c": "select * from a",
        "d": "select b.id from b join c on b.id = c.id",
    }
    run = project.built(files)
    order: dict[tuple[str, bool], int] = {}
    for i, event in enumerate(run.events):
        if isinstance(event, (sqlflow.NodeStarted, sqlflow.NodeFinished)):
            order[(event.name, isinstance(event, sqlflow.NodeFinished))] = i
    before = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    for parent, child in before:
        assert order[(parent, True)] < order[(child, False)], (parent, child)


@pytest.mark.parametrize("threads", [1, 3])
def test_at_most_so_many_at_once(project: Project, threads: int) -> None:
    project.threads = threads
    text = "import time\nimport pyarrow\n\n\n"
    text += "\n\n".join(
        f"def p{i}():\n    time.sleep(0.05)\n    return pyarrow.table({{'a': [1]}})\n" for i in range(9)
    )
    running = most = 0
    for event in project.built({"models/p.py": text}).events:
        if isinstance(event, sqlflow.NodeStarted):
            running += 1
        elif isinstance(event, sqlflow.NodeFinished):
            running -= 1
        most = max(most, running)
    assert most == threads


TREE = {
    "bad": BROKEN,
    "child": "select * from bad",
    "grandchild": "select * from child",
    "good": "select 1 as id",
    "mixed": "select good.id from good join bad on bad.id = good.id",
    "after_good": "select * from good",
}


def table(text: str) -> str:
    return "{{ config(materialized='table') }} " + text


def test_a_failure_skips_what_depends_on_it(project: Project) -> None:
    run = project.build({name: table(text) for name, text in TREE.items()})
    skipped = dict.fromkeys(("child", "grandchild", "mixed"), "skipped")
    assert run.statuses == {"bad": "error", "good": "success", "after_good": "success", **skipped}
    assert {run.nodes[name].reason for name in skipped} == {"because of bad (error)"}
    assert not run.finished.ok and not run.finished.interrupted
    assert set(run.finished.not_done) == {f"model.shop.{name}" for name in ("bad", *skipped)}
    assert dict(run.finished.counts) == Counter(event.status for event in run.nodes.values())


def test_fail_fast(project: Project) -> None:
    project.threads = 1
    files = {"a_bad": table(BROKEN), **{f"b{i}": table("select 1 as id") for i in range(5)}}
    run = project.build(files, fail_fast=True)
    assert run.statuses == {"a_bad": "error", **{f"b{i}": "skipped" for i in range(5)}}
    assert {run.nodes[f"b{i}"].reason for i in range(5)} == {"the run was stopped"}


def with_test(severity: str, *, keep: bool = False) -> dict[str, str]:
    settings = f"config: {{severity: {severity}, store_failures: {str(keep).lower()}}}"
    return {
        "m": "select * from (values (1, 'a'), (null, 'b'), (null, 'c')) as t (id, name)",
        "below": "select * from m",
        "models/m.yml": "models:\n  - name: m\n    columns:\n      - name: id\n        tests:\n"
        f"          - not_null:\n              {settings}\n",
    }


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_severity(project: Project, severity: str) -> None:
    run = project.build(with_test(severity))
    [test] = [event for event in run.nodes.values() if event.kind == "test"]
    assert (test.status.value, test.rows) == ("warn" if severity == "warn" else "fail", 2)
    assert run.statuses["below"] == ("success" if severity == "warn" else "skipped")
    assert run.finished.ok == (severity == "warn")
    [diagnostic] = test.diagnostics
    assert diagnostic.code == "SF0707" and diagnostic.is_error == (severity == "error")


def test_kept_rows_replace_older_ones(project: Project) -> None:
    run = project.build(with_test("warn", keep=True))
    [kept] = [event.kept for event in run.nodes.values() if event.kept]
    assert kept is not None
    assert len(project.rows(f"select * from {kept}")) == 2
    files = with_test("warn", keep=True)
    run = project.build({"m": files["m"].replace("(1, 'a'), ", "(null, 'a'), ")})
    assert [event.kept for event in run.nodes.values() if event.kept] == [kept]
    assert len(project.rows(f"select * from {kept}")) == 3


def test_a_query_that_takes_too_long(project: Project) -> None:
    head = "materialized='table', timeout=0.5"
    project.built({"m": "{{ config(materialized='table') }} select 1 as id", "other": "select 1 as id"})
    began = time.monotonic()
    run = project.build({"m": slow(project, head), "below": "select * from m"})
    assert time.monotonic() - began < 5
    [diagnostic] = run.diagnostics
    assert diagnostic.code == "SF0702" and "its timeout of 0.5 seconds" in diagnostic.message
    assert run.statuses == {"m": "error", "below": "skipped", "other": "unchanged"}
    assert project.rows("select * from m") == [(1,)]
    assert "below" not in project.warehouse.names()
    project.built({"m": table("select 2 as id")})
    assert project.rows("select * from below") == [(2,)]


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.apply.executor._GRACE_SECONDS", 0.3)


@pytest.mark.usefixtures("short_grace")
def test_python_that_takes_too_long(project: Project) -> None:
    text = "import sqlflow\n" + SLEEPER["models/sleeper.py"].replace(
        "def ", "@sqlflow.model(timeout=0.2)\ndef "
    )
    began = time.monotonic()
    run = project.build({"models/sleeper.py": text, "good": "select 1 as id"})
    assert time.monotonic() - began < 5
    assert [d.code for d in run.diagnostics] == ["SF0702"]
    assert run.statuses == {"sleeper": "error", "good": "success"}
    assert list(project.warehouse.names()) == ["good"]
    project.built({"good": "select 2 as id"}, "good")


def collect(project: Project, when: Callable[[sqlflow.Event], bool], act: Callable[[Any], None]) -> Run:
    """Builds, and does something with the run at an event."""
    events: list[sqlflow.Event] = []
    running = project.load().build()
    for event in running:
        events.append(event)
        if when(event):
            act(running)
    return Run(events)


def started(name: str) -> Callable[[sqlflow.Event], bool]:
    return lambda event: isinstance(event, sqlflow.NodeStarted) and event.name == name


def test_stop_from_another_thread(project: Project) -> None:
    project.threads = 2
    project.built({"long": table("select 1 as id")})
    files = {"long": slow(project), "below": "select * from long", "quick": "select 1 as id"}
    project.write(files)
    began = time.monotonic()
    run = collect(project, started("long"), lambda run: threading.Timer(0.5, run.stop).start())
    assert time.monotonic() - began < 6
    assert run.statuses == {"long": "cancelled", "below": "skipped", "quick": "success"}
    assert run.finished.interrupted and not run.finished.ok
    assert project.rows("select * from long") == [(1,)]
    project.built({"long": table("select 5 as id")})
    assert project.rows("select * from below") == [(5,)]


def test_stop_from_a_signal_handler(project: Project) -> None:
    import os
    import signal

    project.write({"long": slow(project)})
    before = signal.getsignal(signal.SIGINT)

    def act(run: Any) -> None:
        signal.signal(signal.SIGINT, lambda *_: run.stop())
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    try:
        run = collect(project, started("long"), act)
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.statuses == {"long": "cancelled"} and run.finished.interrupted


def test_a_stop_that_wakes_nobody_is_heard_all_the_same(pg: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that comes just before a wait does not end it: here the loop is never woken."""
    monkeypatch.setattr("sqlflow.apply.workers.Pool.wake", lambda _: None)
    long = "{{ config(materialized='table') }} select pg_sleep(15)::text as id"
    pg.write({"long": long})
    run = collect(pg, started("long"), lambda run: threading.Timer(0.3, run.stop).start())
    assert run.statuses == {"long": "cancelled"} and run.finished.interrupted
    # It was cancelled, and did not come to its end.
    [slept] = [e for e in run.events if isinstance(e, sqlflow.StatementSent) and "pg_sleep" in e.sql]
    assert not slept.ok


def test_stop_before_anything_began(project: Project) -> None:
    project.write({"m": "select 1 as id"})
    running = project.load().build()
    running.stop()
    run = Run(list(running))
    assert run.statuses == {"m": "skipped"} and run.finished.interrupted
    assert project.warehouse.names() == {}


@pytest.mark.parametrize("how", ["dropped", "closed", "with"])
def test_a_run_that_is_left_half_way_ends(project: Project, how: str) -> None:
    project.write({"long": slow(project)})
    others = set(threading.enumerate())
    began = time.monotonic()
    running = project.load().build()
    for event in running:
        if started("long")(event):
            time.sleep(0.2)
            break
    if how == "with":
        with running:
            pass
    elif how == "closed":
        running.close()
    del running
    assert time.monotonic() - began < 5
    assert set(threading.enumerate()) <= others
    if project.warehouse.is_postgres:
        asked = "select count(*) from pg_stat_activity where application_name = 'sqlflow'"
        end = time.monotonic() + 2
        while project.rows(asked) != [(0,)]:
            assert time.monotonic() < end
    assert project.warehouse.names() == {}


def test_a_run_that_is_never_begun_closes(pg: Project) -> None:
    pg.write({"m": "select 1 as id"})
    pg.load().build().close()
    count = "select count(*) from pg_stat_activity where application_name = 'sqlflow'"
    # The server takes a moment to see that a connection has been closed.
    ended = time.monotonic() + 10
    while pg.rows(count) != [(0,)] and time.monotonic() < ended:
        time.sleep(0.05)
    assert pg.rows(count) == [(0,)]


def test_a_lost_connection_fails_one_node(pg: Project) -> None:
    pg.threads = 1
    kill = "{{ config(materialized='table') }} select pg_terminate_backend(pg_backend_pid()) as id"
    run = pg.build(
        {"a": "select 1 as id", "b_killed": kill, "c": "select 1 as id", "d": "select * from b_killed"}
    )
    assert run.statuses == {"a": "success", "b_killed": "error", "c": "success", "d": "skipped"}
    [diagnostic] = run.diagnostics
    assert diagnostic.code == "SF0708" and "`b_killed`" in diagnostic.message
    assert diagnostic.span is not None and diagnostic.span.path == "models/b_killed.sql"


def test_connection_refused(pg: Project) -> None:
    pg.write({"m": "select 1 as id"})
    pg.settings["targets"] = {"dev": {**pg.warehouse.target, "port": 1, "password": "s3cret!"}}
    with pytest.raises(ProjectError) as raised:
        pg.load().build()
    [diagnostic] = raised.value.diagnostics
    assert diagnostic.code == "SF0708" and "s3cret!" not in str(diagnostic)


def test_driver_that_is_not_installed(pg: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    loaded = pg.write({"m": "select 1 as id"}).load()
    for name in list(sys.modules):
        if name.startswith("sqlflow_postgres.") or name.split(".")[0] == "psycopg":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ProjectError) as raised:
        loaded.build()
    [diagnostic] = raised.value.diagnostics
    assert diagnostic.code == "SF0013" and "sqlflow[postgres]" in diagnostic.help


def test_hooks_run_in_order_in_the_transaction(project: Project) -> None:
    project.warehouse.execute("create table log (n integer)")
    project.settings["models"] = {"+pre_hook": ["insert into log values (1)"], "+post_hook": []}
    head = "{{ config(materialized='%s', pre_hook='insert into log values (2)', post_hook=[" + (
        "'insert into log select 10 * count(*) from {{ this }}', 'insert into log values (3)']) }} "
    )
    for kind in ("table", "view", "incremental"):
        project.warehouse.execute("delete from log")
        project.built({kind: head % kind + "select 1 as id"}, kind)
        assert project.rows("select n from log") == [(1,), (2,), (10,), (3,)]
    project.warehouse.execute("delete from log")
    project.build({"bad": head % "table" + BROKEN}, "bad")
    assert project.rows("select n from log") == []


def test_a_query_reads_what_its_hook_made(project: Project) -> None:
    schema = project.warehouse.schema
    hooks = f"pre_hook='create table {schema}.aid as select 7 as id', post_hook='drop table {schema}.aid'"
    sources = f"sources:\n  - name: raw\n    schema: {schema}\n    tables: [{{name: aid}}]\n"
    config = "materialized='incremental', unique_key='id'"
    text = f"{{{{ config({config}, {hooks}) }}}} select id from {{{{ source('raw', 'aid') }}}}"
    for _ in range(2):
        project.built({"m": text, "models/s.yml": sources})
    assert project.rows("select id from m") == [(7,)]
