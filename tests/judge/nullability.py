"""Judges nullability by data: `python -m tests.judge.nullability`.

A column that is said to be not null must never hold a NULL. Each query runs on data sets that are rich in
NULLs wherever the schema allows them: with some of the values NULL, with half and with all of them, with no
rows at all, and with each table in turn empty, so that outer joins find no partner and aggregates nothing to
add up.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.corpus.make import NoCorpusError
from tests.judge import subject
from tests.judge.engine import Engine
from tests.judge.generate import random_query
from tests.judge.lineage import RANDOM as RANDOM_SHAPE
from tests.judge.lineage import Job, corpus_jobs
from tests.judge.random_queries import valid_queries
from tests.judge.report import Target, clipped, percent, table, targets
from tests.judge.subject import NOT_NULL, Analyse
from tests.judge.tree import shrink
from tests.judge.trial import Trial, world
from tests.judge.verdict import DIALECT
from tests.judge.world import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one or more queries; they add up.

    `held` are columns that never held a NULL in at least ENOUGH rows, whatever was said of them, `found`
    those of them that were said to be not null; `refuted` are columns that were said to be so and held one;
    `failed` are queries that were not analysed.
    """

    queries: int = 0
    failed: int = 0
    columns: int = 0
    runs: int = 0
    held: int = 0
    found: int = 0
    claimed: int = 0
    refuted: int = 0
    findings: tuple[str, ...] = ()

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{field: getattr(self, field) + getattr(other, field) for field in self.__slots__})

    def row(self) -> tuple[object, ...]:
        """The figures in the order of HEADER."""
        return (
            self.queries, self.failed, self.columns, self.runs, self.held, self.claimed,
            percent(self.found, self.held), self.refuted,
        )  # fmt: skip

    def targets(self) -> tuple[Target, ...]:
        """What has to be reached."""
        return (
            Target("there are claims to judge", self.claimed > 0, str(self.claimed)),
            Target("not analysed", self.failed == 0, str(self.failed)),
            Target("not-null columns that held a NULL", self.refuted == 0, str(self.refuted)),
        )


FEW_NULLS = 12
# In so many rows a column that can be NULL is so: almost half of the values are, on some of the data.
ENOUGH = 30
HEADER = ("queries", "failed", "columns", "runs", "never NULL", "said not null", "found", "refuted")


def observed(
    job: Job, seeds: Iterable[int], connection: DuckDBPyConnection
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Gives rows and NULLs of each column for each data set on which the query runs."""
    for share in (FEW_NULLS, 45, 100):
        # A key of its own is never NULL: only where joins shall find something.
        shape = replace(job.shape, nulls=share, unique_keys=job.shape.unique_keys and share == FEW_NULLS)
        trial = Trial(job.tables, job.sql, shape, connection)
        for seed in seeds:
            trial.fill(seed)
            for condition in (None, *trial.used):
                if condition is not None:
                    trial.limit(condition, "false")
                result = trial.result()
                if condition is not None:
                    trial.restore(condition)
                if result is not None:
                    yield result.rows, result.nulls
    trial = Trial(job.tables, job.sql, job.shape, connection)
    for used in trial.used:
        trial.limit(used, "false")
    if (result := trial.result()) is not None:
        yield result.rows, result.nulls


def judge_query(analyse: Analyse, job: Job, seeds: Iterable[int], connection: DuckDBPyConnection) -> Figures:
    """Judges what is said of the nullability of one query's columns."""
    try:
        analysis = analyse(job.sql, DIALECT, job.tables)
    # Whatever is raised is counted, and the types judge shows it.
    except Exception as error:
        return Figures(queries=1, failed=1, findings=(f"{job.name}: {error!r}",))
    seen = list(observed(job, tuple(seeds), connection))
    count = len(Trial(job.tables, job.sql, job.shape, connection).kinds)
    if analysis.errors or len(analysis.columns) != count:
        what = "; ".join(analysis.errors) or f"{len(analysis.columns)} columns instead of {count}"
        return Figures(queries=1, failed=1, findings=(f"{job.name}: {what}",))
    holds = [any(nulls[k] for _, nulls in seen) for k in range(count)]
    has_rows = any(rows for rows, _ in seen)
    claimed = [k for k, column in enumerate(analysis.columns) if column.nullable == NOT_NULL and has_rows]
    refuted = [k for k in claimed if holds[k]]
    is_shown = sum(rows for rows, _ in seen) >= ENOUGH
    held = [k for k in range(count) if is_shown and not holds[k]]
    missed = [k for k in held if k not in claimed]
    return Figures(
        queries=1,
        columns=count,
        runs=len(seen),
        held=len(held),
        found=len(held) - len(missed),
        claimed=len(claimed),
        refuted=len(refuted),
        findings=(
            *(f"{job.name}: column {k + 1} holds NULL" for k in refuted),
            *(f"{job.name}: column {k + 1} never holds NULL" for k in missed),
        ),
    )


def judge_jobs(analyse: Analyse, jobs: Iterable[Job], seeds: Iterable[int]) -> Figures:
    """Judges several queries."""
    known: dict[int, DuckDBPyConnection] = {}
    total = Figures()
    seeds = tuple(seeds)
    for job in jobs:
        connection = known.get(id(job.tables)) or known.setdefault(id(job.tables), world(job.tables))
        total = total + judge_query(analyse, job, seeds, connection)
    return total


def random_jobs(seed: int, count: int) -> list[Job]:
    """Gives random queries of all kinds."""
    return [
        Job(name, str(tree), TABLES, RANDOM_SHAPE)
        for name, tree, described in valid_queries(Engine(TABLES), seed, count)
        if described is not None
    ]


def shrunk(analyse: Analyse, name: str) -> str:
    """Gives a random query of which a not-null column holds a NULL, made smaller as long as one does."""
    engine = Engine(TABLES)
    connection = world(TABLES)

    def fails(sql: str) -> bool:
        if engine.describe(sql) is None:
            return False
        return judge_query(analyse, Job(name, sql, TABLES, RANDOM_SHAPE), range(1), connection).refuted > 0

    return str(shrink(random_query(name), fails, most=400))


def main() -> int:
    """Prints the figures; 1 where a target is missed, 2 where there is nothing to judge."""
    parser = argparse.ArgumentParser(description="Judges nullability by data.")
    parser.add_argument("--random", type=int, default=2000, help="how many random queries")
    parser.add_argument("--seed", type=int, default=1, help="of the random queries")
    parser.add_argument("--every", type=int, default=1, help="only every n-th query of the corpus")
    parser.add_argument("--data", type=int, default=1, help="how many data sets of each kind")
    parser.add_argument("--list", type=int, default=40, help="how many findings to list")
    parser.add_argument("--shrink", type=int, default=8, help="how many of the random ones to make smaller")
    arguments = parser.parse_args()
    try:
        jobs = corpus_jobs()
    except NoCorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    jobs = {name: queries[:: arguments.every] for name, queries in jobs.items()}
    jobs["random"] = random_jobs(arguments.seed, arguments.random)
    started = time.monotonic()
    groups = {
        name: judge_jobs(subject.analyse, queries, range(arguments.data)) for name, queries in jobs.items()
    }
    everything = sum(groups.values(), Figures())
    reached = everything.targets()
    rows = [(name, *figures.row()) for name, figures in (*groups.items(), ("all", everything))]
    print(table(("", *HEADER), rows), targets(reached), sep="\n\n")
    worst_first = sorted(everything.findings, key=lambda text: "never" in text)
    print("", clipped(worst_first, arguments.list), sep="\n")
    random = groups["random"].findings
    refuted = [
        text.partition(": ")[0] for text in random if text.endswith("holds NULL") and "never" not in text
    ]
    for name in list(dict.fromkeys(refuted))[: arguments.shrink]:
        print(f"{name}: {shrunk(subject.analyse, name)}")
    print(f"\n{time.monotonic() - started:.1f} s")
    return 0 if all(target.held for target in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
