"""Compares the layouts: `python -m tests.bench.layouts --models 1000 [--postgres]`.

A project of so many models, three tables for each view, is built in each layout: from nothing, again as it
is, and again as a whole. What is printed is how many statements each took and how long it was, and how the
second layout stands to the first.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

from tests.apply.engines import duckdb_warehouse, postgres_warehouse
from tests.apply.projects import Project
from tests.bench.promotion import models
from tests.servers import postgres_server

_LAYOUTS = ("direct", "virtual")
_BUILDS = (("from nothing", False), ("with nothing to do", False), ("all of it again", True))


def measure(project: Project, number: int) -> dict[str, tuple[int, float]]:
    """Gives for each build the statements that it sent, and its seconds."""
    project.write(models(number))
    out: dict[str, tuple[int, float]] = {}
    for name, force in _BUILDS:
        began = time.perf_counter()
        run = project.built(force=force)
        out[name] = (len(run.statements), time.perf_counter() - began)
    return out


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description="Compares the layouts.")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--postgres", action="store_true", help="on a server of its own")
    arguments = parser.parse_args()
    found: dict[str, dict[str, tuple[int, float]]] = {}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres_server()) if arguments.postgres else None
        for layout in _LAYOUTS:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if server is not None:
                warehouse = postgres_warehouse(stack.enter_context(server.database()))
            else:
                warehouse = duckdb_warehouse(folder)
            found[layout] = measure(Project(folder, warehouse, layout=layout), arguments.models)
    for name, _ in _BUILDS:
        (few, short), (many, long) = (found[layout][name] for layout in _LAYOUTS)
        print(
            f"{name}: direct {few} statements, {short:.1f} s; virtual {many} statements, {long:.1f} s; "
            f"{long / short:.2f} times as long"
        )


if __name__ == "__main__":
    main()
