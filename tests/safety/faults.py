"""Fails each call of a build once, in four ways; the next build must make everything right.

`python -m tests.safety.faults [--engine duckdb|postgres] [--every N]` prints the figures.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum

from sqlflow.core.codes import Code
from sqlflow.state.event import RunFinished
from tests.safety import injected
from tests.safety.injected import Fail, Fault, NoTrap, Trap
from tests.safety.stage import Stage, as_expected, built
from tests.safety.stages import stage_on


def disturbed(stage: Stage, trap: Trap) -> RunFinished | None:
    """Builds the second day with a trap; None where the run could not even begin."""
    from sqlflow.core.diagnostic import ProjectError

    adapter = injected.POSTGRES if stage.warehouse.is_postgres else injected.DUCKDB
    adapter.trap = trap
    try:
        return built(stage.root)
    except ProjectError:
        return None
    finally:
        adapter.trap = NoTrap()


def count_calls(stage: Stage) -> int:
    """Counts the calls of an undisturbed second day."""
    stage.reset()
    stage.write(2)
    trap = NoTrap()
    ended = disturbed(stage, trap)
    assert ended is not None and as_expected(ended)
    assert not stage.wrong(), stage.wrong()
    return trap.calls


class Ending(StrEnum):
    """How a build ended, one of whose calls failed."""

    AS_IF_NOTHING = "as if nothing had been"
    UNRECORDED = "did all, and told that the state could not be kept"
    UNDONE = "with something undone"
    NOT_BEGUN = "did not begin"


def _ending(ended: RunFinished | None) -> Ending:
    if ended is None:
        return Ending.NOT_BEGUN
    if as_expected(ended):
        return Ending.AS_IF_NOTHING
    kept = as_expected(replace(ended, diagnostics=())) and {d.code for d in ended.diagnostics} == {
        Code.STATE_UNREACHABLE
    }
    return Ending.UNRECORDED if kept else Ending.UNDONE


def case(stage: Stage, at: int, fault: Fault) -> tuple[Ending, list[str]]:
    """Fails one call; gives how that build ended, and what is wrong once all is done.

    There is a next build only where something was left for it.
    """
    stage.reset()
    stage.write(2)
    ending = _ending(disturbed(stage, Fail(at, fault)))
    wrong: list[str] = []
    if ending is not Ending.AS_IF_NOTHING:
        ended = built(stage.root)
        if not as_expected(ended):
            wrong = [f"the next build ended with {ended.counts}, {ended.diagnostics}"]
    return ending, [*wrong, *stage.wrong()]


def cases(stage: Stage, every: int, start: int = 1) -> Iterator[tuple[int, Fault, Ending, list[str]]]:
    """Fails every so many-th call, in each way."""
    for at in range(start, count_calls(stage) + 1, every):
        for fault in Fault:
            yield at, fault, *case(stage, at, fault)


def main() -> int:
    """Runs the cases and prints how they ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    ended: dict[Fault, Counter[Ending]] = {fault: Counter() for fault in Fault}
    bad = 0
    with stage_on(given.engine, lease_time=60) as stage:
        for at, fault, ending, wrong in cases(stage, given.every):
            ended[fault][ending] += 1
            if wrong:
                bad += 1
                print(f"call {at}, {fault.value}: {wrong}", flush=True)
    for fault, found in ended.items():
        parts = ", ".join(f"{found[ending]} {ending.value}" for ending in Ending)
        print(f"{fault.value}: {found.total()} builds, {parts}")
    print(f"{given.engine}: {sum(found.total() for found in ended.values())} cases, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
