"""A project that is disturbed, as the suites see it: two mornings, and what the second one can't publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.core.ranges import Range
from sqlflow.system.local import LocalSystem


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A project that changes from day 1 to day 2.

    `write(root, target, settings, day)` writes its files of a day; `target` are a target's settings, and
    `settings` go over the project's own. `clock` has the moment at which each day's builds take place.
    `stopped` are the models and seeds that the second day's build can't publish, since a test stops the
    first of them. `same` are the tables that may hold the same on both days: of the others, each day can be
    told from the other. `batches` has, by table, the column of times and the range of each batch, where
    those are published one after the other.
    """

    name: str
    write: Callable[[Path, Mapping[str, Any], Mapping[str, Any], int], None]
    clock: Mapping[int, datetime]
    stopped: frozenset[str]
    same: frozenset[str]
    batches: Mapping[str, tuple[str, tuple[Range, ...]]] = field(default_factory=dict)

    def load(self, root: Path, day: int) -> LoadedProject:
        """Loads the project at a day's moment; its mistakes would be the suite's."""
        loaded = sqlflow.load(root, system=PinnedSystem(root, self.clock[day]))
        assert loaded.ok, [(d.code.value, d.message) for d in loaded.diagnostics]
        return loaded


class PinnedSystem(LocalSystem):
    """The machine, at one moment."""

    def __init__(self, root: Path, moment: datetime) -> None:
        super().__init__(root)
        self._moment = moment

    def now(self) -> datetime:
        """The moment."""
        return self._moment
