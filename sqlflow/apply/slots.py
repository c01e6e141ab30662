"""How many sessions of a run may be at work at once."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Slots:
    """The sessions that a run may use at once: one for each action, and what is left for those that help.

    An action comes before a helper: while one waits no helper is taken on, and those that are there are
    asked to stop. May be used from any thread; `wake` tells whoever starts actions that a helper has stopped.
    """

    def __init__(self, total: int, wake: Callable[[], None]) -> None:
        self._free = total
        self._waiting = False
        self._wake = wake
        self._lock = threading.Lock()

    @property
    def waiting(self) -> bool:
        """Whether an action waits for a session."""
        return self._waiting

    def take(self) -> bool:
        """Takes a session for an action; False where none is free, and the action waits for one."""
        with self._lock:
            self._waiting = self._free <= 0
            self._free -= 0 if self._waiting else 1
            return not self._waiting

    def borrow(self) -> bool:
        """Takes a session for a helper, where one is free and no action waits."""
        with self._lock:
            if self._waiting or self._free <= 0:
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """Gives an action's session back."""
        with self._lock:
            self._free += 1

    def return_borrowed(self) -> None:
        """Gives a helper's session back."""
        self.give_back()
        if self._waiting:
            self._wake()
