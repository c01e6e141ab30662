"""Builds that are disturbed: a sample of what `faults` and `kills` do in full."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.safety.faults import cases
from tests.safety.kills import LEASE_SECONDS, all_cases
from tests.safety.stage import Stage, as_expected, built
from tests.safety.stages import duckdb_stage, postgres_stage
from tests.servers import PostgresServer


@pytest.fixture(params=["duckdb", "postgres"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A warehouse with the first day's data, and the second day to be built."""
    if request.param == "duckdb":
        yield duckdb_stage(tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with postgres_stage(tmp_path, server, LEASE_SECONDS) as made:
        yield made


@pytest.mark.slow
def test_what_fails_once_is_made_right_by_the_next_build(stage: Stage) -> None:
    # The first calls look around; most of what follows belongs to the actions.
    every, start = (61, 7) if stage.warehouse.is_postgres else (23, 5)
    bad = [(at, fault, wrong) for at, fault, _, wrong in cases(stage, every, start) if wrong]
    assert bad == []


@pytest.mark.slow
def test_what_is_killed_is_made_right_by_the_next_build(stage: Stage) -> None:
    ended = list(all_cases(stage, 16, seed=7))
    assert [(str(case), wrong) for case, _, _, wrong in ended if wrong] == []
    # None of this would mean anything if no build had died, or nobody had looked.
    assert sum(killed for _, killed, _, _ in ended) >= 8
    assert sum(looks for _, _, looks, _ in ended) > 0


@pytest.mark.parametrize("old", [False, True], ids=["gone", "old"])
def test_a_state_that_is_lost_does_no_harm(stage: Stage, tmp_path: Path, old: bool) -> None:
    """Once the file is gone before the second day; once the first day's is put back after the second."""

    def write(day: int) -> None:
        stage.write(day)
        # On a server, too, the state may lie in a file of its own.
        config = stage.root / "sqlflow.yml"
        setting = '"state": "sqlite:///.sqlflow/state.db", "name"'
        config.write_text(config.read_text().replace('"name"', setting))

    state, kept = stage.root / ".sqlflow/state.db", tmp_path / "kept.db"
    stage.reset()
    write(1)
    assert built(stage.root).ok
    shutil.copy(state, kept)
    write(2)
    if old:
        assert as_expected(built(stage.root))
    state.unlink()
    if old:
        shutil.copy(kept, state)
    assert as_expected(built(stage.root))
    assert stage.wrong() == []
