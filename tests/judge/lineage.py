"""Judges lineage by perturbation: `python -m tests.judge.lineage`.

For each query, each data set and each source column, the column's values are changed in several ways, by a
view over the unchanged data. Results are compared without their order:

- An output column has *changed* where the multiset of its values has. Where no column's has and that of
  whole rows has, values have moved between rows: some output column has changed, and it can't be told which.
- An *influence* is a source column and an output column that was seen to change with it. It is *named* where
  the source is among the column's values or among the columns that decide the rows. Recall is the share of
  influences that are named.
- A *claim* is a source among an output column's values. It is *seen* where it is an influence. Precision is
  the share of claims that are seen; those of silent queries, whose result nothing changed, are left out.

A query whose result changes with the order of the rows says nothing about lineage: it is counted as unstable
and left out. One that fails on some data is judged by the rest. Fractions are compared to six digits.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tests.corpus.make import NoCorpusError, make
from tests.judge import subject
from tests.judge.data import Shape
from tests.judge.engine import Engine
from tests.judge.generate import random_query
from tests.judge.project import project_queries
from tests.judge.random_queries import valid_queries
from tests.judge.report import Target, clipped, percent, table, targets
from tests.judge.subject import Analyse, Analysis, Source, Tables
from tests.judge.tree import shrink
from tests.judge.trial import BaseColumn, Result, Trial, totally_ordered, world
from tests.judge.verdict import DIALECT
from tests.judge.world import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEAST_PRECISION = 95
# How many data sets are looked through for some on which a query gives rows.
_SEEDS = 20
# In how many further data sets a claim is looked for that has not been seen yet.
MORE = 6
WIDE = frozenset({
    "store_sales", "catalog_sales", "web_sales", "store_returns", "catalog_returns", "web_returns",
    "inventory", "lineitem", "partsupp",
})  # fmt: skip
BENCHMARK = Shape(wide=WIDE)
PROJECT = Shape(few=40, unique_keys=False)
RANDOM = Shape(few=10, nulls=12, unique_keys=False)


class Job(NamedTuple):
    """A query to judge, the tables that it reads, and how they are filled."""

    name: str
    sql: str
    tables: Tables
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one or more queries; they add up. `silent` are queries that nothing changed."""

    queries: int = 0
    unstable: int = 0
    silent: int = 0
    failed: int = 0
    runs: int = 0
    influences: int = 0
    named: int = 0
    claims: int = 0
    seen: int = 0
    missing: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{field: getattr(self, field) + getattr(other, field) for field in self.__slots__})

    def row(self) -> tuple[object, ...]:
        """The figures in the order of HEADER."""
        return (
            self.queries, self.unstable, self.silent, self.failed, self.runs, self.influences,
            percent(self.named, self.influences), self.claims, percent(self.seen, self.claims),
        )  # fmt: skip

    def targets(self) -> tuple[Target, ...]:
        """What has to be reached."""
        precise = self.seen * 100 >= LEAST_PRECISION * self.claims
        judged = self.queries - self.unstable - self.silent - self.failed
        few = self.unstable * 20 <= self.queries
        return (
            Target("there are queries to judge", judged > 0, str(judged)),
            Target("unstable queries, at most 5%", few, percent(self.unstable, self.queries)),
            Target("not analysed", self.failed == 0, str(self.failed)),
            Target("recall of values and rows", self.named == self.influences and judged > 0,
                   percent(self.named, self.influences)),
            Target(f"precision of values, at least {LEAST_PRECISION}%", precise and self.claims > 0,
                   percent(self.seen, self.claims)),
        )  # fmt: skip


HEADER = (
    "queries",
    "unstable",
    "silent",
    "failed",
    "runs",
    "influences",
    "recall",
    "value claims",
    "precision",
)


class Influences(NamedTuple):
    """What was seen to change: pairs of output column and source; sources that only moved values."""

    seen: frozenset[tuple[int, Source]]
    moved: frozenset[Source]
    runs: int
    stable: bool


class _Sightings:
    """What has been seen to change so far, over one data set after the other."""

    def __init__(self, trial: Trial, ways: int) -> None:
        self._trial = trial
        self._ways = ways
        self.seen: set[tuple[int, Source]] = set()
        self.moved: set[Source] = set()
        self.runs = 0

    def look(self, seed: int, wanted: frozenset[tuple[int, Source]] | None = None) -> bool:
        """Changes the source columns on one data set, only for the pairs wanted where they are given.

        Says whether the query's result is the same whatever the order of the rows.
        """
        trial = self._trial
        trial.fill(seed)
        before = trial.result()
        trial.turn()
        turned = trial.result()
        for table_name in trial.used:
            trial.restore(table_name)
        if before is None or turned is None:
            return True
        if before != turned:
            return False
        outputs = range(len(trial.kinds))
        pairs = (
            ((k, (c.table, c.name)) for c in trial.sources() for k in outputs) if wanted is None else wanted
        )
        left = set(pairs) - self.seen
        columns = trial.sources() if wanted is not None else _candidates(trial, before, seed)
        for column in columns:
            unseen = {k for k, source in left if source == (column.table, column.name)}
            # Where there are no rows to change, little is learnt from trying more often.
            self._change(column, before, unseen, seed, self._ways if before.rows else min(self._ways, 2))
        return True

    def _change(self, column: BaseColumn, before: Result, unseen: set[int], seed: int, tries: int) -> None:
        source = (column.table, column.name)
        for change in islice(self._trial.changes(column, seed), tries):
            if not unseen:
                break
            self._trial.replace(column.table, column.name, change)
            after = self._trial.result()
            self.runs += 1
            if after is None:
                continue
            changed = _changed(before, after)
            self.seen.update((k, source) for k in changed)
            unseen = unseen - changed
            if not changed and after.whole != before.whole:
                self.moved.add(source)
        self._trial.restore(column.table)


def influences(
    trial: Trial, data: int, ways: int, claims: frozenset[tuple[int, Source]] = frozenset(), more: int = 0
) -> Influences:
    """Changes every source column of a query in so many ways in each of so many data sets.

    What is claimed and has not been seen then is looked for in `more` data sets.
    """
    sightings = _Sightings(trial, ways)
    seeds = _lively(trial, data, data + more)
    for number, seed in enumerate(seeds):
        wanted = None if number < data else claims - sightings.seen
        if wanted is not None and not wanted:
            break
        if not sightings.look(seed, wanted):
            return Influences(frozenset(), frozenset(), sightings.runs, stable=False)
    return Influences(frozenset(sightings.seen), frozenset(sightings.moved), sightings.runs, stable=True)


def _lively(trial: Trial, least: int, most: int) -> tuple[int, ...]:
    """Gives the seeds of data sets on which the query gives anything but NULLs, and of at least so many."""
    lively: list[int] = []
    for seed in range(_SEEDS):
        if len(lively) == most or (seed == _SEEDS // 2 and not lively):
            break
        trial.fill(seed)
        result = trial.result()
        if result is not None and any(nulls < result.rows for nulls in result.nulls):
            lively.append(seed)
    others = (seed for seed in range(least) if seed not in lively)
    return (*lively, *islice(others, max(0, least - len(lively))))


def _candidates(trial: Trial, before: Result, seed: int) -> list[BaseColumn]:
    """Gives the columns that may matter. Those that the text does not name are read by a star or not at all:
    a table's are first changed all together, and left out where that changes nothing."""
    chosen: list[BaseColumn] = []
    for table_name in trial.used:
        own = [column for column in trial.sources() if column.table == table_name]
        chosen += [column for column in own if column.named]
        rest = [column for column in own if not column.named]
        if rest:
            trial.replace_all(rest, seed)
            if trial.result() != before:
                chosen += rest
            trial.restore(table_name)
    return chosen


def _changed(before: Result, after: Result) -> set[int]:
    if before.rows != after.rows:
        return set(range(len(before.columns)))
    pairs = zip(before.columns, after.columns, strict=True)
    return {k for k, (old, new) in enumerate(pairs) if old != new}


def judge_query(
    analyse: Analyse,
    job: Job,
    data: int,
    ways: int,
    connection: DuckDBPyConnection | None = None,
) -> Figures:
    """Judges the lineage of one query."""
    trial = Trial(job.tables, job.sql, job.shape, connection)
    columns = len(trial.kinds)
    try:
        analysis = analyse(trial.sql, DIALECT, job.tables)
    # Whatever is raised is counted, and the types judge shows it.
    except Exception as error:
        return Figures(queries=1, failed=1, missing=(f"{job.name}: {error!r}",))
    if analysis.errors or len(analysis.columns) != columns:
        what = "; ".join(analysis.errors) or f"{len(analysis.columns)} columns instead of {columns}"
        return Figures(queries=1, failed=1, missing=(f"{job.name}: {what}",))
    known = {(c.table.lower(), c.name.lower()): (c.table, c.name) for c in trial.sources()}
    values = [(k, source) for k, column in enumerate(analysis.columns) for source in _folded(column.values)]
    claims = frozenset((k, known[source]) for k, source in values if source in known)
    found = influences(trial, data, ways, claims, MORE)
    if not found.stable:
        return Figures(queries=1, unstable=1, runs=found.runs)
    if not found.seen and not found.moved:
        return Figures(queries=1, silent=1, runs=found.runs)
    return _compared(job.name, analysis, found)


def _compared(name: str, analysis: Analysis, found: Influences) -> Figures:
    rows = _folded(analysis.rows)
    values = [_folded(column.values) for column in analysis.columns]
    seen = {(k, (t.lower(), c.lower())) for k, (t, c) in found.seen}
    missing = [(k, source) for k, source in sorted(seen) if source not in values[k] | rows]
    everywhere = rows.union(*values)
    lost = sorted(source for source in _folded(found.moved) if source not in everywhere)
    claims = [(k, source) for k, named in enumerate(values) for source in sorted(named)]
    unseen = [claim for claim in claims if claim not in seen]
    return Figures(
        queries=1,
        runs=found.runs,
        influences=len(seen) + len(found.moved),
        named=len(seen) - len(missing) + len(found.moved) - len(lost),
        claims=len(claims),
        seen=len(claims) - len(unseen),
        missing=(
            *(f"{name}: column {k + 1} changes with {t}.{c}" for k, (t, c) in missing),
            *(f"{name}: values move with {t}.{c}" for t, c in lost),
        ),
        unseen=tuple(f"{name}: column {k + 1} never changes with {t}.{c}" for k, (t, c) in unseen),
    )


def _folded(sources: Iterable[Source]) -> frozenset[Source]:
    return frozenset((t.lower(), c.lower()) for t, c in sources)


def random_jobs(seed: int, count: int) -> list[Job]:
    """Gives random queries whose results don't depend on the order of rows."""
    engine = Engine(TABLES)
    return [
        Job(name, str(tree), TABLES, RANDOM)
        for name, tree, described in valid_queries(engine, seed, count, exact=True)
        if described is not None
    ]


def corpus_jobs() -> dict[str, list[Job]]:
    """Gives the queries of the benchmarks and of example_project, a LIMIT made total."""
    groups: dict[str, list[Job]] = {}
    project = project_queries()
    for benchmark in make():
        groups[benchmark.name] = _jobs(benchmark.tables, benchmark.queries, BENCHMARK)
    return {**groups, "example_project": _jobs(project.tables, project.queries, PROJECT)}


def _jobs(tables: Tables, queries: Mapping[str, str], shape: Shape) -> list[Job]:
    engine = Engine(tables)
    return [
        Job(name, totally_ordered(sql, len(engine.describe(sql) or ())), tables, shape)
        for name, sql in queries.items()
    ]


def judge_jobs(analyse: Analyse, jobs: Iterable[Job], data: int, ways: int, processes: int = 1) -> Figures:
    """Judges the lineage of several queries, in one process or several."""
    total = Figures()
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            for figures in pool.map(partial(judge_query, analyse, data=data, ways=ways), jobs):
                total = total + figures
        return total
    known: dict[int, DuckDBPyConnection] = {}
    for job in jobs:
        connection = known.get(id(job.tables)) or known.setdefault(id(job.tables), world(job.tables))
        total = total + judge_query(analyse, job, data, ways, connection)
    return total


def shrunk(analyse: Analyse, name: str, data: int, ways: int) -> str:
    """Gives a random query that misses an influence, made smaller as long as it does."""
    engine = Engine(TABLES)
    connection = world(TABLES)

    def fails(sql: str) -> bool:
        if engine.describe(sql) is None:
            return False
        figures = judge_query(analyse, Job(name, sql, TABLES, RANDOM), data, ways, connection)
        return figures.influences > figures.named

    return str(shrink(random_query(name, exact=True), fails, most=300))


def show(groups: dict[str, Figures]) -> str:
    """Gives the table of figures, a line a group and one for all of them."""
    rows = [(name, *figures.row()) for name, figures in groups.items()]
    return table(("", *HEADER), [*rows, ("all", *sum(groups.values(), Figures()).row())])


def main() -> int:
    """Prints the figures; 1 where a target is missed, 2 where there is nothing to judge."""
    parser = argparse.ArgumentParser(description="Judges lineage by perturbation.")
    parser.add_argument("--random", type=int, default=200, help="how many random queries")
    parser.add_argument("--seed", type=int, default=1, help="of the random queries")
    parser.add_argument("--every", type=int, default=1, help="only every n-th query of the corpus")
    parser.add_argument("--data", type=int, default=2, help="how many data sets for each query")
    parser.add_argument("--ways", type=int, default=6, help="how many ways to change a column")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--list", type=int, default=40, help="how many findings to list")
    parser.add_argument("--shrink", type=int, default=5, help="how many of the random ones to make smaller")
    arguments = parser.parse_args()
    try:
        jobs = corpus_jobs()
    except NoCorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    jobs = {name: queries[:: arguments.every] for name, queries in jobs.items()}
    jobs["random"] = random_jobs(arguments.seed, arguments.random)
    started = time.monotonic()
    groups: dict[str, Figures] = {}
    for name, queries in jobs.items():
        groups[name] = judge_jobs(
            subject.analyse, queries, arguments.data, arguments.ways, arguments.processes
        )
        print(f"{name}: done after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    everything = sum(groups.values(), Figures())
    reached = everything.targets()
    print(show(groups), targets(reached), sep="\n\n")
    print("", clipped(everything.missing, arguments.list), "", sep="\n")
    for name in dict.fromkeys(
        text.partition(": ")[0] for text in groups["random"].missing[: arguments.shrink]
    ):
        print(f"{name}: {shrunk(subject.analyse, name, arguments.data, arguments.ways)}")
    print(clipped(everything.unseen, arguments.list))
    print(f"\n{time.monotonic() - started:.1f} s")
    return 0 if all(target.held for target in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
