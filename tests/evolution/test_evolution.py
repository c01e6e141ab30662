"""Builds over random projects and edits: a sample of what `soundness` and `worth` do in full."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from sqlflow.api import LoadedProject
from tests.evolution.data import first_data
from tests.evolution.edits import EDITS
from tests.evolution.project import Model, Project
from tests.evolution.queries import Item, Select
from tests.evolution.sequences import Start, Step, directed, edited, first, play, replayed, shrunk
from tests.evolution.soundness import judge_builds
from tests.evolution.stand import Ended, Stand
from tests.evolution.worth import SHARES, measure

_ORDERS = Select(items=(Item("id", "x1.id", "int"), Item("a", "x1.a", "int")), table="orders")
_BELOW = Select(items=(Item("c1", "x1.a", "int"),), table="m0")
_MODELS = (
    Model(name="m0", query=_ORDERS, materialized="table"),
    Model(name="m1", query=_BELOW, materialized="table"),
)
START = Start(Project(models=_MODELS), first_data(random.Random(1)))
STEPS = (
    Step("cosmetic", "m0", 1),
    Step("data", "people", 2),
    Step("data", "orders", 4),
    Step("move a file", "m1", 1),
)


def _leaving_out(name: str, after: int) -> object:
    """A build that forgets a model, from the second time on."""
    builds: list[str] = []
    build = Stand.build

    def forgetful(place: Stand, loaded: LoadedProject, select: Sequence[str] = ()) -> Ended:
        builds.append(str(place.root))
        chosen = (f"{'m0' if name == 'm1' else 'm1'}",) if builds.count(str(place.root)) > after else select
        return build(place, loaded, chosen)

    return forgetful


def test_sequences_are_the_same_for_the_same_seed() -> None:
    assert first(3) == first(3)
    assert first(3) != first(4)
    assert play(first(3), directed(3)).steps == play(first(3), directed(3)).steps


def test_a_model_that_is_not_built_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert play(START, replayed(STEPS)).failures == []
    monkeypatch.setattr(Stand, "build", _leaving_out("m1", after=1))
    [failure] = play(START, replayed(STEPS)).failures
    assert (failure.kind, failure.model) == ("difference", "m1")
    assert "missing" in failure.text
    # Of all steps, it is the change of data that it takes.
    assert shrunk(START, STEPS, failure, 60.0)[1] == [Step("data", "orders", 4)]


def test_what_is_left_to_do_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are right, and the build does not know it."""
    monkeypatch.setattr(Stand, "build", _leaving_out("m1", after=1))
    [failure] = play(START, replayed([Step("change a type", "m0", 1)])).failures
    assert (failure.kind, failure.model) == ("difference", "m1")


@pytest.mark.parametrize("kind", EDITS)
def test_each_edit_finds_a_place(kind: str) -> None:
    steps = [(first(seed).project, Step(kind, f"m{n}", n)) for seed in range(4) for n in range(12)]
    assert any(edited(project, step) is not None for project, step in steps)


@pytest.mark.slow
def test_builds_are_right() -> None:
    outcome = judge_builds(7, 10, seconds=10.0)
    assert outcome.failures == [], "\n".join(outcome.failures)
    assert outcome.edits.total() > 30
    assert outcome.counts["relations compared"] > 100


@pytest.mark.slow
def test_what_is_left_equal_is_measured() -> None:
    worth = measure(3, 16)
    assert worth.wrong == []
    assert worth.edits.total() == 16
    assert worth.edits.keys() <= SHARES.keys()
    assert 0 < worth.left.total() <= worth.equal.total()
    # What only looks different is never built.
    assert worth.left["cosmetic"] == worth.equal["cosmetic"]
