"""One log, whatever database holds it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.state.event import KeptEvent
from sqlflow.store.failures import StoreError
from sqlflow.store.log import EventLog
from sqlflow.store.open import Home, open_log, open_to_read
from sqlflow.store.place import Place
from tests.state.events import KEPT
from tests.store.stores import FILE, WAREHOUSE, home, server, started, state_file

Store = tuple[Place, Home]


@pytest.fixture(params=["file", "duckdb", "warehouse", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A place without a log, of each kind."""
    match request.param:
        case "file":
            return FILE, home(tmp_path)
        case "duckdb":
            return WAREHOUSE, home(tmp_path)
        case _:
            database: dict[str, Any] = request.getfixturevalue("postgres_database")
            if request.param == "server":
                return server(database), home(tmp_path)
            return WAREHOUSE, home(tmp_path, database)


@pytest.fixture
def log(store: Store) -> Iterator[EventLog]:
    opened = open_log(*store)
    yield opened
    opened.close()


def test_what_is_appended_is_read_in_order(log: EventLog) -> None:
    log.append([started("r1")])
    log.append([started("r2"), started("r3")])
    assert [(found.number, found.event) for found in log.read()] == [
        (1, started("r1")),
        (2, started("r2")),
        (3, started("r3")),
    ]
    assert [found.number for found in log.read(after=1)] == [2, 3]
    assert list(log.read(after=3)) == []
    assert log.count() == 3


def test_nothing_is_there_before_the_first_run(store: Store) -> None:
    assert open_to_read(*store) is None
    log = open_log(*store)
    log.append([])
    log.close()
    reader = open_to_read(*store)
    assert reader is not None
    assert list(reader.events()) == []
    reader.close()


def test_events_outlive_the_connection(store: Store) -> None:
    for run in ("r1", "r2"):
        log = open_log(*store)
        log.append([started(run)])
        log.close()
    reader = open_to_read(*store)
    assert reader is not None
    assert list(reader.events()) == [started("r1"), started("r2")]
    reader.close()


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=st.lists(KEPT, max_size=5))
def test_every_event_can_be_kept(log: EventLog, events: list[KeptEvent]) -> None:
    last = max((found.number for found in log.read()), default=0)
    log.append(events)
    assert [found.event for found in log.read(after=last)] == events


def test_many_events_go_in_at_once_and_are_read_by_pages(log: EventLog) -> None:
    events = [started(f"r{i}") for i in range(5_700)]
    log.take([])
    log.append(events)
    assert list(log.events()) == events


def test_scopes_are_apart(store: Store) -> None:
    place, here = store
    other = Home(
        root=here.root,
        project="other",
        target=here.target,
        database=None,
        adapter=here.adapter,
        connect=here.connect,
    )
    mine, theirs = open_log(place, here), open_log(place, other)
    mine.append([started("r1")])
    theirs.append([started("r2")])
    mine.append([started("r3")])
    assert [(found.number, found.event) for found in mine.read()] == [(1, started("r1")), (3, started("r3"))]
    assert list(theirs.events()) == [started("r2")]
    mine.take([], replace=True)
    assert (list(mine.events()), list(theirs.events())) == ([], [started("r2")])
    mine.close()
    theirs.close()


def test_taking_needs_an_empty_log_or_leave_to_replace(log: EventLog) -> None:
    texts = ['{"event":"of a newer version","x":1}']
    log.take(texts)
    with pytest.raises(StoreError) as error:
        log.take(texts)
    assert error.value.diagnostic.code is Code.STATE_NOT_IMPORTED
    log.take(texts * 2, replace=True)
    assert [text for _, text in log.texts()] == texts * 2
    # What a newer version has written is kept, and is no event to this one.
    assert [found.event for found in log.read()] == [None, None]
    assert list(log.events()) == []


def test_an_append_that_fails_leaves_nothing(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([started("r1")])
    with monkeypatch.context() as patch:
        patch.setattr(log.database, "commit", _fail)
        with pytest.raises(StoreError) as error:
            log.append([started("r2")])
    assert error.value.diagnostic.code in (Code.STATE_UNREACHABLE, Code.STATE_DAMAGED)
    log.append([started("r3")])
    assert [(found.number, found.event) for found in log.read()] == [(1, started("r1")), (2, started("r3"))]


def _fail() -> None:
    raise sqlite3.OperationalError("no luck")


def test_threads_append_at_once(store: Store) -> None:
    logs = [open_log(*store) for _ in range(4)]
    failed: list[BaseException] = []

    def append(i: int, log: EventLog) -> None:
        try:
            for n in range(10):
                log.append([started(f"{i}-{n}")])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=append, args=pair) for pair in enumerate(logs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    found = list(logs[0].read())
    assert [one.number for one in found] == list(range(1, 41))
    for i in range(4):
        runs = [one.event.run for one in found if one.event and str(one.event.run).startswith(f"{i}-")]  # type: ignore[union-attr]
        assert runs == [f"{i}-{n}" for n in range(10)]
    for log in logs:
        log.close()


def test_logs_are_opened_at_once_for_the_first_time(store: Store) -> None:
    logs: list[EventLog] = []
    failed: list[BaseException] = []
    barrier = threading.Barrier(4)

    def open_one() -> None:
        barrier.wait()
        try:
            logs.append(open_log(*store))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for i, log in enumerate(logs):
        log.append([started(f"r{i}")])
    assert logs[0].count() == 4
    for log in logs:
        log.close()


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    log = open_log(FILE, home(tmp_path))
    log.append([started("r1")])
    log.close()
    before = state_file(tmp_path).read_bytes()
    reader = open_to_read(FILE, home(tmp_path))
    assert reader is not None and reader.count() == 1
    with pytest.raises(StoreError):
        reader.append([started("r2")])
    reader.close()
    assert state_file(tmp_path).read_bytes() == before
    assert [path.name for path in (tmp_path / ".sqlflow").iterdir()] == ["state.db"]
