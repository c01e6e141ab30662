"""Makes an attempt again where what was in its way passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.pauses import growing_pauses
from sqlflow.apply.sender import Sender

# How often an attempt is made.
_ATTEMPTS = 10

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

    for _, pause in zip(range(_ATTEMPTS - 1), growing_pauses(), strict=False):
        try:
            return over_a_session()
        except WorkFailedError as error:
            if error.kind is None or not error.kind.passes:
                raise
        sender.wait(pause)
    return over_a_session()
