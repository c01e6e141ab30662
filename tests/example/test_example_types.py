"""The example project is known before it runs: every column has a type, and no warehouse is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import sqlflow
from sqlflow.core.ids import NodeKind
from tests.cli.conftest import invoke
from tests.sources import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that was never built."""
    ignored = shutil.ignore_patterns("target", "*.duckdb", "*.duckdb.wal")
    return Path(shutil.copytree(ROOT / "example_project", tmp_path / "flights", ignore=ignored))


def test_every_column_has_a_name_and_a_type(project: Path) -> None:
    before = set(project.rglob("*"))
    result = invoke("compile", "--project", str(project), "--check", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    *models, finished = map(json.loads, result.stdout.splitlines())
    assert {model["name"] for model in models} == {
        node.name
        for node in sqlflow.load(project).nodes()
        if node.kind in (NodeKind.MODEL, NodeKind.SNAPSHOT)
    }
    assert [model["unknown"] for model in models] == [[]] * len(models)
    assert all(model["columns"] for model in models)
    assert finished["typed"] == finished["columns"] == sum(model["columns"] for model in models)
    assert set(project.rglob("*")) == before


def test_the_sources_and_seeds_are_known_too(project: Path) -> None:
    loaded = sqlflow.load(project)
    assert loaded.diagnostics == ()
    for node, schema in loaded.schemas().items():
        assert schema.columns, node
        assert [
            (node, column.name) for column in schema.columns if not column.name or column.type is None
        ] == []
