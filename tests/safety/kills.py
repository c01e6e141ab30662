"""Kills builds at each call and at random moments, and looks all the while at what others can see.

`python -m tests.safety.kills [--engine duckdb|postgres] [--count N] [--seed N]` prints the figures. Half of
the kills are at calls, before or after they are made, spread over all of them; half are at random moments.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tests.safety import shop
from tests.safety.child import MISSING, build, digest
from tests.safety.faults import count_calls
from tests.safety.stage import Stage, as_expected, built, contents
from tests.safety.stages import stage_on

LEASE_SECONDS = 0.5


@dataclass(frozen=True)
class Case:
    """One kill: at a call, before or after it is made, or so many seconds after the start."""

    at: int = 0
    after: bool = False
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.at:
            return f"{'after' if self.after else 'before'} call {self.at}"
        return f"after {self.seconds:.3f} s"


def plan(calls: int, seconds: float, number: int, seed: int) -> Iterator[Case]:
    """Gives so many cases: calls in even steps, then moments within the time that a build takes."""
    chosen = random.Random(seed)
    half = number // 2
    for i in range(half):
        place = i * 2 * calls // max(half, 1)
        yield Case(at=place // 2 + 1, after=bool(place % 2))
    for _ in range(number - half):
        yield Case(seconds=chosen.uniform(0.0, seconds))


def run(stage: Stage, case: Case, context: Any) -> tuple[bool, int, list[str]]:
    """Kills one build; gives whether it was killed, how often was looked, and what is wrong."""
    stage.reset()
    stage.write(2)
    allowed = {table: {digest(stage.days[day][table]) for day in (1, 2)} for table in stage.days[1]}
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(
        target=build,
        args=[stage.root, stage.root.parent, stage.warehouse.engine, case.at, case.after, writer],
    )
    seen: list[tuple[str, str]] = []
    done = threading.Event()
    look = _poll if stage.warehouse.is_postgres else _drain
    with ThreadPoolExecutor(1) as pool:
        process.start()
        writer.close()
        looking = pool.submit(look, stage, reader, seen, done)
        if not case.at:
            time.sleep(case.seconds)
            process.kill()
        process.join()
        done.set()
        # Nobody has looked where this raises.
        looking.result()
    reader.close()
    wrong = [
        f"{table} was {found if found == MISSING else 'neither of both days'}"
        for table, found in dict.fromkeys(seen)
        if found not in allowed[table]
    ]
    found = contents(stage.warehouse)
    wrong += [
        f"{table} was left wrong" for table in allowed if digest(found.get(table, ())) not in allowed[table]
    ]
    ended = built(stage.root)
    if not as_expected(ended):
        wrong.append(f"the next build ended with {ended.counts}, {ended.diagnostics}")
    return process.exitcode != 0, len(seen), [*wrong, *stage.wrong()]


def _drain(stage: Stage, reader: Connection, seen: list[tuple[str, str]], done: threading.Event) -> None:
    with suppress(EOFError, OSError):
        while True:
            seen.append(reader.recv())


def _poll(stage: Stage, reader: Connection, seen: list[tuple[str, str]], done: threading.Event) -> None:
    import psycopg

    with closing(stage.warehouse.connect()) as connection:
        while not done.is_set():
            for table in (*shop.TABLES, *shop.VIEWS):
                try:
                    rows = connection.execute(shop.contents_sql(table)).fetchall()
                    seen.append((table, digest(shop.kept(rows))))
                except psycopg.errors.UndefinedTable:
                    seen.append((table, MISSING))


def main() -> int:
    """Runs the cases and prints how they ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    killed = looked = bad = 0
    with stage_on(given.engine, LEASE_SECONDS) as stage:
        for case, was_killed, looks, wrong in all_cases(stage, given.count, given.seed):
            killed += was_killed
            looked += looks
            if wrong:
                bad += 1
                print(f"{case}: {wrong}", flush=True)
    print(f"{given.engine}: {given.count} cases, {killed} killed, {looked} looks, {bad} wrong")
    return 1 if bad else 0


def all_cases(stage: Stage, number: int, seed: int) -> Iterator[tuple[Case, bool, int, list[str]]]:
    """Runs so many cases."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.safety.child"])
    calls = count_calls(stage)
    # Twice: the first one starts the server that the others are forked from.
    for _ in range(2):
        began = time.monotonic()
        _, _, wrong = run(stage, Case(at=calls + 1000), context)
        seconds = time.monotonic() - began
        assert not wrong, wrong
    for case in plan(calls, seconds * 0.6, number, seed):
        yield case, *run(stage, case, context)


if __name__ == "__main__":
    sys.exit(main())
