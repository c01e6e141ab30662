"""`--restate`: named models get an interval anew, and what reads them follows by the ranges that changed."""

from __future__ import annotations

from datetime import datetime

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import ProjectError
from sqlflow.core.ranges import Range
from tests.apply.projects import Project
from tests.apply.test_followed_ranges import FILES, LOWER, UPPER, day
from tests.apply.test_time_ranges import SetNow, clock, ids

__all__ = ["clock"]

pytestmark = pytest.mark.layouts("direct", "virtual")

TABLE = "{{ config(materialized='table') }} "
# Two chains by time range over the same events, and a table below one of them.
ALL = {**FILES, "q": UPPER, "below": TABLE + "select count(*) as n, sum(id) as total from m"}
SECOND = {"start": day(2), "end": day(3)}


@pytest.fixture
def built(project: Project) -> Project:
    """A project that is built, in which the events of a day have changed unnoticed."""
    project.built(ALL)
    project.warehouse.execute(
        f"update {project.table('events')} set id = id + 10 "
        f"where ts >= timestamp '{day(2)}' and ts < timestamp '{day(3)}'"
    )
    return project


def test_what_is_named_is_built_anew_and_what_reads_it_follows(built: Project) -> None:
    run = built.built({}, restate=["p"], **SECOND)
    assert run.done == {"p", "m", "below"}
    assert (run.nodes["p"].reason, run.nodes["m"].reason) == ("1 batch", "1 batch")
    assert ids(built, "p") == ids(built, "m") == [1, 12, 3]
    assert ids(built, "q") == [1, 2, 3]
    assert built.rows("select total from below") == [(16,)]
    assert built.built().done == set()


def test_several_may_be_named(built: Project) -> None:
    assert built.built({}, restate=["p", "q"], **SECOND).done == {"p", "q", "m", "below"}
    assert ids(built, "q") == [1, 12, 3]


def test_a_plan_says_what_is_restated_and_keeps_it(built: Project) -> None:
    found = built.load().review(restate=["p"], **SECOND)
    work = {one.name: one for one in found.review.work}
    assert {name: one.reason for name, one in work.items()} == {
        "p": "restated",
        "m": "p is built",
        "below": "m is built",
    }
    assert work["p"].ranges == (Range(day(2), day(3)),)
    assert not found.review.changes
    list(built.load().apply_saved(found.saved))
    assert (ids(built, "m"), ids(built, "q")) == ([1, 12, 3], [1, 2, 3])


def test_what_is_due_of_others_is_built_as_always(built: Project, clock: SetNow) -> None:
    clock(days=1)
    run = built.built({}, restate=["p"], **SECOND)
    assert run.nodes["q"].reason == "1 batch"
    assert ids(built, "q") == [1, 2, 3, 4]
    # Of what is restated, nothing but the interval is.
    assert ids(built, "p") == [1, 12, 3]
    built.built()
    assert ids(built, "p") == ids(built, "m") == [1, 12, 3, 4]


def test_what_depends_on_its_past_follows_itself(project: Project) -> None:
    chained = UPPER.replace("event_time=", "depends_on_past=true, event_time=")
    project.built({**FILES, "p": chained})
    work = {one.name: one for one in project.load().review(restate=["p"], **SECOND).review.work}
    assert work["p"].reason == "restated, and with it what depends on it"
    run = project.built({}, restate=["p"], **SECOND)
    assert run.nodes["p"].reason == "2 batches; 1 of them since each depends on the past"


@pytest.mark.parametrize(
    ("restate", "select", "said"),
    [
        (["events"], [], "`events` is not built by time range, and can't be restated"),
        (["p"], ["q"], "`p` is to be restated, and is not selected"),
    ],
)
def test_what_can_not_be_restated(duck: Project, restate: list[str], select: list[str], said: str) -> None:
    loaded = duck.write(ALL).load()
    with pytest.raises(ProjectError) as error:
        loaded.review(select, restate=restate, **SECOND)
    [found] = error.value.diagnostics
    assert (found.code, found.message) == (Code.EMPTY_SELECTION, said)
    assert found.span is not None and found.span.path == f"models/{restate[0]}.sql"


def test_a_name_and_an_interval_are_wanted(duck: Project) -> None:
    loaded = duck.write({**ALL, "m": LOWER}).load()
    with pytest.raises(ProjectError, match="unknown model `pp`"):
        loaded.build(restate=["pp"], start=datetime(2024, 3, 1))
    with pytest.raises(ValueError, match="its start or its end is missing"):
        loaded.build(restate=["p"])
