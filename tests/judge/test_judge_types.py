"""Names and types: the judge catches what is wrong, and the binder is right."""

from __future__ import annotations

import pytest

from tests.corpus.make import Benchmark
from tests.judge import subject
from tests.judge.engine import Engine, same_type, written_names
from tests.judge.fakes import Copy, changed, crashing, refusing, silent
from tests.judge.report import percent, table
from tests.judge.subject import Analyse
from tests.judge.types import MOST_UNKNOWN, groups, judge_types, listed
from tests.judge.verdict import judge_all, total

TABLES = {"t": (("a", "INTEGER", False), ("Price", "DECIMAL(7,2)", True), ("s", "STRUCT(f INTEGER)", False))}
QUERIES = (("q1", "SELECT price, sum(a) FROM t GROUP BY ALL"), ("q2", "SELECT a + 1 AS b, s.f FROM t"))


def test_the_engine_agrees_with_itself() -> None:
    tally = judge_all(Copy(), TABLES, QUERIES)
    assert (tally.queries, tally.columns, tally.written, tally.named, tally.made_up) == (2, 4, 3, 3, 1)
    assert (tally.equal, tally.wrong, tally.unknown, tally.findings) == (4, 0, 0, ())
    assert all(target.held for target in tally.targets(0))


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (changed(type="INTEGER[]"), "wrong type"),
        (changed(type="DECIMAL(7,3)"), "wrong type"),
        (changed(type="no such type"), "wrong type"),
        (changed(type=None), "unknown type"),
        (changed(name="price"), "name"),
        (changed(name=None), "name"),
        (crashing, "crash"),
        (refusing, "refused"),
        (silent, "count"),
    ],
)
def test_a_planted_error_is_caught(planted: Analyse, kind: str) -> None:
    tally = judge_all(planted, TABLES, QUERIES)
    assert kind in {finding.kind for finding in tally.findings}
    assert not all(target.held for target in tally.targets(0))
    assert f"{kind}: q1: " in listed(tally)


def test_a_name_that_the_engine_makes_up_may_be_unknown_but_not_wrong() -> None:
    query = (("q", "SELECT sum(a) FROM t"),)
    unknown = judge_all(changed(name=None), TABLES, query)
    assert (unknown.made_up, unknown.findings) == (1, ())
    wrong = judge_all(changed(name="_col_0"), TABLES, query)
    assert (wrong.wrong_made_up, wrong.findings[0].kind) == (1, "name")
    assert not all(target.held for target in wrong.targets(0))


def test_a_query_that_the_engine_refuses_is_not_judged() -> None:
    with pytest.raises(ValueError, match="q: Binder Error"):
        judge_all(Copy(), TABLES, [("q", "SELECT nothing FROM t")])


@pytest.mark.parametrize(
    ("name", "is_written"),
    [("b", True), ("price", True), ("f", True), ("odd name", True), ("sum", False), ("sum(a)", False),
     ("literal", False)],
)  # fmt: skip
def test_names_that_are_written(name: str, is_written: bool) -> None:
    sql = "SELECT a AS b, sum(a), 'literal', s.* , 1 AS \"Odd Name\" FROM t"
    assert (name in written_names(sql, TABLES)) is is_written


@pytest.mark.parametrize(
    ("said", "described", "same"),
    [
        ("INT", "INTEGER", True),
        ("decimal(7, 2)", "DECIMAL(7,2)", True),
        ("STRUCT(a INT)", "STRUCT(a INTEGER)", True),
        ("DECIMAL(7,2)", "DECIMAL(8,2)", False),
        ("BIGINT", "INTEGER", False),
        ("nonsense", "INTEGER", False),
    ],
)
def test_types_are_compared_without_spelling(said: str, described: str, same: bool) -> None:
    assert same_type(Engine({}), said, described) is same


def test_tables_are_laid_out() -> None:
    assert table(("", "n"), [("first", 1), ("b", 22.25)]) == (
        "|       |    n |\n|-------|-----:|\n| first |    1 |\n| b     | 22.2 |"
    )
    assert (percent(2, 3), percent(99_999, 100_000), percent(5, 5), percent(0, 0)) == (
        "66.66%", "99.99%", "100.00%", "-",
    )  # fmt: skip


def test_the_corpus_is_whole(corpus: tuple[Benchmark, ...]) -> None:
    judged = groups(corpus)
    tallies = judge_types(Copy(), judged)
    assert [len(queries.queries) for queries in judged.values()][:2] == [22, 99]
    assert tallies["tpch"].columns + tallies["tpcds"].columns == 694
    assert tallies["example_project"].queries >= 25
    assert [*total(tallies.values()).findings] == []
    not_null = sum(column[2] for columns in judged["tpch"].tables.values() for column in columns)
    assert not_null == 61


def test_the_binder_is_right(corpus: tuple[Benchmark, ...]) -> None:
    everything = total(judge_types(subject.analyse, groups(corpus)).values())
    missed = [target for target in everything.targets(MOST_UNKNOWN) if not target.held]
    assert missed == [], listed(everything)
