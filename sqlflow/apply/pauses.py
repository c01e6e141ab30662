"""How long is waited between two tries."""

from __future__ import annotations

from collections.abc import Iterator

_FIRST, _LONGEST = 0.05, 1.0


def growing_pauses() -> Iterator[float]:
    """Gives pauses in seconds without end: short at first, since most obstacles pass soon, then longer."""
    pause = _FIRST
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST)
