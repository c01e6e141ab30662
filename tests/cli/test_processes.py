"""The command line as a process: pipes, encodings, signals, crashes, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

SQLFLOW = [sys.executable, "-m", "sqlflow"]
SLOW = "{{ config(materialized='table') }}\nselect sum(hash(r.range)) as s from range(1000000000000) as r\n"


def sqlflow(*args: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SQLFLOW, *args],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def slow_library(library: Path) -> Path:
    """A project with a model that runs for hours, and one that reads it."""
    (library / "models/marts/slow.sql").write_text(SLOW)
    (library / "models/marts/after.sql").write_text("select * from slow\n")
    return library


def test_a_build_in_a_pipe_has_lines_on_stderr_and_nothing_on_stdout(library: Path) -> None:
    done = sqlflow("build", "--project", str(library))
    assert (done.returncode, done.stdout) == (0, "")
    assert "\x1b" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("done: ")


def test_all_that_json_writes_is_json_lines(library: Path) -> None:
    done = sqlflow("build", "--project", str(library), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert records(done.stdout)[-1]["event"] == "run_finished"
    assert done.stdout.isascii()


def test_wrong_data_ends_with_1_and_wrong_usage_with_2(library: Path) -> None:
    (library / "models/marts/wrong.sql").write_text("select * from nowhere\n")
    assert sqlflow("build", cwd=library).returncode == 1
    assert sqlflow("build", "--nonsense", cwd=library).returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1:strict", "utf-8"])
def test_no_encoding_of_the_output_is_too_small(library: Path, encoding: str) -> None:
    name = "prüfung_東京"
    (library / f"models/marts/{name}.sql").write_text("select 'Größe 東京 🚀' as größe\n", encoding="utf-8")
    (library / "models/marts/wrong.sql").write_text(
        "select 'Größe 東京' as a, * from nirgendwö\n", encoding="utf-8"
    )
    wrong = sqlflow("ls", cwd=library, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert wrong.returncode == 1
    assert "error[SF0203]" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    (library / "models/marts/wrong.sql").unlink()
    for args in (("ls",), ("show", name), ("build", "-s", name), ("compile", "-s", name)):
        done = subprocess.run(
            [*SQLFLOW, *args],
            cwd=library,
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        if args[0] != "show":
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("args", [("explain", "--json"), ("ls", "--json"), ("build", "--json")])
def test_a_reader_that_goes_away_is_no_traceback(library: Path, args: tuple[str, ...]) -> None:
    process = subprocess.Popen([*SQLFLOW, *args], cwd=library, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read().decode()
    assert told == ""
    assert process.wait(timeout=60) == 141


def test_a_run_whose_reader_goes_away_is_stopped(slow_library: Path) -> None:
    process = subprocess.Popen(
        [*SQLFLOW, "build", "--json"], cwd=slow_library, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    wait_for_slow(process)
    process.stdout.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 141
    # The database is not left locked or half written.
    assert sqlflow("show", "book_loans", cwd=slow_library).returncode == 0


def wait_for_slow(process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """Reads lines up to the one that says that the slow model has begun."""
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    timer = threading.Timer(60, process.kill)
    timer.start()
    for line in process.stdout:
        found.append(json.loads(line))
        if found[-1]["event"] == "node_started" and found[-1]["name"] == "slow":
            break
    timer.cancel()
    return found


def test_an_interrupt_cancels_tells_and_ends_with_130(slow_library: Path) -> None:
    process = subprocess.Popen(
        [*SQLFLOW, "build", "-s", "slow+", "--json"],
        cwd=slow_library,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    found = wait_for_slow(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    found += records(out.decode())
    assert process.returncode == 130
    assert err == b""
    ended = {record["name"]: record["status"] for record in found if record["event"] == "node_finished"}
    assert ended == {"slow": "cancelled", "after": "skipped"}
    assert found[-1]["event"] == "run_finished"
    assert found[-1]["interrupted"] is True
    assert found[-1]["ok"] is False


def test_an_interrupt_is_told_to_people_too(slow_library: Path) -> None:
    process = subprocess.Popen(
        [*SQLFLOW, "build", "--force"], cwd=slow_library, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    lines: list[str] = []
    for raw in process.stderr:
        lines.append(raw.decode())
        # All but the slow model and what reads it.
        if lines[-1].startswith("25/27"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    account = err.decode()
    assert "cancelled 1 node\n  slow\n" in account
    assert "skipped 1 node\n  after" in account
    assert account.splitlines()[-1].startswith("interrupted: 1 cancelled, 1 skipped, 25 ok in ")


# Makes loading fail in a way that nobody foresaw, in a process of its own.
BROKEN = """
import sqlflow.api
def load(*args, **settings):
    raise {error}
sqlflow.api.load = load
from sqlflow.cli.main import main
main()
"""


def broken(error: str, *args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BROKEN.format(error=error), *args],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_fault_of_sqlflow_is_a_message_and_a_log(library: Path) -> None:
    done = broken("KeyError('hunter2')", "ls", cwd=library)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error[SF0799]: sqlflow itself failed: KeyError\n")
    assert f"the traceback is in {Path('target/crash.log')}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    log = (library / "target/crash.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert "KeyError: 'hunter2'" in log


def test_a_fault_without_a_project_is_logged_elsewhere(tmp_path: Path) -> None:
    done = broken("KeyError('x')", "ls", "--json", cwd=tmp_path, TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == ""
    (record,) = records(done.stdout)
    assert record["code"] == "SF0799"
    path = Path(record["notes"][0].removeprefix("the traceback is in "))
    assert path.parent == tmp_path
    assert "KeyError: 'x'" in path.read_text()


def test_a_fault_of_a_run_in_json_ends_with_a_summary(library: Path) -> None:
    found = records(broken("KeyError('x')", "build", "--json", cwd=library).stdout)
    assert [record["event"] for record in found] == ["diagnostic", "run_finished"]


def test_a_file_that_can_not_be_used_is_named(library: Path) -> None:
    done = broken("PermissionError(13, 'Permission denied', 'target/x.sql')", "ls", cwd=library)
    assert "PermissionError (Permission denied: target/x.sql)" in done.stderr


def test_an_interrupt_before_the_run_ends_with_130(library: Path) -> None:
    done = broken("KeyboardInterrupt", "build", "--json", cwd=library)
    assert done.returncode == 130
    assert done.stderr == "interrupted\n"
    (record,) = records(done.stdout)
    assert (record["event"], record["interrupted"]) == ("run_finished", True)
