"""Changes a query's source columns, one at a time, and notes which columns of its result change with them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from typing import NamedTuple

from tests.judge.data import FOCUSED
from tests.judge.subject import Source
from tests.judge.trial import BaseColumn, Result, Trial

# How many data sets are looked through for some on which a query gives rows.
_SEEDS = 20
# In how many further data sets a claim is looked for that has not been seen yet, and how often in each.
MORE = 40
_TRIES = 10


class Influences(NamedTuple):
    """What was seen to change.

    `seen` are pairs of output column and source, `moved` sources that only moved values between rows,
    `deciding` those that the number of rows changed with; `alive` are the output columns that held a value.
    """

    seen: frozenset[tuple[int, Source]]
    moved: frozenset[Source]
    deciding: frozenset[Source]
    alive: frozenset[int]
    runs: int
    stable: bool


class _Sightings:
    """What has been seen to change so far, over one data set after the other."""

    def __init__(self, trial: Trial, ways: int, claims: frozenset[tuple[int, Source]]) -> None:
        self._trial = trial
        self._ways = ways
        self._claims = claims
        self.seen: set[tuple[int, Source]] = set()
        self.moved: set[Source] = set()
        self.deciding: set[Source] = set()
        self.alive: set[int] = set()
        self.runs = 0

    def look(self, seed: int, wanted: frozenset[tuple[int, Source]] | None = None) -> bool:
        """Changes the source columns on one data set, only for the pairs wanted where they are given.

        Says whether the query's result is the same whatever the order of the rows.
        """
        trial = self._trial
        trial.fill(seed)
        before = trial.result()
        alive = _alive(before)
        self.alive |= alive
        if wanted is not None:
            wanted = frozenset(pair for pair in wanted if pair[0] in alive)
            if not wanted:
                return True
        trial.turn()
        turned = trial.result()
        for table_name in trial.used:
            trial.restore(table_name)
        if before is None or turned is None:
            return True
        if before != turned:
            return False
        outputs = range(len(trial.kinds))
        pairs = (
            ((k, (c.table, c.name)) for c in trial.sources() for k in outputs) if wanted is None else wanted
        )
        left = set(pairs) - self.seen
        tries = _TRIES if wanted is not None else self._ways
        columns = trial.sources() if wanted is not None else _candidates(trial, before, seed)
        for column in columns:
            unseen = {k for k, source in left if source == (column.table, column.name)}
            # Where there are no rows to change, little is learnt from trying more often.
            self._change(column, before, unseen, seed, tries if before.rows else min(tries, 2))
        return True

    def _change(self, column: BaseColumn, before: Result, unseen: set[int], seed: int, tries: int) -> None:
        source = (column.table, column.name)
        for change in islice(self._trial.changes(column, seed), tries):
            if not unseen:
                break
            self._trial.replace(column.table, column.name, change)
            after = self._trial.result()
            self.runs += 1
            if after is None:
                continue
            changed = _changed(before, after)
            if before.rows != after.rows:
                self.deciding.add(source)
            if not changed and after.whole != before.whole:
                self.moved.add(source)
                changed = self._among_others(column, unseen, change)
            self.seen.update((k, source) for k in changed)
            unseen = unseen - changed
        self._trial.restore(column.table)

    def _among_others(self, column: BaseColumn, unseen: set[int], change: str) -> set[int]:
        """Tells whose values moved: those that changed against the columns that don't take the source's.

        The others have to be as they were, taken together.
        """
        trial, source = self._trial, (column.table, column.name)
        claiming = {k for k in unseen if (k, source) in self._claims}
        others = [k for k in range(len(trial.kinds)) if (k, source) not in self._claims]
        if not others or not claiming:
            return set()
        sets = [others, *([*others, k] for k in sorted(claiming))]
        after = [trial.together(columns) for columns in sets]
        trial.restore(column.table)
        before = [trial.together(columns) for columns in sets]
        trial.replace(column.table, column.name, change)
        if None in (*before, *after) or before[0] != after[0]:
            return set()
        return {k for k, a, b in zip(sorted(claiming), before[1:], after[1:], strict=True) if a != b}


def influences(
    trial: Trial,
    data: int,
    ways: int,
    claims: frozenset[tuple[int, Source]] = frozenset(),
    more: int = MORE,
) -> Influences:
    """Changes every source column of a query in so many ways in each of so many data sets.

    What is claimed and has not been seen then is looked for in `more` further ones, most of them focused.
    """
    sightings = _Sightings(trial, ways, claims)
    stable = all(sightings.look(seed) for seed in _lively(trial, data))
    if stable:
        for seed in chain(range(data, data + more // 4), range(FOCUSED, FOCUSED + more)):
            wanted = claims - sightings.seen
            if not wanted:
                break
            # Where it depends on the order of these rows, other data may show it.
            sightings.look(seed, wanted)
    if not stable:
        nothing = frozenset[Source]()
        return Influences(frozenset(), nothing, nothing, frozenset(), sightings.runs, stable=False)
    return Influences(
        frozenset(sightings.seen),
        frozenset(sightings.moved),
        frozenset(sightings.deciding),
        frozenset(sightings.alive),
        sightings.runs,
        stable=True,
    )


def _lively(trial: Trial, wanted: int) -> tuple[int, ...]:
    """Gives the seeds of so many data sets, of those on which the query gives anything but NULLs first."""
    lively: list[int] = []
    for seed in _seeds():
        if len(lively) == wanted:
            break
        trial.fill(seed)
        if _alive(trial.result()):
            lively.append(seed)
    others = (seed for seed in range(wanted) if seed not in lively)
    return (*lively, *islice(others, wanted - len(lively)))


def _seeds() -> Iterable[int]:
    half = _SEEDS // 2
    return chain(range(half), range(FOCUSED, FOCUSED + _SEEDS))


def _alive(result: Result | None) -> set[int]:
    """The columns that hold a value."""
    nulls = result.nulls if result is not None else ()
    return {k for k, count in enumerate(nulls) if result is not None and count < result.rows}


def _candidates(trial: Trial, before: Result, seed: int) -> list[BaseColumn]:
    """Gives the columns that may matter. Those that the text does not name are read by a star or not at all:
    a table's are first changed all together, and left out where that changes nothing."""
    chosen: list[BaseColumn] = []
    for table_name in trial.used:
        own = [column for column in trial.sources() if column.table == table_name]
        chosen += [column for column in own if column.named]
        rest = [column for column in own if not column.named]
        if rest:
            trial.replace_all(rest, seed)
            if trial.result() != before:
                chosen += rest
            trial.restore(table_name)
    return chosen


def _changed(before: Result, after: Result) -> set[int]:
    if before.rows != after.rows:
        return set(range(len(before.columns)))
    pairs = zip(before.columns, after.columns, strict=True)
    return {k for k, (old, new) in enumerate(pairs) if old != new}
