"""Processes that write to one file at once, or are killed while they do."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sqlflow.state.event import RunStarted
from sqlflow.store.failures import StoreError
from sqlflow.store.open import open_log, open_to_read
from tests.store.stores import FILE, home, started, state_file

WRITER = """
import sys
from pathlib import Path
from sqlflow.store.open import open_log
from tests.store.stores import FILE, home, started

root, name, count, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
log = open_log(FILE, home(root))
for i in range(count):
    log.append([started(f"{name}-{i}-{part}") for part in range(size)])
    print(i, flush=True)
"""


def writer(root: Path, name: str, count: int, size: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(root), name, str(count), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def runs(root: Path) -> list[str]:
    log = open_log(FILE, home(root))
    try:
        found = list(log.read())
        assert [one.number for one in found] == list(range(1, len(found) + 1))
        return [one.event.run for one in found if isinstance(one.event, RunStarted)]
    finally:
        log.close()


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    writers = [writer(tmp_path, name, 150, 1) for name in "ab"]
    for one in writers:
        one.communicate(timeout=120)
        assert one.returncode == 0
    found = runs(tmp_path)
    assert len(found) == 300
    for name in "ab":
        assert [run for run in found if run.startswith(name)] == [f"{name}-{i}-0" for i in range(150)]


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_process_leaves_no_torn_event(tmp_path: Path, seed: int) -> None:
    choice = random.Random(seed)
    told = 0
    for life in range(3):
        one = writer(tmp_path, f"w{life}", 100_000, 40)
        assert one.stdout is not None
        one.stdout.readline()
        time.sleep(choice.uniform(0, 0.15))
        one.send_signal(signal.SIGKILL)
        written = 1 + len(one.stdout.read().split("\n")[:-1])
        one.wait()
        told += written
    found = runs(tmp_path)
    # An append is there as a whole or not at all; one that was told of is there.
    assert len(found) % 40 == 0
    assert told <= len(found) // 40 <= told + 3
    # A journal that was begun stays until somebody writes.
    log = open_log(FILE, home(tmp_path))
    log.append([started("r1")])
    log.close()
    assert [path.name for path in state_file(tmp_path).parent.iterdir()] == ["state.db"]


# Ends in the middle of a transaction that has reached the file: SQLite spills what a small cache can't hold.
KILLED = """
import os, sys
from pathlib import Path
from sqlflow.store.open import open_log
from tests.store.stores import FILE, home

database = open_log(FILE, home(Path(sys.argv[1]))).database
database.execute("PRAGMA cache_size = 1")
database.begin()
for number in range(100, 1100):
    database.execute("INSERT INTO events VALUES ($1, 'nobody', $2)", [number, "x" * 1000])
os.kill(os.getpid(), 9)
"""


def test_what_only_reads_can_do_so_after_a_process_was_killed(tmp_path: Path) -> None:
    log = open_log(FILE, home(tmp_path))
    log.append([started("r1")])
    log.close()
    size = state_file(tmp_path).stat().st_size
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2]).returncode == -signal.SIGKILL
    # The file has a half transaction in it, and the journal what was there before.
    assert state_file(tmp_path).stat().st_size > size
    read = open_to_read(FILE, home(tmp_path))
    assert read is not None
    assert [one.number for one in read.read()] == [1]
    with pytest.raises(StoreError, match="readonly"):
        read.append([started("r2")])
    read.close()
