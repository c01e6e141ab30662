"""Models whose batches depend on those before them: they are built strictly in order."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apply.engines import duckdb_warehouse
from tests.apply.projects import Project
from tests.apply.test_time_ranges import EVENTS, FILES, NOW, ROWS, SetNow, clock, events

__all__ = ["clock"]

TIME = "materialized='incremental', incremental_strategy='time_range', event_time='ts', begin='2024-03-01'"
BEFORE = "(select coalesce(max(total), 0) from {{ this }} where ts < {{ start }})"
# How many ids there were up to a row's day, its own included, times ten.
RUNNING = (
    f"{{{{ config({TIME}) }}}}\n"
    "select min(ts) as ts, sum(id) {% if is_incremental() %}+ " + BEFORE + " {% endif %} as total\n"
    "from events where ts >= {{ start }} and ts < {{ end }} having count(*) > 0"
)
CHAIN = {**FILES, "m": RUNNING}


def totals(project: Project) -> list[int]:
    return [int(row[0]) for row in project.rows("select total from m order by ts")]


def test_what_reads_itself_depends_on_its_past(project: Project, clock: SetNow) -> None:
    project.built(CHAIN)
    assert totals(project) == [1, 3, 6]
    project.warehouse.execute("insert into events values (timestamp '2024-03-01 05:00:00', 10)")
    run = project.built({}, "m", start=datetime(2024, 3, 1), end=datetime(2024, 3, 2))
    assert run.nodes["m"].reason == "3 batches; 2 of them since each depends on the past"
    assert totals(project) == [11, 13, 16]
    clock(days=1)
    assert project.built({}, "m").nodes["m"].reason == "1 batch"
    assert totals(project) == [11, 13, 16, 20]


def test_what_is_missing_before_an_interval_comes_first(project: Project) -> None:
    run = project.built(CHAIN, "+m", start=datetime(2024, 3, 3))
    assert run.nodes["m"].reason == "made anew; 3 batches; 2 of them since each depends on the past"
    assert totals(project) == [1, 3, 6]


def test_the_setting_decides_where_it_is_given(project: Project) -> None:
    plain = f"{{{{ config({TIME}, depends_on_past=true) }}}} select ts, id as total from events"
    project.built({**FILES, "m": plain})
    interval = {"start": datetime(2024, 3, 1), "end": datetime(2024, 3, 2)}
    assert project.built({}, "m", **interval).nodes["m"].reason.startswith("3 batches")
    alone = RUNNING.replace("event_time=", "depends_on_past=false, event_time=")
    project.built({"m": alone})
    assert project.built({}, "m", **interval).nodes["m"].reason == "1 batch"


def test_what_is_looked_back_at_is_followed_by_all_after_it(project: Project) -> None:
    project.built({**CHAIN, "m": RUNNING.replace("event_time=", "lookback=2, event_time=")})
    run = project.built({"events": events(*ROWS, ("2024-03-02 05:00", 10))})
    assert run.nodes["m"].reason == "2 batches"
    assert totals(project) == [1, 13, 16]


def test_a_batch_that_fails_stops_those_after_it(project: Project) -> None:
    project.built(CHAIN)
    broken = RUNNING.replace("sum(id)", "sum(cast(case when id = 2 then 'x' else '20' end as int))")
    run = project.build({"m": broken}, "m", start=datetime(2024, 3, 1))
    assert run.statuses["m"] == "error"
    assert totals(project)[0] == 20
    # The batches after it are of another past: they are due.
    run = project.built({"m": RUNNING.replace("sum(id)", "sum(id * 10)")})
    assert run.nodes["m"].reason == "2 batches"
    assert totals(project) == [20, 40, 70]


@pytest.mark.parametrize(
    ("folder", "model", "depends"),
    [(None, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_precedence(duck: Project, folder: bool | None, model: bool | None, depends: bool) -> None:
    if folder is not None:
        duck.settings["models"] = {"+depends_on_past": folder}
    set_here = f", depends_on_past={str(model).lower()}" if model is not None else ""
    duck.write({**FILES, "m": f"{{{{ config({TIME}{set_here}) }}}} select ts, id from events"})
    duck.built()
    reason = duck.built({}, "m", start=datetime(2024, 3, 2)).nodes["m"].reason
    assert reason == "2 batches"
    reason = duck.built({}, "m", end=datetime(2024, 3, 2)).nodes["m"].reason
    assert ("depends on the past" in reason) is depends


STEPS = st.lists(st.tuples(st.integers(0, 80), st.integers(1, 80), st.booleans()), max_size=4)
SHORT = RUNNING.replace("event_time=", "batch_size='6 hours', lookback=1, event_time=")


def replay(project: Project, steps: list[tuple[int, int, bool]]) -> None:
    """Adds rows anywhere and builds their intervals: the table is that of one build."""
    spread = [(f"2024-03-{1 + hour // 24:02} {hour % 24:02}:30", 1) for hour in range(0, 84, 5)]
    project.write({**FILES, "models/m.yml": EVENTS, "events": events(*spread), "m": SHORT})
    project.built({}, "events")
    for start, hours, plain in steps:
        begin = datetime(2024, 3, 1) + timedelta(hours=start)
        project.warehouse.execute(f"insert into events values (timestamp '{begin}', 1)")
        project.built({}, "m", start=begin, end=begin + timedelta(hours=hours))
        if plain:
            project.built({}, "m")
    project.built({}, "m")
    found = project.rows("select ts, total from m order by ts")
    assert project.built({}, "m").statuses["m"] == "unchanged"
    project.built({}, "m", full_refresh=True)
    assert found == project.rows("select ts, total from m order by ts")
    assert found[-1][1] == len(spread) + len(steps)


@settings(max_examples=10, deadline=None)
@given(STEPS)
def test_any_intervals_in_any_order_on_duckdb(steps: list[tuple[int, int, bool]]) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
        replay(Project(Path(folder), duckdb_warehouse(Path(folder))), steps)


def test_any_intervals_in_any_order_on_postgres(pg: Project) -> None:
    replay(pg, [(30, 20, False), (0, 60, False), (7, 1, True)])
