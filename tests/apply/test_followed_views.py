"""Views between two models by time range, ephemeral ones too: what was built anew above goes through them."""

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
from tests.apply.test_followed_ranges import ALL, FILES, TIME, UPPER, WITHIN, day
from tests.apply.test_time_ranges import NOW, SetNow, clock, events, ids

__all__ = ["clock"]

EPHEMERAL = "{{ config(materialized='ephemeral') }} "
TIMED = "{{ config(event_time='ts') }} "
CHILD = f"{{{{ config({TIME}) }}}} select ts, id from v"
BETWEEN = {**FILES, "v": "select * from p", "m": CHILD}
STAGING = "with src as (select * from p), renamed as (select ts as moment, id from src) select * from renamed"


def rebuilt(project: Project, number: int = 2) -> str:
    """Changes a day's rows, builds that day above; says what is built below it then."""
    project.warehouse.execute(
        f"update events set id = id + 10 where ts >= timestamp '{day(number)}' "
        f"and ts < timestamp '{day(number + 1)}'"
    )
    project.built({}, "p", start=day(number), end=day(number + 1))
    reason = project.built().nodes["m"].reason
    assert set(project.built().statuses.values()) == {"unchanged"}
    return reason


@pytest.mark.parametrize(
    "kind", ["", EPHEMERAL, TIMED, "{{ config(materialized='ephemeral', event_time='ts') }} "]
)
def test_what_was_built_anew_above_goes_through(project: Project, clock: SetNow, kind: str) -> None:
    project.built({**BETWEEN, "v": kind + "select * from p"})
    assert rebuilt(project) == "1 batch"
    assert ids(project) == [1, 12, 3]
    clock(days=1)
    assert project.built().nodes["m"].reason == "1 batch"
    assert ids(project) == [1, 12, 3, 4]


@pytest.mark.parametrize("kind", ["", EPHEMERAL])
@pytest.mark.parametrize(
    ("view", "child", "reason"),
    [
        ("select ts, max(id) as id from p where id > 0 group by ts", "select ts, id from v", "1 batch"),
        (STAGING, "select moment as ts, id from v", "1 batch"),
        (STAGING, f"select moment as ts, id from v {WITHIN.replace('ts', 'moment')}", "1 batch"),
        ("select p.ts, p.id from p join events as e on e.id = p.id", "select ts, id from v", "1 batch"),
        ("select ts, id from p", "select ts, count(*) over (order by id) as id from v", ALL),
        (TIMED + "select ts, id from p", "select ts, count(*) over (order by id) as id from v", "1 batch"),
        ("select ts, count(*) over (order by id) as id from p", "select ts, id from v", ALL),
        (TIMED + "select ts, count(*) over (order by id) as id from p", "select ts, id from v", ALL),
        ("select max(ts) as ts, id from p group by id", "select ts, id from v", ALL),
        ("select ts + interval '0 days' as ts, id from p", "select ts, id from v", ALL),
        ("select ts, id from p union all select ts, id from p where ts is null", "select ts, id from v", ALL),
        ("select ts, ts + interval '1 day' as next, id from p", "select next as ts, id from v", ALL),
        ("select ts, id from p", "select p.ts, v.id from p join v on p.ts = v.ts", ALL),
        ("select ts, id from p where id in (select id from events)", "select ts, id from v", "1 batch"),
    ],
)
def test_where_what_changed_can_be_told(duck: Project, kind: str, view: str, child: str, reason: str) -> None:
    both = (
        view.replace("{{ config(", "{{ config(materialized='ephemeral', ")
        if kind and TIMED in view
        else kind + view
    )
    duck.built({**BETWEEN, "v": both, "m": f"{{{{ config({TIME}) }}}} {child}"})
    assert rebuilt(duck) == reason


def test_a_filter_lies_around_an_ephemeral_model(project: Project) -> None:
    """Only the rows of a batch are read of its result, and what it reads itself is as it says."""
    total = "{{ config(materialized='ephemeral', event_time='ts') }} select ts, sum(id) over () as id from p"
    count = (
        f"{{{{ config({TIME}) }}}} select v.ts, v.id + count(*) over () as id from v join p on p.ts = v.ts"
    )
    project.built({**BETWEEN, "v": total, "m": count})
    assert [int(id) for id in ids(project)] == [7, 7, 7]


def test_through_several(project: Project) -> None:
    between = {
        "v": "select moment as ts, id from w",
        "w": EPHEMERAL + "select moment, id from u",
        "u": STAGING,
    }
    project.built({**BETWEEN, **between})
    assert rebuilt(project) == "1 batch"
    assert ids(project) == [1, 12, 3]


def test_a_view_of_another_definition(project: Project) -> None:
    project.built(BETWEEN)
    assert project.built({"v": "select ts, id + 100 as id from p"}).nodes["m"].reason == ALL
    assert ids(project) == [101, 102, 103]
    # From there on, it is followed again.
    assert rebuilt(project) == "1 batch"
    assert ids(project) == [101, 112, 103]


def test_a_view_that_is_described_otherwise(duck: Project) -> None:
    described = "models: [{name: v, description: a view, config: {persist_docs: {relation: true}}}]"
    duck.built({**BETWEEN, "models/v.yml": described})
    run = duck.built({"models/v.yml": described.replace("a view", "another view")})
    assert run.statuses["m"] == "unchanged"
    assert rebuilt(duck) == "1 batch"


def test_a_parent_that_was_made_anew(project: Project) -> None:
    project.built(BETWEEN)
    project.warehouse.execute("update events set id = id + 10")
    project.built({}, "p", full_refresh=True)
    assert project.built().nodes["m"].reason == ALL
    assert ids(project) == [11, 12, 13]


OTHER = "{{ config(materialized='table') }} select * from (values (1)) as t (one)"


def test_several_parents(project: Project) -> None:
    """Each by its own rule: ranges of the one, the last batches for the other, both where both changed."""
    child = CHILD.replace("event_time=", "lookback=1, event_time=")
    files = {**BETWEEN, "other": OTHER, "v": "select ts, id from p, other", "m": child}
    project.built(files)
    assert project.built({"other": OTHER.replace("(1)", "(2)")}).nodes["m"].reason == "1 batch"
    assert rebuilt(project, 1) == "1 batch"
    assert ids(project) == [11, 2, 3]
    project.warehouse.execute("update events set id = id + 10")
    project.built({}, "p", start=day(1), end=day(2))
    project.built({"other": OTHER.replace("(1)", "(3)")}, "other")
    assert project.built().nodes["m"].reason == "2 batches"


def test_two_parents_by_time_range(project: Project) -> None:
    """What changed of the one that gives the times is followed; the other one's rows may be of any time."""
    second = UPPER.replace("from events", "from events where true")
    files = {**BETWEEN, "q": second, "v": "select p.ts, q.id from p join q on q.id = p.id"}
    project.built(files)
    project.built({}, "p", start=day(2), end=day(3))
    assert project.built().nodes["m"].reason == "1 batch"
    project.built({}, "q", start=day(2), end=day(3))
    assert project.built().nodes["m"].reason == ALL


def test_a_view_that_changes_by_itself(duck: Project) -> None:
    """Its own changes are looked back for; the ranges of what it reads are followed all the same."""
    view = "select ts, id from p where ts < current_timestamp"
    duck.built({**BETWEEN, "v": view, "m": CHILD.replace("event_time=", "lookback=1, event_time=")})
    assert duck.built().nodes["m"].reason == "1 batch"
    duck.warehouse.execute("update events set id = id + 10")
    duck.built({}, "p", start=day(1), end=day(2))
    assert duck.built().nodes["m"].reason == "2 batches"
    assert ids(duck) == [11, 2, 3]


def test_a_view_that_is_not_built_is_not_seen(project: Project) -> None:
    project.built(BETWEEN)
    project.warehouse.execute("update events set id = id + 10")
    project.built({}, "p", start=day(2), end=day(3))
    assert project.built({}, "m").statuses["m"] == "unchanged"
    assert project.built({}, "v", "m").nodes["m"].reason == "1 batch"
    assert ids(project) == [1, 12, 3]


# --- any order

HOURS = st.tuples(st.integers(0, 80), st.integers(1, 40))
WHAT = ["p", "v", "m", "p v", "p v m", "full", "other", "define"]
STEPS = st.lists(st.tuples(st.sampled_from(WHAT), HOURS), max_size=5)
SIX = "batch_size='6 hours', event_time="
VIEWS = (
    "select ts, id from p",
    EPHEMERAL + STAGING.replace("moment", "ts"),
    TIMED + "select ts, max(id) as id from p group by ts",
    "select ts, sum(id) over (order by ts) as id from p",
    "select p.ts, q.id from p left join q on q.ts = p.ts",
)
CHILDREN = (
    CHILD,
    CHILD.replace("event_time=", SIX).replace("begin=", "lookback=1, begin="),
    f"{{{{ config({TIME}, depends_on_past=true) }}}} select ts, max(id) as id from v {WITHIN} group by ts",
)


def replay(project: Project, view: str, child: str, steps: list[tuple[str, tuple[int, int]]]) -> None:
    """Changes rows anywhere and builds parts: in the end the table is one that is built from nothing."""
    spread = [(f"2024-03-{1 + hour // 24:02} {hour % 24:02}:30", hour) for hour in range(0, 84, 5)]
    upper = UPPER.replace("event_time=", SIX)
    project.write({**FILES, "events": events(*spread), "p": upper, "q": UPPER, "v": view, "m": child})
    project.built({}, "events", "p", "q", "v", end=datetime(2024, 3, 2))
    for number, (what, (start, hours)) in enumerate(steps):
        begin = datetime(2024, 3, 1) + timedelta(hours=start)
        end = begin + timedelta(hours=hours)
        project.warehouse.execute(
            f"update events set id = id + {1000 * (number + 1)} "
            f"where ts >= timestamp '{begin}' and ts < timestamp '{end}'"
        )
        options: dict[str, Any] = {"full_refresh": True} if what == "full" else {"start": begin, "end": end}
        options = {} if what in ("v", "define") else options
        if what == "define":
            project.write({"v": f"{view} -- {number}\n"})
        nodes = {"full": ["p"], "other": ["q"], "define": ["v"]}.get(what, what.split())
        project.built({}, *nodes, **options)
    # What was changed and never asked for above stays as it was, below as well.
    project.built()
    found = project.rows("select ts, id from m order by ts, id")
    assert set(project.built().statuses.values()) == {"unchanged"}
    project.built({}, "m", full_refresh=True)
    assert found == project.rows("select ts, id from m order by ts, id")


@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=4, deadline=None)
@given(st.sampled_from(CHILDREN), STEPS)
def test_any_builds_in_any_order_on_duckdb(
    view: str, child: str, steps: list[tuple[str, tuple[int, int]]]
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
        replay(Project(Path(folder), duckdb_warehouse(Path(folder))), view, child, steps)


@pytest.mark.parametrize("view", VIEWS)
def test_builds_in_some_order_on_postgres(pg: Project, view: str) -> None:
    steps = [("p", (30, 20)), ("v", (0, 60)), ("p", (7, 1)), ("m", (0, 20)), ("define", (3, 9))]
    replay(pg, view, CHILDREN[1], steps)
