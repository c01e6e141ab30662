"""Fails each call of a build once, in four ways; the next build must make everything right.

`python -m tests.safety.faults [--project shop|example] [--engine duckdb|postgres|autocommit] [--every N]
[--layout direct|virtual]` prints the figures.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

from sqlflow.api import LoadedProject
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import ProjectError
from sqlflow.dialect.environments import Layout
from sqlflow.state.event import RunFinished
from tests.safety.injected import ADAPTERS, Fail, Fault, NoTrap, Trap
from tests.safety.stage import LEFT_OVER, Stage, built
from tests.safety.stages import stage_on
from tests.safety.subjects import SUBJECTS


def disturbed(stage: Stage, loaded: LoadedProject, trap: Trap) -> RunFinished | None:
    """Builds the second day with a trap; None where the run could not even begin."""
    adapter = ADAPTERS[stage.warehouse.target["type"]]
    adapter.trap = trap
    try:
        return built(loaded)
    except ProjectError:
        return None
    finally:
        adapter.trap = NoTrap()


def count_calls(stage: Stage, loaded: LoadedProject, only: str = "") -> int:
    """Counts the calls of an undisturbed second day, or those of one kind."""
    stage.begin()
    trap = NoTrap(only)
    ended = disturbed(stage, loaded, trap)
    assert ended is not None
    assert stage.as_expected(ended), ended
    assert not stage.wrong(loaded), stage.wrong(loaded)
    return trap.calls


class Ending(StrEnum):
    """How a build ended, one of whose calls failed."""

    AS_IF_NOTHING = "as if nothing had been"
    UNRECORDED = "did all, and told that the state could not be kept"
    UNDONE = "with something undone"
    NOT_BEGUN = "did not begin"


def _ending(stage: Stage, ended: RunFinished | None) -> Ending:
    if ended is None:
        return Ending.NOT_BEGUN
    if stage.as_expected(ended):
        return Ending.AS_IF_NOTHING
    kept = stage.as_expected(replace(ended, diagnostics=())) and {d.code for d in ended.diagnostics} == {
        Code.STATE_UNREACHABLE
    }
    return Ending.UNRECORDED if kept else Ending.UNDONE


def case(
    stage: Stage, loaded: LoadedProject, at: int, fault: Fault, only: str = ""
) -> tuple[Ending, list[str]]:
    """Fails one call; gives how that build ended, and what is wrong once all is done.

    There is a next build only where something was left for it.
    """
    stage.begin()
    ending = _ending(stage, disturbed(stage, loaded, Fail(at, fault, only)))
    torn = stage.torn(loaded)
    wrong = stage.wrong(loaded) if ending is Ending.AS_IF_NOTHING else stage.made_right()
    if ending is Ending.AS_IF_NOTHING and wrong and all(LEFT_OVER in one for one in wrong):
        # What nobody is shown may stay where it could not be dropped, until the next build.
        wrong = stage.made_right()
    return ending, [*torn, *wrong]


def cases(
    stage: Stage, every: int, start: int = 1, only: str = "", faults: Sequence[Fault] = tuple(Fault)
) -> Iterator[tuple[int, Fault, Ending, list[str]]]:
    """Fails every so many-th call, of all or of those of one kind, in each of some ways."""
    stage.begin()
    # Loading calls no warehouse, so once is enough.
    loaded = stage.load()
    for at in range(start, count_calls(stage, loaded, only) + 1, every):
        for fault in faults:
            yield at, fault, *case(stage, loaded, at, fault, only)


def main() -> int:
    """Runs the cases and prints how they ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", choices=[*SUBJECTS], default="shop")
    parser.add_argument("--engine", choices=[*ADAPTERS], default="duckdb")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--layout", choices=[*Layout], default=Layout.DIRECT)
    given = parser.parse_args()
    ended: dict[Fault, Counter[Ending]] = {fault: Counter() for fault in Fault}
    bad = 0
    with stage_on(SUBJECTS[given.project], given.engine, 60, given.layout) as stage:
        for at, fault, ending, wrong in cases(stage, given.every):
            ended[fault][ending] += 1
            if wrong:
                bad += 1
                print(f"call {at}, {fault.value}: {wrong}", flush=True)
    for fault, found in ended.items():
        parts = ", ".join(f"{found[ending]} {ending.value}" for ending in Ending)
        print(f"{fault.value}: {found.total()} builds, {parts}")
    count = sum(found.total() for found in ended.values())
    print(f"{given.project}, {given.engine}, {given.layout}: {count} cases, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
