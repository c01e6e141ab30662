"""Judges names and types over TPC-H, TPC-DS and example_project: `python -m tests.judge.types`.

Each query is described by DuckDB over empty tables of its schema. A name that the query writes has to be
equal, letter case included; one that the engine makes up may be left unknown. A type has to be equal or
unknown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

from tests.corpus.make import Benchmark, NoCorpusError, make
from tests.judge import subject
from tests.judge.project import Queries, project_queries
from tests.judge.report import clipped, table, targets
from tests.judge.verdict import HEADER, Tally, judge_all, total

MOST_UNKNOWN = 1
_LISTED = 60


def groups(corpus: tuple[Benchmark, ...]) -> dict[str, Queries]:
    """Gives the judged queries by the name of their group."""
    found = {benchmark.name: Queries(benchmark.tables, benchmark.queries) for benchmark in corpus}
    return {**found, "example_project": project_queries()}


def judge_types(analyse: subject.Analyse, judged: Mapping[str, Queries]) -> dict[str, Tally]:
    """Judges each group."""
    return {
        name: judge_all(analyse, queries.tables, queries.queries.items()) for name, queries in judged.items()
    }


def show(tallies: Mapping[str, Tally]) -> str:
    """Gives the table of figures, a line a group and one for all of them."""
    everything = total(tallies.values())
    rows = [(name, *tally.row()) for name, tally in (*tallies.items(), ("all", everything))]
    return table(("", *HEADER), rows)


def listed(tally: Tally, most: int = _LISTED) -> str:
    """Gives the findings, the worst kinds first."""
    worst = ("crash", "refused", "count", "wrong type", "name", "unknown type")
    found = sorted(tally.findings, key=lambda finding: worst.index(finding.kind))
    return clipped([f"{f.kind}: {f.query}: {f.text}" for f in found], most)


def main() -> int:
    """Prints the figures; 1 where a target is missed, 2 where there is nothing to judge with."""
    parser = argparse.ArgumentParser(description="Judges names and types of the corpus.")
    parser.add_argument("--list", type=int, default=_LISTED, help="how many findings to list")
    arguments = parser.parse_args()
    try:
        corpus = make()
    except NoCorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    started = time.monotonic()
    tallies = judge_types(subject.analyse, groups(corpus))
    everything = total(tallies.values())
    reached = everything.targets(MOST_UNKNOWN)
    print(show(tallies), targets(reached), listed(everything, arguments.list), sep="\n\n")
    print(f"\n{time.monotonic() - started:.1f} s")
    return 0 if all(target.held for target in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
