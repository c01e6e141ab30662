"""The generated projects: the same each time, and green on real engines."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import sqlflow
from tests.bench.generate import generate, write
from tests.bench.profile import measured

MODELS = 30


def model_files(files: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if re.search(r"^models/.*\.(sql|py)$", path)}


def build(folder: Path) -> tuple[Counter[str], list[str]]:
    """Builds a project; gives how many nodes ended how, and what went wrong."""
    project = sqlflow.load(folder)
    assert project.diagnostics == ()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for event in project.build(force=True):
        if isinstance(event, sqlflow.NodeFinished):
            counts[event.kind] += 1
            if event.status is not sqlflow.Status.SUCCESS:
                wrong.append(f"{event.node}: {event.status} {[found.message for found in event.diagnostics]}")
    return counts, wrong


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, generate(MODELS, seed=7))
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two
    assert generate(MODELS, seed=7) != generate(MODELS, seed=8)


@pytest.mark.parametrize("models", [12, 100, 257])
def test_it_makes_as_many_models_as_asked_for(models: int) -> None:
    paths = list(model_files(generate(models)))
    assert len(paths) == models
    layers = Counter(path.split("/")[1] for path in paths)
    assert layers["staging"] >= 8
    assert layers["intermediate"] >= 1
    assert layers["marts"] >= 2


def test_a_project_has_what_real_ones_have() -> None:
    files = generate(100)
    texts = model_files(files)
    lines = sorted(len(text.splitlines()) for path, text in texts.items() if path.endswith(".sql"))
    assert 20 <= lines[0] <= lines[len(lines) // 2] <= 70
    everything = "\n".join(texts.values())
    for part in (
        "materialized='incremental'",
        "materialized='ephemeral'",
        "is_incremental()",
        "case",
        "over (",
    ):
        assert part in everything
    assert any(path.endswith(".py") for path in texts)
    macros = sum(text.count("{% macro ") for path, text in files.items() if path.startswith("macros/"))
    assert 20 <= macros <= 100
    tests = re.findall(
        r"\bunique\b|\bnot_null\b|accepted_values:|relationships:",
        "\n".join(text for path, text in files.items() if path.endswith("__models.yml")),
    )
    assert 1.2 <= len(tests) / len(texts) <= 2
    assert all("description:" in text for path, text in files.items() if path.endswith("__models.yml"))


def test_too_small_a_project_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 12"):
        generate(11)


def test_a_project_builds_twice_on_duckdb(tmp_path: Path) -> None:
    write(tmp_path, generate(MODELS))
    for _ in range(2):
        counts, wrong = build(tmp_path)
        assert wrong == []
        assert counts["model"] >= MODELS - 2  # ephemeral models are not built
        assert counts["test"] > MODELS


def test_a_project_builds_twice_on_postgres(
    tmp_path: Path, postgres_database: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    for variable, setting in names.items():
        monkeypatch.setenv(variable, str(postgres_database[setting]))
    write(tmp_path, generate(MODELS, dialect="postgres"))
    for _ in range(2):
        counts, wrong = build(tmp_path)
        assert wrong == []
        assert counts["source"] > 0
        assert counts["model"] >= MODELS - 2


def test_the_profile_measures_every_stage(tmp_path: Path) -> None:
    write(tmp_path, generate(12))
    compiled = measured("compile", tmp_path)
    stages = ["import", "read", "project", "render", "parse", "link", "schemas", "bind", "all stages", "plan"]
    assert [row.stage for row in compiled] == stages
    assert all(row.peak > 1 for row in compiled)
    built = measured("build", tmp_path)
    assert [row.stage for row in built] == ["build", "build again", "nothing to do"]
    assert [row.statements is not None and row.statements >= 1 for row in built] == [True, True, False]
