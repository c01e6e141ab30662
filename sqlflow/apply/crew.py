"""Does the parts of one action over several sessions at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlflow.apply.outcome import Outcome
from sqlflow.apply.sender import Sender
from sqlflow.apply.slots import Slots

Task: TypeAlias = Callable[[Sender], Outcome]
# Does something over a session of its own, and says how it ended whatever happens.
Assist: TypeAlias = Callable[[Task], Outcome]


class Crew:
    """Whoever works on an action: the worker that has it, and helpers while the run has sessions to spare."""

    def __init__(self, slots: Slots, assist: Assist) -> None:
        self._slots = slots
        self._assist = assist

    def together(self, tasks: Sequence[Task], most: int | None, sender: Sender) -> tuple[Outcome, ...]:
        """Does tasks, at most so many at once, and begins none after one that didn't end well.

        Gives how those ended that were begun, in the order in which they ended. What the worker's own task
        raises is raised when the helpers have ended.
        """
        parts = _Parts(tasks)
        helpers: list[threading.Thread] = []

        def take_on() -> None:
            while (most is None or len(helpers) + 1 < most) and parts.left > 0 and self._slots.borrow():
                helper = threading.Thread(target=help_out, name="sqlflow-helper", daemon=True)
                helpers.append(helper)
                helper.start()

        def help_out() -> None:
            try:
                while not self._slots.waiting and (task := parts.next()) is not None:
                    parts.end(self._assist(task))
            finally:
                self._slots.return_borrowed()

        try:
            while True:
                helpers[:] = [helper for helper in helpers if helper.is_alive()]
                task = parts.next()
                if task is None:
                    break
                take_on()
                parts.end(task(sender))
        except BaseException:
            parts.stop()
            raise
        finally:
            for helper in helpers:
                helper.join()
        return tuple(parts.ended)


class _Parts:
    """The tasks that nobody has begun yet, and how the others ended."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.ended: list[Outcome] = []
        self._left = deque(tasks)
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        return len(self._left)

    def next(self) -> Task | None:
        with self._lock:
            return self._left.popleft() if self._left else None

    def end(self, outcome: Outcome) -> None:
        with self._lock:
            self.ended.append(outcome)
            if not outcome.status.is_good:
                self._left.clear()

    def stop(self) -> None:
        with self._lock:
            self._left.clear()
