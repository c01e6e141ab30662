"""Measures what builds leave alone: `python -m tests.evolution.worth --count 1000 --seed 1`.

From a whole build, one edit at a time: of the models whose columns and rows a rebuild from nothing leaves
equal, how many were not built? What the build leaves has to be what the rebuild gives, too. A seed gives the
same edits on every machine.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.evolution.data import first_data
from tests.evolution.edits import EDITS
from tests.evolution.generate import Taste, random_project
from tests.evolution.project import Project
from tests.evolution.sequences import Step, compiling, edited
from tests.evolution.stand import Stand, difference, rebuilt, stand
from tests.judge.report import percent, table

SHARES = {
    "add a column": 30, "change an expression": 25, "change a filter": 15, "rename a column": 10,
    "cosmetic": 10, "change a join": 5, "drop a column": 5,
}  # fmt: skip
# In hundredths: of the models that need not be built, so many should not be.
LEAST = 80
_PER_PROJECT = 12
# With few rows a change often changes nothing, which nobody could know before.
_ROWS = (60, 100)
# As projects are: a few models read the sources, most read models, and most columns are named.
_TASTE = Taste(stars=0.1, odd=0.25, untold=0.0, deep=0.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """By kind of edit: edits, models with equal contents, and those not built.

    `below` is of those that read the edited model, directly or not. `wrong` says where contents are not what
    they should be.
    """

    edits: Counter[str] = field(default_factory=Counter[str])
    equal: Counter[str] = field(default_factory=Counter[str])
    left: Counter[str] = field(default_factory=Counter[str])
    below_equal: Counter[str] = field(default_factory=Counter[str])
    below_left: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])


def measure(seed: int, count: int, tell: Callable[[str], None] | None = None) -> Worth:
    """Makes so many edits, of a few in each project."""
    worth, number = Worth(), 0
    while (done := worth.edits.total()) < count:
        with stand() as place:
            _measure_one(
                place, random.Random(f"worth {seed}:{number}"), min(_PER_PROJECT, count - done), worth
            )
        number += 1
        if tell is not None:
            tell(f"{worth.edits.total()} edits: {percent(worth.left.total(), worth.equal.total())}")
    return worth


def _measure_one(place: Stand, rng: random.Random, count: int, worth: Worth) -> None:
    data = first_data(rng, *_ROWS)
    project = random_project(rng, rng.randint(10, 25), _TASTE)
    project = compiling(project, place, data)
    place.fill(data)
    if not place.build(place.load(project, data)).ok:
        return
    for _ in range(count):
        before = place.contents(project)
        found = _edit(place, project, data, rng)
        if found is None:
            return
        step, changed = found
        loaded = place.load(changed, data)
        ended = place.build(loaded)
        should = rebuilt(place, loaded, changed, data)
        if not ended.ok or should.is_large:
            # The engine can't do what was edited: a new project begins.
            return
        now = place.contents(changed)
        worth.edits[step.kind] += 1
        below = changed.below(frozenset({step.name}))
        for name, contents in now.items():
            if text := difference(contents, should.contents[name]):
                worth.wrong.append(f"{step}, `{name}`: {text}")
            if before.get(name) == should.contents[name]:
                worth.equal[step.kind] += 1
                worth.left[step.kind] += name not in ended.built
                worth.below_equal[step.kind] += name in below
                worth.below_left[step.kind] += name in below and name not in ended.built
        project = changed


def _edit(place: Stand, project: Project, data: object, rng: random.Random) -> tuple[Step, Project] | None:
    kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
    for _ in range(60):
        step = Step(kind, rng.choice(project.models).name, rng.randrange(1 << 30))
        changed = edited(project, step)
        if changed is not None and place.load(changed, data).ok:
            return step, changed
    return None


def main() -> int:
    """Prints the shares; 1 where contents are wrong."""
    parser = argparse.ArgumentParser(description="Measures what builds after an edit leave alone.")
    parser.add_argument("--count", type=int, default=100, help="how many edits")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    assert SHARES.keys() <= EDITS.keys()
    started = time.monotonic()
    worth = measure(arguments.seed, arguments.count, lambda text: print(text, flush=True))
    print(*worth.wrong[:10], sep="\n")
    print(table_of(worth))
    equal, left = worth.equal.total(), worth.left.total()
    below_equal, below_left = worth.below_equal.total(), worth.below_left.total()
    print(
        f"\n{worth.edits.total()} edits, {equal} models left equal: {_judged(left, equal)} not built; "
        f"{below_equal} of them below what is edited: {_judged(below_left, below_equal)} not built; "
        f"{len(worth.wrong)} wrong; {time.monotonic() - started:.1f} s"
    )
    return 1 if worth.wrong else 0


def _judged(part: int, whole: int) -> str:
    return f"{percent(part, whole)} ({LEAST}% {'held' if part * 100 >= LEAST * whole else 'NOT held'})"


def table_of(worth: Worth) -> str:
    """Lays the shares out by kind of edit."""
    rows = [
        (
            kind,
            worth.edits[kind],
            worth.equal[kind],
            percent(worth.left[kind], worth.equal[kind]),
            worth.below_equal[kind],
            percent(worth.below_left[kind], worth.below_equal[kind]),
        )
        for kind in SHARES
    ]
    share = percent(worth.below_left.total(), worth.below_equal.total())
    all_of = percent(worth.left.total(), worth.equal.total())
    total = (worth.edits.total(), worth.equal.total(), all_of, worth.below_equal.total(), share)
    header = ("edit", "edits", "models left equal", "not built", "below it, equal", "not built")
    return table(header, [*rows, ("all", *total)])


if __name__ == "__main__":
    sys.exit(main())
