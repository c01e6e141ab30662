"""Runs are kept in the project's state, wherever that is, and the state is the fold of what was kept."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import sqlflow
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.state.event import KeptEvent
from sqlflow.state.state import State, fold
from sqlflow.store.failures import StoreError, unreachable
from sqlflow.store.log import EventLog
from tests.apply.projects import Project, Run

FILES = {
    "a": "select 1 as id",
    "b": "select id from a",
    "models/models.yml": "models: [{name: a, columns: [{name: id, tests: [not_null]}]}]",
}


def kept(run: Run) -> list[KeptEvent]:
    return [event for event in run.events if isinstance(event, KeptEvent)]


def exported(project: Project) -> list[dict[str, Any]]:
    return [json.loads(line) for line in project.load().export_state()]


@pytest.mark.parametrize("state", [None, "warehouse", "sqlite:///kept/here.db"])
def test_a_run_is_kept_as_it_was(project: Project, state: str | None) -> None:
    project.settings = {"state": state} if state is not None else {}
    first = project.built(FILES)
    second = project.built({"b": "select id, 2 as two from a"})
    past = [*kept(first), *kept(second)]
    told = [record["event"] for record in exported(project)]
    runs = [events.split() for events in " ".join(told).split("run_finished")]
    assert [Counter(events) for events in runs] == [
        Counter(["run_started", *["node_finished"] * 3, *["published"] * 2]),
        Counter(["run_started", "node_finished", "published"]),
        Counter(),
    ]
    found = project.load().state()
    assert found == fold(State(), past)
    assert found.finished
    assert {node.split(".")[-1] for _, node in found.nodes} >= {"a", "b"}
    file = project.root / ".sqlflow/state.db"
    assert file.exists() == (state is None and not project.warehouse.is_postgres)
    assert (project.root / "kept/here.db").exists() == (state is not None and state.startswith("sqlite"))


def test_a_state_on_a_server_of_its_own(duck: Project, postgres_database: dict[str, Any]) -> None:
    where = "postgresql://{user}@{host}:{port}/{dbname}?sslmode=disable".format(**postgres_database)
    duck.settings = {"state": where}
    assert duck.load().state() == State()
    run = duck.built(FILES)
    assert duck.load().state() == fold(State(), kept(run))
    assert not (duck.root / ".sqlflow").exists()


def test_an_event_is_kept_before_it_is_given_out(duck: Project) -> None:
    duck.write(FILES)
    loaded = duck.load()
    given: list[KeptEvent] = []
    for event in loaded.build():
        if isinstance(event, KeptEvent):
            given.append(event)
            assert duck.load().state() == fold(State(), given)


def test_targets_of_one_project_have_states_of_their_own(duck: Project) -> None:
    duck.write(FILES)
    target = {"type": "duckdb"}
    duck.settings = {
        "target": "one",
        "targets": {"one": {**target, "path": "1.duckdb"}, "two": {**target, "path": "2.duckdb"}},
    }
    duck.built()
    duck.settings["target"] = "two"
    assert duck.load().state() == State()
    run = duck.built()
    assert duck.load().state() == fold(State(), kept(run))
    with sqlite3.connect(duck.root / ".sqlflow/state.db") as file:
        counts = file.execute("SELECT scope, count(*) FROM events GROUP BY scope ORDER BY scope").fetchall()
    file.close()
    assert counts == [("shop/one", 7), ("shop/two", 7)]


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_store_that_is_gone_stops_the_record_and_not_the_run(
    duck: Project, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    append, calls = EventLog.append, 0

    def fail(log: EventLog, events: list[KeptEvent]) -> None:
        nonlocal calls
        calls += 1
        if calls >= after:
            raise unreachable(log.where, "database or disk is full", None)
        append(log, events)

    monkeypatch.setattr(EventLog, "append", fail)
    run = duck.build(FILES)
    monkeypatch.undo()
    assert run.finished.ok
    assert run.statuses["b"] == "success"
    (warning,) = run.finished.diagnostics
    assert (warning.code, warning.severity) == ("SF0802", Severity.WARNING)
    assert "database or disk is full" in warning.message
    # One that is lost is the last that is tried: what is kept has no holes.
    assert calls == after
    assert len(exported(duck)) == after - 1
    if after > 1:
        assert not duck.load().state().finished
    duck.built()
    assert duck.load().state().finished


def test_a_store_that_can_not_be_opened_stops_before_anything_is_done(duck: Project) -> None:
    (duck.root / ".sqlflow").write_text("no folder")
    with pytest.raises(StoreError) as error:
        duck.build(FILES)
    assert error.value.diagnostic.code == "SF0802"
    (duck.root / ".sqlflow").unlink()
    assert duck.warehouse.names() == {}
    duck.built()


def test_a_damaged_file_is_told_of_and_repaired(duck: Project) -> None:
    duck.built(FILES)
    file = duck.root / ".sqlflow/state.db"
    file.write_bytes(b"x" * 5000)
    with pytest.raises(StoreError) as error:
        duck.build()
    assert error.value.diagnostic.code == "SF0803"
    done = duck.load().repair_state()
    assert done.damaged is not None and done.events == 0
    run = duck.built()
    assert duck.load().state() == fold(State(), kept(run))


KILLED = """
import os, signal, sys
import sqlflow
from sqlflow.state.event import NodeFinished
ended = 0
for event in sqlflow.load(sys.argv[1]).build(threads=1):
    ended += isinstance(event, NodeFinished)
    if ended == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("ended", [1, 2])
def test_a_run_that_was_killed_is_known_as_far_as_it_came(project: Project, ended: int) -> None:
    project.write(FILES).load()
    command = [sys.executable, "-c", KILLED, str(project.root), str(ended)]
    assert subprocess.run(command, check=False, env=os.environ).returncode == -signal.SIGKILL
    found = project.load().state()
    assert (found.finished, len(found.nodes)) == (False, ended)
    project.built()
    assert project.load().state().finished


def test_a_state_goes_from_one_place_to_another(project: Project) -> None:
    run = project.built(FILES)
    lines = list(project.load().export_state())
    project.settings = {"state": "sqlite:///other.db"}
    other = project.load()
    assert other.state() == State()
    done = other.import_state(lines, "x.jsonl")
    assert (done.events, done.copy) == (7, None)
    assert other.state() == fold(State(), kept(run))
    assert list(other.export_state()) == lines
    with pytest.raises(StoreError) as error:
        other.import_state(lines, "x.jsonl")
    assert error.value.diagnostic.code == "SF0805"
    again = other.import_state(lines[:2], "x.jsonl", replace=True)
    assert again.events == 2 and again.copy is not None
    assert list(other.export_state()) == lines[:2]
    copy = sqlite3.connect(project.root / again.copy)
    assert copy.execute("SELECT count(*) FROM events").fetchall() == [(7,)]
    copy.close()


SECRET = "Sesame%2FOpen"


def test_the_password_of_a_state_appears_nowhere(
    duck: Project, postgres: Any, postgres_database: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLFLOW_SECRET_STATE", SECRET)
    where = "postgresql://keeper:{password}@{host}:{port}/{dbname}?sslmode=disable"
    template = where.format(password="{{ env_var('SQLFLOW_SECRET_STATE') }}", **postgres_database)
    name = postgres_database["dbname"]
    postgres.execute(
        f"CREATE ROLE keeper LOGIN PASSWORD '{SECRET}'", f"GRANT CREATE ON DATABASE {name} TO keeper"
    )
    try:
        duck.settings = {"state": template}
        run = duck.built(FILES)
        duck.settings = {"state": template.replace(name, "no_such_database")}
        with pytest.raises(sqlflow.ProjectError) as missing:
            duck.build()
        duck.settings = {"state": template.replace("keeper", "nobody")}
        with pytest.raises(sqlflow.ProjectError) as unknown:
            duck.build()
    finally:
        postgres.execute("DROP OWNED BY keeper", dbname=name)
        postgres.execute("DROP ROLE keeper")
    assert missing.value.diagnostics[0].code == unknown.value.diagnostics[0].code == "SF0802"
    shown = f"{run.events!r} {missing.value.diagnostics!r} {unknown.value.diagnostics!r} {missing.value}"
    files = [path for path in duck.root.rglob("*") if path.is_file()]
    shown += " ".join(path.read_bytes().decode("latin-1") for path in files)
    assert "Sesame" not in shown


def test_a_server_with_its_state_in_a_file_is_warned_about_once(pg: Project) -> None:
    pg.settings = {"state": "sqlite:///state.db"}
    loaded = pg.write(FILES).load()
    found: list[Diagnostic] = [d for d in loaded.diagnostics if d.code == "SF0801"]
    assert [d.severity for d in found] == [Severity.WARNING]
    run = Run(list(loaded.build())).check()
    assert run.finished.diagnostics == ()
    assert not Path(pg.root / ".sqlflow").exists()
