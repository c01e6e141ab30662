"""Several builds of the same tables on a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest

import sqlflow
from tests.apply.projects import Project, Run

LEASES = "_sqlflow.leases"
# The result of each model tells how often its tables were filled: nothing of it is random.
MODELS = {
    "base": "{{ config(materialized='table') }} select i as id, i * 2 as n "
    "from generate_series(1, 500) as t(i)",
    "grown": "{{ config(materialized='incremental', unique_key='id') }} select id, n from base "
    "{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}",
    "added": "{{ config(materialized='incremental', incremental_strategy='append') }} select id, n from base "
    "{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}",
    "total": "{{ config(materialized='table') }} select sum(n) as n, count(*) as rows from grown",
    "view_of": "{{ config(materialized='view') }} select n from total",
}


def at_once(*calls: Callable[[], Run]) -> list[Run]:
    """Makes all calls at once; raises what any of them raises."""
    barrier = threading.Barrier(len(calls))

    def begin(call: Callable[[], Run]) -> Run:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [run.result() for run in [pool.submit(begin, call) for call in calls]]


def publications(project: Project) -> dict[str, int]:
    found = project.rows("select node, count(*) from _sqlflow.publications group by node")
    return {str(node).rpartition(".")[2]: int(times) for node, times in found}


@pytest.mark.parametrize("round", range(2))
def test_eight_builds_at_once_write_everything_once(pg: Project, round: int) -> None:
    pg.write(MODELS)
    loaded = [pg.load() for _ in range(8)]
    # Half of them build all, the others a part of it.
    chosen = [[], ["+total"], [], ["+grown", "+added"], [], ["base+"], [], ["base"]]

    def build(number: int) -> Callable[[], Run]:
        return lambda: Run(list(loaded[number].build(chosen[number])))

    order = range(8) if round == 0 else reversed(range(8))
    for run in at_once(*(build(number) for number in order)):
        run.check()
    pg.built()
    assert pg.rows("select n, rows from total") == [(250500, 500)]
    assert pg.rows("select count(*), count(distinct id) from added") == [(500, 500)]
    assert pg.rows("select count(*), count(distinct id) from grown") == [(500, 500)]
    assert publications(pg) == dict.fromkeys(MODELS, 1)
    assert pg.rows(f"select count(*) from {LEASES} where holder <> ''") == [(0,)]
    assert not [name for name in pg.warehouse.names() if "__sqlflow" in name]


def test_builds_of_parts_at_once(pg: Project) -> None:
    """A part without what it reads fails while that is not there; nothing else goes wrong."""
    pg.write(MODELS)
    loaded = [pg.load() for _ in MODELS]

    def build(number: int, name: str) -> Callable[[], Run]:
        return lambda: Run(list(loaded[number].build([name])))

    runs = at_once(*(build(number, name) for number, name in enumerate(MODELS)))
    messages = [d.message for run in runs for d in run.diagnostics]
    assert all("does not exist" in message for message in messages), messages
    pg.built()
    assert pg.rows("select n, rows from total") == [(250500, 500)]
    assert pg.rows("select count(*), count(distinct id) from added") == [(500, 500)]
    assert pg.rows("select count(*), count(distinct id) from grown") == [(500, 500)]


def test_who_holds_a_table_is_named(pg: Project) -> None:
    pg.settings["lock-timeout"] = 0.3
    pg.built({"m": "{{ config(materialized='table') }} select 1 as id"})
    pg.warehouse.execute(
        f"update {LEASES} set holder = 'other', told = 'far:7', expires = extract(epoch from now()) + 600"
    )
    run = pg.build({"m": "{{ config(materialized='table') }} select 2 as id"})
    awaited = [event for event in run.events if isinstance(event, sqlflow.LeaseAwaited)]
    assert [(event.name, event.holder) for event in awaited] == [("m", "far:7")]
    assert [(d.code.value, "far:7" in d.message) for d in run.diagnostics] == [("SF0711", True)]
    assert pg.rows("select id from m") == [(1,)]


def test_a_lease_that_has_ended_is_taken(pg: Project) -> None:
    """As a killed run leaves it."""
    pg.built({"m": "{{ config(materialized='table') }} select 1 as id"})
    pg.warehouse.execute(f"update {LEASES} set holder = 'killed', expires = extract(epoch from now()) - 1")
    pg.built({"m": "{{ config(materialized='table') }} select 2 as id"})
    assert pg.rows("select id from m") == [(2,)]
    assert pg.rows(f"select epoch from {LEASES} where relation like '%m%'") == [(2,)]


def test_a_holder_that_slept_cannot_publish(pg: Project) -> None:
    """Its statement goes on until somebody else has the lease."""
    pg.built({"m": "{{ config(materialized='table') }} select 1 as id"})
    run: list[Run] = []
    slow = "{{ config(materialized='table') }} select 2 as id from (select pg_sleep(2)) as s"
    thread = threading.Thread(target=lambda: run.append(pg.build({"m": slow})))
    thread.start()
    end = time.monotonic() + 10
    while pg.rows(f"select count(*) from {LEASES} where holder <> ''") == [(0,)]:
        assert time.monotonic() < end
        time.sleep(0.02)
    pg.warehouse.execute(f"update {LEASES} set holder = 'quick', told = 'quick:1', epoch = epoch + 1")
    thread.join()
    assert [(d.code.value, "quick:1" in d.message) for d in run[0].diagnostics] == [("SF0711", True)]
    assert pg.rows("select id from m") == [(1,)]
    assert publications(pg) == {"m": 1}


def test_a_lease_is_renewed_while_a_statement_runs(pg: Project) -> None:
    pg.settings["lease-time"] = 0.6
    slow = "{{ config(materialized='table') }} select 1 as id from (select pg_sleep(2)) as s"
    pg.write({"m": slow})
    first, second = pg.load(), pg.load()
    runs = at_once(lambda: Run(list(first.build())), lambda: Run(list(second.build())))
    assert sorted(run.statuses["m"] for run in runs) == ["success", "success"], [
        run.diagnostics for run in runs
    ]
    # What reads a clock is built by each run, one after the other.
    assert publications(pg) == {"m": 2}


def test_a_failed_build_gives_its_lease_back(pg: Project) -> None:
    run = pg.build(
        {"m": "{{ config(materialized='table') }} select 1 / (id - 1) as id from (select 1 as id) q"}
    )
    assert not run.finished.ok
    assert pg.rows(f"select count(*) from {LEASES} where holder <> ''") == [(0,)]


BY_TIME = "materialized='incremental', incremental_strategy='time_range', event_time='at', begin='2020-01-01'"


def test_batches_are_built_once_and_never_taken_back(pg: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the lease builds the next batch that is still due; rows that were there stay in sight."""
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: datetime(2020, 1, 9, tzinfo=UTC))
    days = "select cast(date '2020-01-01' + i as timestamp) as at from generate_series(0, 7) as t(i)"
    pg.built({"days": f"{{{{ config(materialized='table') }}}} {days}"})
    pg.write({"m": f"{{{{ config({BY_TIME}) }}}} select at from days"})
    loaded = [pg.load() for _ in range(4)]
    counts: list[int] = []
    ended = threading.Event()

    def look() -> None:
        with closing(pg.warehouse.connect()) as connection:
            while not ended.is_set():
                if connection.execute("select to_regclass('m')").fetchone()[0] is not None:
                    counts.append(connection.execute("select count(*) from m").fetchone()[0])

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        runs = at_once(*(lambda one=one: Run(list(one.build())) for one in loaded))
        ended.set()
        looking.result()
    for run in runs:
        run.check()
    assert pg.rows("select count(*), count(distinct at) from m") == [(8, 8)]
    assert publications(pg) == {"days": 1, "m": 8}
    assert counts == sorted(counts)
