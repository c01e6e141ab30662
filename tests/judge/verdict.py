"""Compares what is said of a query's columns with what the engine says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tests.judge.engine import Engine, same_type, written_names
from tests.judge.report import Target, percent
from tests.judge.subject import Analyse, Tables

DIALECT = "duckdb"


class Finding(NamedTuple):
    """One thing to look at: what kind, of which query, and what exactly.

    The kinds are `crash`, `refused`, `count`, `name`, `wrong type` and `unknown type`.
    """

    kind: str
    query: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Figures of one or more queries; they add up.

    `written` are columns whose name the query writes, `named` those of them whose name is right; `made_up`
    are names of the engine's own, `wrong_made_up` those that were claimed and wrong.
    """

    queries: int = 0
    columns: int = 0
    written: int = 0
    named: int = 0
    made_up: int = 0
    wrong_made_up: int = 0
    equal: int = 0
    unknown: int = 0
    wrong: int = 0
    miscounted: int = 0
    refused: int = 0
    crashes: int = 0
    findings: tuple[Finding, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(**{field: getattr(self, field) + getattr(other, field) for field in self.__slots__})

    def row(self) -> tuple[object, ...]:
        """The figures in the order of HEADER."""
        return (
            self.queries, self.columns, percent(self.named, self.written), percent(self.equal, self.columns),
            percent(self.unknown, self.columns), self.wrong, self.wrong_made_up,
            self.miscounted, self.refused, self.crashes,
        )  # fmt: skip

    def targets(self, most_unknown: int) -> tuple[Target, ...]:
        """What has to be reached, at most so many percent of the types unknown."""
        flaws = self.miscounted + self.refused + self.crashes
        within = self.unknown * 100 <= most_unknown * self.columns
        return (
            Target("there are columns to judge", self.columns > 0, str(self.columns)),
            Target("written names equal", self.named == self.written, percent(self.named, self.written)),
            Target("wrong names of the engine's own", self.wrong_made_up == 0, str(self.wrong_made_up)),
            Target("wrong types", self.wrong == 0, str(self.wrong)),
            Target(f"unknown types, at most {most_unknown}%", within, percent(self.unknown, self.columns)),
            Target("miscounted, refused or crashed", flaws == 0, str(flaws)),
        )


HEADER = (
    "queries", "columns", "written names equal", "types equal", "unknown", "wrong types", "wrong names",
    "miscounted", "refused", "crashes",
)  # fmt: skip


def total(tallies: Iterable[Tally]) -> Tally:
    """Adds tallies up."""
    result = Tally()
    for tally in tallies:
        result = result + tally
    return result


def judge(
    subject: Analyse, engine: Engine, query: str, sql: str, described: tuple[tuple[str, str], ...]
) -> Tally:
    """Judges what is said of one valid query; `described` is what the engine says of it."""
    base = Tally(queries=1, columns=len(described))
    written = written_names(sql, engine.tables)
    base += Tally(written=sum(name.lower() in written for name, _ in described))
    base += Tally(made_up=base.columns - base.written)
    try:
        analysis = subject(sql, DIALECT, engine.tables)
    # Whatever is raised is what is looked for.
    except Exception as error:
        return base + Tally(crashes=1, findings=(Finding("crash", query, repr(error)),))
    if analysis.errors:
        found = Finding("refused", query, "; ".join(analysis.errors))
        return base + Tally(refused=1, findings=(found,))
    if len(analysis.columns) != len(described):
        text = f"{len(analysis.columns)} columns, the engine has {len(described)}"
        return base + Tally(miscounted=1, findings=(Finding("count", query, text),))
    for said, (name, kind) in zip(analysis.columns, described, strict=True):
        base += _judge_name(query, said.name, name, name.lower() in written)
        base += _judge_type(engine, query, name, said.type, kind)
    return base


def _judge_name(query: str, said: str | None, name: str, is_written: bool) -> Tally:
    if said == name:
        return Tally(named=1) if is_written else Tally()
    if said is None and not is_written:
        return Tally()
    found = (Finding("name", query, f"{said!r}, the engine says {name!r}"),)
    return Tally(findings=found) if is_written else Tally(wrong_made_up=1, findings=found)


def _judge_type(engine: Engine, query: str, name: str, said: str | None, kind: str) -> Tally:
    if said is None:
        return Tally(unknown=1, findings=(Finding("unknown type", query, f"{name}: the engine says {kind}"),))
    if same_type(engine, said, kind):
        return Tally(equal=1)
    return Tally(wrong=1, findings=(Finding("wrong type", query, f"{name}: {said}, the engine says {kind}"),))


def judge_all(
    subject: Analyse, tables: Tables, queries: Iterable[tuple[str, str]], engine: Engine | None = None
) -> Tally:
    """Judges named queries over one schema; one that the engine refuses is a mistake of the caller's."""
    engine = engine or Engine(tables)
    tallies: list[Tally] = []
    for query, sql in queries:
        described = engine.describe(sql)
        if described is None:
            raise ValueError(f"{query}: {engine.why_invalid(sql)}")
        tallies.append(judge(subject, engine, query, sql, described))
    return total(tallies)
