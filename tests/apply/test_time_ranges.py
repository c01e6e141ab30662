"""Models that are built by time range: what is due is built, batch by batch, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apply.engines import duckdb_warehouse
from tests.apply.projects import Project, source_text

pytestmark = pytest.mark.layouts("direct", "virtual")
# Of what has other code (and so has what reads a seed with other rows), `virtual` fills a new table.
goes_on = pytest.mark.layouts("direct")

NOW = datetime(2024, 3, 4, 12, tzinfo=UTC)
TIME = "materialized='incremental', incremental_strategy='time_range', event_time='ts', begin='2024-03-01'"
COUNTS = f"{{{{ config({TIME}) }}}} select ts, id from events"
EVENTS = "models: [{name: events, config: {event_time: ts}}]"


def events(*rows: tuple[str, int], kind: str = "timestamp") -> str:
    values = ", ".join(f"(cast('{ts}' as {kind}), {id})" for ts, id in rows)
    return f"{{{{ config(materialized='table') }}}} select ts, id from (values {values}) as t (ts, id)"


ROWS = (("2024-03-01 01:00", 1), ("2024-03-02 23:59", 2), ("2024-03-03 00:00", 3), ("2024-03-04 01:00", 4))
FILES = {"events": events(*ROWS), "models/m.yml": EVENTS, "m": COUNTS}
SetNow = Callable[..., None]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SetNow:
    """Stops the clock; gives a function that sets it so much later."""
    now = [NOW]
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: now[0])

    def later(**by: float) -> None:
        now[0] += timedelta(**by)

    return later


def ids(project: Project, table: str = "m") -> list[int]:
    return [row[0] for row in project.rows(f"select id from {table} order by ts, id")]


def deletes(statements: list[str]) -> int:
    return sum(sql.startswith("DELETE FROM") and '"_sqlflow"' not in sql for sql in statements)


def test_complete_batches_are_built_one_by_one(project: Project, clock: SetNow) -> None:
    run = project.built(FILES)
    assert ids(project) == [1, 2, 3]
    assert (run.nodes["m"].rows, run.nodes["m"].reason) == (3, "made anew; 3 batches")
    assert project.built().statuses["m"] == "unchanged"

    clock(days=1)
    run = project.built()
    assert ids(project) == [1, 2, 3, 4]
    assert (run.statuses["events"], run.nodes["m"].reason) == ("unchanged", "1 batch")
    assert deletes(run.statements) == 1
    assert project.built().statuses["m"] == "unchanged"


def test_only_the_rows_of_a_batch_are_read_of_parents(duck: Project) -> None:
    run = duck.built(FILES)
    inserts = [sql for sql in run.statements if "q WHERE" in sql]
    assert len(inserts) == 3
    assert all("(SELECT * FROM" in sql and 'WHERE "ts" >= TIMESTAMP \'2024-03-0' in sql for sql in inserts)


def test_the_moments_of_a_batch_stand_in_the_query(project: Project) -> None:
    text = (
        f"{{{{ config({TIME}) }}}} select ts, id, {{{{ start }}}} as since, '{{{{ end }}}}' as until\n"
        "from events where ts >= {{ start }} and ts < {{ end }}"
    )
    project.built({**FILES, "m": text})
    days = [(datetime(2024, 3, day), f"2024-03-{day + 1:02} 00:00:00") for day in (1, 2, 3)]
    assert project.rows("select since, until from m order by ts") == days
    assert "SELECT * FROM main.events WHERE" not in "".join(project.built({}, force=True).statements)


def test_moments_in_a_query_of_another_dialect(pg: Project) -> None:
    pg.settings["dialect"] = "duckdb"
    text = COUNTS + " where ts >= {{ start }} and ts < {{ end }}"
    pg.built({**FILES, "m": text, "n": COUNTS})
    assert ids(pg, "m") == ids(pg, "n") == [1, 2, 3]


def test_nothing_outside_of_a_batch_leaks_in(project: Project) -> None:
    late = f"{{{{ config({TIME}) }}}} select ts + interval '1 day' as ts, id from events"
    project.built({**FILES, "m": late})
    # Of each batch of the parent, the rows lie in the next one.
    assert ids(project) == []
    project.built({"m": late + " where {{ start }} < {{ end }}"}, full_refresh=True)
    assert ids(project) == [1, 2]


@goes_on
def test_new_data_is_looked_back_for(project: Project, clock: SetNow) -> None:
    looks_back = COUNTS.replace("event_time=", "lookback=1, event_time=")
    project.built({**FILES, "m": looks_back})
    more = (*ROWS, ("2024-03-01 02:00", 5), ("2024-03-03 02:00", 6))
    run = project.built({"events": events(*more)})
    assert run.nodes["m"].reason == "1 batch"
    # The day before yesterday is not looked at again.
    assert ids(project) == [1, 2, 3, 6]
    clock(days=1)
    assert project.built().nodes["m"].reason == "2 batches"
    assert ids(project) == [1, 2, 3, 6, 4]


@goes_on
def test_new_data_of_the_past_is_noted_once(project: Project) -> None:
    project.built({**FILES, "below": "select * from m"})
    run = project.built({"events": events(*ROWS, ("2024-03-01 02:00", 5))})
    assert (run.statuses["m"], run.statuses["below"]) == ("unchanged", "unchanged")
    assert ids(project) == [1, 2, 3]
    assert project.built().unchanged == ["events", "m", "below"]
    project.built(full_refresh=True)
    assert ids(project) == [1, 5, 2, 3]


@goes_on
def test_changed_code_goes_on(project: Project, clock: SetNow) -> None:
    project.built(FILES)
    clock(days=1)
    project.built({"m": COUNTS.replace("ts, id", "ts, id + 10 as id")})
    assert ids(project) == [1, 2, 3, 14]


def test_an_earlier_begin_is_built_as_well(project: Project) -> None:
    project.built({**FILES, "m": COUNTS.replace("2024-03-01", "2024-03-03")})
    assert ids(project) == [3]
    assert project.built({"m": COUNTS}).nodes["m"].reason == "2 batches"
    assert ids(project) == [1, 2, 3]


@goes_on
def test_a_build_that_broke_off_goes_on_where_it_stopped(project: Project) -> None:
    broken = COUNTS.replace("id from", "cast(case when id = 2 then 'x' else '1' end as int) as id from")
    run = project.build({**FILES, "m": broken})
    assert run.statuses["m"] == "error"
    assert ids(project) == [1]
    run = project.built({"m": COUNTS})
    assert run.nodes["m"].reason == "2 batches"
    assert ids(project) == [1, 2, 3]


def test_a_batch_that_fails_a_test_is_not_published(project: Project) -> None:
    tests = (
        EVENTS[:-1] + ", {name: m, columns: [{name: id, tests: [{accepted_values: {values: [1, 3, 4]}}]}]}]"
    )
    run = project.build({**FILES, "models/m.yml": tests})
    assert run.statuses["m"] == "fail"
    assert ids(project) == [1]


def test_a_table_is_there_before_anything_is_due(project: Project, clock: SetNow) -> None:
    project.built({**FILES, "m": COUNTS.replace("2024-03-01", "2024-03-04")})
    assert ids(project) == []
    assert project.built().statuses["m"] == "unchanged"
    clock(days=1)
    project.built()
    assert ids(project) == [4]


def test_a_table_of_another_kind_is_made_anew(project: Project) -> None:
    project.built({**FILES, "m": "{{ config(materialized='incremental') }} select ts, 0 as id from events"})
    assert project.built({"m": COUNTS}).nodes["m"].reason == "made anew; 3 batches"
    assert ids(project) == [1, 2, 3]


def test_days_of_a_time_zone(project: Project, clock: SetNow) -> None:
    """On 10 March the clocks of New York went forward: the day had 23 hours, from 5 to 4 in UTC."""
    zoned = TIME.replace("2024-03-01", "2024-03-09") + ", time_zone='America/New_York'"
    rows = [("2024-03-09 04:59+00", 1), ("2024-03-10 05:00+00", 2), ("2024-03-11 03:59+00", 3)]
    rows += [("2024-03-11 04:00+00", 4)]
    clock(days=7, hours=-8 + 0.01)  # 11 March, 4:00:36
    source = events(*rows, kind="timestamp with time zone")
    text = f"{{{{ config({zoned}) }}}} select ts, id, {{{{ start }}}} as since from events"
    run = project.built(
        {**FILES, "events": source, "m": text + " where ts >= {{ start }} and ts < {{ end }}"}
    )
    assert run.nodes["m"].reason == "made anew; 2 batches"
    assert ids(project) == [2, 3]
    assert {row[0].astimezone(UTC) for row in project.rows("select since from m")} == {
        datetime(2024, 3, 10, 5, tzinfo=UTC)
    }


def test_dates(project: Project) -> None:
    dated = FILES | {"events": events(*((ts[:10], id) for ts, id in ROWS), kind="date")}
    zoned = COUNTS.replace("begin=", "time_zone='America/New_York', begin=")
    project.built({**dated, "m": zoned + " where ts >= {{ start }} and ts < {{ end }}"})
    assert ids(project) == [1, 2, 3]


@pytest.mark.parametrize(
    ("config", "code", "under", "said"),
    [
        ("event_time='ts', begin='soon'", "SF0606", "'soon'", "can't be read as `begin`"),
        ("event_time='ts', begin='2024-01-01', batch_size='1 moon'", "SF0606", "'1 moon'", "batch_size"),
        ("event_time='ts', begin='2024-01-01', time_zone='Mars'", "SF0606", "'Mars'", "time_zone"),
        ("event_time='ts', begin='2024-01-01', lookback=-1", "SF0007", "-1", "at least 0"),
        ("event_time='ts'", "SF0606", "'time_range'", "needs `begin`"),
        ("begin='2024-01-01'", "SF0606", "'time_range'", "needs `event_time`"),
        ("event_time='of', begin='2024-01-01'", "SF0607", "'of'", "no column `of`"),
        ("event_time='id', begin='2024-01-01'", "SF0607", "'id'", "has to be a date or a time"),
        ("event_time='day', begin='2024-01-01', batch_size='hour'", "SF0607", "'day'", "within a day"),
    ],
)
def test_bad_settings(duck: Project, config: str, code: str, under: str, said: str) -> None:
    import sqlflow

    text = (
        f"{{{{ config(materialized='incremental', incremental_strategy='time_range', {config}) }}}}\n"
        "select timestamp '2024-01-01 00:00:00' as ts, date '2024-01-01' as day, 1 as id"
    )
    duck.write({"ok": "select 1 as one"}).load()
    duck.write({"m": text})
    [found] = sqlflow.load(duck.root).diagnostics
    assert (found.code, source_text(duck, found)) == (code, under)
    assert said in found.message


def test_templates_can_t_branch_on_moments(duck: Project) -> None:
    import sqlflow

    duck.write({"ok": "select 1 as one"}).load()
    duck.write({"m": COUNTS.replace("events", "{% if start > '2024' %}a{% else %}b{% endif %}")})
    [found] = sqlflow.load(duck.root).diagnostics
    assert found.code == "SF0103" and "moments of a batch are not known" in found.message
    duck.write({"m": "select {{ start }} as x"})
    [found] = sqlflow.load(duck.root).diagnostics
    assert found.code == "SF0102"


BATCH = "'{{ model.batch.event_time_start }}' as since, {{ model.batch.event_time_end }} as until"


def test_the_batch_of_dbt(project: Project) -> None:
    """Its moments are those of the batch; of parents only the batch's rows are read, as always in dbt."""
    text = (
        f"{{{{ config({TIME.replace('time_range', 'microbatch')}) }}}} select max(ts) as ts, count(*) as id, "
        f"{{% if model.batch %}}{BATCH}{{% endif %}} from events"
    )
    project.built({**FILES, "m": text})
    found = project.rows("select ts, id, since, until from m order by ts")
    days = [(f"2024-03-0{day} 00:00:00", datetime(2024, 3, day + 1)) for day in (1, 2, 3)]
    assert [(since, until) for _, _, since, until in found] == days
    assert [count for _, count, _, _ in found] == [1, 1, 1]


def test_the_batch_of_dbt_in_conditions_of_another_dialect(pg: Project) -> None:
    pg.settings["dialect"] = "duckdb"
    text = (
        COUNTS + " where ts >= '{{ model.batch.event_time_start }}' and ts < {{ model.batch.event_time_end }}"
    )
    pg.built({**FILES, "m": text})
    assert ids(pg) == [1, 2, 3]


def test_a_model_without_batches_has_none(duck: Project) -> None:
    text = "select {% if model.batch %}1{% elif model.batch is none %}2{% endif %} as found"
    duck.built({"m": text})
    assert duck.rows("select found from m") == [(2,)]


@pytest.mark.parametrize(
    ("used", "code", "said"),
    [
        ("{{ model.batch.id }}", "SF0103", "the id of a batch is not known"),
        ("{{ model.batch.event_time_start.strftime('%Y') }}", "SF0103", "moments of a batch are not known"),
        ("{{ start - modules.datetime.timedelta(days=1) }}", "SF0103", "moments of a batch are not known"),
        ("{% if model.batch.event_time_end %}1{% endif %}", "SF0103", "moments of a batch are not known"),
        ("{{ model.batch.event_time }}", "SF0102", "`model.batch` has no `event_time`"),
        ("{{ model.name }}", "SF0102", "`model` has no `name`"),
    ],
)
def test_what_of_a_batch_is_not_known(duck: Project, used: str, code: str, said: str) -> None:
    import sqlflow

    duck.write({"ok": "select 1 as one"}).load()
    duck.write({**FILES, "m": COUNTS.replace("ts, id", f"ts, {used} as id")})
    [found] = sqlflow.load(duck.root).diagnostics
    assert found.code == code and said in found.message
    tag = used if used.startswith("{{") else used.partition("%}")[0] + "%}"
    assert source_text(duck, found) == tag


@goes_on
def test_microbatch_is_the_same_and_looks_back(project: Project) -> None:
    text = COUNTS.replace("time_range", "microbatch")
    project.built({**FILES, "m": text})
    run = project.built({"events": events(*ROWS, ("2024-03-03 02:00", 6))})
    assert (run.nodes["m"].reason, ids(project)) == ("1 batch", [1, 2, 3, 6])


def test_an_interval_is_built_anew(project: Project) -> None:
    project.built(FILES)
    events = project.table("events")
    # Nobody is told of these rows.
    project.warehouse.execute(
        f"delete from {events} where id = 1",
        f"insert into {events} values (timestamp '2024-03-02 05:00:00', 7)",
        f"insert into {events} values (timestamp '2024-03-03 05:00:00', 8)",
    )
    run = project.built({}, "m", start=datetime(2024, 3, 2, 6), end=datetime(2024, 3, 2, 7))
    assert (run.nodes["m"].reason, ids(project)) == ("1 batch", [1, 7, 2, 3])
    assert project.built().statuses["m"] == "unchanged"
    project.built({}, "m", start=datetime(2024, 3, 3))
    assert ids(project) == [1, 7, 2, 3, 8]
    project.built({}, "m", end=datetime(2024, 3, 2))
    assert ids(project) == [7, 2, 3, 8]


def test_an_interval_without_a_complete_batch(project: Project) -> None:
    project.built(FILES)
    for start, end in ((4, 9), (20, 21)):
        run = project.built({}, "m", start=datetime(2024, 3, start), end=datetime(2024, 3, end))
        assert run.statuses["m"] == "unchanged"
    assert ids(project) == [1, 2, 3]


def test_what_an_interval_left_out_is_built_later(project: Project) -> None:
    project.built({**FILES}, "+m", start=datetime(2024, 3, 2), end=datetime(2024, 3, 3))
    assert ids(project) == [2]
    assert project.built().nodes["m"].reason == "2 batches"
    assert ids(project) == [1, 2, 3]


def test_intervals_that_are_refused(duck: Project) -> None:
    from sqlflow.core.diagnostic import ProjectError

    loaded = duck.write(FILES).load()
    with pytest.raises(ProjectError) as found:
        loaded.build(["events"], start=NOW)
    assert [d.code for d in found.value.diagnostics] == ["SF0502"]
    with pytest.raises(ValueError, match="ends before it starts"):
        loaded.build(start=NOW, end=NOW)
    with pytest.raises(ValueError, match="full refresh"):
        loaded.build(start=NOW, full_refresh=True)


STEPS = st.lists(st.tuples(st.integers(0, 80), st.integers(1, 80), st.booleans()), max_size=4)
HOURLY = COUNTS.replace("event_time=", "batch_size='6 hours', lookback=1, event_time=")


def replay(project: Project, steps: list[tuple[int, int, bool]]) -> None:
    """Builds intervals, with a plain build after some of them: the table is that of one build."""
    spread = [(f"2024-03-{1 + hour // 24:02} {hour % 24:02}:30", hour) for hour in range(0, 84, 5)]
    project.write({**FILES, "events": events(*spread), "m": HOURLY})
    for start, hours, plain in steps:
        begin = datetime(2024, 3, 1) + timedelta(hours=start)
        project.built({}, start=begin, end=begin + timedelta(hours=hours))
        if plain:
            project.built()
    project.built()
    assert ids(project) == [hour for _, hour in spread]
    assert project.built().statuses["m"] == "unchanged"


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_any_intervals_in_any_order_on_duckdb(steps: list[tuple[int, int, bool]]) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: NOW)
        replay(Project(Path(folder), duckdb_warehouse(Path(folder))), steps)


@pytest.mark.parametrize(
    "steps", [[(30, 20, False), (0, 80, False), (7, 1, True)], [(80, 9, True), (3, 4, False)]]
)
def test_any_intervals_in_any_order_on_postgres(pg: Project, steps: list[tuple[int, int, bool]]) -> None:
    replay(pg, steps)
