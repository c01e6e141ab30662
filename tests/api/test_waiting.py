"""A DuckDB file lets one process in: the second waits, and says for whom."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import sqlflow
from sqlflow.core.codes import Code
from tests.apply.projects import Project

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held(project: Project) -> Iterator[subprocess.Popen[str]]:
    """Has another process hold the file until it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project.root / "shop.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("call", ["build", "show"])
def test_a_second_process_waits_for_the_first(duck: Project, call: str) -> None:
    duck.built({"a": "select 1 as id"})
    duck.load()
    told: list[str] = []
    with held(duck) as process:
        stdin = process.stdin
        assert stdin is not None

        def let_go(message: str) -> None:
            told.append(message)
            threading.Timer(0.3, lambda: (stdin.write("\n"), stdin.flush())).start()

        project = sqlflow.load(duck.root, on_wait=let_go)
        if call == "build":
            assert list(project.build())[-1]
        else:
            assert project.show("a").rows == ((1,),)
        [message] = told
        assert message.startswith("waiting for the target dev, 300 s at most: ")
        assert f"PID {process.pid}" in message


def test_it_gives_up_in_the_end(duck: Project) -> None:
    duck.built({"a": "select 1 as id"})
    duck.settings["lock-timeout"] = 0.2
    project = duck.load()
    with held(duck) as process, pytest.raises(sqlflow.ProjectError) as error:
        project.build()
    [diagnostic] = error.value.diagnostics
    assert diagnostic.code is Code.NO_CONNECTION
    assert f"PID {process.pid}" in diagnostic.message
