"""A schema is brought forward, with a copy of what was there; a newer one is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlflow.core.codes import Code
from sqlflow.store.database import Database
from sqlflow.store.failures import StoreError
from sqlflow.store.log import MIGRATIONS, LogTables
from sqlflow.store.open import Home, open_log, open_to_read
from sqlflow.store.place import Place
from tests.store.stores import FILE, WAREHOUSE, home, started, state_file


def add_column(database: Database) -> None:
    database.execute(f"ALTER TABLE {LogTables(database).events} ADD COLUMN note VARCHAR(9)")


def break_off(database: Database) -> None:
    add_column(database)
    database.execute("SELECT * FROM nothing_of_that_name")


NEXT = (*MIGRATIONS, add_column)


@pytest.fixture(params=["file", "duckdb", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, Home]:
    """A place with two events of version 1."""
    if request.param == "file":
        place, here = FILE, home(tmp_path)
    elif request.param == "duckdb":
        place, here = WAREHOUSE, home(tmp_path)
    else:
        place, here = WAREHOUSE, home(tmp_path, request.getfixturevalue("postgres_database"))
    log = open_log(place, here)
    log.append([started("r1"), started("r2")])
    log.close()
    return place, here


def test_the_schema_is_brought_forward_after_a_copy(store: tuple[Place, Home]) -> None:
    log = open_log(*store, migrations=NEXT)
    assert log.version() == 2
    assert list(log.events()) == [started("r1"), started("r2")]
    log.append([started("r3")])
    assert log.count() == 3
    assert log.database.fetch(f"SELECT note FROM {log.names.events}") == [(None,)] * 3
    copies = [name for name in log.database.tables() if name.startswith("events_v1_")]
    for name in copies:
        rows = log.database.fetch(f"SELECT * FROM {log.names.events.replace('events', name)} ORDER BY 1")
        assert [row[0] for row in rows] == [1, 2]
    log.close()
    root = Path(store[1].root)
    files = list(root.glob(".sqlflow/state.db.v1-*"))
    assert len(files) + len(copies) == 1
    for file in files:
        with sqlite3.connect(file) as copy:
            assert copy.execute("SELECT number FROM events").fetchall() == [(1,), (2,)]
            assert copy.execute("SELECT version, last FROM state").fetchall() == [(1, 2)]
        copy.close()


def test_it_is_brought_forward_once(store: tuple[Place, Home]) -> None:
    first, second = open_log(*store, migrations=NEXT), open_log(*store, migrations=NEXT)
    assert first.prepare() is None and second.prepare() is None
    first.close()
    second.close()


def test_a_migration_that_fails_changes_nothing(store: tuple[Place, Home]) -> None:
    with pytest.raises(StoreError):
        open_log(*store, migrations=(*MIGRATIONS, break_off))
    log = open_log(*store)
    assert log.version() == 1
    log.append([started("r3")])
    assert log.count() == 3
    log.close()


def test_a_newer_schema_is_left_alone(store: tuple[Place, Home]) -> None:
    open_log(*store, migrations=NEXT).close()
    for attempt in (open_log, open_to_read):
        with pytest.raises(StoreError) as error:
            attempt(*store)
        found = error.value.diagnostic
        assert found.code is Code.STATE_NEWER
        assert "version 2" in found.message and "knows 1" in found.message
        assert "later" in found.help


def test_a_process_of_an_older_version_writes_no_more(store: tuple[Place, Home]) -> None:
    old = open_log(*store)
    new = open_log(*store, migrations=NEXT)
    with pytest.raises(StoreError) as error:
        old.append([started("r3")])
    assert error.value.diagnostic.code is Code.STATE_NEWER
    assert new.count() == 2
    old.close()
    new.close()


def test_a_copy_that_can_not_be_made_stops_the_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_log(FILE, home(tmp_path)).close()

    def no_space(_: object, __: str) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sqlflow.store.sqlite.SqliteFile.back_up", no_space)
    with pytest.raises(StoreError) as error:
        open_log(FILE, home(tmp_path), migrations=NEXT)
    assert "No space left" in error.value.diagnostic.message
    with sqlite3.connect(state_file(tmp_path)) as file:
        assert file.execute("SELECT version FROM state").fetchall() == [(1,)]
    file.close()
