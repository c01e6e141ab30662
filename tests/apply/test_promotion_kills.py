"""Promotions that are killed: prod shows all that it showed before, or all that it was to show."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project

__all__ = ["duck", "pg", "project"]

_MODELS = 24
_KILLS = 8
_LEASE_SECONDS = 1
_KIND = ("table", "view", "incremental")


def files(version: int) -> dict[str, str]:
    """A chain of models that all show the version of a seed."""
    found = {"seeds/s.csv": f"id,v\n1,{version}\n"}
    for i in range(_MODELS):
        kind = _KIND[i % len(_KIND)]
        reads = "s" if i == 0 else f"m{i - 1}"
        found[f"m{i}"] = f"{{{{ config(materialized='{kind}') }}}} select id, v from {reads}"
    return found


def shown(project: Project) -> set[int]:
    """The versions that prod shows."""
    tables = " union all ".join(
        f"select v from {project.warehouse.schema}.{name}"
        for name in ("s", *(f"m{i}" for i in range(_MODELS)))
    )
    return {v for (v,) in project.rows(f"select v from ({tables}) as q")}


@pytest.mark.slow
@pytest.mark.layouts("virtual")
def test_a_promotion_that_is_killed_is_done_or_not_begun(project: Project) -> None:
    project.settings["lease-time"] = _LEASE_SECONDS
    project.built(files(0))
    rng, version, took, ends = random.Random(1), 0, 0.0, set[str]()
    for number in range(_KILLS + 1):
        version += 1
        project.built(files(version), environment="dev")
        began = time.monotonic()
        command = [sys.executable, "-m", "sqlflow", "build", "--project", str(project.root)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if number == 0:
            # This one says how long it takes.
            assert process.wait() == 0
            took = time.monotonic() - began
            assert shown(project) == {version}
            continue
        time.sleep(took * rng.uniform(0.4, 1.0))
        process.kill()
        process.wait()
        found = shown(project)
        assert found in ({version - 1}, {version})
        ends.add("done" if found == {version} else "not begun")
        if project.warehouse.is_postgres:
            # Who was killed has the environment until its lease ends.
            time.sleep(_LEASE_SECONDS + 0.2)
        project.built()
        assert shown(project) == {version}
    assert ends
