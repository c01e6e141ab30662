"""The state is the fold of the events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.ids import NodeId
from sqlflow.state.event import (
    Event,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    StatementSent,
    Status,
)
from sqlflow.state.state import State, fold

MOMENTS = st.datetimes()
NODES = st.sampled_from([NodeId(f"model.shop.{name}") for name in "abc"])
RUNS = st.sampled_from(["r1", "r2", "r3"])
STATUSES = st.sampled_from(list(Status))

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        RunStarted, run=RUNS, at=MOMENTS, command=st.just("build"), target=st.just("dev"),
        actions=st.integers(0, 3), threads=st.just(1),
    ),
    st.builds(
        NodeStarted, node=NODES, name=st.just("a"), kind=st.just("model"), materialized=st.just("view"),
        at=MOMENTS,
    ),
    st.builds(
        StatementSent, node=NODES, sql=st.just("select 1"), seconds=st.just(0.1), rows=st.none(),
        ok=st.booleans(),
    ),
    st.builds(
        NodeFinished, node=NODES, name=st.just("a"), kind=st.just("model"), materialized=st.just("view"),
        status=STATUSES, at=MOMENTS, seconds=st.floats(0, 9), statements=st.just(1),
        rows=st.none() | st.integers(0, 9), reason=st.just(""), kept=st.none(), diagnostics=st.just(()),
    ),
    st.builds(
        RunFinished, run=RUNS, at=MOMENTS, seconds=st.just(1.0), counts=st.just(()), not_done=st.just(()),
        interrupted=st.booleans(), diagnostics=st.just(()),
    ),
)  # fmt: skip
LOGS = st.lists(EVENTS, max_size=12)


@given(LOGS, st.data())
def test_folding_in_parts_is_folding_at_once(events: list[Event], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(events)))
    assert fold(fold(State(), events[:cut]), events[cut:]) == fold(State(), events)


@given(LOGS)
def test_the_last_end_of_a_node_counts(events: list[Event]) -> None:
    state = fold(State(), events)
    ends = {event.node: event for event in events if isinstance(event, NodeFinished)}
    assert state.nodes.keys() == ends.keys()
    for node, event in ends.items():
        found = state.nodes[node]
        assert (found.status, found.at, found.seconds, found.rows) == (
            event.status,
            event.at,
            event.seconds,
            event.rows,
        )


@given(LOGS)
def test_the_last_run_and_whether_it_ended(events: list[Event]) -> None:
    state = fold(State(), events)
    runs = [event for event in events if isinstance(event, (RunStarted, RunFinished))]
    started = [event.run for event in runs if isinstance(event, RunStarted)]
    assert state.run == (started[-1] if started else None)
    assert state.finished == (not runs or isinstance(runs[-1], RunFinished))


@given(LOGS, LOGS)
def test_folding_changes_no_state_that_is_there(before: list[Event], after: list[Event]) -> None:
    state = fold(State(), before)
    kept = dict(state.nodes)
    fold(state, after)
    assert state.nodes == kept


@given(LOGS)
def test_a_node_keeps_the_run_that_it_ended_in(events: list[Event]) -> None:
    run = ""
    expected: dict[NodeId, str] = {}
    for event in events:
        if isinstance(event, RunStarted):
            run = event.run
        if isinstance(event, NodeFinished):
            expected[event.node] = run
    assert {node: found.run for node, found in fold(State(), events).nodes.items()} == expected


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
