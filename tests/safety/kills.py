"""Kills builds at each call and at random moments, and looks all the while at what others can see.

`python -m tests.safety.kills [--project shop|example] [--engine duckdb|postgres|autocommit] [--count N]
[--seed N] [--layout direct|virtual]` prints the figures. Half of the kills are at calls, before or after they
are made, spread over all of them and once more over the commits; half are at random moments. Before the next
build, every third time the state is gone, and every third time it is what it was after the first day.
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
from itertools import cycle
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from sqlflow.dialect.environments import Layout
from tests.safety.child import MISSING, build
from tests.safety.contents import Contents, Looks, contents_sql, find, looks, read_contents
from tests.safety.faults import count_calls
from tests.safety.injected import ADAPTERS, COMMIT, PUBLISH
from tests.safety.stage import Stage, StateLoss
from tests.safety.stages import stage_on
from tests.safety.subjects import SUBJECTS

LEASE_SECONDS = 0.5

Seen: TypeAlias = list[tuple[str, Contents | None]]


@dataclass(frozen=True)
class Case:
    """One kill: at a call, before or after it is made, or so many seconds after the build begins.

    `only` says of which kind the call is, of those that count; `loss` is what then becomes of the state.
    """

    at: int = 0
    after: bool = False
    only: str = ""
    seconds: float = 0.0
    loss: StateLoss = StateLoss.KEPT

    def __str__(self) -> str:
        where = (
            f"{'after' if self.after else 'before'} {self.only or 'call'} {self.at}"
            if self.at
            else f"{self.seconds:.3f} s"
        )
        return f"{where}, state {self.loss.value}"


@dataclass(frozen=True)
class Outcome:
    """What came of a case: whether the build died and when, how often was looked, and what is wrong."""

    killed: bool
    seconds: float
    looks: int
    wrong: list[str]


def plan(calls: int, deciding: str, commits: int, seconds: float, number: int, seed: int) -> Iterator[Case]:
    """Gives so many cases: calls and commits in even steps, then moments within the time of a build.

    `deciding` is the kind of call that stands for a commit.
    """
    chosen = random.Random(seed)
    losses = cycle(StateLoss)
    half = number // 2
    fourth = half // 2
    for kind, there, some in ((deciding, commits, fourth), ("", calls, half - fourth)):
        for i in range(some):
            place = i * 2 * there // some
            yield Case(at=place // 2 + 1, after=bool(place % 2), only=kind, loss=next(losses))
    for _ in range(number - half):
        yield Case(seconds=chosen.uniform(0.0, seconds), loss=next(losses))


def run(stage: Stage, case: Case, context: Any) -> Outcome:
    """Kills one build, and looks after it."""
    stage.begin()
    watched = looks(stage.subject, stage.warehouse)
    allowed = {name: {stage.days[day].found.looks[name] for day in (1, 2)} for name in watched}
    reader, writer = context.Pipe(duplex=False)
    begun, begins = context.Pipe(duplex=False)
    engine = stage.warehouse.target["type"]
    process = context.Process(
        target=build,
        args=[
            stage.subject.name,
            stage.root,
            engine,
            case.at,
            case.after,
            case.only,
            watched,
            begins,
            writer,
        ],
    )
    seen: Seen = []
    done = threading.Event()
    look = _poll if stage.warehouse.is_postgres else _drain
    with ThreadPoolExecutor(1) as pool:
        process.start()
        writer.close()
        begins.close()
        looking = pool.submit(look, stage, watched, reader, seen, done)
        begun.recv()
        began = time.monotonic()
        if not case.at:
            time.sleep(case.seconds)
            process.kill()
        process.join()
        seconds = time.monotonic() - began
        done.set()
        # Nobody has looked where this raises.
        looking.result()
    reader.close()
    begun.close()
    wrong = [
        f"{name} was {'missing' if found is MISSING else f'neither of both days: {found}'}"
        for name, found in dict.fromkeys(seen)
        if found not in allowed[name]
    ]
    left = find(stage.subject, stage.warehouse).looks
    wrong += [f"{name} was left wrong" for name in allowed if left.get(name) not in allowed[name]]
    loaded = stage.load()
    wrong += stage.torn(loaded)
    stage.lose(case.loss)
    return Outcome(process.exitcode != 0, seconds, len(seen), [*wrong, *stage.made_right(loaded)])


def _drain(stage: Stage, watched: Looks, reader: Connection, seen: Seen, done: threading.Event) -> None:
    with suppress(EOFError, OSError):
        while True:
            seen.append(reader.recv())


def _poll(stage: Stage, watched: Looks, reader: Connection, seen: Seen, done: threading.Event) -> None:
    import psycopg

    with closing(stage.warehouse.connect()) as connection:
        while not done.is_set():
            for name, place in watched.items():
                try:
                    row = connection.execute(contents_sql("postgres", place)).fetchone()
                    seen.append((name, read_contents(row)))
                except psycopg.errors.UndefinedTable:
                    seen.append((name, MISSING))


def main() -> int:
    """Runs the cases and prints how they ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", choices=[*SUBJECTS], default="shop")
    parser.add_argument("--engine", choices=[*ADAPTERS], default="duckdb")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layout", choices=[*Layout], default=Layout.DIRECT)
    given = parser.parse_args()
    killed = looked = bad = 0
    with stage_on(SUBJECTS[given.project], given.engine, LEASE_SECONDS, given.layout) as stage:
        for case, outcome in all_cases(stage, given.count, given.seed):
            killed += outcome.killed
            looked += outcome.looks
            if outcome.wrong:
                bad += 1
                print(f"{case}: {outcome.wrong}", flush=True)
    print(
        f"{given.project}, {given.engine}, {given.layout}: {given.count} cases, {killed} killed, "
        f"{looked} looks, {bad} wrong"
    )
    return 1 if bad else 0


def decisive(stage: Stage) -> str:
    """The kind of calls that matter most.

    Without transactions, these are the ones that say what is published and what is about to be.
    """
    return COMMIT if ADAPTERS[stage.warehouse.target["type"]].spec.transactions else PUBLISH


def all_cases(stage: Stage, number: int, seed: int) -> Iterator[tuple[Case, Outcome]]:
    """Runs so many cases."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.safety.child"])
    stage.begin()
    loaded = stage.load()
    kind = decisive(stage)
    calls, commits = count_calls(stage, loaded), count_calls(stage, loaded, kind)
    # Twice: the first one starts the server that the others are forked from.
    for _ in range(2):
        outcome = run(stage, Case(at=calls + 1000), context)
        assert not outcome.wrong, outcome.wrong
    for case in plan(calls, kind, commits, outcome.seconds, number, seed):
        yield case, run(stage, case, context)


if __name__ == "__main__":
    sys.exit(main())
