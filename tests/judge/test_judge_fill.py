"""What an engine without data adds to the binder's answers over the corpus; the judges measure without."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlflow_duckdb import DuckDBAdapter

from sqlflow.apply.offline import OfflineEngine
from sqlflow.bind.fill import filled
from sqlflow.bind.query.values import Column, Table, Value
from sqlflow.core.relation import Column as Told
from sqlflow.core.schema import parse_type
from sqlflow.dialect.rules import load_rules
from sqlflow.dialect.specs import DUCKDB
from tests.corpus.make import Benchmark
from tests.judge.subject import OutputColumn, Tables, analyse


def _bound(columns: tuple[OutputColumn, ...]) -> Table:
    return Table(
        columns=tuple(
            Column(name=c.name, value=Value(type=parse_type(c.type) if c.type is not None else None))
            for c in columns
        )
    )


def _told(tables: Tables) -> Mapping[str, list[Told]]:
    return {table: [Told(name, kind) for name, kind, _ in columns] for table, columns in tables.items()}


@pytest.mark.parametrize("benchmark", [0, 1], ids=["TPC-H", "TPC-DS"])
def test_the_engine_contradicts_nothing_and_names_the_rest(
    corpus: tuple[Benchmark, ...], benchmark: int
) -> None:
    rules = load_rules(DUCKDB)
    assert rules is not None
    given = corpus[benchmark]
    tables = _told(given.tables)
    engine = OfflineEngine(DuckDBAdapter(), ())
    nameless = 0
    for query, sql in given.queries.items():
        table = _bound(analyse(sql, "duckdb", given.tables).columns)
        nameless += sum(column.name is None for column in table.columns)
        described = engine.query("duckdb", sql, tables)
        assert described is not None, query
        after = filled(table, described, DUCKDB, rules)
        known = [(column.name, str(column.value.type)) for column in after.columns]
        assert known == [tuple(told) for told in described], query
    engine.close()
    assert nameless > 0


def test_the_judges_measure_without_it() -> None:
    (column,) = analyse("select sum(a) from t", "duckdb", {"t": [("a", "INTEGER", False)]}).columns
    assert column.name is None
