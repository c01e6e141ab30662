"""Judges lineage by perturbation: `python -m tests.judge.lineage`.

For each query, each data set and each source column, the column's values are changed in several ways, by a
view over the unchanged data. Results are compared without their order:

- An output column has *changed* where the multiset of its values has. Where no column's has and that of
  whole rows has, values have moved between rows: some output column has changed, and it can't be told which.
- An *influence* is a source column and an output column that was seen to change with it. It is *named* where
  the source is among the column's values or among the columns that decide the rows. Recall is the share of
  influences that are named.
- A *claim* is a source among an output column's values. It is *seen* where it is an influence. Precision is
  the share of claims that are seen; those of silent queries, whose result nothing changed, are left out, and
  so are *undecided* ones: of a column that held nothing but NULLs on all data sets.
- A *row claim* is a source among the columns that decide the rows. It is seen where the number of rows, or a
  column that takes no values from it, was seen to change with it.

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
from typing import TYPE_CHECKING, NamedTuple

from tests.corpus.make import NoCorpusError, make
from tests.judge import subject
from tests.judge.data import Shape
from tests.judge.engine import Engine
from tests.judge.generate import random_query
from tests.judge.influence import MORE, Influences, influences
from tests.judge.project import project_queries
from tests.judge.random_queries import valid_queries
from tests.judge.report import Target, clipped, percent, table, targets
from tests.judge.subject import Analyse, Analysis, Source, Tables
from tests.judge.tree import shrink
from tests.judge.trial import Trial, totally_ordered, world
from tests.judge.verdict import DIALECT
from tests.judge.world import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEAST_PRECISION = 95
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
    undecided: int = 0
    row_claims: int = 0
    row_seen: int = 0
    missing: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{field: getattr(self, field) + getattr(other, field) for field in self.__slots__})

    def row(self) -> tuple[object, ...]:
        """The figures in the order of HEADER."""
        return (
            self.queries, self.unstable, self.silent, self.failed, self.runs, self.influences,
            percent(self.named, self.influences), self.claims, percent(self.seen, self.claims),
            self.undecided, self.row_claims, percent(self.row_seen, self.row_claims),
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
    "undecided",
    "row claims",
    "seen",
)


def judge_query(
    analyse: Analyse,
    job: Job,
    data: int,
    ways: int,
    connection: DuckDBPyConnection | None = None,
    more: int = MORE,
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
    found = influences(trial, data, ways, claims, more)
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
    claims = [(k, source) for k, named in enumerate(values) for source in sorted(named) if k in found.alive]
    undecided = sum(len(named) for k, named in enumerate(values) if k not in found.alive)
    unseen = [claim for claim in claims if claim not in seen]
    deciding = [source for source in rows if source in _folded(found.deciding)]
    deciding += [s for s in rows - set(deciding) if any(s == t and s not in values[k] for k, t in seen)]
    return Figures(
        queries=1,
        runs=found.runs,
        influences=len(seen) + len(found.moved),
        named=len(seen) - len(missing) + len(found.moved) - len(lost),
        claims=len(claims),
        seen=len(claims) - len(unseen),
        undecided=undecided,
        row_claims=len(rows),
        row_seen=len(deciding),
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


def judge_jobs(
    analyse: Analyse, jobs: Iterable[Job], data: int, ways: int, processes: int = 1, more: int = MORE
) -> Figures:
    """Judges the lineage of several queries, in one process or several."""
    total = Figures()
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            for figures in pool.map(partial(judge_query, analyse, data=data, ways=ways, more=more), jobs):
                total = total + figures
        return total
    known: dict[int, DuckDBPyConnection] = {}
    for job in jobs:
        connection = known.get(id(job.tables)) or known.setdefault(id(job.tables), world(job.tables))
        total = total + judge_query(analyse, job, data, ways, connection, more)
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
    parser.add_argument(
        "--more", type=int, default=MORE, help="in how many data sets more to look for claims"
    )
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
            subject.analyse, queries, arguments.data, arguments.ways, arguments.processes, arguments.more
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
