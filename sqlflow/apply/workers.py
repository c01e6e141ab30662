"""Threads that do actions, each over a session of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from sqlflow.adapter.protocol import Adapter, Session, Warehouse
from sqlflow.apply.crew import Crew, Task
from sqlflow.apply.failures import StoppedError, WorkFailedError, connection_lost
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.pauses import growing_pauses
from sqlflow.apply.sender import Sender
from sqlflow.apply.slots import Slots
from sqlflow.apply.work import Workshop
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.plan.types import Action
from sqlflow.state.event import LeaseAwaited, StatementSent, Status

# How often it is tried to open a session.
_ATTEMPTS = 6


@dataclass(slots=True, eq=False)
class Job:
    """An action on its way through a worker. `session` and `thread` are set while a worker has it.

    `helpers` are those who do a part of it over sessions of their own.

    Whoever takes the session away, or cancels what it runs, holds the `lock`: the next job's statement must
    not be cancelled.
    """

    action: Action
    span: Span
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None
    thread: threading.Thread | None = None
    given_up: bool = False
    helpers: list[Job] = field(default_factory=list["Job"])


@dataclass(frozen=True, slots=True)
class Done:
    """A job that ended."""

    job: Job
    outcome: Outcome


class Pool:
    """Workers that start when there is a job for them and end when the pool is closed.

    `sessions` is how many there may be at once; whoever submits a job has taken one of the `slots`.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        adapter: Adapter,
        workshop: Workshop,
        clock: Callable[[], float],
        sessions: int,
    ) -> None:
        self._warehouse = warehouse
        self._adapter = adapter
        self._workshop = workshop
        self._clock = clock
        # SimpleQueue, since its put may be called from a signal handler while the same thread waits in get.
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[Done | LeaseAwaited | StatementSent | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self.slots = Slots(sessions, self.wake)

    def submit(self, job: Job) -> None:
        """Gives a job to a worker that is free, or to a new one."""
        self._busy += 1
        if self._busy > len(self._threads):
            thread = threading.Thread(target=self._work, name=f"sqlflow-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put(job)

    def next_message(self, seconds: float) -> Done | LeaseAwaited | StatementSent | None:
        """Waits for what a worker says next; gives None after so many seconds, or when woken."""
        try:
            message = self._messages.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(message, Done):
            self._busy -= 1
        return message

    def wake(self) -> None:
        """Makes `next_message` return; may be called from a signal handler."""
        self._messages.put(None)

    def cancel(self, job: Job) -> None:
        """Stops a job: what its session runs is cancelled, and nothing more is sent for it."""
        job.stopped.set()
        for part in (job, *job.helpers):
            with part.lock:
                # It may just have ended by itself.
                if part.session is not None:
                    with suppress(Exception):
                        part.session.cancel()

    def give_up(self, job: Job) -> None:
        """Leaves a job that doesn't end to its thread, which no longer counts."""
        job.given_up = True
        self._busy -= 1
        if job.thread in self._threads:
            self._threads.remove(job.thread)

    def close(self, seconds: float) -> None:
        """Ends the workers; waits so many seconds for those that still do something."""
        for _ in self._threads:
            self._jobs.put(None)
        end = self._clock() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - self._clock()))

    def _work(self) -> None:
        session: Session | None = None
        try:
            while (job := self._jobs.get()) is not None:
                job.thread = threading.current_thread()
                usable = False
                try:
                    job.session = session if session is not None else self._opened(job)
                    outcome, usable = self._do(job, job.session)
                except BaseException as error:
                    outcome = self._crashed(job, error)
                session = job.session
                with job.lock:
                    job.session = None
                # A cancel that comes late must not meet the next job.
                if not usable or job.stopped.is_set():
                    session = _closed(session)
                if job.given_up:
                    return
                self._messages.put(Done(job, outcome))
        finally:
            _closed(session)

    def _do(self, job: Job, session: Session) -> tuple[Outcome, bool]:
        """Gives how a job ended, and whether the session can be used for another one."""
        sender = self._sender(job, session)
        crew = Crew(self.slots, lambda task: self._assist(job, task))
        outcome = _outcome(lambda: self._workshop.do(job.action, sender, crew))
        return outcome, not sender.broken

    def _assist(self, job: Job, task: Task) -> Outcome:
        """Does a part of a job in the thread that calls, over a session of its own."""
        part = Job(job.action, job.span, job.stopped)
        job.helpers.append(part)
        try:
            part.session = self._opened(part)
            sender = self._sender(part, part.session)
            return _outcome(lambda: task(sender))
        except BaseException as error:
            return self._crashed(part, error)
        finally:
            job.helpers.remove(part)
            with part.lock:
                session, part.session = part.session, None
            _closed(session)

    def _sender(self, job: Job, session: Session) -> Sender:
        return Sender(
            session,
            lambda: self._reopened(job),
            self._adapter,
            node=job.action.node,
            name=job.action.name,
            span=job.span,
            emit=self._messages.put,
            clock=self._clock,
            stopped=job.stopped,
        )

    def _opened(self, job: Job) -> Session:
        """Opens a session; tries again where the warehouse may take one a moment later."""
        for _, pause in zip(range(_ATTEMPTS - 1), growing_pauses(), strict=False):
            try:
                return self._warehouse.session()
            except Exception as error:
                if not self._adapter.classify(error).kind.passes:
                    raise
            job.stopped.wait(pause)
        return self._warehouse.session()

    def _reopened(self, job: Job) -> Session:
        with job.lock:
            lost, job.session = job.session, None
        _closed(lost)
        session = self._warehouse.session()
        with job.lock:
            job.session = session
        return session

    def _crashed(self, job: Job, error: BaseException) -> Outcome:
        """A session that can't be opened is the warehouse's failure; anything else is ours, and said so."""
        if job.session is None:
            failure = self._adapter.classify(error)
            return Outcome(Status.ERROR, diagnostics=(connection_lost(failure, job.action.name, job.span),))
        return Outcome(
            Status.ERROR,
            diagnostics=(
                Diagnostic(
                    code=Code.INTERNAL,
                    message=f"sqlflow failed on `{job.action.name}`: {type(error).__name__}: {error}",
                    span=job.span,
                    help="this is a fault in sqlflow, not in the project: please report it",
                ),
            ),
        )


def _outcome(work: Callable[[], Outcome]) -> Outcome:
    try:
        return work()
    except WorkFailedError as error:
        return Outcome(Status.ERROR, diagnostics=error.diagnostics)
    except StoppedError:
        return Outcome(Status.CANCELLED, reason="cancelled")


def _closed(session: Session | None) -> None:
    """Closes a session, should there be one; a broken one may refuse."""
    if session is not None:
        with suppress(Exception):
            session.close()
