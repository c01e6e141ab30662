"""Python models that are built by time range: on rows, and compiled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import pytest

import sqlflow
from tests.apply.projects import Project, source_text
from tests.apply.test_time_ranges import EVENTS, ROWS, SetNow, clock, events, ids

__all__ = ["clock"]

CONFIG = "materialized='incremental', incremental_strategy='time_range', event_time='ts', begin='2024-03-01'"
MODULES = ("datetime", "pandas", "polars", "pyarrow", "duckdb", "ibis", "sqlflow")
HEAD = "".join(f"import {module}\n" for module in MODULES) + "\n"


def framed(
    body: str, parameters: str = "events: pandas.DataFrame", config: str = CONFIG, kind: str = "timestamp"
) -> str:
    columns = f", columns={{'ts': {kind!r}}}" if kind else ""
    return f"{HEAD}\n@sqlflow.model({config}{columns})\ndef m({parameters}):\n    {body}\n"


def compiled(body: str, parameters: str = "events: ibis.Table", config: str = CONFIG) -> str:
    return framed(body, parameters, config, kind="")


def files(text: str, rows: Sequence[tuple[str, int]] = ROWS, kind: str = "timestamp") -> dict[str, str]:
    return {"events": events(*rows, kind=kind), "models/m.yml": EVENTS, "models/m.py": text}


@pytest.mark.parametrize(
    "frame",
    ["pandas.DataFrame", "polars.DataFrame", "pyarrow.Table", "duckdb.DuckDBPyRelation", "ibis.Table"],
)
def test_batch_by_batch(project: Project, clock: SetNow, frame: str) -> None:
    text = compiled("return events") if frame == "ibis.Table" else framed("return events", f"events: {frame}")
    run = project.built(files(text))
    assert (ids(project), run.nodes["m"].reason) == ([1, 2, 3], "made anew; 3 batches")
    # Of what it reads, too, only a batch.
    for day in (1, 2, 3):
        moment = rf"TIMESTAMP '2024-03-0{day} 00:00:00'"
        assert any(re.search(rf"\bevents\b.* WHERE \"ts\" >= {moment}", sql) for sql in run.statements)
    clock(days=1)
    run = project.built()
    assert (ids(project), run.nodes["m"].reason) == ([1, 2, 3, 4], "1 batch")
    assert project.built().statuses["m"] == "unchanged"
    project.warehouse.execute("update events set id = id + 10")
    project.built({}, "m", start=datetime(2024, 3, 2), end=datetime(2024, 3, 3))
    assert ids(project) == [1, 12, 3, 4]


def test_a_function_sees_its_batch_only(project: Project) -> None:
    body = "return events.assign(seen=len(events), since=start, until=end)"
    text = framed(body, "events: pandas.DataFrame, start: datetime.datetime, end: datetime.datetime")
    more = (*ROWS, ("2024-03-02 01:00", 5), ("2024-03-02 02:00", 6))
    project.built(files(text, more))
    assert [int(row[0]) for row in project.rows("select seen from m order by ts")] == [1, 3, 3, 3, 1]
    days = project.rows(
        "select distinct cast(since as timestamp), cast(until as timestamp) from m order by 1"
    )
    assert days == [(datetime(2024, 3, day), datetime(2024, 3, day + 1)) for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("date", "datetime.date(2024, 3, 2)"),
        ("timestamp", "datetime.datetime(2024, 3, 2, 0, 0)"),
        ("timestamp with time zone", "datetime.datetime(2024, 3, 2, 0, 0, tzinfo=datetime.timezone.utc)"),
    ],
)
def test_moments_have_the_type_of_the_event_time(project: Project, kind: str, shown: str) -> None:
    body = (
        "return events.append_column('since', pyarrow.array([repr(start)] * len(events), pyarrow.string()))"
    )
    text = framed(body, "events: pyarrow.Table, start", kind=kind)
    rows = [(f"{ts}+00" if "zone" in kind else ts, id) for ts, id in ROWS]
    rows = [(ts[:10], id) for ts, id in rows] if kind == "date" else rows
    project.built(files(text, rows, kind))
    assert ids(project) == [1, 2, 3]
    assert project.rows("select since from m where id = 2") == [(shown,)]


def test_lookback_and_microbatch(project: Project) -> None:
    config = CONFIG.replace("time_range", "microbatch")
    project.built(files(framed("return events", config=config)))
    run = project.built({"events": events(*ROWS, ("2024-03-03 02:00", 6), ("2024-03-02 02:00", 7))})
    assert (run.nodes["m"].reason, ids(project)) == ("1 batch", [1, 2, 3, 6])


@pytest.mark.parametrize("parameters", ["", "start: datetime.datetime", "other: pandas.DataFrame"])
def test_nothing_outside_of_a_batch_leaks_in(project: Project, parameters: str) -> None:
    """The function gives all days each time, and one row without a time."""
    days = "[datetime.datetime(2024, 2, 27, 23) + datetime.timedelta(days=n) for n in range(9)]"
    body = f"return pandas.DataFrame({{'ts': [*{days}, None], 'id': range(10)}})"
    extra = {"other": "{{ config(materialized='table') }} select 1 as one"}
    project.built({**files(framed(body, parameters)), **extra})
    assert ids(project) == [3, 4, 5]


def test_what_has_no_event_time_is_read_as_it_is(project: Project) -> None:
    body = "return events.assign(others=len(other))"
    rows = "{{ config(materialized='table') }} select * from (values (1), (2)) as t (one)"
    text = framed(body, "events: pandas.DataFrame, other: pandas.DataFrame")
    project.built({**files(text), "other": rows})
    assert [int(row[0]) for row in project.rows("select others from m")] == [2, 2, 2]


def test_times_in_another_zone(project: Project) -> None:
    """What the function gives as moments of another zone belongs to the batch that they lie in."""
    zoned = "pandas.to_datetime(events.ts).dt.tz_localize('UTC').dt.tz_convert('America/New_York')"
    project.built(files(framed(f"return events.assign(ts={zoned})")))
    assert ids(project) == [1, 2, 3]
    assert project.rows("select cast(ts as timestamp) from m where id = 3") == [(datetime(2024, 3, 3),)]


def test_batches_at_once(pg: Project) -> None:
    body = "import time; time.sleep(0.1); return events"
    pg.built(files(framed(body, config=CONFIG + ", concurrent_batches=True")))
    assert ids(pg) == [1, 2, 3]
    assert pg.built().statuses["m"] == "unchanged"


# --- compiled


def test_an_expression_names_moments(project: Project) -> None:
    body = (
        "wide = events.filter(events.ts >= start - ibis.interval(days=1), events.ts < end)\n    "
        "return events.filter(events.ts >= start, events.ts < end)"
        ".mutate(seen=wide.count().as_scalar(), since=start)"
    )
    project.built(files(compiled(body, "events: ibis.Table, start: ibis.Value, end: ibis.Value")))
    found = project.rows("select id, seen, since from m order by ts")
    assert found == [(day, min(day, 2), datetime(2024, 3, day)) for day in (1, 2, 3)]


@pytest.mark.parametrize("kind", ["date", "timestamp with time zone"])
def test_moments_of_an_expression_have_the_type_of_the_event_time(project: Project, kind: str) -> None:
    body = "return events.filter(events.ts >= start, events.ts < end).mutate(since=start)"
    rows = [(f"{ts}+00" if "zone" in kind else ts[:10], id) for ts, id in ROWS]
    project.built(
        files(compiled(body, "events: ibis.Table, start: ibis.Scalar, end: ibis.Scalar"), rows, kind)
    )
    assert ids(project) == [1, 2, 3]
    assert project.warehouse.columns("m")["since"].lower() == kind


def test_compiled_models_are_incremental_by_time_only(duck: Project) -> None:
    duck.write({"ok": "select 1 as one"}).load()
    duck.write(files(compiled("return events", config="materialized='incremental'")))
    [found] = sqlflow.load(duck.root).diagnostics
    assert (found.code, found.message) == ("SF0602", "an ibis model cannot be incremental")


# --- what is wrong


@pytest.mark.parametrize(
    ("text", "code", "under", "said"),
    [
        (framed("return events", kind=""), "SF0607", "'ts'", "the type of `ts`, which `m` is built by"),
        (framed("return events", kind="int"), "SF0607", "'ts'", "has to be a date or a time"),
        (
            framed("return events", "events: pandas.DataFrame, start", config="materialized='table'"),
            "SF0403",
            "start",
            "`m` is not built by time range, and has no `start`",
        ),
        (
            compiled("return events", "events: ibis.Table, end: ibis.Value", config="materialized='table'"),
            "SF0403",
            "end",
            "`m` is not built by time range, and has no `end`",
        ),
        (
            framed("return start", "start: pandas.DataFrame"),
            "SF0403",
            "pandas.DataFrame",
            "the parameter `start` is the beginning of a batch, and no upstream model",
        ),
    ],
)
def test_mistakes(duck: Project, text: str, code: str, under: str, said: str) -> None:
    duck.write({"ok": "select 1 as one"}).load()
    duck.write(files(text))
    [found] = sqlflow.load(duck.root).diagnostics
    assert (found.code, source_text(duck, found)) == (code, under)
    assert said in found.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return events.drop(columns='ts')", "no column `ts`, its `event_time`"),
        ("return events.assign(ts='soon')", "`ts`, its `event_time`, as"),
    ],
)
def test_results_without_event_times(duck: Project, body: str, said: str) -> None:
    run = duck.build(files(framed(body)))
    [found] = run.nodes["m"].diagnostics
    assert found.code == "SF0405"
    assert said in found.message
    assert source_text(duck, found) == "m"
