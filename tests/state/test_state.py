"""The state is the fold of the events."""

from __future__ import annotations

from typing import TypeGuard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.state.event import Event, NodeFinished, Published, RunFinished, RunStarted, Status
from sqlflow.state.state import State, fold
from tests.state.events import LOGS


@given(LOGS, st.data())
def test_folding_in_parts_is_folding_at_once(events: list[Event], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(events)))
    assert fold(fold(State(), events[:cut]), events[cut:]) == fold(State(), events)


def is_end(event: Event) -> TypeGuard[NodeFinished]:
    """Whether something was done, and came to an end."""
    return isinstance(event, NodeFinished) and event.status not in (Status.UNCHANGED, Status.HELD)


@given(LOGS)
def test_the_last_end_of_a_node_counts(events: list[Event]) -> None:
    state = fold(State(), events)
    ends = {(event.environment, event.node): event for event in events if is_end(event)}
    assert state.nodes.keys() == ends.keys()
    for node, event in ends.items():
        found = state.nodes[node]
        assert (found.run, found.status, found.at, found.seconds, found.rows) == (
            event.run,
            event.status,
            event.at,
            event.seconds,
            event.rows,
        )


@given(LOGS)
def test_the_last_success_of_a_node_outlives_what_fails_after_it(events: list[Event]) -> None:
    state = fold(State(), events)
    good = {(e.environment, e.node): e for e in events if is_end(e) and e.status.is_good}
    assert {node for node, found in state.nodes.items() if found.success is not None} == good.keys()
    for node, event in good.items():
        found = state.nodes[node].success
        assert found is not None
        assert (found.run, found.at, found.seconds, found.code, found.inputs) == (
            event.run,
            event.at,
            event.seconds,
            event.code,
            event.inputs,
        )


@given(LOGS)
def test_the_publication_that_was_told_of_last_counts(events: list[Event]) -> None:
    told = [event.publication for event in events if isinstance(event, Published)]
    expected = {(found.environment, found.node): found for found in told}
    assert fold(State(), events).publications == expected


@given(LOGS)
def test_the_last_run_and_whether_it_ended(events: list[Event]) -> None:
    state = fold(State(), events)
    starts = [i for i, event in enumerate(events) if isinstance(event, RunStarted)]
    if not starts:
        assert (state.run, state.finished) == (None, True)
        return
    started = events[starts[-1]]
    assert isinstance(started, RunStarted)
    assert state.run == started.run
    ended = {event.run for event in events[starts[-1] :] if isinstance(event, RunFinished)}
    # Of two runs at once, the end of the other one is not the last run's.
    assert state.finished == (started.run in ended)


@given(LOGS, LOGS)
def test_folding_changes_no_state_that_is_there(before: list[Event], after: list[Event]) -> None:
    state = fold(State(), before)
    kept = dict(state.nodes), dict(state.publications)
    fold(state, after)
    assert (state.nodes, state.publications) == kept


@pytest.mark.parametrize(
    ("status", "good"),
    [
        (Status.SUCCESS, True),
        (Status.WARN, True),
        (Status.FAIL, False),
        (Status.ERROR, False),
        (Status.SKIPPED, False),
        (Status.CANCELLED, False),
    ],
)
def test_after_which_ends_others_go_on(status: Status, good: bool) -> None:
    assert status.is_good == good
