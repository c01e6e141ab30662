"""What is damaged is told of, and repaired as far as that can be."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlflow.core.codes import Code
from sqlflow.state.event import KeptEvent
from sqlflow.store.failures import StoreError
from sqlflow.store.open import Home, open_log, open_to_read
from sqlflow.store.place import Place
from sqlflow.store.repair import repair
from tests.store.stores import FILE, WAREHOUSE, home, started, state_file


@pytest.fixture(params=["file", "duckdb", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, Home]:
    if request.param == "file":
        return FILE, home(tmp_path)
    if request.param == "duckdb":
        return WAREHOUSE, home(tmp_path)
    return WAREHOUSE, home(tmp_path, request.getfixturevalue("postgres_database"))


def fill(place: Place, here: Home, events: int = 5) -> None:
    log = open_log(place, here)
    log.append([started(f"r{i}") for i in range(1, events + 1)])
    log.close()


def spoil(place: Place, here: Home, statement: str, *values: str) -> None:
    log = open_log(place, here)
    log.database.execute(statement.format(events=log.names.events, state=log.names.state), values)
    log.close()


def events(place: Place, here: Home) -> list[KeptEvent]:
    log = open_log(place, here)
    try:
        return list(log.events())
    finally:
        log.close()


def test_a_sound_store_is_left_as_it_is(store: tuple[Place, Home]) -> None:
    fill(*store)
    found = repair(*store)
    assert found.was_sound
    assert (found.events, found.removed, found.missing, found.aside, found.damaged) == (5, 0, 0, None, None)
    assert not list(Path(store[1].root).glob(".sqlflow/*.jsonl"))


def test_a_store_that_is_not_there_is_sound(store: tuple[Place, Home]) -> None:
    assert repair(*store).was_sound


def test_an_event_that_can_not_be_read_is_put_aside(store: tuple[Place, Home]) -> None:
    fill(*store)
    text = '{"event":"run_started"}'
    spoil(*store, "UPDATE {events} SET event = $1 WHERE number = 2", text)
    log = open_to_read(*store)
    assert log is not None
    with pytest.raises(StoreError) as error:
        list(log.read())
    log.close()
    damaged = error.value.diagnostic
    assert damaged.code is Code.STATE_DAMAGED
    assert "event 2 can't be read: it has no 'run'" in damaged.message
    assert "sqlflow state repair" in damaged.help

    found = repair(*store)
    assert (found.events, found.removed, found.missing) == (4, 1, 0)
    assert found.aside is not None
    lines = (Path(store[1].root) / found.aside).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"number": 2, "text": text}]
    assert events(*store) == [started("r1"), started("r3"), started("r4"), started("r5")]
    assert repair(*store).was_sound


def test_events_that_are_gone_are_counted(store: tuple[Place, Home]) -> None:
    fill(*store)
    spoil(*store, "DELETE FROM {events} WHERE number IN (2, 5)")
    found = repair(*store)
    assert (found.events, found.removed, found.missing) == (3, 0, 2)
    assert repair(*store).was_sound


def test_numbers_go_on_above_what_is_there(store: tuple[Place, Home]) -> None:
    fill(*store)
    spoil(*store, "UPDATE {state} SET last = 2")
    repair(*store)
    log = open_log(*store)
    log.append([started("r6")])
    assert [found.number for found in log.read()] == [1, 2, 3, 4, 5, 6]
    log.close()


def test_events_of_a_newer_version_are_kept(store: tuple[Place, Home]) -> None:
    log = open_log(*store)
    log.take(['{"event":"teleported"}'])
    log.close()
    assert repair(*store).was_sound
    log = open_log(*store)
    assert log.count() == 1
    log.close()


def overwrite_start(path: Path) -> None:
    path.write_bytes(b"not a database\n" * 100)


def overwrite_end(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + os.urandom(4096))


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5000)


def drop_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE events")
    connection.close()


def empty_state(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM state")
    connection.close()


@pytest.mark.parametrize(
    ("harm", "all_lost"),
    [
        (overwrite_start, True),
        (overwrite_end, False),
        (cut_off, False),
        (drop_table, True),
        (empty_state, False),
    ],
)
def test_a_damaged_file(tmp_path: Path, harm: Callable[[Path], None], all_lost: bool) -> None:
    here = home(tmp_path)
    fill(FILE, here, 400)
    harm(state_file(tmp_path))
    content = state_file(tmp_path).read_bytes()

    # As a build and an export would.
    def build() -> None:
        log = open_log(FILE, here)
        try:
            log.append([started("more")])
            list(log.read())
        finally:
            log.close()

    with pytest.raises(StoreError) as error:
        build()
    assert error.value.diagnostic.code is Code.STATE_DAMAGED
    assert "sqlflow state repair" in error.value.diagnostic.help
    state_file(tmp_path).write_bytes(content)

    found = repair(FILE, here)
    assert not found.was_sound and found.damaged is not None
    assert (tmp_path / found.damaged).read_bytes() == content
    left = events(FILE, here)
    assert len(left) == found.events
    assert (not left) == all_lost
    # What is left is what it was, in order.
    expected = [started(f"r{i}") for i in range(1, 401)]
    assert [event for event in expected if event in left] == left
    if found.missing is not None:
        assert found.events + found.removed + found.missing == 400
    fill(FILE, here, 1)
    assert repair(FILE, here).was_sound


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    state_file(tmp_path).parent.mkdir()
    state_file(tmp_path).touch()
    assert open_to_read(FILE, home(tmp_path)) is None
    fill(FILE, home(tmp_path))
    assert len(events(FILE, home(tmp_path))) == 5


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    state_file(tmp_path).mkdir(parents=True)
    for attempt in (open_log, open_to_read, repair):
        with pytest.raises(StoreError) as error:
            attempt(FILE, home(tmp_path))
        assert error.value.diagnostic.code is Code.STATE_UNREACHABLE


def as_nobody(work: Callable[[], None]) -> str:
    """Does something without the rights of root, for which nothing is read-only; gives what went wrong."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
        except StoreError as error:
            os.write(writer, f"{error.diagnostic.code}: {error.diagnostic.message}".encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as file:
        return file.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that begin as a copy")
def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    tmp_path.chmod(0o555)
    here = home(tmp_path)
    said = as_nobody(lambda: open_log(FILE, here).close())
    assert said == "SF0802: the state in `.sqlflow/state.db` can't be used: Permission denied"
    tmp_path.chmod(0o755)
    fill(FILE, here)
    state_file(tmp_path).chmod(0o444)
    state_file(tmp_path).parent.chmod(0o555)

    def append() -> None:
        log = open_log(FILE, here)
        log.append([started("r6")])

    said = as_nobody(append)
    assert said.startswith(
        "SF0802: the state in `.sqlflow/state.db` can't be used: attempt to write a readonly"
    )

    def read() -> None:
        log = open_to_read(FILE, here)
        assert log is not None and log.count() == 5

    assert as_nobody(read) == ""
