"""The adapters that are installed, by the entry points of their packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from sqlflow.adapter.protocol import Adapter

GROUP = "sqlflow.adapters"


class BrokenAdapterError(Exception):
    """Raised where an adapter is installed and its package can't be imported."""

    def __init__(self, name: str, reason: BaseException) -> None:
        self.name = name
        super().__init__(f"the adapter {name} can't be loaded: {type(reason).__name__}: {reason}")


def adapter_names() -> tuple[str, ...]:
    """Gives the names that a target's `type` can have, sorted; nothing is imported for that."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def find_adapter(name: str) -> Adapter | None:
    """Loads the adapter of a name, and no other; gives None where there is none.

    Where several packages offer the name, the first one that can be loaded is taken. Raises
    BrokenAdapterError where none of them can.
    """
    reason: Exception | None = None
    for point in entry_points(group=GROUP, name=name):
        try:
            return _load(point)
        except Exception as error:
            reason = error
    if reason is not None:
        raise BrokenAdapterError(name, reason) from reason
    return None


def _load(point: EntryPoint) -> Adapter:
    """Imports what an entry point names."""
    loaded = point.load()
    missing = [part for part in ("name", "spec", "settings", "open", "classify") if not hasattr(loaded, part)]
    if missing:
        raise TypeError(f"{point.value} is no adapter: it has no {', '.join(missing)}")
    return cast("Adapter", loaded)
