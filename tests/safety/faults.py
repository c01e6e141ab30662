"""Fails each call of a build once, in four ways; the next build must make everything right.

`python -m tests.safety.faults [--engine duckdb|postgres] [--every N]` prints the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from sqlflow.state.event import RunFinished
from tests.safety import injected
from tests.safety.injected import Fail, Fault, NoTrap, Trap
from tests.safety.stage import Stage, as_expected, built
from tests.safety.stages import duckdb_stage, postgres_stage
from tests.servers import postgres_server


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


def case(stage: Stage, at: int, fault: Fault) -> tuple[bool, list[str]]:
    """Fails one call; gives whether that build ended as if nothing was, and what is wrong after the next."""
    stage.reset()
    stage.write(2)
    ended = disturbed(stage, Fail(at, fault))
    wrong = []
    if ended is None or not as_expected(ended):
        ended_then = built(stage.root)
        if not as_expected(ended_then):
            wrong = [f"the next build ended with {ended_then.counts}, {ended_then.diagnostics}"]
        went_on = False
    else:
        went_on = True
    return went_on, [*wrong, *stage.wrong()]


def cases(stage: Stage, every: int, start: int = 1) -> Iterator[tuple[int, Fault, bool, list[str]]]:
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
    went_on: Counter[Fault] = Counter()
    total: Counter[Fault] = Counter()
    bad = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if given.engine == "duckdb":
            stage = duckdb_stage(folder)
        else:
            server = stack.enter_context(postgres_server())
            stage = stack.enter_context(postgres_stage(folder, server, lease_time=60))
        for at, fault, undisturbed, wrong in cases(stage, given.every):
            total[fault] += 1
            went_on[fault] += undisturbed
            if wrong:
                bad += 1
                print(f"call {at}, {fault.value}: {wrong}", flush=True)
    for fault in Fault:
        print(f"{fault.value}: {total[fault]} cases, {went_on[fault]} builds ended as if nothing had been")
    print(f"{given.engine}: {sum(total.values())} cases, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
