"""A model by time range that is filled anew, batch by batch, is shown when it is whole, and not before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import sqlflow
from sqlflow.core.ids import NodeId
from tests.apply.projects import Project, Run

DAYS = 6
NOW = datetime(2024, 3, DAYS + 1, 12, tzinfo=UTC)
TIME = "materialized='incremental', incremental_strategy='time_range', event_time='ts', begin='2024-03-01'"
OLD = f"{{{{ config({TIME}) }}}} select ts, id from raw_events"
NEW = f"{{{{ config({TIME}) }}}} select ts, id + 10 as id from raw_events"
BELOW = "{{ config(materialized='table') }} select count(*) as n, max(id) as top from m"
BAD = 99
PROPERTIES = f"""
sources:
  - name: raw
    schema: SCHEMA
    tables:
      - name: raw_events
        columns: [{{name: ts, data_type: timestamp}}, {{name: id, data_type: integer}}]
models:
  - name: m
    columns:
      - {{name: id, tests: [{{accepted_values: {{values: {[*range(30)]}}}}}]}}
"""
Clock = Callable[..., None]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    now = [NOW]
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: now[0])

    def later(**by: float) -> None:
        now[0] += timedelta(**by)

    return later


@pytest.fixture
def filled(project: Project) -> Project:
    """A project whose table has six days."""
    project.settings["layout"] = "virtual"
    rows = ", ".join(f"(timestamp '2024-03-{day:02} 01:00', {day})" for day in range(1, DAYS + 1))
    project.warehouse.execute(
        "create table raw_events (ts timestamp, id integer)", f"insert into raw_events values {rows}"
    )
    properties = PROPERTIES.replace("SCHEMA", project.warehouse.schema)
    project.built({"models/p.yml": properties, "m": OLD, "below": BELOW})
    assert ids(project) == [1, 2, 3, 4, 5, 6]
    return project


def ids(project: Project, schema: str = "") -> list[int]:
    name = f"{project.warehouse.schema}{schema}.m"
    return [row[0] for row in project.rows(f"select id from {name} order by ts, id")]


def spoil(project: Project, day: int) -> None:
    project.warehouse.execute(
        f"update raw_events set id = {BAD} where ts = timestamp '2024-03-{day:02} 01:00'"
    )


def mend(project: Project, day: int) -> None:
    project.warehouse.execute(f"update raw_events set id = {day} where id = {BAD}")


def wrote(run: Run) -> set[str]:
    """The days of the batches that were written."""
    texts = [event.sql for event in run.events if isinstance(event, sqlflow.StatementSent)]
    return {text.split('"ts" >= TIMESTAMP \'')[1][:10] for text in texts if "q WHERE" in text}


def batches(project: Project) -> int:
    """How many batches of the model a plan names."""
    return next(one.batches for one in project.load().review().review.work if one.name == "m")


@pytest.mark.parametrize("refresh", [False, True])
def test_what_is_not_whole_is_not_shown(filled: Project, refresh: bool) -> None:
    spoil(filled, 4)
    run = filled.build({} if refresh else {"m": NEW}, full_refresh=refresh)
    assert (run.statuses["m"], run.statuses["below"]) == ("fail", "skipped")
    assert wrote(run) == {"2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04"}
    # All six are of the old code still, and the view's readers have seen nothing.
    assert ids(filled) == [1, 2, 3, 4, 5, 6]
    assert filled.rows("select n, top from below") == [(6, 6)]


def test_a_fill_that_broke_off_is_gone_on_with(filled: Project) -> None:
    spoil(filled, 4)
    filled.build({"m": NEW})
    mend(filled, 4)
    assert batches(filled) == 3
    run = filled.built()
    assert wrote(run) == {"2024-03-04", "2024-03-05", "2024-03-06"}
    assert run.nodes["m"].reason == "3 batches"
    assert (ids(filled), filled.rows("select n, top from below")) == ([11, 12, 13, 14, 15, 16], [(6, 16)])
    last = filled.load().state().publications["prod", NodeId("model.shop.m")]
    assert (last.unshown, last.changed, last.number) == (False, None, 7)
    # The source can't tell whether it changed; no batch is due.
    assert (filled.built().statuses["m"], wrote(filled.built())) == ("unchanged", set())


def test_a_fill_is_of_one_code(filled: Project) -> None:
    spoil(filled, 4)
    filled.build({"m": NEW})
    mend(filled, 4)
    run = filled.built({"m": NEW.replace("10", "20")})
    assert len(wrote(run)) == DAYS
    assert ids(filled) == [21, 22, 23, 24, 25, 26]


def test_code_that_is_put_back_shows_what_is_there(filled: Project, clock: Clock) -> None:
    spoil(filled, 2)
    filled.build({"m": NEW})
    run = filled.built({"m": OLD})
    assert (run.statuses["m"], wrote(run)) == ("unchanged", set())
    assert ids(filled) == [1, 2, 3, 4, 5, 6]
    # What was filled is of no use to anybody, and goes with the garbage.
    assert filled.load().collect_garbage().tables == ()
    clock(days=8)
    assert len(filled.load().collect_garbage().tables) == 1
    assert ids(filled) == [1, 2, 3, 4, 5, 6]


def test_a_fill_that_waits_for_a_signal_is_not_shown(filled: Project) -> None:
    waits = NEW.replace("begin=", "signals=['landed'], begin=")
    landed = "def landed(start=None):\n    return start is None or start.day != 6\n"
    run = filled.built({"signals/s.py": landed, "m": waits})
    assert (run.statuses["m"], run.statuses["below"]) == ("held", "held")
    assert run.nodes["m"].reason == "5 batches filled, not shown yet; 1 batch waits"
    assert ids(filled) == [1, 2, 3, 4, 5, 6]
    run = filled.built({"signals/s.py": "def landed(start=None):\n    return True\n"})
    assert wrote(run) == {"2024-03-06"}
    assert (ids(filled), filled.rows("select n, top from below")) == ([11, 12, 13, 14, 15, 16], [(6, 16)])


def test_readers_see_all_of_the_old_or_all_of_the_new(filled: Project) -> None:
    filled.write({"m": NEW})
    seen = {
        tuple(ids(filled))
        for event in filled.load().build()
        if isinstance(event, sqlflow.StatementSent) and event.sql.startswith(("INSERT", "CREATE"))
    }
    assert seen == {(1, 2, 3, 4, 5, 6), (11, 12, 13, 14, 15, 16)}


def test_a_part_is_shown_where_a_part_was_asked_for(filled: Project) -> None:
    asked = {"start": datetime(2024, 3, 3), "end": datetime(2024, 3, 5)}
    filled.write({"m": NEW})
    run = Run(list(filled.load("dev").build(**asked))).check()
    assert wrote(run) == {"2024-03-03", "2024-03-04"}
    assert ids(filled, "__dev") == [13, 14]
    assert filled.rows(f"select n from {filled.warehouse.schema}__dev.below") == [(2,)]


@pytest.mark.parametrize("asked", [{}, {"start": datetime(2024, 3, 5)}])
def test_a_part_that_is_promoted_is_shown_when_it_is_whole(filled: Project, asked: dict[str, Any]) -> None:
    filled.write({"m": NEW})
    Run(list(filled.load("dev").build(start=datetime(2024, 3, 5)))).check()
    assert ids(filled, "__dev") == [15, 16]
    spoil(filled, 2)
    assert batches(filled) == 4
    run = filled.build({}, **asked)
    assert run.statuses["m"] == "fail"
    # What was made of the part is not taken either.
    assert (ids(filled), filled.rows("select n, top from below")) == ([1, 2, 3, 4, 5, 6], [(6, 6)])
    mend(filled, 2)
    run = filled.built({}, **asked)
    assert "2024-03-01" not in wrote(run)
    assert (ids(filled), filled.rows("select n, top from below")) == ([11, 12, 13, 14, 15, 16], [(6, 16)])
    # The table is one, and prod's.
    assert ids(filled, "__dev") == [11, 12, 13, 14, 15, 16]
    assert filled.built().statuses["m"] == "unchanged"


@pytest.mark.parametrize("setting", ["true", "2"])
def test_batches_at_once_are_shown_together(filled: Project, setting: str) -> None:
    many = NEW.replace("begin=", f"concurrent_batches={setting}, begin=")
    spoil(filled, 4)
    run = filled.build({"m": many})
    assert run.statuses["m"] == "fail"
    assert ids(filled) == [1, 2, 3, 4, 5, 6]
    mend(filled, 4)
    run = filled.built()
    assert "2024-03-01" not in wrote(run)
    assert ids(filled) == [11, 12, 13, 14, 15, 16]


def test_each_batch_reads_those_before(filled: Project) -> None:
    before = "(select max(id) + 1 from {{ this }})"
    first = f"{{% if is_incremental() %}}{before}{{% else %}}11{{% endif %}}"
    text = NEW.replace("begin=", "depends_on_past=true, begin=").replace("id + 10", first)
    filled.built({"m": text})
    assert ids(filled) == [11, 12, 13, 14, 15, 16]
