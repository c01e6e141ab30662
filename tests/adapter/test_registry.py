from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from sqlflow.adapter.registry import BrokenAdapterError, adapter_names, find_adapter


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that offers a good adapter and some broken ones."""
    metadata = tmp_path / "others-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[sqlflow.adapters]\n"
        "gone = sqlflow_no_such_module:ADAPTER\n"
        "crashing = sqlflow_test_crashing:ADAPTER\n"
        "hollow = sqlflow_test_hollow:ADAPTER\n"
    )
    (tmp_path / "sqlflow_test_crashing.py").write_text("raise RuntimeError('no luck')\n")
    (tmp_path / "sqlflow_test_hollow.py").write_text("ADAPTER = object()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


def test_the_adapters_that_come_along_are_found() -> None:
    for name in ("duckdb", "postgres"):
        adapter = find_adapter(name)
        assert adapter is not None
        assert (adapter.name, adapter.spec.name) == (name, name)


def test_an_unknown_name_is_none() -> None:
    assert find_adapter("oracle of delphi") is None


def test_names_are_listed_without_an_import(distribution: Path) -> None:
    assert {"duckdb", "postgres", "gone", "crashing", "hollow"} <= set(adapter_names())


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gone", "sqlflow_no_such_module"), ("crashing", "no luck"), ("hollow", "it has no name, spec")],
)
def test_a_broken_adapter_says_why_and_leaves_others_alone(
    distribution: Path, name: str, reason: str
) -> None:
    with pytest.raises(BrokenAdapterError, match=reason):
        find_adapter(name)
    assert find_adapter("duckdb") is not None


def test_an_adapter_that_is_installed_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "late" not in adapter_names()
    metadata = tmp_path / "late-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[sqlflow.adapters]\nlate = sqlflow_duckdb:ADAPTER\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert find_adapter("late") is find_adapter("duckdb")
