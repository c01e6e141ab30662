"""Makes the corpus of TPC-H and TPC-DS queries, schemas and data: `python -m tests.corpus.make`.

The generators come as extensions of an older DuckDB than the one under test, so they run in a virtual
environment of their own, which is removed when they are done. What is made lies in `tests/corpus/out`, is
not committed, and is made once: `--again` makes it anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OUT = Path(__file__).with_name("out")
BENCHMARKS = ("tpch", "tpcds")
SCALE = "0.01"
_PACKAGES = (
    "duckdb==1.5.5", "duckdb-extensions==1.5.5", "duckdb-extension-tpch==1.5.5",
    "duckdb-extension-tpcds==1.5.5",
)  # fmt: skip
_DONE = "done.json"
_STAMP = {"packages": list(_PACKAGES), "scale": SCALE, "form": 1}
_SECONDS = 600

Columns = Sequence[tuple[str, str, bool]]


class NoCorpusError(Exception):
    """The corpus can't be made here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark: its tables, as name to (name, type, not null) of each column, and its query texts."""

    name: str
    folder: Path
    tables: Mapping[str, tuple[tuple[str, str, bool], ...]]
    queries: Mapping[str, str]


def make(out: Path = OUT, *, again: bool = False) -> tuple[Benchmark, ...]:
    """Gives the corpus, made first where it isn't there; raises NoCorpusError where it can't be had."""
    if again or not _is_made(out):
        _make(out)
    return tuple(_read(out / name) for name in BENCHMARKS)


def _is_made(out: Path) -> bool:
    try:
        return json.loads((out / _DONE).read_text(encoding="utf-8")) == _STAMP
    except (OSError, ValueError):
        return False


def _make(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    # Named by the process: two runs at once don't meet, and the last one's result stays.
    environment, extensions = out / f"venv_{os.getpid()}", out / f"extensions_{os.getpid()}"
    scratch = out / f"scratch_{os.getpid()}"
    try:
        _run([sys.executable, "-m", "venv", str(environment)], "a virtual environment")
        python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PACKAGES]
        _run(install, "the packages of the generators")
        for name in BENCHMARKS:
            script = str(Path(__file__).with_name("export.py"))
            _run([str(python), script, name, SCALE, str(scratch / name), str(extensions)], f"{name}'s data")
        (out / _DONE).unlink(missing_ok=True)
        for name in BENCHMARKS:
            shutil.rmtree(out / name, ignore_errors=True)
            (scratch / name).rename(out / name)
        (out / _DONE).write_text(json.dumps(_STAMP), encoding="utf-8")
    finally:
        for folder in (environment, extensions, scratch):
            shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], what: str) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCorpusError(f"{what} can't be had: {error}") from None
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        raise NoCorpusError(f"{what} can't be had: {lines[-1]}")


def _read(folder: Path) -> Benchmark:
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    tables = {
        table: tuple((column["name"], column["type"], bool(column["not_null"])) for column in columns)
        for table, columns in schema.items()
    }
    queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    return Benchmark(name=folder.name, folder=folder, tables=tables, queries=queries)


def main() -> int:
    """Makes the corpus and says what is in it."""
    parser = argparse.ArgumentParser(description="Makes the corpus of TPC-H and TPC-DS queries.")
    parser.add_argument("--again", action="store_true", help="make it anew")
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        corpus = make(again=arguments.again)
    except NoCorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for benchmark in corpus:
        columns = sum(len(columns) for columns in benchmark.tables.values())
        print(f"{benchmark.name}: {len(benchmark.queries)} queries, {len(benchmark.tables)} tables, ", end="")
        print(f"{columns} columns, {benchmark.folder}")
    print(f"{time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
