"""Judges environments over random projects: `python -m tests.evolution.environments --count 200 --seed 1`.

Each sequence begins with a project that is built in prod, on tables by version, and goes through edits,
changes of the sources' data, builds in `prod` and in `dev` (so promotions, too), rollbacks, drops and
collections of garbage. After a build of everything in an environment, what it shows has to be what a rebuild
from nothing gives, and a plan has to be empty; and what was done in `dev` must not have changed what prod
shows.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.core.diagnostic import ProjectError
from sqlflow.system.memory import MemorySystem
from tests.evolution.data import change, csv
from tests.evolution.edits import WEIGHTS
from tests.evolution.project import FILE_PATH, SOURCES, Project
from tests.evolution.sequences import Step, edited, first
from tests.evolution.stand import Contents, Stand, difference, left_to_do, rebuilt, stand

_STEPS = {"edit": 14, "data": 4, "dev": 5, "part of dev": 2, "prod": 4, "rollback": 1, "drop": 1, "gc": 1}


class Wrong(NamedTuple):
    """What is wrong in a sequence, after which steps."""

    name: str
    text: str
    steps: tuple[str, ...]


class _Play:
    """Plays one sequence; `counts` says what was done."""

    def __init__(self, place: Stand, seed: int, counts: Counter[str]) -> None:
        self._place, self._counts = place, counts
        self._rng = random.Random(f"environments {seed}")
        self._project, self._data = first(seed)
        # What was last built in prod, and can be built.
        self._in_prod = self._project
        self._loaded: dict[str, tuple[dict[str, str], LoadedProject]] = {}
        self.steps: list[str] = []
        self.wrong = ""

    def run(self) -> None:
        """Takes steps until something is wrong, then builds both environments and looks."""
        self._place.fill(self._data)
        self._whole("prod", look=False)
        for _ in range(self._rng.randint(8, 18)):
            if self.wrong:
                return
            self._take(self._rng.choices(list(_STEPS), list(_STEPS.values()))[0])
        for name in ("dev", "prod"):
            if not self.wrong:
                self._whole(name, look=True)

    def _take(self, kind: str) -> None:
        self.steps.append(kind)
        match kind:
            case "edit":
                self._edit()
            case "data":
                name = self._rng.choice(SOURCES)
                self._data, _ = change(self._data, name, self._rng.randrange(1 << 30))
                self._place.fill(self._data, (name,))
            case "part of dev":
                names = [model.name for model in self._project.models]
                chosen = self._rng.choice(("{}", "+{}", "{}+")).format(self._rng.choice(names))
                try:
                    self._place.build(self._load(self._project, "dev"), [chosen])
                except ProjectError:
                    self._counts["refused"] += 1
            case "rollback":
                try:
                    self._load(self._in_prod, "prod").roll_back()
                except ProjectError:
                    self._counts["nothing to go back to"] += 1
            case "drop":
                try:
                    self._load(self._project, "prod").drop_environment("dev")
                except ProjectError:
                    self._counts["nothing to drop"] += 1
            case "gc":
                self._load(self._project, "prod").collect_garbage()
            case name:
                self._whole(name, look=self._rng.random() < 0.7)
        self._counts[kind] += 1

    def _edit(self) -> None:
        rng = self._rng
        kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        step = Step(kind, rng.choice(self._project.models).name, rng.randrange(1 << 30))
        changed = edited(self._project, step)
        if changed is not None and self._load(changed, "prod").ok:
            self.steps[-1] = str(step)
            self._project = changed

    def _load(self, project: Project, environment: str) -> LoadedProject:
        files = {**project.files(self._place.path), FILE_PATH: csv(self._data)}
        files["sqlflow.yml"] = json.dumps({**json.loads(files["sqlflow.yml"]), "layout": "virtual"})
        if environment not in self._loaded or self._loaded[environment][0] != files:
            system = MemorySystem(files, root=str(self._place.root))
            self._loaded[environment] = files, sqlflow.load(system=system, environment=environment)
        return self._loaded[environment][1]

    def _whole(self, name: str, *, look: bool) -> None:
        """Builds an environment, and looks whether it shows what it should."""
        # What dev shares, prod brings up to date.
        if name == "dev" and not self._place.build(self._load(self._in_prod, "prod")).ok:
            self._counts["prod can't be built"] += 1
            self._project = self._in_prod
            return
        before = self._shown(self._in_prod, "prod") if name == "dev" and look else {}
        loaded = self._load(self._project, name)
        ended = self._place.build(loaded)
        self._counts[f"builds of {name}"] += 1
        if ended.ok and name == "prod":
            self._in_prod = self._project
        if ended.ok and not look:
            return
        should = rebuilt(self._place, self._load(self._project, "prod"), self._project, self._data)
        if not ended.ok:
            if should.ended.ok and not should.is_large:
                self.wrong = f"build of {name} fails: {ended.wrong}"
            self._project = self._in_prod
            return
        if should.is_large or not should.ended.ok:
            self._counts["too many rows"] += 1
            return
        found = self._shown(self._project, name)
        self._counts["relations compared"] += len(found)
        for model in found:
            if text := difference(found[model], should.contents[model]):
                self.wrong = f"{name}, `{model}`: {text}"
                return
        after = self._shown(self._in_prod, "prod") if before else {}
        changed = [model for model in before if difference(after[model], before[model])]
        if changed:
            self.wrong = f"a build of dev changed what prod shows of {', '.join(changed)}"
        elif left := left_to_do(loaded, self._project):
            self.wrong = f"the plan of {name} is not empty: {'; '.join(left)}"

    def _shown(self, project: Project, name: str) -> dict[str, Contents | str]:
        return self._place.contents(project, name)


def judge_environments(
    seed: int, count: int, *, begin: int = 0, tell: Callable[[str], None] | None = None
) -> tuple[Counter[str], list[Wrong]]:
    """Judges so many sequences."""
    counts: Counter[str] = Counter()
    wrong: list[Wrong] = []
    for number in range(begin, begin + count):
        with stand() as place:
            play = _Play(place, seed * 1_000_000 + number, counts)
            play.run()
        counts["sequences"] += 1
        if play.wrong:
            wrong.append(Wrong(f"{seed}:{number}", play.wrong, tuple(play.steps)))
            if tell is not None:
                tell(f"WRONG {wrong[-1].name}: {play.wrong}\n    " + "\n    ".join(play.steps))
        if tell is not None and (number + 1) % 20 == 0:
            tell(f"{number + 1} sequences, {len(wrong)} failures")
    return counts, wrong


def figures(counts: Counter[str], wrong: list[Wrong]) -> str:
    """The figures in one line."""
    back = counts["rollback"] - counts["nothing to go back to"]
    return (
        f"{counts['sequences']} sequences, {counts['builds of prod']} builds of prod, "
        f"{counts['builds of dev']} of dev, {back} rollbacks, "
        f"{counts['relations compared']} relations compared: {len(wrong)} failures"
    )


def main() -> int:
    """Prints the figures; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description="Judges environments over random projects and edits.")
    parser.add_argument("--count", type=int, default=100, help="how many sequences")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--begin", type=int, default=0, help="the number of the first sequence")
    arguments = parser.parse_args()
    started = time.monotonic()
    counts, wrong = judge_environments(
        arguments.seed, arguments.count, begin=arguments.begin, tell=lambda text: print(text, flush=True)
    )
    print(*(f"{count:>7}  {what}" for what, count in sorted(counts.items())), sep="\n")
    print(f"\n{figures(counts, wrong)}; {time.monotonic() - started:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
