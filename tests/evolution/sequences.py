"""Random sequences of edits, changes of data and builds; and whether what is there is what should be."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from sqlflow.core.diagnostic import ProjectError
from tests.evolution.data import Data, change, first_data
from tests.evolution.edits import EDITS, ON_KEPT, WEIGHTS
from tests.evolution.generate import Taste, random_project
from tests.evolution.project import FILE, SOURCES, Project
from tests.evolution.stand import Contents, Stand, difference, left_to_do, rebuilt, stand

# Steps that are no edits.
DATA, PART, WHOLE, SAVED, REVERT = "data", "build a part", "build", "plan and apply", "revert"
IN_DEV = "build in dev"
_WEIGHTS = {DATA: 5, PART: 4, WHOLE: 2, SAVED: 2, IN_DEV: 2, REVERT: 1, "edit": 18}


class Step(NamedTuple):
    """A step: an edit of a model, a change of a source, or a build; `seed` decides what is random in it."""

    kind: str
    name: str
    seed: int

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.seed})" if self.name else f"{self.kind} ({self.seed})"


class Failure(NamedTuple):
    """What is wrong: of what kind, with which model, in words; and the model's texts."""

    kind: str
    model: str
    text: str
    texts: tuple[str, ...] = ()


class Start(NamedTuple):
    """What a sequence begins with."""

    project: Project
    data: Data


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a sequence: the steps taken, what was counted, and a failure, if there was one."""

    steps: list[Step] = field(default_factory=list[Step])
    counts: Counter[str] = field(default_factory=Counter[str])
    edits: Counter[str] = field(default_factory=Counter[str])
    failures: list[Failure] = field(default_factory=list[Failure])


Director: TypeAlias = Callable[[Project], Step | None]


def first(seed: int) -> Start:
    """Makes a project that compiles, of 5 to 30 models, and data."""
    rng = random.Random(f"project {seed}")
    data = first_data(rng)
    taste = Taste(stars=rng.choice((0.05, 0.2)), odd=rng.choice((0.2, 0.5)), deep=rng.choice((0.3, 0.8)))
    project = random_project(rng, min(rng.randint(5, 30), rng.randint(5, 30)), taste)
    project = replace(project, layout=rng.choice(("direct", "virtual")))
    with stand() as place:
        return Start(compiling(project, place, data), data)


def compiling(project: Project, place: Stand, data: Data) -> Project:
    """Leaves out what does not compile, with what reads it."""
    while True:
        loaded = place.load(project, data)
        errors = [d for d in loaded.diagnostics if d.is_error and d.span is not None]
        if loaded.ok:
            return project
        wrong = frozenset(m.name for m in project.models for d in errors if d.span and d.span.path == m.path)
        assert wrong, [d.message for d in loaded.diagnostics]
        gone = wrong | project.below(wrong)
        project = project.only(frozenset(m.name for m in project.models) - gone)


def directed(seed: int) -> Director:
    """Chooses steps at random, as many as a sequence has."""
    rng = random.Random(f"steps {seed}")
    todo = rng.randint(6, 16)

    def choose(project: Project) -> Step | None:
        nonlocal todo
        todo -= 1
        if todo < 0 or not project.models:
            return None
        kind = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        name = ""
        if kind == "edit":
            return _fitting(project, rng)
        if kind == DATA:
            name = rng.choice(SOURCES)
        return Step(kind, name, rng.randrange(1 << 30))

    return choose


def _fitting(project: Project, rng: random.Random) -> Step:
    """Chooses an edit that a model has a place for, one that is read more often than not."""
    names = [m.name for m in project.models]
    read = [name for name in names if project.readers(name)]
    while True:
        kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        for _ in range(8):
            name = rng.choice(read if read and rng.random() < 0.6 else names)
            step = Step(kind, name, rng.randrange(1 << 30))
            if edited(project, step) is not None:
                return step


def edited(project: Project, step: Step) -> Project | None:
    """Gives the project after an edit, None where there is no place for it."""
    model = project.model(step.name)
    if model is None or (model.is_kept and step.kind not in ON_KEPT):
        return None
    changed = EDITS[step.kind](project, model, random.Random(step.seed))
    return None if changed == project else changed


def replayed(steps: Sequence[Step]) -> Director:
    """Gives steps as they were."""
    left: Iterator[Step] = iter(steps)
    return lambda project: next(left, None)


def play(start: Start, director: Director) -> Played:
    """Plays a sequence in a new warehouse, until something is wrong; ends with a whole build and a look."""
    played = Played()
    with stand() as place:
        _Play(place, start, played).run(director)
    return played


class _Play:
    def __init__(self, place: Stand, start: Start, played: Played) -> None:
        self._place, self._played = place, played
        self._project, self._data = start
        # Projects that were there, and the last one that could be built.
        self._before = [start.project]
        self._good = start.project
        # What the sources' clock said when prod was last brought up to date.
        self._at = -1

    def run(self, director: Director) -> None:
        """Builds, takes one step after the other, builds and looks."""
        self._place.fill(self._data)
        self._whole(look=False)
        while not self._played.failures and (step := director(self._project)) is not None:
            self._played.steps.append(step)
            self._take(step)
        if not self._played.failures:
            self._whole(look=True)

    def _take(self, step: Step) -> None:
        counts = self._played.counts
        rng = random.Random(step.seed)
        match step.kind:
            case "data":
                self._data, kind = change(self._data, step.name, step.seed)
                self._place.fill(self._data, (step.name,))
                counts[f"data: {kind}" + (", of a file" if step.name == FILE else "")] += 1
            case "build a part":
                self._part(rng)
            case "build":
                self._whole(look=rng.random() < 0.5)
            case "plan and apply":
                self._whole(look=rng.random() < 0.5, saved=True)
            case "build in dev":
                self._in_dev()
            case "revert":
                self._revert(rng)
            case kind:
                changed = edited(self._project, step)
                if changed is not None:
                    self._accept(changed, kind)

    def _accept(self, changed: Project, kind: str) -> None:
        if self._place.load(changed, self._data).ok:
            self._played.edits[kind] += 1
            self._project = changed
            self._before.append(changed)
        else:
            self._played.counts["edits that do not compile"] += 1

    def _revert(self, rng: random.Random) -> None:
        """Takes back all since some time, or what one model was then."""
        old = rng.choice(self._before)
        model = rng.choice(old.models)
        if rng.random() < 0.3:
            self._accept(old, REVERT)
        elif (now := self._project.model(model.name)) is not None and not now.is_kept:
            self._accept(self._project.with_model(model), REVERT)

    def _part(self, rng: random.Random) -> None:
        """Builds a few models, some with what is above or below; it may be that this can't be."""
        names = rng.sample([m.name for m in self._project.models], min(2, len(self._project.models)))
        chosen = [rng.choice(("{}", "{}", "+{}", "{}+")).format(name) for name in names]
        loaded = self._place.load(self._project, self._data)
        try:
            run = self._place.apply_saved if rng.random() < 0.3 else self._place.build
            ended = run(loaded, chosen)
        except ProjectError:
            self._played.counts["builds of a part that are refused"] += 1
        else:
            self._played.counts["builds of a part" if ended.ok else "builds of a part that fail"] += 1

    def _in_dev(self) -> None:
        """Builds in another environment, from which prod then takes what it has.

        What both have is brought up to date by prod: so only after that they have the same rows.
        """
        project = self._project
        ended = self._place.build(self._place.load(project, self._data, "dev"))
        self._played.counts["builds in dev" if ended.ok else "builds in dev that fail"] += 1
        if ended.ok and self._at != self._data.at:
            return
        should = rebuilt(self._place, self._place.load(project, self._data), project, self._data)
        if not should.ended.ok or should.is_large:
            return
        if ended.ok:
            self._compare(self._place.contents(project, "dev"), should.contents)
        else:
            self._fail("build fails", ended.wrong.partition(":")[0], ended.wrong)

    def _compare(self, found: dict[str, Contents | str], should: dict[str, Contents | str]) -> bool:
        """Compares what is there with what should be; says whether that is right."""
        self._played.counts["relations compared"] += len(found)
        for name in found:
            if text := difference(found[name], should[name]):
                self._fail("difference", name, text)
                return False
        return True

    def _whole(self, *, look: bool, saved: bool = False) -> None:
        counts, project = self._played.counts, self._project
        loaded = self._place.load(project, self._data)
        ended = self._place.apply_saved(loaded) if saved else self._place.build(loaded)
        counts["whole builds"] += 1
        self._at = self._data.at if ended.ok else -1
        if ended.ok and not look:
            self._good = project
            return
        should = rebuilt(self._place, loaded, project, self._data)
        if not ended.ok:
            if should.ended.ok and not should.is_large:
                self._fail("build fails", ended.wrong.partition(":")[0], ended.wrong)
            # Neither can be built: then what was edited since can't be, and is taken back.
            counts["edits that can't be built"] += 1
            self._project = self._good
            return
        self._good = project
        counts["nodes built"] += len(ended.built)
        counts["nodes not built"] += len(ended.unchanged)
        if should.is_large:
            counts["too many rows"] += 1
            return
        if not should.ended.ok:
            self._fail("rebuild fails", should.ended.wrong.partition(":")[0], should.ended.wrong)
            return
        if not self._compare(self._place.contents(project), should.contents):
            return
        if left := left_to_do(loaded, project):
            self._fail("plan not empty", left[0].partition(":")[0], "; ".join(left))

    def _fail(self, kind: str, name: str, text: str) -> None:
        texts: list[str] = []
        for project in (self._before[0], self._project):
            texts.append("---")
            above = project.above(name)
            texts += [f"{m.path}: {project.text(m).strip()}" for m in project.models if m.name in above]
        self._played.failures.append(Failure(kind, name, text, tuple(texts)))


def shrunk(
    start: Start, steps: Sequence[Step], failure: Failure, seconds: float
) -> tuple[Start, list[Step], Failure]:
    """Leaves out steps and models, as long as the same kind of thing is wrong and there is time."""
    until = time.monotonic() + seconds
    kept = list(steps)

    def fails(begin: Start, some: Sequence[Step]) -> Failure | None:
        found = play(begin, replayed(some)).failures
        return found[0] if found and found[0].kind == failure.kind else None

    at = 0
    while at < len(kept) and time.monotonic() < until:
        some = kept[:at] + kept[at + 1 :]
        again = fails(start, some)
        kept, failure = (some, again) if again is not None else (kept, failure)
        at += again is None
    needed = frozenset(start.project.above(failure.model))
    fewer = Start(start.project.only(needed), start.data)
    if fewer.project != start.project and (again := fails(fewer, kept)) is not None:
        start, failure = fewer, again
    return start, kept, failure
