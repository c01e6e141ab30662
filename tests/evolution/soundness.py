"""Judges builds over random projects: `python -m tests.evolution.soundness --count 2000 --seed 1`.

Each sequence begins with a project of 5 to 30 models that is built, goes through edits, changes of the
sources' data and builds of everything or of a part, and ends with a build of everything. What is there then,
and after some of the builds before, has to be what a rebuild from nothing gives: the same columns, types and
rows; and a plan made right after has to be empty. Sequence `SEED:N` is the same on every machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.evolution.sequences import Failure, Step, directed, first, play, shrunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Counts over sequences, the edits by kind, and what has to be looked at."""

    counts: Counter[str] = field(default_factory=Counter[str])
    edits: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])


def judge_builds(
    seed: int, count: int, *, begin: int = 0, seconds: float = 60.0, tell: Callable[[str], None] | None = None
) -> Outcome:
    """Judges so many sequences; each failure is made smaller for as long as `seconds`."""
    outcome = Outcome()
    for number in range(begin, begin + count):
        name = seed * 1_000_000 + number
        start = first(name)
        played = play(start, directed(name))
        outcome.counts.update(played.counts)
        outcome.edits.update(played.edits)
        outcome.counts["sequences"] += 1
        outcome.counts["models"] += len(start.project.models)
        for failure in played.failures:
            _, steps, smallest = shrunk(start, played.steps, failure, seconds)
            outcome.counts[failure.kind] += 1
            outcome.failures.append(shown(f"{seed}:{number}", steps, smallest))
            if tell is not None:
                tell(outcome.failures[-1])
        if tell is not None and (number + 1) % 20 == 0:
            tell(f"{number + 1} sequences, {len(outcome.failures)} failures")
    return outcome


def shown(name: str, steps: list[Step], failure: Failure) -> str:
    """Says what is wrong, after which steps, with the texts at the beginning and at the end."""
    lines = [f"{failure.kind.upper()} {name}, `{failure.model}`: {failure.text}"]
    lines += [f"    {step}" for step in steps]
    return "\n".join([*lines, *(f"    {line}" for text in failure.texts for line in text.splitlines())])


def main() -> int:
    """Prints the figures; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description="Judges builds over random projects and edits.")
    parser.add_argument("--count", type=int, default=100, help="how many sequences")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--begin", type=int, default=0, help="the number of the first sequence")
    parser.add_argument("--shrink", type=float, default=60.0, help="seconds to make a failure smaller")
    arguments = parser.parse_args()
    started = time.monotonic()
    outcome = judge_builds(
        arguments.seed,
        arguments.count,
        begin=arguments.begin,
        seconds=arguments.shrink,
        tell=lambda text: print(text, flush=True),
    )
    print(*(f"{count:>7}  {what}" for what, count in sorted(outcome.counts.items())), "", sep="\n")
    print(*(f"{count:>7}  {what}" for what, count in sorted(outcome.edits.items())), sep="\n")
    print(f"\n{figures(outcome)}; {time.monotonic() - started:.1f} s")
    return 1 if outcome.failures else 0


def figures(outcome: Outcome) -> str:
    """The figures in one line."""
    counts = outcome.counts
    return (
        f"{counts['sequences']} sequences, {sum(outcome.edits.values())} edits, "
        f"{counts['whole builds'] + counts['builds of a part']} builds, "
        f"{counts['relations compared']} relations compared: {len(outcome.failures)} failures"
    )


if __name__ == "__main__":
    sys.exit(main())
