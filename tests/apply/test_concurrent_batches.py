"""Batches of one model that are built at once: as many as are allowed, each tested on what all published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import sqlflow
from sqlflow.apply.crew import Crew, Task
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.sender import Sender
from sqlflow.apply.slots import Slots
from sqlflow.state.event import Status
from tests.apply.projects import Project, Run, source_text

TIME = "materialized='incremental', incremental_strategy='time_range', event_time='ts', begin='2024-03-01'"
MANY = f"{{{{ config({TIME}, concurrent_batches=true) }}}}\n"
# A row for each day, with who wrote it, and when that began and ended.
PLAIN = "select ts, id from days"
SLOW = (
    "select ts, d.id, pg_backend_pid() as pid, now() as began, clock_timestamp() as wrote\n"
    "from (select *, pg_sleep(0.2) from days) as d"
)
DAYS = 8


def days(kind: str = "table", count: int = DAYS) -> str:
    rows = ", ".join(f"(timestamp '2024-03-{day:02} 12:00:00', {day})" for day in range(1, count + 1))
    config = f"{{{{ config(materialized='{kind}', event_time='ts') }}}}"
    return f"{config} select * from (values {rows}) as t (ts, id)"


FILES = {"days": days(), "m": MANY + SLOW}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2024, 3, DAYS + 1, tzinfo=UTC)
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: now)


def most_at_once(project: Project) -> int:
    """How many transactions there were at one moment at most, of those that wrote the table."""
    spans = project.rows("select distinct began, wrote from m")
    return max(sum(began <= moment <= wrote for began, wrote in spans) for moment, _ in spans)


def ids(project: Project) -> list[int]:
    return [row[0] for row in project.rows("select id from m order by ts")]


@pytest.mark.parametrize(("setting", "least", "most"), [("true", 3, 4), ("2", 2, 2), ("false", 1, 1)])
def test_so_many_batches_are_built_at_once(pg: Project, setting: str, least: int, most: int) -> None:
    pg.built({**FILES, "m": FILES["m"].replace("=true", f"={setting}")})
    assert ids(pg) == list(range(1, DAYS + 1))
    assert least <= most_at_once(pg) <= most
    assert pg.built().statuses["m"] == "unchanged"
    # The first batch makes the table, alone.
    [(began,)] = pg.rows("select min(began) from m where id > 1")
    assert pg.rows("select wrote from m where id = 1")[0][0] <= began


def test_the_threads_of_the_run_are_not_exceeded(pg: Project) -> None:
    pg.threads = 2
    slow = "select now() as began, clock_timestamp() as wrote from pg_sleep(1)"
    pg.built({**FILES, "other": "{{ config(materialized='table') }} " + slow})
    spans = pg.rows("select distinct began, wrote from m union all select * from other")
    assert max(sum(began <= moment <= wrote for began, wrote in spans) for moment, _ in spans) == 2


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
@pytest.mark.parametrize("setting", ["true", "3", "false"])
def test_the_table_is_the_same(request: pytest.FixtureRequest, engine: str, setting: str) -> None:
    project: Project = request.getfixturevalue("duck" if engine == "duckdb" else "pg")
    run = project.built({**FILES, "m": MANY.replace("=true", f"={setting}") + PLAIN})
    assert ids(project) == list(range(1, DAYS + 1))
    assert (run.nodes["m"].reason, run.nodes["m"].rows) == (f"made anew; {DAYS} batches", DAYS)
    project.warehouse.execute("update days set id = id + 100")
    run = project.built({}, "m", start=datetime(2024, 3, 2), end=datetime(2024, 3, 8))
    assert run.nodes["m"].reason == "6 batches"
    assert ids(project) == [1, *range(102, 108), 8]
    assert project.built({}, "m").statuses["m"] == "unchanged"


@pytest.mark.parametrize(
    "query",
    [
        MANY + SLOW + "\n{% if is_incremental() %} where id > (select min(id) from {{ this }}) {% endif %}",
        MANY.replace("concurrent", "depends_on_past=true, concurrent") + SLOW,
        MANY.replace("concurrent", "depends_on_past=false, concurrent") + SLOW + " -- {{ this }}",
    ],
)
def test_never_where_batches_depend_on_each_other(pg: Project, query: str) -> None:
    pg.built({**FILES, "days": days(count=4), "m": query})
    assert most_at_once(pg) == 1


def test_a_test_sees_what_the_other_batches_published(pg: Project) -> None:
    """Two batches that are built at once give the same id: only one of them is published."""
    unique = "models: [{name: m, columns: [{name: id, tests: [unique]}]}]"
    run = pg.build(
        {**FILES, "m": MANY + SLOW.replace("d.id,", "id / 4 * 4 + 1 as id,"), "models/m.yml": unique}
    )
    assert run.statuses["m"] == "fail"
    assert run.nodes["m"].reason == "not published: 1 of its tests failed"
    found = ids(pg)
    assert len(found) == len(set(found)) > 1
    assert pg.rows("select count(*) from public_dbt_test__audit.unique_m_id")[0][0] > 0


@pytest.mark.parametrize(
    "hook", ["create index if not exists i on {{ this }} (id)", "analyze {{ this }}", "lock table {{ this }}"]
)
def test_what_waits_for_each_other_goes_on(pg: Project, hook: str) -> None:
    """A hook locks the table that other batches write: the engine ends one of them, which is built again."""
    hooked = MANY.replace("concurrent", f"post_hook='{hook}', concurrent")
    pg.built({**FILES, "m": hooked + SLOW})
    assert ids(pg) == list(range(1, DAYS + 1))
    assert pg.built().statuses["m"] == "unchanged"


def test_after_a_batch_that_failed_the_others_are_built(pg: Project) -> None:
    broken = SLOW.replace("d.id,", "cast(case when id = 3 then 'x' else id::text end as int) as id,")
    run = pg.build({**FILES, "m": MANY + broken})
    assert run.statuses["m"] == "error"
    found = ids(pg)
    assert 3 not in found
    assert len(found) < DAYS
    run = pg.built({"m": MANY + SLOW})
    assert run.nodes["m"].reason.startswith(f"{DAYS - len(found)} batches")
    assert ids(pg) == list(range(1, DAYS + 1))


def test_all_of_them_end_when_time_is_up(pg: Project) -> None:
    slow = MANY.replace("concurrent", "timeout=2, concurrent") + SLOW.replace("0.2", "30 * least(id - 1, 1)")
    began = time.monotonic()
    run = pg.build({**FILES, "m": slow})
    assert (run.statuses["m"], run.nodes["m"].reason) == ("error", "timed out")
    assert time.monotonic() - began < 15
    assert ids(pg) == [1]
    active = "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(30%'"
    assert pg.rows(active + " and pid <> pg_backend_pid()") == [(0,)]
    assert pg.built({"m": MANY + SLOW}).nodes["m"].reason == f"{DAYS - 1} batches"


def test_runs_at_once_build_each_batch_once(pg: Project) -> None:
    pg.built({**FILES, "m": MANY + SLOW}, "days")
    runs: list[Run] = []
    loaded = [pg.load() for _ in range(3)]

    def build(one: sqlflow.LoadedProject) -> None:
        runs.append(Run(list(one.build(["m"]))))

    threads = [threading.Thread(target=build, args=(one,)) for one in loaded]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(run.check() for run in runs)
    inserts = [sql for run in runs for sql in run.statements if "q WHERE" in sql]
    assert len(inserts) == DAYS
    assert ids(pg) == list(range(1, DAYS + 1))
    assert pg.rows("select count(*) from _sqlflow.leases where holder <> ''") == [(0,)]
    numbers = pg.rows("select number from _sqlflow.publications where node = 'model.shop.m' order by number")
    assert numbers == [(number,) for number in range(1, DAYS + 1)]


def test_who_has_lost_the_lease_publishes_no_more(pg: Project) -> None:
    """Somebody else takes the lease while the second batch and those beside it are built."""
    pg.built(FILES, "days")
    events = iter(pg.load().build(["m"]))
    taken = False
    kept: list[Any] = []
    for event in events:
        kept.append(event)
        if isinstance(event, sqlflow.StatementSent) and "q WHERE" in event.sql and not taken:
            taken = len([e for e in kept if isinstance(e, sqlflow.StatementSent) and "q WHERE" in e.sql]) > 1
            if taken:
                pg.warehouse.execute(
                    "update _sqlflow.leases set holder = 'x', told = 'another', epoch = epoch + 1, "
                    "expires = extract(epoch from now()) + 3600 where relation not like '%(turn)'"
                )
    run = Run(kept)
    assert run.statuses["m"] == "error"
    assert "stood still for too long" in run.diagnostics[0].message
    covered = ids(pg)
    pg.warehouse.execute("update _sqlflow.leases set holder = ''")
    assert pg.built({}, "m").nodes["m"].reason == f"{DAYS - len(covered)} batches"


@pytest.mark.parametrize(
    ("folder", "model", "most"), [(None, None, 1), (True, None, 4), (True, False, 1), (False, 2, 2)]
)
def test_precedence(pg: Project, folder: bool | None, model: int | None, most: int) -> None:
    if folder is not None:
        pg.settings["models"] = {"+concurrent_batches": folder}
    setting = f"concurrent_batches={str(model).lower()}" if model is not None else "tags=[]"
    pg.built({**FILES, "m": FILES["m"].replace("concurrent_batches=true", setting)})
    assert (most_at_once(pg) > 1) is (most > 1)
    assert most_at_once(pg) <= most


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [("0", "SF0007", "at least 1"), ("'many'", "SF0005", "true, false or a whole number")],
)
def test_bad_settings(duck: Project, value: str, code: str, said: str) -> None:
    duck.write({"ok": "select 1 as one"}).load()
    duck.write({**FILES, "m": (MANY + PLAIN).replace("batches=true", f"batches={value}")})
    [found] = sqlflow.load(duck.root).diagnostics
    assert (found.code, source_text(duck, found)) == (code, value)
    assert said in found.message


# --- who works on the parts of an action


def crew(free: int) -> tuple[Crew, Slots, list[str]]:
    woken: list[str] = []
    slots = Slots(free + 1, lambda: woken.append("woken"))
    assert slots.take()
    return Crew(slots, lambda task: task(HELPER)), slots, woken


HELPER, WORKER = object.__new__(Sender), object.__new__(Sender)
GOOD, BAD = Outcome(Status.SUCCESS), Outcome(Status.ERROR)


def meeting(parties: int) -> tuple[Callable[[], Task], list[Sender]]:
    """Makes tasks that wait for each other."""
    barrier, seen = threading.Barrier(parties, timeout=10), list[Sender]()

    def task(sender: Sender) -> Outcome:
        seen.append(sender)
        barrier.wait()
        return GOOD

    return lambda: task, seen


def test_helpers_are_taken_on_while_there_are_sessions() -> None:
    hands, slots, _ = crew(free=2)
    task, seen = meeting(3)
    assert hands.together([task()] * 6, None, WORKER) == (GOOD,) * 6
    assert {WORKER, HELPER} == set(seen)
    assert [slots.take() for _ in range(3)] == [True, True, False]


def test_no_more_than_allowed() -> None:
    hands, _, _ = crew(free=5)
    lock, working, most = threading.Lock(), set[int](), list[int]()

    def task(sender: Sender) -> Outcome:
        me = threading.get_ident()
        with lock:
            working.add(me)
            most.append(len(working))
        time.sleep(0.01)
        with lock:
            working.discard(me)
        return GOOD

    assert hands.together([task] * 12, 2, WORKER) == (GOOD,) * 12
    assert max(most) == 2


def test_none_is_begun_after_one_that_failed() -> None:
    hands, _, _ = crew(free=0)
    begun: list[int] = []

    def task(number: int) -> Task:
        return lambda sender: (begun.append(number), BAD if number == 2 else GOOD)[1]

    assert hands.together([task(number) for number in range(5)], None, WORKER) == (GOOD, GOOD, BAD)
    assert begun == [0, 1, 2]


def test_a_helper_gives_way_to_an_action() -> None:
    hands, slots, woken = crew(free=1)
    refused = threading.Event()

    def task(sender: Sender) -> Outcome:
        if sender is HELPER:
            assert not slots.take()
            refused.set()
        else:
            refused.wait(10)
            time.sleep(0.05)
        return GOOD

    assert hands.together([task] * 4, None, WORKER) == (GOOD,) * 4
    assert woken == ["woken"]
    assert slots.take()
