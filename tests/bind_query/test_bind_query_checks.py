"""What is told of types, groups and names that don't go together; DuckDB says whether it is so."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from sqlflow.core.diagnostic import Severity
from tests.bind_query.test_bind_query_columns import TABLES, bind

VALUES = {
    "t": "1, 'x', {'x': 1, 'Y': 'y'}, [1], 1.5",
    "u": "1, 2, 'x'",
}
# Queries that no row survives, each with the code and the text that it points at.
WRONG = [
    ("select * from t where ab < b", "SF0305", "ab < b"),
    ("select ab between b and b from t", "SF0305", "ab between b and b"),
    ("select * from t where date '2020-01-01' = ab", "SF0305", "'2020-01-01' = ab"),
    ("select * from t join u on date_trunc('day', now()) = u.c", "SF0305", "date_trunc('day', now()) = u.c"),
    ("select ab in (select b from u) from t", "SF0305", "ab in (select b from u)"),
    ("select case ab when date '2020-01-01' then 1 end from t", "SF0305", "'2020-01-01' then 1"),
    ("select case when ab > 1 then ab else b end from t", "SF0306", "ab > 1 then ab else b"),
    ("select if(ab > 1, ab, b) from t", "SF0306", "ab > 1, ab, b"),
    ("select coalesce(ab, b) from t", "SF0306", "coalesce(ab, b)"),
    ("select date '2020-01-01' union all select ab from t", "SF0306", "ab from t"),
    ("select upper(ab) from t", "SF0307", "upper(ab)"),
    ("select ab + b from t", "SF0307", "ab + b"),
    ("select date_trunc('day', ab) from t", "SF0307", "date_trunc('day', ab)"),
    ("select sum(b) from t", "SF0307", "sum(b)"),
    ("select b like ab from t", "SF0307", "b like ab"),
    ("select ab, sum(d) from t group by b", "SF0308", "ab"),
    ("select ab, sum(d) from t", "SF0308", "ab"),
    ("select ab from t having sum(d) > 1", "SF0308", "ab"),
    ("select ab, sum(d) from t where sum(d) > 1 group by ab", "SF0308", "sum(d)"),
    ("select t.ab from t join u on count(*) = 1", "SF0308", "count(*)"),
    ("select sum(count(*)) from t", "SF0308", "count(*)"),
    ("select b from t where row_number() over () = 1", "SF0308", "row_number"),
    ("select zz from t", "SF0301", "zz"),
    ("select * exclude (b, zz) from t, (select 1 as q) as k", "SF0301", "zz"),
    ("select t.* exclude (zz) from t, (select 1 as zz) as k", "SF0301", "zz"),
    ("select * exclude (t.zz) from t", "SF0301", "t.zz"),
    ("select * replace (1 as zz) from t", "SF0301", "zz"),
    ("select b from t, u", "SF0302", "b"),
    ("select 1 union all select 1, 2", "SF0303", "1, 2"),
]
# Queries that run, and may be meant otherwise.
DOUBTFUL = [
    ("select * from t where ab = b", "SF0305", "ab = b"),
    ("select * from t join u on t.ab = u.b", "SF0305", "t.ab = u.b"),
    ("select * from t semi join (select b as ab from u) k using (ab)", "SF0305", "ab"),
    ("select ab from t union all select b from t", "SF0306", "b from t"),
    ("with a as (select 1 x), c as (select 2 y) select * from c", "SF0309", "a"),
    ("with recursive a as (select 1 x union all select x + 1 from a where x < 3) select 1", "SF0309", "a"),
    ("select (with a as (select 1 x) select 2) from t", "SF0309", "a"),
]
RIGHT = [
    "select ab in ('1', '2') from t",
    "select * exclude (AB, t.b) replace (1 as D) rename (zz as y) from t",
    "select k.* exclude (zz) from t, (select 1 as zz, 2 as b) as k",
    "select ab from t where ab = '1'",
    "select ab = any(l), ab in l, ab = all(select c from u) from t",
    "select sum(sum(ab)) over () from t group by b",
    "select sum(ab) filter (where b = 'x'), b from t group by b",
    "select percentile_cont(0.5) within group (order by ab), b from t group by b",
    "select b as k, count(*) from t group by k",
    "select upper(b) as k, lower(b), count(*) from t group by upper(b), 2",
    "select s.x, count(*) from t group by s.x",
    "select ab, any_value(b), count(*) from t group by all",
    "select t.ab, count(*) from t join u using (ab) group by u.ab, t.ab",
    "select list_transform(l, lambda q: q + 1), count(*) from t group by l",
    "select (select max(c) from u where u.b = t.b), b, count(*) from t group by b",
    "select b, row_number() over (order by count(*)) from t group by b",
    "select min(b) filter (where ab > 0) over (), lead(b ignore nulls) over (order by ab), b from t",
    "select sum(sum(ab)) filter (where true) over (), b from t group by b",
    "select b || ab, b from t",
    "select coalesce(ab, 1.5), case when b = 'x' then null else d end from t",
    "select ab from t union all select null union all select 2.5",
    "with a as (select 1 x), c as (select x y from a) select * from c",
    "with recursive a as (select 1 x union all select x + 1 from a where x < 3) select max(x) from a",
    "with a as (select 1 x) select (select max(x) from a) from t",
    "select greatest(ab, d), round(d, 1), b || 'x', d * 2, d / ab, -ab from t",
    "select date_trunc('day', timestamp '2020-01-01 10:00'), date '2020-01-01' + 1",
]


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    for name, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns.replace('!', ' NOT NULL')})")
        connection.execute(f"INSERT INTO {name} VALUES ({VALUES[name]})")
    yield connection
    connection.close()


@pytest.mark.parametrize(("sql", "code", "text"), WRONG)
def test_what_is_an_error_fails_on_the_engine(
    engine: duckdb.DuckDBPyConnection, sql: str, code: str, text: str
) -> None:
    mistakes = bind(sql)[1]
    assert [(m.code.value, sql[m.start : m.end], m.severity) for m in mistakes] == [
        (code, text, Severity.ERROR)
    ]
    with pytest.raises(duckdb.Error):
        engine.execute(sql).fetchall()


@pytest.mark.parametrize(("sql", "code", "text"), DOUBTFUL)
def test_what_the_engine_takes_is_a_warning(
    engine: duckdb.DuckDBPyConnection, sql: str, code: str, text: str
) -> None:
    mistakes = bind(sql)[1]
    assert [(m.code.value, sql[m.start : m.end], m.severity) for m in mistakes] == [
        (code, text, Severity.WARNING)
    ]
    engine.execute(f"DESCRIBE {sql}").fetchall()


@pytest.mark.parametrize("sql", RIGHT)
def test_what_is_right_is_not_told_of(engine: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert bind(sql)[1] == ()
    engine.execute(sql).fetchall()
