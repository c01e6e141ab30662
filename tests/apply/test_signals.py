"""Models wait for signals: Python functions that say whether they may be built."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sqlflow.core.codes import Code
from tests.apply.projects import Project, source_text

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LANDED = "from pathlib import Path\n\n\ndef landed() -> bool:\n    return Path({!r}).exists()\n"


def table(sql: str, signals: str) -> str:
    return f"{{{{ config(materialized='table', signals={signals}) }}}} {sql}"


def test_a_model_waits_for_its_signal(project: Project) -> None:
    flag = project.root / "flag"
    files = {
        "signals/files.py": LANDED.format(str(flag)),
        "waits": table("select 1 as id", "['landed']"),
        "under": "{{ config(materialized='table') }} select id from waits",
        "other": "{{ config(materialized='table') }} select 1 as id",
        "models/w.yml": "models: [{name: waits, columns: [{name: id, tests: [unique]}]}]",
    }
    run = project.built(files)
    assert run.statuses == {
        "waits": "held",
        "unique_waits_id": "held",
        "under": "held",
        "other": "success",
    }
    assert run.nodes["waits"].reason == "the signal landed is not there yet"
    assert run.finished.not_done == ()
    flag.touch()
    run = project.built()
    assert (run.statuses["waits"], run.statuses["under"]) == ("success", "success")
    flag.unlink()
    # What is current waits for nothing.
    assert set(project.built().statuses.values()) == {"unchanged"}
    run = project.built({"waits": table("select 2 as id", "['landed']")})
    assert (run.statuses["waits"], project.rows("select id from under")) == ("held", [(1,)])
    assert project.built({}, force=True).statuses["waits"] == "success"
    assert project.rows("select id from under") == [(2,)]


def test_changing_a_signal_changes_no_code(duck: Project) -> None:
    files = {
        "signals/s.py": "def never():\n    return False\n",
        "a": "{{ config(materialized='table') }} select 1 as id",
    }
    duck.built(files)
    assert duck.built({"a": table("select 1 as id", "'never'")}).statuses["a"] == "unchanged"


def test_what_signals_are_given(duck: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
    signals = (
        "def after(now, *, hour, minutes=0):\n"
        "    assert now.tzinfo is not None, now\n"
        "    return (now.hour, now.minute) >= (hour, minutes)\n\n\n"
        "def _helper():\n    raise ValueError\n\n\n"
        "def of_all(names):\n    assert names == ['a', {'b': 1}], names\n    return True\n"
    )
    files = {
        "signals/clock.py": signals,
        "early": table("select 1 as id", "[{'after': {'hour': 12}}, {'of_all': {'names': ['a', {'b': 1}]}}]"),
        "late": table(
            "select 1 as id",
            "[{'of_all': {'names': ['a', {'b': 1}]}}, {'after': {'hour': 12, 'minutes': 1}}]",
        ),
        "snapshots/kept.sql": "{{ config(unique_key='id', strategy='check', check_cols='all', "
        "signals=[{'after': {'hour': 13}}]) }} select 1 as id",
    }
    run = duck.built(files)
    assert run.statuses == {"early": "success", "late": "held", "kept": "held"}
    assert run.nodes["late"].reason == "the signal after is not there yet"


def test_a_folder_of_models_waits(duck: Project) -> None:
    duck.settings["models"] = {"slow": {"+signals": ["never"]}}
    duck.settings["signal-paths"] = ["checks"]
    files = {
        "checks/s.py": "def never():\n    return False\n",
        "models/slow/a.sql": "{{ config(materialized='table') }} select 1 as id",
        "models/slow/b.sql": "{{ config(materialized='table', signals=[]) }} select 1 as id",
    }
    assert duck.built(files).statuses == {"a": "held", "b": "success"}


@pytest.mark.parametrize(
    ("body", "code", "place", "message"),
    [
        ("return None", Code.SIGNAL_FAILED, "broken", "gave nothing, and neither True nor False"),
        ("return 1", Code.SIGNAL_FAILED, "broken", "gave a value of the type int"),
        ("return 1 / 0", Code.PYTHON_FAILED, "return 1 / 0", "`broken` raised ZeroDivisionError"),
        ("raise SystemExit(3)", Code.PYTHON_FAILED, "raise SystemExit(3)", "`broken` raised SystemExit"),
    ],
)
def test_a_signal_that_gives_no_answer(
    duck: Project, body: str, code: Code, place: str, message: str
) -> None:
    run = duck.build(
        {
            "signals/s.py": f"def broken():\n    {body}\n",
            "a": table("select 1 as id", "['broken']"),
            "b": "select id from a",
        }
    )
    assert (run.statuses["a"], run.statuses["b"]) == ("error", "skipped")
    [said] = run.nodes["a"].diagnostics
    assert (said.code, source_text(duck, said)) == (code, place)
    assert message in said.message


def test_a_file_of_signals_that_cant_be_imported(duck: Project) -> None:
    run = duck.build(
        {
            "signals/s.py": "import no_such_package\n\n\ndef s():\n    return True\n",
            "a": table("select 1 as id", "['s']"),
        }
    )
    [said] = run.nodes["a"].diagnostics
    assert (said.code, source_text(duck, said)) == (Code.PYTHON_FAILED, "import no_such_package")
    assert said.help == "install no_such_package where sqlflow runs"


BATCHES = """{{{{ config(materialized='incremental', incremental_strategy='time_range', event_time='moment',
          begin='2026-03-05', signals=['came']{more}) }}}}
select moment, id from p
"""
PARENT = (
    "{{ config(materialized='table', event_time='moment') }} select * from (values "
    + ", ".join(f"(timestamp '2026-03-{day:02} 06:00:00', {day})" for day in range(5, 10))
    + ") as t (moment, id)"
)
CAME = (
    "from pathlib import Path\n\n\ndef came(start, end):\n"
    "    assert start.tzinfo is not None and end > start\n"
    "    return start.strftime('%d') in Path({!r}).read_text().split()\n"
)


def test_batches_wait_for_their_signals(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
    days = project.root / "days"
    days.write_text("")
    files = {
        "signals/s.py": CAME.format(str(days)),
        "p": PARENT,
        "m": BATCHES.format(more=""),
        "under": "{{ config(materialized='table') }} select id from m",
    }
    run = project.built(files)
    assert (run.statuses["m"], run.statuses["under"]) == ("held", "held")
    assert "m" not in project.warehouse.names()
    days.write_text("06 08")
    run = project.built()
    assert run.nodes["m"].reason == "made anew; 2 batches; 3 batches wait"
    assert sorted(project.rows("select id from under")) == [(6,), (8,)]
    # Nothing more is there: the table stays as it is, and so does what reads it.
    assert project.built().statuses == {"p": "unchanged", "m": "held", "under": "held"}
    days.write_text("05 06 07 08 09")
    assert project.built().nodes["m"].reason == "3 batches"
    assert sorted(project.rows("select id from under")) == [(day,) for day in range(5, 10)]
    assert set(project.built().statuses.values()) == {"unchanged"}


def test_batches_in_order_wait_for_each_other(duck: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
    days = duck.root / "days"
    days.write_text("05 06 08")
    more = ", depends_on_past=true"
    duck.built({"signals/s.py": CAME.format(str(days)), "p": PARENT, "m": BATCHES.format(more=more)})
    assert sorted(duck.rows("select id from m")) == [(5,), (6,)]
    days.write_text("05 06 07 08")
    assert duck.built().nodes["m"].reason == "2 batches; 1 batch waits"
    assert sorted(duck.rows("select id from m")) == [(5,), (6,), (7,), (8,)]


def test_an_interval_that_is_asked_for_waits_for_nothing(
    duck: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
    days = duck.root / "days"
    days.write_text("")
    files = {"signals/s.py": CAME.format(str(days)), "p": PARENT, "m": BATCHES.format(more="")}
    start, end = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)
    duck.built(files, start=start, end=end)
    assert sorted(duck.rows("select id from m")) == [(6,), (7,)]
