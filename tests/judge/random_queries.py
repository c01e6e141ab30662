"""Judges names and types over random queries: `python -m tests.judge.random_queries --count 10000 --seed 1`.

Query `SEED:N` is the same on every machine. One that DuckDB refuses is discarded and counted. The first
failures are listed, each made smaller as long as it stays valid and fails in the same way.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot.errors import ParseError

from tests.judge import subject
from tests.judge.engine import Engine
from tests.judge.generate import random_query
from tests.judge.report import Target, clipped, percent, table, targets
from tests.judge.tree import Tree, shrink
from tests.judge.validity import fails_on_values, is_valid_throughout
from tests.judge.verdict import DIALECT, HEADER, Finding, Tally, judge
from tests.judge.world import TABLES

MOST_UNKNOWN = 2
MOST_DISCARDED = 30
# In a thousand: valid queries that sqlglot doesn't parse, which the compiler answers with a syntax error.
MOST_UNREAD = 1
_BAD = ("crash", "refused", "count", "wrong type", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The figures over random queries, and the failures, shrunk."""

    tally: Tally
    made: int
    discarded: int
    unread: int
    failures: tuple[str, ...]

    def targets(self) -> tuple[Target, ...]:
        """What has to be reached."""
        share = percent(self.discarded, self.made)
        few = self.discarded * 100 < MOST_DISCARDED * self.made
        discarded = Target(f"discarded, under {MOST_DISCARDED}%", few, share)
        read = self.unread * 1000 <= MOST_UNREAD * self.made
        unread = Target(f"not parsed, at most {MOST_UNREAD} in 1000", read, str(self.unread))
        return (*self.tally.targets(MOST_UNKNOWN), discarded, unread)


def valid_queries(
    engine: Engine, seed: int, count: int, *, exact: bool = False
) -> Iterator[tuple[str, Tree, tuple[tuple[str, str], ...] | None]]:
    """Makes queries until so many are valid: name, tree, and the engine's description, None for no valid one.

    Gives up where nine in ten are not valid.
    """
    valid = 0
    for number in range(10 * count):
        if valid == count:
            return
        name = f"{seed}:{number}"
        tree = random_query(name, exact=exact)
        described = engine.describe(str(tree))
        valid += described is not None
        yield name, tree, described


def judge_random(analyse: subject.Analyse, seed: int, count: int, shrunk: int = 10) -> Outcome:
    """Judges random queries and makes the first failures smaller."""
    engine = Engine(TABLES)
    tally, discarded, made, unread = Tally(), 0, 0, 0
    failures: list[str] = []
    unknowns = 0
    for name, tree, described in valid_queries(engine, seed, count):
        made += 1
        if described is None:
            discarded += 1
            continue
        if not _is_parsed(str(tree)):
            unread += 1
            continue
        one = judge(analyse, engine, name, str(tree), described)
        if one.refused and _never_runs(engine, str(tree), one):
            discarded += 1
            continue
        tally = tally + one
        bad = next((finding for finding in one.findings if finding.kind in _BAD), None)
        if bad is None and one.unknown and unknowns < shrunk:
            unknowns += 1
            bad = one.findings[0]
        if bad is not None and len(failures) < 2 * shrunk:
            failures.append(_shrunk(analyse, engine, name, tree, bad.kind))
    return Outcome(tally=tally, made=made, discarded=discarded, unread=unread, failures=tuple(failures))


def _never_runs(engine: Engine, sql: str, refused: Tally) -> bool:
    if not is_valid_throughout(engine, sql):
        return True
    return all(fails_on_values(part) for found in refused.findings for part in found.text.split("; "))


def _is_parsed(sql: str) -> bool:
    try:
        sqlglot.parse_one(sql, dialect=DIALECT)
    except ParseError:
        return False
    return True


def _shrunk(analyse: subject.Analyse, engine: Engine, name: str, tree: Tree, kind: str) -> str:
    found: list[Finding] = []

    def fails(sql: str) -> bool:
        described = engine.describe(sql)
        if described is None:
            return False
        same = [f for f in judge(analyse, engine, name, sql, described).findings if f.kind == kind]
        if same:
            found[:] = same[:1]
        return bool(same)

    fails(str(tree))
    smallest = shrink(tree, fails, most=600)
    return f"{kind}: {name}: {found[0].text}\n    {smallest}"


def main() -> int:
    """Prints the figures; 1 where a target is missed, 2 where there is nothing to judge."""
    parser = argparse.ArgumentParser(description="Judges names and types over random queries.")
    parser.add_argument("--count", type=int, default=10_000, help="how many valid queries")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=10, help="how many failures to list, shrunk")
    arguments = parser.parse_args()
    started = time.monotonic()
    outcome = judge_random(subject.analyse, arguments.seed, arguments.count, arguments.list)
    reached = outcome.targets()
    row = (f"random, seed {arguments.seed}", *outcome.tally.row())
    print(table(("", *HEADER), [row]), targets(reached), sep="\n\n")
    print("", clipped(outcome.failures, 2 * arguments.list), sep="\n")
    print(f"\n{time.monotonic() - started:.1f} s")
    return 0 if all(target.held for target in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
