"""Builds over random projects and edits: a sample of what `soundness` and `worth` do in full."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from sqlflow.api import LoadedProject
from tests.evolution.data import Data, change, first_data
from tests.evolution.edits import EDITS
from tests.evolution.environments import judge_environments
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


def _changed(kind: str, *, a: bool) -> Step:
    """A change of the orders of a kind, in which the values of `a` are others, or the same."""

    def values(data: Data) -> list[str]:
        return sorted(str(row[1]) for row, _ in data.rows["orders"].values())

    for seed in range(200):
        data, made = change(START.data, "orders", seed)
        if made == kind and (values(data) != values(START.data)) == a:
            return Step("data", "orders", seed)
    raise AssertionError(f"no {kind} is made")


UPDATE, TOUCH = _changed("update", a=True), _changed("touch", a=False)
STEPS = (Step("cosmetic", "m0", 1), Step("data", "people", 2), UPDATE, Step("move a file", "m1", 1))


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds of all forget `m1`, from the second one on in each warehouse."""
    build, seen = Stand.build, set[str]()

    def forgets(place: Stand, loaded: LoadedProject, select: Sequence[str] = ()) -> Ended:
        again = str(place.root) in seen
        seen.add(str(place.root))
        return build(place, loaded, ("m0",) if again else select)

    monkeypatch.setattr(Stand, "build", forgets)


def test_sequences_are_the_same_for_the_same_seed() -> None:
    assert first(3) == first(3)
    assert first(3) != first(4)
    assert play(first(3), directed(3)).steps == play(first(3), directed(3)).steps


def test_nothing_is_wrong_with_what_is_right() -> None:
    played = play(START, replayed(STEPS))
    assert played.failures == []
    assert played.edits == {"cosmetic": 1, "move a file": 1}


@pytest.mark.usefixtures("forgetful")
def test_a_model_that_is_not_built_is_caught() -> None:
    [failure] = play(START, replayed(STEPS)).failures
    assert (failure.kind, failure.model) == ("difference", "m1")
    assert "missing" in failure.text
    # Of all steps, it is the change of data that it takes.
    assert shrunk(START, STEPS, failure, 60.0)[1] == [UPDATE]


@pytest.mark.usefixtures("forgetful")
def test_what_is_left_to_do_is_caught() -> None:
    """The rows are right, and the build does not know it."""
    [failure] = play(START, replayed([TOUCH])).failures
    assert (failure.kind, failure.model, failure.text) == ("plan not empty", "m1", "m1: m0 changed")


def test_each_edit_finds_a_place() -> None:
    projects = [first(seed).project for seed in range(4)]
    found = {
        kind
        for kind in EDITS
        for project in projects
        for n in range(12)
        if edited(project, Step(kind, f"m{n}", n)) is not None
    }
    assert found == EDITS.keys()


@pytest.mark.slow
def test_builds_are_right() -> None:
    outcome = judge_builds(7, 8, seconds=10.0)
    assert outcome.failures == [], "\n".join(outcome.failures)
    assert outcome.edits.total() > 20
    assert outcome.counts["relations compared"] > 50


@pytest.mark.slow
def test_what_is_left_equal_is_measured() -> None:
    worth = measure(3, 16)
    assert worth.wrong == []
    assert worth.edits.total() == 16
    assert worth.edits.keys() <= SHARES.keys()
    assert 0 < worth.left.total() <= worth.equal.total()
    # What only looks different is never built.
    assert worth.left["cosmetic"] == worth.equal["cosmetic"]


def test_environments_show_what_they_should() -> None:
    counts, wrong = judge_environments(9, 6)
    assert wrong == []
    assert counts["relations compared"] > 100
