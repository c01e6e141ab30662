"""Builds that are disturbed: a sample of what `faults` and `kills` do in full."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlflow.api import LoadedProject
from tests.safety import stage as safety
from tests.safety.faults import Ending, cases
from tests.safety.injected import PUBLISH, Fault
from tests.safety.kills import LEASE_SECONDS, all_cases, decisive
from tests.safety.stage import Stage, built
from tests.safety.stages import duckdb_stage, postgres_stage
from tests.safety.subjects import SUBJECTS
from tests.servers import PostgresServer

TRANSACTIONAL = [(name, engine, "direct") for name in SUBJECTS for engine in ("duckdb", "postgres")]
VIRTUAL = [("shop", "duckdb", "virtual"), ("shop", "postgres", "virtual")]
ALL = [*TRANSACTIONAL, ("shop", "autocommit", "direct"), *VIRTUAL]


def _told(stage: tuple[str, str, str]) -> str:
    name, engine, layout = stage
    return f"{name} on {engine}" + ("" if layout == "direct" else f", {layout}")


@pytest.fixture(params=ALL, ids=_told)
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A warehouse with the first day's data, and the second day to be built."""
    # Other tests must not find the adapters that are offered here.
    monkeypatch.setattr(sys, "path", [*sys.path])
    name, engine, layout = request.param
    if engine != "postgres":
        yield duckdb_stage(SUBJECTS[name], tmp_path, engine, layout)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with postgres_stage(SUBJECTS[name], tmp_path, server, LEASE_SECONDS, layout) as made:
        yield made


# How far it is from one call that fails to the next, by project and whether there is a server.
_EVERY = {("shop", False): 23, ("shop", True): 61, ("example", False): 97, ("example", True): 449}
_KILLS = {"shop": 12, "example": 4}
# Where tables are made by version, fewer are looked at.
_FEWER = 6


def _share(stage: Stage) -> int:
    return _FEWER if stage.settings["layout"] == "virtual" else 1


@pytest.mark.slow
def test_what_fails_once_is_made_right_by_the_next_build(stage: Stage) -> None:
    # The first calls look around; most of what follows belongs to the actions.
    every = _EVERY[stage.subject.name, stage.warehouse.is_postgres] * _share(stage)
    bad = [(at, fault, wrong) for at, fault, _, wrong in cases(stage, every, 7) if wrong]
    assert bad == []


@pytest.mark.slow
def test_whether_a_lost_commit_was_done_is_found_out(stage: Stage) -> None:
    """A transaction that is taken for undone would be done twice, one that is taken for done not at all."""
    every, ways = {"shop": 3, "example": 29}[stage.subject.name], (Fault.LOST_BEFORE, Fault.LOST_AFTER)
    every *= _share(stage)
    ended = list(cases(stage, every, 2, decisive(stage), ways))
    assert [(at, fault, wrong) for at, fault, _, wrong in ended if wrong] == []
    # On a server, the state's own connection may be the one that is lost.
    assert {ending for _, _, ending, _ in ended} <= {Ending.AS_IF_NOTHING, Ending.UNRECORDED}


@pytest.mark.slow
@pytest.mark.parametrize("stage", TRANSACTIONAL, ids=_told, indirect=True)
def test_what_can_not_be_logged_is_not_published(stage: Stage) -> None:
    every = {"shop": 2, "example": 9}[stage.subject.name]
    ended = list(cases(stage, every, 1, PUBLISH, [Fault.ERROR]))
    assert [(at, wrong) for at, _, _, wrong in ended if wrong] == []
    assert {ending for _, _, ending, _ in ended} == {Ending.UNDONE}


@pytest.mark.slow
def test_what_is_killed_is_made_right_by_the_next_build(stage: Stage) -> None:
    number = _KILLS[stage.subject.name] // _share(stage)
    ended = list(all_cases(stage, number, seed=7))
    assert [(str(case), outcome.wrong) for case, outcome in ended if outcome.wrong] == []
    # None of this would mean anything if no build had died, or nobody had looked.
    assert sum(outcome.killed for _, outcome in ended) >= number // 2
    assert sum(outcome.looks for _, outcome in ended) > 0


@pytest.mark.parametrize("old", [False, True], ids=["gone", "old"])
def test_a_state_that_is_lost_does_no_harm(stage: Stage, tmp_path: Path, old: bool) -> None:
    """Once the file is gone before the second day; once the first day's is put back after the second."""

    def write(day: int) -> LoadedProject:
        safety.write(stage.subject, stage.root, stage.warehouse, stage.settings, day)
        # On a server, too, the state may lie in a file of its own.
        config = stage.root / "sqlflow.yml"
        setting = '"state": "sqlite:///.sqlflow/state.db", "name"'
        config.write_text(config.read_text().replace('"name"', setting, 1))
        return stage.subject.load(stage.root, day)

    state, kept = stage.root / ".sqlflow/state.db", tmp_path / "kept.db"
    stage.reset()
    assert built(write(1)).ok
    shutil.copy(state, kept)
    loaded = write(2)
    if old:
        assert stage.as_expected(built(loaded))
    state.unlink()
    if old:
        shutil.copy(kept, state)
    assert stage.as_expected(built(loaded))
    assert stage.wrong(loaded) == []
