"""Models by time range that read others: what is built anew of these is built anew, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apply.engines import duckdb_warehouse
from tests.apply.projects import Project
from tests.apply.test_time_ranges import EVENTS, NOW, ROWS, SetNow, clock, events, ids

__all__ = ["clock"]

TIME = "materialized='incremental', incremental_strategy='time_range', event_time='ts', begin='2024-03-01'"
UPPER = f"{{{{ config({TIME}) }}}} select ts, id from events"
LOWER = f"{{{{ config({TIME}) }}}} select ts, id from p"
FILES = {"events": events(*ROWS), "models/m.yml": EVENTS, "p": UPPER, "m": LOWER}
WITHIN = "where ts >= {{ start }} and ts < {{ end }}"
ALL = "3 batches"


def day(number: int) -> datetime:
    return datetime(2024, 3, number)


def rebuilt(project: Project, number: int = 2) -> str:
    """Changes a day's rows, builds that day of what reads them; says what is built below it then."""
    project.warehouse.execute(
        f"update events set id = id + 10 where ts >= timestamp '{day(number)}' "
        f"and ts < timestamp '{day(number + 1)}'"
    )
    project.built({}, "p", start=day(number), end=day(number + 1))
    reason = project.built({}, "m").nodes["m"].reason
    assert project.built({}, "m").statuses["m"] == "unchanged"
    return reason


def test_what_was_built_anew_above_is_built_anew_below(project: Project, clock: SetNow) -> None:
    project.built(FILES)
    assert rebuilt(project) == "1 batch"
    assert ids(project) == [1, 12, 3]
    # Nothing but the new day is due after it.
    clock(days=1)
    run = project.built()
    assert (run.nodes["p"].reason, run.nodes["m"].reason) == ("1 batch", "1 batch")
    assert ids(project) == [1, 12, 3, 4]


def test_with_the_batches_that_are_looked_back_at(project: Project) -> None:
    project.built({**FILES, "m": LOWER.replace("event_time=", "lookback=1, event_time=")})
    assert rebuilt(project, 3) == "2 batches"
    assert ids(project) == [1, 2, 13]


def test_with_all_after_them_where_they_depend_on_the_past(project: Project) -> None:
    project.built({**FILES, "m": LOWER.replace("event_time=", "depends_on_past=true, event_time=")})
    assert rebuilt(project) == "2 batches"


def test_batches_of_another_size(project: Project) -> None:
    """Each batch below that has a part in what changed above."""
    project.built({**FILES, "m": LOWER.replace("event_time=", "batch_size='6 hours', event_time=")})
    assert rebuilt(project) == "4 batches"
    assert ids(project) == [1, 12, 3]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select ts, id from p", "1 batch"),
        ("select ts, count(*) over (order by id) as id from p", "1 batch"),
        ("select a.ts, a.id from p as a join p as b on b.id = a.id", "1 batch"),
        (f"select ts, id from p {WITHIN}", "1 batch"),
        (f"select * from p {WITHIN}", "1 batch"),
        (f"select ts, max(id) as id from p {WITHIN} group by ts", "1 batch"),
        (
            "select p.ts, p.id from p left join events as e on e.id = p.id where p.ts >= {{ start }}",
            "1 batch",
        ),
        ("select ts, id from p where ts < {{ end }} limit 100", ALL),
        ("select ts, count(*) over (order by id) as id from p where ts < {{ end }}", ALL),
        ("select ts, id from (select * from p) as q where ts >= {{ start }}", "1 batch"),
        (
            "with q as (select * from p), r as (select * from q) select * from r where ts >= {{ start }}",
            "1 batch",
        ),
        (
            "with q as (select ts as t, id from p) select t as ts, id from q where t >= {{ start }}",
            "1 batch",
        ),
        (
            "with q as (select * from p) select a.ts, a.id from q as a join q as b using (ts) "
            "where a.ts >= {{ start }}",
            ALL,
        ),
        ("with p as (select * from p order by id limit 5) select * from p where ts >= {{ start }}", ALL),
        ("select ts, id from p where ts >= {{ start }} union all select ts, id from p where ts is null", ALL),
        ("select p.ts, p.id from events as e asof join p on e.ts >= p.ts where e.ts >= {{ start }}", ALL),
        ("select ts, id from p where ts >= {{ start }} and id in (select id from p)", ALL),
        ("select ts + interval '0 days' as ts, id from p where ts >= {{ start }}", ALL),
        ("select max(ts) as ts, id from p where ts >= {{ start }} group by id", ALL),
        ("select e.ts, p.id from events as e join p on e.ts = p.ts where e.ts >= {{ start }}", ALL),
    ],
)
def test_where_what_changed_can_be_told(duck: Project, query: str, reason: str) -> None:
    duck.built({**FILES, "m": f"{{{{ config({TIME}) }}}} {query}"})
    assert rebuilt(duck) == reason


def test_dates_of_another_time_zone(duck: Project) -> None:
    dated = FILES | {"events": events(*((ts[:10], id) for ts, id in ROWS), kind="date")}
    duck.built(dated)
    assert rebuilt(duck) == "1 batch"
    duck.built({"m": LOWER.replace("event_time=", "time_zone='Asia/Tokyo', event_time=")})
    assert rebuilt(duck) == ALL


def test_a_table_that_was_made_anew(project: Project) -> None:
    project.built(FILES)
    project.warehouse.execute("update events set id = id + 10")
    project.built({}, "p", full_refresh=True)
    assert project.built({}, "m").nodes["m"].reason == ALL
    assert ids(project) == [11, 12, 13]


def test_a_log_that_does_not_reach_back(project: Project) -> None:
    project.built(FILES)
    project.built({}, "p", start=day(2), end=day(3))
    project.built({}, "p", start=day(1), end=day(2))
    project.warehouse.execute("delete from _sqlflow.publications where node = 'model.shop.p' and number = 4")
    assert project.built({}, "m").nodes["m"].reason == ALL


def test_what_an_interval_leaves_out_stays_due(project: Project) -> None:
    project.built(FILES)
    project.warehouse.execute("update events set id = id + 10")
    project.built({}, "p", start=day(1))
    assert project.built({}, "m", start=day(2), end=day(3)).nodes["m"].reason == "1 batch"
    assert ids(project) == [1, 12, 3]
    assert project.built({}, "m").nodes["m"].reason == "2 batches"
    assert ids(project) == [11, 12, 13]


def test_what_is_built_ahead_of_what_it_reads(project: Project) -> None:
    """Batches that were built when what they read had no rows yet."""
    project.built(FILES, "+p", start=day(1), end=day(2))
    project.built({}, "m")
    assert ids(project) == [1]
    run = project.built()
    assert (run.nodes["p"].reason, run.nodes["m"].reason) == ("2 batches", "2 batches")
    assert ids(project) == [1, 2, 3]


def test_other_tables_are_looked_back_for_only(project: Project) -> None:
    other = "{{ config(materialized='table') }} select * from (values (1)) as t (one)"
    project.built({**FILES, "other": other, "m": LOWER.replace("from p", "from p, other")})
    run = project.built({"other": other.replace("(1)", "(2)")})
    assert run.statuses["m"] == "unchanged"
    assert rebuilt(project) == "1 batch"


def test_python_models(project: Project) -> None:
    text = (
        "import pyarrow\nimport sqlflow\n\n"
        f"@sqlflow.model({TIME}, columns={{'ts': 'timestamp'}})\n"
        "def m(p: pyarrow.Table) -> pyarrow.Table:\n    return p\n"
    )
    project.write({name: content for name, content in FILES.items() if name != "m"})
    project.built({"models/m.py": text})
    assert rebuilt(project) == "1 batch"
    assert ids(project) == [1, 12, 3]


# --- any order

HOURS = st.tuples(st.integers(0, 80), st.integers(1, 40))
STEPS = st.lists(st.tuples(st.sampled_from(["p", "m", "+m", "full"]), HOURS, st.booleans()), max_size=3)
SIX = "batch_size='6 hours', event_time="
CHILDREN = (
    LOWER,
    LOWER.replace("event_time=", SIX).replace("begin=", "lookback=1, begin="),
    f"{{{{ config({TIME}) }}}} select ts, sum(id) over (order by ts) as id from p where ts < {{{{ end }}}}",
    f"{{{{ config({TIME}) }}}} select ts, max(id) as id from p {WITHIN} group by ts",
    f"{{{{ config({TIME}, depends_on_past=true) }}}} select ts, id from p {WITHIN}",
)


def replay(project: Project, child: str, steps: list[tuple[str, tuple[int, int], bool]]) -> None:
    """Changes rows anywhere and builds parts: in the end the table is one that is built from nothing."""
    spread = [(f"2024-03-{1 + hour // 24:02} {hour % 24:02}:30", hour) for hour in range(0, 84, 5)]
    project.write({**FILES, "events": events(*spread), "p": UPPER.replace("event_time=", SIX), "m": child})
    project.built({}, "events", "p", end=datetime(2024, 3, 2))
    for number, (what, (start, hours), plain) in enumerate(steps):
        begin = datetime(2024, 3, 1) + timedelta(hours=start)
        end = begin + timedelta(hours=hours)
        project.warehouse.execute(
            f"update events set id = id + {1000 * (number + 1)} "
            f"where ts >= timestamp '{begin}' and ts < timestamp '{end}'"
        )
        options: dict[str, Any] = {"full_refresh": True} if what == "full" else {"start": begin, "end": end}
        project.built({}, "p" if what == "full" else what.replace("+m", "p m"), **options)
        if plain:
            project.built({}, "m")
    project.built({}, "p", "m")
    found = project.rows("select ts, id from m order by ts, id")
    assert project.built({}, "p", "m").statuses == {"p": "unchanged", "m": "unchanged"}
    project.built({}, "m", full_refresh=True)
    assert found == project.rows("select ts, id from m order by ts, id")


@pytest.mark.parametrize("child", CHILDREN)
@settings(max_examples=4, deadline=None)
@given(STEPS)
def test_any_builds_in_any_order_on_duckdb(
    child: str, steps: list[tuple[str, tuple[int, int], bool]]
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
        replay(Project(Path(folder), duckdb_warehouse(Path(folder))), child, steps)


@pytest.mark.parametrize("child", CHILDREN)
def test_builds_in_some_order_on_postgres(pg: Project, child: str) -> None:
    replay(
        pg,
        child,
        [("p", (30, 20), False), ("m", (0, 60), False), ("p", (7, 1), True), ("full", (3, 9), False)],
    )
