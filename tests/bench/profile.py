"""What each stage costs: `python -m tests.bench.profile --models 100 1000`.

Each size is generated anew, compiled in one fresh process and built, twice, in another. CPU seconds are those
of the whole process, all threads together; the peak is the most memory that it has held up to the stage's
end. Statements are counted from the events of the build.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from tests.bench.generate import generate, write

_ROOT = Path(__file__).resolve().parents[2]
# What the stages import when they are first used: counted apart, since its cost doesn't grow.
_IMPORTS = ("sqlflow.api", "sqlflow.apply.executor", "sqlglot", "jinja2", "yaml", "duckdb", "pyarrow")


class Row(NamedTuple):
    """A line of the table; `wall` and `statements` are of builds alone, the latter per model built."""

    stage: str
    cpu: float
    peak: float
    wall: float | None = None
    statements: float | None = None


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> float:
    """The peak so far in MiB; Linux counts in KiB, macOS in bytes."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _import_all() -> list[Row]:
    before = _cpu()
    for name in _IMPORTS:
        __import__(name)
    return [Row("import", _cpu() - before, _peak())]


def measure_compile(folder: str) -> list[Row]:
    """Compiles a project in this process and gives a row for each stage."""
    rows = _import_all()
    import sqlflow

    last = [_cpu()]

    def ended(stage: str) -> None:
        rows.append(Row(stage, _cpu() - last[0], _peak()))
        last[0] = _cpu()

    first = last[0]
    project = sqlflow.load(folder, on_stage=ended)
    if not project.ok:
        sys.exit("\n".join(f"{found.code}: {found.message} {found.span}" for found in project.diagnostics))
    rows.append(Row("all stages", _cpu() - first, _peak()))
    before = _cpu()
    project.plan()
    rows.append(Row("plan", _cpu() - before, _peak()))
    return rows


def measure_build(folder: str) -> list[Row]:
    """Builds a project in this process: from nothing, again over what is there, and when nothing changed."""
    _import_all()
    import sqlflow

    rows: list[Row] = []
    for stage, force in (("build", False), ("build again", True), ("nothing to do", False)):
        project = sqlflow.load(folder)
        built = statements = 0
        cpu, wall = _cpu(), time.perf_counter()
        for event in project.build(force=force):
            match event:
                case sqlflow.StatementSent():
                    statements += 1
                case sqlflow.NodeFinished(kind="model"):
                    built += event.materialized != "ephemeral"
                case sqlflow.RunFinished() if not event.ok:
                    sys.exit(f"{stage}: {len(event.not_done)} nodes did not end well: {event.not_done[:5]}")
                case _:
                    pass
        rows.append(Row(stage, _cpu() - cpu, _peak(), time.perf_counter() - wall, statements / max(built, 1)))
    return rows


MEASURES = {"compile": measure_compile, "build": measure_build}


def measured(what: str, folder: Path) -> list[Row]:
    """Takes a measure in a fresh process."""
    paths = [str(_ROOT), str(_ROOT / "adapters"), os.environ.get("PYTHONPATH", "")]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.profile", "--measure", what, str(folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise SystemExit(ran.returncode)
    return [Row(*row) for row in json.loads(ran.stdout)]


@contextlib.contextmanager
def _warehouse(dialect: str) -> Generator[None]:
    """Starts a PostgreSQL server where the project needs one, and names it in the environment."""
    if dialect != "postgres":
        yield
        return
    from tests.servers import postgres_server

    with postgres_server() as server, server.database() as settings:
        os.environ |= {
            "PGHOST": settings["host"],
            "PGPORT": str(settings["port"]),
            "PGUSER": settings["user"],
            "PGDATABASE": settings["dbname"],
        }
        yield


def table(models: int, rows: list[Row]) -> str:
    """Writes the rows of one size as lines of a table."""
    lines: list[str] = []
    for row in rows:
        each = "" if row.stage == "import" else f"{row.cpu / models * 1000:.2f}"
        wall = "" if row.wall is None else f"{row.wall:.2f}"
        sent = "" if row.statements is None else f"{row.statements:.2f}"
        lines.append(
            f"{models:>6}  {row.stage:<12}{row.cpu:>8.2f}{each:>10}{row.peak:>10.0f}{wall:>9}{sent:>12}"
        )
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profile", description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=("duckdb", "postgres"), default="duckdb")
    parser.add_argument("--no-build", action="store_true", help="compile only")
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        what, folder = arguments.measure
        print(json.dumps(MEASURES[what](folder)))
        return
    print("models  stage          CPU s  ms/model  peak MiB   wall s  stmts/model")
    for models in arguments.models:
        with tempfile.TemporaryDirectory(prefix="sqlflow_bench_") as folder, _warehouse(arguments.dialect):
            write(Path(folder), generate(models, seed=arguments.seed, dialect=arguments.dialect))
            rows = measured("compile", Path(folder))
            if not arguments.no_build:
                rows += measured("build", Path(folder))
            print(table(models, rows), flush=True)


if __name__ == "__main__":
    main()
