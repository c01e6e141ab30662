"""Drives a run: takes its events one by one, shows them, gives the exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import click

from sqlflow.cli.failures import INTERRUPTED, WRONG
from sqlflow.cli.session import Session
from sqlflow.state.event import Event, RunFinished

if TYPE_CHECKING:
    from sqlflow.api import LoadedProject


class Events(Protocol):
    """The events of a run, which goes on as they are taken."""

    def __iter__(self) -> Iterator[Event]:
        """Gives itself."""
        ...

    def __next__(self) -> Event:
        """Waits for the next event."""
        ...

    def stop(self) -> None:
        """Cancels what runs and skips the rest; further events tell so."""
        ...


class View(Protocol):
    """Shows the events of one run."""

    def __enter__(self) -> View:
        """Begins to show."""
        ...

    def __exit__(self, *_: object) -> None:
        """Ends, also where the run did not come to its end."""
        ...

    def show(self, event: Event) -> None:
        """Shows an event."""
        ...


def run(
    session: Session,
    start: Callable[[LoadedProject], Events],
    select: Sequence[str],
    exclude: Sequence[str],
) -> None:
    """Loads the project and runs to the end; leaves with the exit code of a run that did not end well."""
    session.owes_run_finished = True
    events = start(session.load(select, exclude))
    with view(session) as shown:

        def show(event: Event) -> None:
            if isinstance(event, RunFinished):
                session.owes_run_finished = False
            shown.show(event)

        finished = follow(events, show)
    if finished.interrupted:
        click.get_current_context().exit(INTERRUPTED)
    if not finished.ok:
        click.get_current_context().exit(WRONG)


def view(session: Session) -> View:
    """Chooses how the run is shown."""
    if session.terminal.is_json:
        from sqlflow.cli.views.json import JsonView

        return JsonView(session.terminal, session.lines)
    if session.terminal.live:
        from sqlflow.cli.views.human import HumanView

        return HumanView(session.terminal, session.lines)
    from sqlflow.cli.views.plain import PlainView

    return PlainView(session.terminal, session.lines)


def follow(events: Events, show: Callable[[Event], None]) -> RunFinished:
    """Shows each event as it comes; gives the last one.

    The first Ctrl-C stops the run in an orderly way, the second ends at once. Where an event can't be
    shown (the reader of a pipe went away), the run is stopped before the error goes on.
    """
    finished: RunFinished | None = None
    with _interrupt_stops(events):
        try:
            for event in events:
                if isinstance(event, RunFinished):
                    finished = event
                show(event)
        except Exception:
            if finished is None:
                events.stop()
                for _ in events:
                    pass
            raise
    if finished is None:
        raise RuntimeError("a run ended without its last event")
    return finished


@contextmanager
def _interrupt_stops(events: Events) -> Generator[None, None, None]:
    """Only the main thread can have a signal handler; elsewhere an interrupt stays what it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        events.stop()

    if before is not None and before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
