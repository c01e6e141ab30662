"""Makes an attempt again where what was in its way passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlflow.adapter.protocol import FailureKind
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

    return _attempted(sender, over_a_session, lambda kind: kind.passes)


def again_if_refused(sender: Sender, attempt: Callable[[], _T]) -> _T:
    """Makes an attempt that nothing can prove, and again where the engine took nothing of it for certain.

    So it is where another transaction was in the way; where a connection was lost, nobody knows.
    """
    return _attempted(sender, attempt, lambda kind: kind is FailureKind.TRANSIENT)


def _attempted(sender: Sender, attempt: Callable[[], _T], passes: Callable[[FailureKind], bool]) -> _T:
    for _, pause in zip(range(_ATTEMPTS - 1), growing_pauses(), strict=False):
        try:
            return attempt()
        except WorkFailedError as error:
            if error.kind is None or not passes(error.kind):
                raise
        sender.wait(pause)
    return attempt()
