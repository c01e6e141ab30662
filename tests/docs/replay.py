"""Runs the console blocks of the documentation, and compares what they print with what the pages say.

`python -m tests.docs.replay` writes what is printed now into the pages; the test only compares.

A block is fenced as `console`: a line that begins with `$ ` is a command, what follows is its output. All
blocks of a page run in one folder that begins as a copy of the example project (for a page whose first
line says `<!-- empty folder -->`, as an empty one). A line of three dots stands for any number of lines;
durations, run ids and digests are not compared.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VOLATILE = (
    (re.compile(r"\b\d+(\.\d+)? s\b"), "N s"),
    (re.compile(r'"seconds":[\d.e-]+'), '"seconds":N'),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00"), "TIME"),
    # The moment that an age counts from.
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?=\| \d+ (?:days?|h|min|s)\b)"), "TIME "),
    # When something was changed, and when it expires.
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?= +\|)"), "TIME"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "RUN"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r'"origin":"[0-9a-f]{16}"'), '"origin":"DIGEST"'),
    (re.compile(r"\d{8}T\d{6,12}Z"), "STAMP"),
    (re.compile(r"__[0-9a-f]{12}(?![0-9a-z])"), "__VERSION"),
    (re.compile(r"(__sqlflow_[a-z]+_)[0-9a-f]{8}"), r"\1RUN"),
    (re.compile(r" +$", re.MULTILINE), ""),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a page, and the output that the page shows for it."""

    command: str
    shown: str


def pages() -> list[Path]:
    """Gives the pages that have console blocks."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if _BLOCK.search(page.read_text())]


def steps(block: str) -> list[Step]:
    """Splits a block into its commands."""
    out: list[Step] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            out.append(Step(line[2:].rstrip("\n"), ""))
        elif out:
            out[-1] = Step(out[-1].command, out[-1].shown + line)
    return out


def run(command: str, folder: Path) -> str:
    """Gives what a command prints, errors included."""
    environment = dict(os.environ, COLUMNS="100", PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        environment.pop(name, None)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=240,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace").replace(str(folder), "/home/you/flights")


def prepare(page: Path, folder: Path) -> None:
    """Puts into the folder what a page begins with."""
    if not page.read_text().startswith("<!-- empty folder -->"):
        shutil.copytree(
            ROOT / "example_project",
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("target", ".sqlflow", "*.duckdb", "*.wal"),
        )


def same(shown: str, printed: str) -> bool:
    """Whether what a page shows is what was printed, volatile parts and left out lines apart."""
    for pattern, text in _VOLATILE:
        shown, printed = pattern.sub(text, shown), pattern.sub(text, printed)
    parts = re.split(r"^\.\.\.$\n?", shown, flags=re.MULTILINE)
    expression = r"(?:.*\n)*?".join(re.escape(part) for part in parts)
    return re.fullmatch(expression, printed) is not None


def _abridge(shown: str, printed: str) -> str:
    """Keeps a page's choice of what to leave out, where that still fits; else shows everything."""
    return shown if same(shown, printed) and "..." in shown.splitlines() else printed


def update(page: Path) -> None:
    """Writes what the commands of a page print now into it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(page, folder)

        def replay(match: re.Match[str]) -> str:
            lines = ["```console\n"]
            for step in steps(match.group(1)):
                printed = run(step.command, folder)
                lines += [f"$ {step.command}\n", _abridge(step.shown, printed)]
            return "".join(lines) + "```"

        page.write_text(_BLOCK.sub(replay, page.read_text()))


if __name__ == "__main__":
    chosen = [Path(name).resolve() for name in sys.argv[1:]]
    for page in pages():
        if not chosen or page in chosen:
            update(page)
            print(page.relative_to(ROOT))
