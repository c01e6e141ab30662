"""Measures promotions: `python -m tests.bench.promotion --models 1000 [--postgres]`.

A project of so many models, three tables for each view, is built in prod. One of its seeds is another one in
`dev`, so that all are built there; then prod takes them. What is printed is how many statements that took,
how many of them read rows of models, and how long it was.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import tempfile
import time
from pathlib import Path

import sqlflow
from tests.apply.engines import duckdb_warehouse, postgres_warehouse
from tests.apply.projects import Project, Run, Warehouse
from tests.servers import postgres_server

# What a promotion has no use for: statements that would go through the rows of a model.
_SCANS = re.compile(r"CREATE (OR REPLACE )?TABLE .* AS|INSERT INTO (?!\"_sqlflow\")|count\(", re.DOTALL)


def models(number: int) -> dict[str, str]:
    """Gives a project of chains of four: a view after three tables."""
    files = {"seeds/s.csv": "id,amount\n1,10\n2,20\n"}
    for i in range(number):
        reads = "s" if i % 4 == 0 else f"m{i - 1}"
        kind = "view" if i % 4 == 3 else "table"
        files[f"m{i}"] = (
            f"{{{{ config(materialized='{kind}') }}}} select id, amount + {i} as amount from {reads}"
        )
    return files


def measure(folder: Path, warehouse: Warehouse, number: int) -> None:
    """Builds, promotes, and prints what that took."""
    project = Project(folder, warehouse, layout="virtual")
    project.built(models(number))
    project.built({"seeds/s.csv": "id,amount\n1,10\n2,30\n"}, environment="dev")
    events: list[sqlflow.Event] = []
    began = time.perf_counter()
    events.extend(project.load().build())
    promoted = time.perf_counter() - began
    run = Run(events).check()
    taken = [event for event in events if isinstance(event, sqlflow.NodesTaken)]
    nodes = sum(len(event.nodes) for event in taken)
    scans = sum(bool(_SCANS.search(sql)) for sql in run.statements)
    started = sum(isinstance(event, sqlflow.NodeStarted) for event in events)
    shown = project.rows(f"select * from {warehouse.schema}.m{number - 1} order by id")
    assert shown == project.rows(f"select * from {warehouse.schema}__dev.m{number - 1} order by id")
    seconds = sum(event.seconds for event in taken[:1])
    print(
        f"{warehouse.engine}: {nodes} nodes taken in one transaction; "
        f"{len(run.statements)} statements in all, "
        f"{scans} of which read rows of models; {started} nodes built; {seconds:.1f} s, "
        f"the whole command {promoted:.1f} s"
    )


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description="Measures promotions.")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--postgres", action="store_true", help="on a server of its own")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if arguments.postgres:
            server = stack.enter_context(postgres_server())
            warehouse = postgres_warehouse(stack.enter_context(server.database()))
        else:
            warehouse = duckdb_warehouse(Path(folder))
        measure(Path(folder), warehouse, arguments.models)


if __name__ == "__main__":
    main()
