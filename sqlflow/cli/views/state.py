"""What the repair of a project's state did, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlflow.cli.views.paint import count

if TYPE_CHECKING:
    from sqlflow.store.repair import Repaired


def repair_lines(done: Repaired) -> tuple[str, ...]:
    """Gives a line for each thing that was found, and one for what is there now."""
    if done.was_sound:
        return (f"the state in {done.where} is sound: {count(done.events, 'event')}",)
    lines: list[str] = []
    if done.damaged is not None:
        lines.append(
            f"the file was damaged: it is now {done.damaged}, and what could be read is in a new one"
        )
    if done.removed:
        lines.append(f"{count(done.removed, 'event')} could not be read: now in {done.aside}")
    if done.missing:
        lines.append(f"{count(done.missing, 'event')} that had been written {_were(done.missing)} gone")
    if done.missing is None:
        lines.append("how many events there were is not known any more")
    return (*lines, f"the state in {done.where} has {count(done.events, 'event')}")


def _were(number: int) -> str:
    return "is" if number == 1 else "are"


def repair_record(done: Repaired) -> dict[str, object]:
    """Gives the same as plain data."""
    return {
        "event": "state_repaired",
        "where": done.where,
        "events": done.events,
        "removed": done.removed,
        "removed_into": done.aside,
        "missing": done.missing,
        "damaged": done.damaged,
    }
