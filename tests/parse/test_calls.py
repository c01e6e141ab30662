"""Which calls of a query may give something else each time, or are unknown."""

from __future__ import annotations

import pytest

from sqlflow.core.textmap import TextMap
from sqlflow.dialect.specs import DUCKDB, POSTGRES
from sqlflow.parse.parse import parse_query


@pytest.mark.parametrize("spec", [DUCKDB, POSTGRES], ids=lambda spec: spec.name)
@pytest.mark.parametrize(
    ("sql", "volatile"),
    [
        ("select NOW() as n, Current_Date as d from t", ("now", "current_date")),
        ("select 'random()' as a, \"now\" as b, t.random as c from t -- now()", ()),
        ("select random () as a, random() as b from t", ("random",)),
        ("select * from t where at > (select current_timestamp)", ("current_timestamp",)),
        ("select * from t tablesample bernoulli (10)", ("sample",)),
        ("select sample from t", ()),
        ("with now as (select 1 as a) select a from now", ()),
    ],
)
def test_volatile_calls(sql: str, volatile: tuple[str, ...], spec) -> None:  # type: ignore[no-untyped-def]
    facts, _ = parse_query(sql, TextMap.identity("m.sql", sql), spec)
    assert facts is not None
    assert facts.volatile == volatile


def test_files_that_a_duckdb_query_reads_by_itself() -> None:
    sql = "select * from read_csv('x.csv') using sample 3"
    facts, _ = parse_query(sql, TextMap.identity("m.sql", sql), DUCKDB)
    assert facts is not None
    assert facts.volatile == ("read_csv", "sample")


def test_unknown_calls() -> None:
    sql = "select My_Udf(x), len(y), coalesce(z, your_udf(1)) as z from t"
    facts, _ = parse_query(sql, TextMap.identity("m.sql", sql), DUCKDB)
    assert facts is not None
    assert facts.unknown == ("my_udf", "your_udf")
