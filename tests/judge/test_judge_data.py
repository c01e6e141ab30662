"""Nullability and lineage: the judges see what the data shows and catch what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.corpus.make import Benchmark
from tests.judge import lineage, nullability, subject
from tests.judge.data import Shape, literals_of, pool
from tests.judge.engine import connect
from tests.judge.fakes import Copy, changed, crashing, every_source, refusing, silent
from tests.judge.influence import influences
from tests.judge.lineage import Job
from tests.judge.subject import NOT_NULL, UNKNOWN, Analyse, Analysis, OutputColumn, Source, Tables
from tests.judge.trial import Trial, totally_ordered, world
from tests.judge.world import TABLES as WORLD

TABLES: Tables = {
    "t": (("id", "INTEGER", True), ("a", "INTEGER", False), ("b", "VARCHAR", False), ("c", "DOUBLE", True)),
    "u": (("id", "INTEGER", True), ("d", "DATE", False)),
}
SHAPE = Shape(few=20, unique_keys=False)
_STATED: Mapping[str, Analysis] = {
    "SELECT a + 1 AS x, upper(b) AS y FROM t WHERE c > 1": Analysis(
        columns=(
            OutputColumn(name="x", type="INTEGER", values=frozenset({("t", "a")})),
            OutputColumn(name="y", type="VARCHAR", values=frozenset({("t", "b")})),
        ),
        rows=frozenset({("t", "c")}),
    ),
    "SELECT sum(c) AS x, count(*) AS y FROM t JOIN u USING (id) GROUP BY d": Analysis(
        columns=(
            OutputColumn(name="x", type="DOUBLE", values=frozenset({("T", "C")})),
            OutputColumn(name="y", type="BIGINT"),
        ),
        rows=frozenset({("t", "id"), ("u", "id"), ("u", "d")}),
    ),
}
JOBS = tuple(Job(f"q{i}", sql, TABLES, SHAPE) for i, sql in enumerate(_STATED))


def stated(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Says what is right."""
    return _STATED[sql]


def without_rows(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Forgets the columns that decide the rows."""
    return replace(_STATED[sql], rows=frozenset())


def with_all_values(sql: str, dialect: str, tables: Tables) -> Analysis:
    """Says that every column takes values from every source."""
    columns = tuple(replace(column, values=every_source(tables)) for column in _STATED[sql].columns)
    return replace(_STATED[sql], columns=columns)


def _forget(source: Source) -> Analyse:
    def analyse(sql: str, dialect: str, tables: Tables) -> Analysis:
        columns = tuple(replace(c, values=c.values - {source}) for c in _STATED[sql].columns)
        return replace(_STATED[sql], columns=columns, rows=_STATED[sql].rows - {source})

    return analyse


def _missed(figures: lineage.Figures | nullability.Figures) -> list[str]:
    return [target.what for target in figures.targets() if not target.held]


def test_right_lineage_passes() -> None:
    figures = lineage.judge_jobs(stated, JOBS, 2, 6)
    assert (figures.missing, figures.unseen, _missed(figures)) == ((), (), [])
    assert (figures.queries, figures.unstable, figures.silent, figures.failed) == (2, 0, 0, 0)
    assert figures.influences == figures.named >= 9
    assert figures.claims == figures.seen == 3


@pytest.mark.parametrize("source", [("t", "a"), ("t", "b"), ("t", "c"), ("t", "id"), ("u", "id"), ("u", "d")])
def test_a_forgotten_source_is_caught(source: Source) -> None:
    figures = lineage.judge_jobs(_forget(source), JOBS, 2, 6)
    assert any(".".join(source) in text for text in figures.missing)
    assert "recall of values and rows" in _missed(figures)


def test_forgotten_rows_are_caught() -> None:
    figures = lineage.judge_jobs(without_rows, JOBS, 2, 6)
    assert _missed(figures) == ["recall of values and rows"]
    assert "q0: column 1 changes with t.c" in figures.missing


def test_claims_without_effect_are_caught() -> None:
    figures = lineage.judge_jobs(with_all_values, JOBS, 2, 6)
    assert _missed(figures) == [f"precision of values, at least {lineage.LEAST_PRECISION}%"]
    assert "q0: column 2 never changes with t.a" in figures.unseen


@pytest.mark.parametrize("planted", [crashing, refusing, silent])
def test_what_is_not_analysed_is_counted(planted: Analyse) -> None:
    assert "not analysed" in _missed(lineage.judge_jobs(planted, JOBS, 1, 2))
    assert "not analysed" in _missed(nullability.judge_jobs(planted, JOBS, range(1)))


def test_values_that_only_move_between_rows_are_seen() -> None:
    tables: Tables = {"t": (("id_key", "INTEGER", True), ("name", "VARCHAR", True))}
    trial = Trial(tables, "SELECT id_key, name FROM t", Shape(few=10))
    trial.fill(1)
    before = trial.result()
    trial.replace("t", "id_key", "CAST(1 + (__i + 5) % 10 AS INTEGER)")
    after = trial.result()
    assert before is not None
    assert after is not None
    assert before.columns == after.columns
    assert before.whole != after.whole


def test_a_query_that_depends_on_the_order_of_rows_is_unstable() -> None:
    job = Job("q", "SELECT first(b) AS x, a FROM t GROUP BY a", TABLES, SHAPE)
    figures = lineage.judge_jobs(changed(values=frozenset({("t", "b")})), [job], 2, 6)
    assert figures.unstable == 1
    assert "unstable queries, at most 5%" in _missed(figures)


def test_a_query_that_nothing_changes_shows_nothing() -> None:
    job = Job("q", "SELECT a FROM t WHERE false", TABLES, SHAPE)
    figures = lineage.judge_jobs(changed(values=frozenset({("t", "a")})), [job], 1, 6)
    assert (figures.silent, figures.claims) == (1, 0)
    assert "there are queries to judge" in _missed(figures)


def test_columns_that_the_text_does_not_name_are_tried_together() -> None:
    trial = Trial(WORLD, "SELECT count(*) AS n FROM (SELECT * FROM items) WHERE id > 2", lineage.RANDOM)
    found = influences(trial, 1, 6)
    assert {source for _, source in found.seen} == {("items", "id")}
    assert found.runs < len(WORLD["items"])
    star = influences(Trial(WORLD, "SELECT * FROM people WHERE score > 2", lineage.RANDOM), 1, 6)
    assert {source[1] for _, source in star.seen} == {name for name, _, _ in WORLD["people"]}


def test_every_nullable_column_of_the_schemas_can_be_changed() -> None:
    for table, columns in WORLD.items():
        trial = Trial(WORLD, f"SELECT * FROM {table}", lineage.RANDOM)
        found = influences(trial, 1, 6)
        assert found.stable
        assert {source for k, source in found.seen if columns[k][0] == source[1]} == {
            (table, name) for name, _, _ in columns
        }


def test_a_wrong_not_null_is_caught() -> None:
    sql = "SELECT u.d AS x, t.id AS y FROM t LEFT JOIN u USING (id)"
    jobs = [Job("q", sql, TABLES, SHAPE)]
    figures = nullability.judge_jobs(changed(nullable=NOT_NULL), jobs, range(1))
    assert (figures.claimed, figures.refuted, figures.held) == (1, 1, 1)
    assert _missed(figures) == ["not-null columns that held a NULL"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT u.id AS x FROM t LEFT JOIN u ON t.id = u.id",
        "SELECT t.id AS x FROM t RIGHT JOIN u ON t.id = u.id",
        "SELECT t.id AS x FROM t FULL JOIN u ON t.id = u.id",
        "SELECT sum(c) AS x FROM t",
        "SELECT id AS x FROM t GROUP BY ROLLUP (id)",
        "SELECT (SELECT max(id) FROM u WHERE u.id = t.id) AS x FROM t",
        "SELECT id AS x FROM t UNION ALL SELECT a FROM t",
        "SELECT lag(id) OVER (ORDER BY id) AS x FROM t",
        "SELECT nullif(id, 1) AS x FROM t",
        "SELECT TRY_CAST(b AS INTEGER) AS x FROM t WHERE b IS NOT NULL",
    ],
)
def test_not_nulls_that_look_right_are_caught(sql: str) -> None:
    figures = nullability.judge_jobs(changed(nullable=NOT_NULL), [Job("q", sql, TABLES, SHAPE)], range(2))
    assert figures.refuted == 1, sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id AS x FROM t",
        "SELECT a AS x FROM t WHERE a IS NOT NULL",
        "SELECT coalesce(a, 0) AS x FROM t",
        "SELECT count(a) AS x FROM t",
    ],
)
def test_a_right_not_null_passes(sql: str) -> None:
    figures = nullability.judge_jobs(changed(nullable=NOT_NULL), [Job("q", sql, TABLES, SHAPE)], range(2))
    assert (figures.claimed, figures.refuted, _missed(figures)) == (1, 0, [])


def test_claims_are_needed() -> None:
    figures = nullability.judge_jobs(changed(nullable=UNKNOWN), JOBS, range(1))
    assert _missed(figures) == ["there are claims to judge"]


def test_declared_not_nulls_are_kept() -> None:
    for seed in range(2):
        for table, columns in WORLD.items():
            trial = Trial(WORLD, f"SELECT * FROM {table}", replace(lineage.RANDOM, nulls=60))
            trial.fill(seed)
            result = trial.result()
            assert result is not None
            assert [nulls == 0 for nulls in result.nulls] == [not_null for _, _, not_null in columns]


def test_values_come_from_the_query() -> None:
    found = literals_of(
        "SELECT 1 FROM t WHERE a = 5 AND NOT b IN ('x') AND d BETWEEN DATE '2001-02-03' AND d2"
    )
    assert (found["a"], found["b"], found["d"]) == (("5",) * 3, ("x",), ("2001-02-03",) * 3)
    assert pool("a", "INTEGER", ("5",)) == ("5", "4", "6", "3", "1")
    assert "'2001-02-04'" in pool("d", "DATE", ("2001-02-03",))
    assert pool("x_sk", "INTEGER", ()) == tuple(str(key) for key in range(1, 13))
    assert all(float(text) < 10 for text in pool("tax", "DECIMAL(4,3)", ("12.5", "2")))


def test_a_limit_is_made_total() -> None:
    assert totally_ordered("SELECT a, b FROM t ORDER BY a LIMIT 3", 2).endswith("ORDER BY a, 1, 2 LIMIT 3")
    kept = "SELECT * FROM (SELECT a FROM t ORDER BY a LIMIT 3) LIMIT 2"
    assert [totally_ordered(sql, 1) for sql in ("SELECT a FROM t ORDER BY a", kept)] == [
        "SELECT a FROM t ORDER BY a", kept,
    ]  # fmt: skip


def test_worlds_do_not_share_data() -> None:
    first, second = world(TABLES), world(TABLES)
    Trial(TABLES, "SELECT * FROM t", SHAPE, first).fill(1)
    assert first.execute("SELECT count(*) FROM t").fetchone() == (20,)
    assert second.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert connect().execute("SELECT current_setting('threads')").fetchone() == (1,)


def test_most_of_the_corpus_has_rows(corpus: tuple[Benchmark, ...]) -> None:
    jobs = [job for queries in lineage.corpus_jobs().values() for job in queries[::15]]
    figures = lineage.judge_jobs(Copy(), jobs, 1, 1)
    assert figures.failed == 0
    assert figures.unstable + figures.silent < figures.queries / 2
    assert figures.missing == ()


@pytest.mark.slow
def test_the_lineage_of_the_binder_is_right(corpus: tuple[Benchmark, ...]) -> None:
    jobs = [job for queries in lineage.corpus_jobs().values() for job in queries[::8]]
    figures = lineage.judge_jobs(subject.analyse, [*jobs, *lineage.random_jobs(1, 25)], 2, 6)
    # What is claimed too much is counted by the command; here, nothing may be forgotten.
    precision = f"precision of values, at least {lineage.LEAST_PRECISION}%"
    assert [what for what in _missed(figures) if what != precision] == [], "\n".join(figures.missing)


@pytest.mark.slow
def test_the_nullability_of_the_binder_is_right(corpus: tuple[Benchmark, ...]) -> None:
    jobs = [job for queries in lineage.corpus_jobs().values() for job in queries[::6]]
    figures = nullability.judge_jobs(subject.analyse, [*jobs, *nullability.random_jobs(1, 150)], range(1))
    assert _missed(figures) == [], "\n".join(figures.findings)
