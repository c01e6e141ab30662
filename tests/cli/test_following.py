"""How a run is followed: interrupts, views that fail, exit codes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from sqlflow.cli.runs import follow
from sqlflow.state.event import Event, RunFinished, Status
from tests.cli.runs import Replay, failing_run, finished, node, node_started, started


class Stoppable:
    """A run that goes on until it is stopped, and then tells so."""

    def __init__(self) -> None:
        self.stopped = 0
        self.done = False

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if self.done:
            raise StopIteration
        if self.stopped:
            self.done = True
            return finished([node("a", Status.CANCELLED)], interrupted=True)
        return node_started("a")

    def stop(self) -> None:
        self.stopped += 1


def test_every_event_is_shown_and_the_last_one_given() -> None:
    events = failing_run()
    shown: list[Event] = []
    assert follow(Replay(events), shown.append) is events[-1]
    assert shown == list(events)


def test_an_interrupt_stops_the_run_wherever_it_arrives() -> None:
    run = Stoppable()
    shown: list[Event] = []

    def show(event: Event) -> None:
        shown.append(event)
        if len(shown) == 3:
            signal.raise_signal(signal.SIGINT)

    last = follow(run, show)
    assert (last.interrupted, run.stopped) == (True, 1)
    assert isinstance(shown[-1], RunFinished)


def test_a_second_interrupt_ends_at_once() -> None:
    run = Replay([started(1), node_started("a"), node("a"), finished([node("a")])])

    def show(event: Event) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        follow(run, show)
    assert run.stopped == 1


def test_the_signal_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    follow(Replay(failing_run()), lambda _: None)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_is_to_be_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = Replay(failing_run())
        follow(run, lambda _: signal.raise_signal(signal.SIGINT))
        assert run.stopped == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_that_is_not_the_main_one_can_follow() -> None:
    found: list[RunFinished] = []
    thread = threading.Thread(target=lambda: found.append(follow(Replay(failing_run()), lambda _: None)))
    thread.start()
    thread.join(10)
    assert len(found) == 1


def test_a_view_that_fails_stops_the_run_before_the_error_goes_on() -> None:
    run = Stoppable()

    def show(event: Event) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        follow(run, show)
    assert (run.stopped, run.done) == (1, True)


def test_a_view_that_fails_at_the_end_has_nothing_to_stop() -> None:
    run = Replay([finished([])])

    def show(event: Event) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        follow(run, show)
    assert run.stopped == 0


def test_a_run_without_an_end_is_a_fault() -> None:
    with pytest.raises(RuntimeError, match="without its last event"):
        follow(Replay([node("a")]), lambda _: None)
