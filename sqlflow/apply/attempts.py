"""Makes an attempt again where what was in its way passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlflow.adapter.protocol import FailureKind
from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.sender import Sender

# How often an attempt is made, and the pauses in seconds.
_ATTEMPTS = 10
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_PASSING = frozenset({FailureKind.TRANSIENT, FailureKind.CONNECTION})

_T = TypeVar("_T")


def again(sender: Sender, attempt: Callable[[], _T]) -> _T:
    """Makes an attempt, and again where another transaction was in the way of it or a connection was lost.

    Either left nothing behind: where it can't be known whether a commit was done, the transaction itself
    finds out (`Sender.transaction`).
    """

    def over_a_session() -> _T:
        if sender.broken:
            sender.reconnect()
        return attempt()

    for number in range(_ATTEMPTS - 1):
        try:
            return over_a_session()
        except WorkFailedError as error:
            if error.kind not in _PASSING:
                raise
        sender.wait(min(_PAUSE * 2**number, _LONGEST_PAUSE))
    return over_a_session()
