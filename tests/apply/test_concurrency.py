"""Several builds at once on a server."""

from __future__ import annotations

import threading

from tests.apply.projects import Project, Run


def test_first_builds_at_once(pg: Project) -> None:
    """All of them find an empty database, and make the schemas, the publish log and the state's tables."""
    files = {f"m{i}": f"{{{{ config(materialized='table') }}}} select {i} as id" for i in range(4)}
    pg.write(files)
    loaded = [pg.load() for _ in files]
    runs: list[Run] = []
    barrier = threading.Barrier(len(loaded))

    def build(number: int) -> None:
        barrier.wait()
        runs.append(Run(list(loaded[number].build([f"m{number}"]))))

    threads = [threading.Thread(target=build, args=[number]) for number in range(len(loaded))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        assert run.finished.ok, [(d.code.value, d.message) for d in run.diagnostics]
    assert {name for name in pg.warehouse.names() if "__sqlflow" in name} == set()
    for i in range(4):
        assert pg.rows(f"select id from m{i}") == [(i,)]
