"""The live view, on a pseudo-terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
fcntl = pytest.importorskip("fcntl", reason="there are no pseudo-terminals here")
termios = pytest.importorskip("termios", reason="there are no pseudo-terminals here")

import struct  # noqa: E402

SQLFLOW = [sys.executable, "-m", "sqlflow"]
CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
SLOW = "{{ config(materialized='table') }}\nselect sum(hash(r.range)) as s from range(1000000000000) as r\n"


class Screen:
    """A process on a terminal of its own; what it writes is kept as it came."""

    def __init__(self, args: list[str], cwd: Path, columns: int = 80, **env: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [*SQLFLOW, *args],
            cwd=cwd,
            env={**inherited, "TERM": "xterm-256color", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.raw = ""

    def read(self, until: Callable[[str], bool] = lambda _: False, seconds: float = 60) -> str:
        """Reads to the end, or up to where `until` says so of all that came; gives it without codes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until(self.raw):
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # the other side is closed
                break
            if not chunk:
                break
            self.raw += chunk.decode("utf-8", "replace")
        # The live line is drawn over; each of its states is a line here.
        return CODES.sub("", self.raw.replace("\r\x1b[2K", "\n")).replace("\r", "")

    def end(self) -> int:
        code = self.process.wait(timeout=60)
        os.close(self._master)
        return code


def test_finished_nodes_scroll_and_the_account_follows(library: Path) -> None:
    screen = Screen(["build", "--force"], library)
    text = screen.read()
    assert screen.end() == 0
    lines = text.splitlines()
    assert "build on target dev: 25 steps, 4 threads" in lines
    assert sum(line.lstrip().startswith("ok ") for line in lines) >= 25
    assert lines[-1].startswith("done: 25 ok in ")
    assert "\x1b[32mok" in screen.raw
    assert "\x1b[?25l" in screen.raw  # the cursor is hidden while the line lives,
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")  # and shown again


def test_the_line_names_what_runs_and_an_interrupt_ends_it_well(library: Path) -> None:
    (library / "models/marts/slow.sql").write_text(SLOW)
    screen = Screen(["build", "-s", "slow"], library)
    screen.read(lambda raw: re.search(r"0/1\S*\s+0:0\d.*running slow", CODES.sub("", raw)) is not None)
    screen.read(lambda raw: "0:01" in raw)  # it ticks while nothing happens
    screen.process.send_signal(signal.SIGINT)
    text = screen.read()
    assert screen.end() == 130
    assert "running slow" in text
    assert "0:01" in text
    assert "cancelled 1 node\n  slow\n" in text
    assert text.splitlines()[-1].startswith("interrupted: 1 cancelled in ")
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")


def test_the_hooks_of_a_run_scroll_and_a_second_interrupt_ends_them(library: Path) -> None:
    slow = "select sum(hash(r.range)) as s from range(1000000000000) as r"
    (library / "models/marts/slow.sql").write_text(SLOW)
    with (library / "sqlflow.yml").open("a") as settings:
        settings.write(f"on-run-start: select 1\non-run-end: {slow}\n")
    screen = Screen(["build", "-s", "slow"], library)
    screen.read(lambda raw: "running slow" in raw)
    screen.process.send_signal(signal.SIGINT)
    screen.read(lambda raw: "cancelled " in raw)
    # The end of the run goes on, though the run was stopped.
    time.sleep(1)
    assert screen.process.poll() is None
    screen.process.send_signal(signal.SIGINT)
    text = screen.read()
    assert screen.end() == 130
    assert "ok         on-run-start  1 statement, 0.0" in text


@pytest.mark.parametrize("columns", [30, 200])
def test_the_line_fits_the_terminal(library: Path, columns: int) -> None:
    (library / "models/marts/slow_model_with_a_name_that_is_rather_long.sql").write_text(SLOW)
    screen = Screen(["build", "-s", "slow_model*"], library, columns=columns)
    text = screen.read(lambda raw: "running" in raw)
    screen.process.send_signal(signal.SIGINT)
    screen.read()
    assert screen.end() == 130
    live = next(line for line in text.splitlines() if "running" in line)
    assert len(live) <= columns


def test_colours_of_mistakes_are_on_a_terminal_only_where_they_are_wanted(library: Path) -> None:
    (library / "models/marts/wrong.sql").write_text("select '[bold]x[/bold]' as a from nowhere\n")
    coloured = Screen(["ls"], library)
    coloured.read()
    assert coloured.end() == 1
    assert "\x1b[1;31merror[SF0203]" in coloured.raw
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        bare = Screen(["ls"], library, **{name: value})
        bare.read()
        assert bare.end() == 1
        assert "\x1b" not in bare.raw
        assert "select '[bold]x[/bold]' as a from nowhere" in bare.raw


def test_no_colour_and_the_live_line_go_together(library: Path) -> None:
    screen = Screen(["build", "-s", "stg_books"], library, NO_COLOR="1")
    text = screen.read()
    assert screen.end() == 0
    assert text.splitlines()[-1].startswith("done: ")
    assert re.search(r"\x1b\[[0-9;]*m", screen.raw) is None


@pytest.mark.parametrize("form", ["plain", "json"])
def test_other_forms_are_not_live_on_a_terminal_either(library: Path, form: str) -> None:
    screen = Screen(["build", "-s", "stg_books", "--output", form], library)
    screen.read()
    assert screen.end() == 0
    assert "\x1b" not in screen.raw


def test_a_table_fits_the_terminal(library: Path) -> None:
    screen = Screen(["show", "book_loans"], library, columns=50)
    text = screen.read()
    assert screen.end() == 0
    assert max(len(line) for line in text.splitlines()) <= 50
    assert "..." in text


def test_what_a_python_model_prints_does_not_tear_the_line(library: Path) -> None:
    (library / "models/marts/talks.py").write_text(
        "import pyarrow\n\n\n"
        "def talks(stg_books: pyarrow.Table) -> pyarrow.Table:\n"
        "    print('a word from the model')\n"
        "    return stg_books\n"
    )
    screen = Screen(["build", "-s", "talks"], library)
    text = screen.read()
    assert screen.end() == 0
    assert "a word from the model" in [line.strip() for line in text.splitlines()]
