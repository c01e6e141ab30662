"""Makes an attempt again where another transaction was in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlflow.adapter.protocol import FailureKind
from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.sender import Sender

# How often a transaction is begun again that another one was in the way of, and the pauses in seconds.
_ATTEMPTS = 10
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_T = TypeVar("_T")


def again(sender: Sender, attempt: Callable[[], _T]) -> _T:
    """Makes an attempt, and again where another transaction was in the way of it: it left nothing behind."""
    for number in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except WorkFailedError as error:
            if error.kind is not FailureKind.TRANSIENT or sender.broken:
                raise
        sender.wait(min(_PAUSE * 2**number, _LONGEST_PAUSE))
    return attempt()
