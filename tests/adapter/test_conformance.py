from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sqlflow.adapter.conformance import CHECKS, Check, Harness
from sqlflow.adapter.registry import find_adapter
from tests.safety.injected import AUTOCOMMIT

TOY = Path(__file__).parent / "toy"


def install_toy(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the toy's package where an installed one is found: beside the metadata of its distribution."""
    project = tomllib.loads((TOY / "pyproject.toml").read_text())["project"]
    metadata = site / "sqlflow_toy-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines: list[str] = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()


@pytest.fixture(params=["duckdb", "duckdb in memory", "postgres", "toy", "without transactions"])
def harness(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    settings: dict[str, Any] = {}
    more: dict[str, Any] = {}
    match request.param:
        case "duckdb" | "without transactions":
            settings = {"path": "check.duckdb", "read_only": False}
        case "duckdb in memory":
            settings = {"path": ":memory:", "read_only": False}
        case "postgres":
            settings = request.getfixturevalue("postgres_database")
        case _:
            install_toy(tmp_path / "site", monkeypatch)
            settings = {"file": "check.sqlite"}
            more = {"data_error": "SELECT json('no json') AS a"}
    without = request.param == "without transactions"
    adapter = AUTOCOMMIT if without else find_adapter(str(request.param).split()[0])
    assert adapter is not None
    return Harness(adapter=adapter, settings=settings, root=str(tmp_path), **more)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conformance(check: Check, harness: Harness) -> None:
    check(harness)
