"""What is told of queries in PostgreSQL's dialect, and their types; the server says whether it is so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot

from sqlflow.bind.query.bind import Mistake, bind_tree
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.diagnostic import Severity
from sqlflow.core.schema import Nullability
from sqlflow.dialect.rules import load_rules
from sqlflow.dialect.specs import POSTGRES

RULES = load_rules(POSTGRES)
TABLES = {
    "t": {"a": "INTEGER", "b": "TEXT", "d": "NUMERIC(10,2)", "day": "DATE", "l": "INTEGER[]", "j": "JSONB"},
    "u": {"a": "BIGINT", "at": "TIMESTAMP WITH TIME ZONE", "flag": "BOOLEAN", "name": "VARCHAR(20)"},
}

WRONG = [
    ("select * from t where a = b", "SF0305", "a = b"),
    ("select * from t where day < a", "SF0305", "day < a"),
    ("select * from t join u on t.a = u.name", "SF0305", "t.a = u.name"),
    ("select a from t where b in (select a from u)", "SF0305", "b in (select a from u)"),
    ("select case when a > 1 then a else b end from t", "SF0306", "a > 1 then a else b"),
    ("select coalesce(a, b) from t", "SF0306", "coalesce(a, b)"),
    ("select day from t union all select a from u", "SF0306", "a from u"),
    ("select upper(a) from t", "SF0307", "upper(a)"),
    ("select sum(b) from t", "SF0307", "sum(b)"),
    ("select flag + 1 from u", "SF0307", "flag + 1"),
    ("select a, sum(d) from t group by b", "SF0308", "a"),
    ("select a from t where sum(d) > 1 group by a", "SF0308", "sum(d)"),
    ("select zz from t", "SF0301", "zz"),
    ("select a from t, u", "SF0302", "a"),
]
RIGHT = [
    "select a, b, d, day, l from t where a = '1' and day > '2020-01-01' and d < 5",
    "select t.a, u.name from t join u on t.a = u.a and t.b = u.name where u.at >= t.day",
    "select b, count(*) as n, sum(d) as s, avg(a) as m, max(day) as x from t group by b having sum(d) > 1",
    "select coalesce(a, 1.5) as c, coalesce(b, 'x') as e, nullif(a, 0) as f from t",
    "select case when flag then a else 0 end as c, case name when 'x' then 1 else null end as e from u",
    "select day + 1 as e, day - day as n, day + interval '1 day' as f, at - at as g, "
    "at + interval '1 h' as h from t, u",
    "select a / 2 as h, a / 2.0 as i, a % 2 as k, a * d as m, -a as n, a ^ 2 as p from t",
    "select b || 'x' as c, b || a as e, upper(b) as f, length(b) as g, substring(b from 1 for 2) as h from t",
    "select date_trunc('month', day) as c, date_trunc('day', at) as e, extract(year from at) as y, "
    "to_char(at, 'YYYY') as f from t, u",
    "select l[1] as c, array_length(l, 1) as e, a = any(l) as f, array_agg(a) as g from t group by l, a",
    "select j -> 'x' as c, j ->> 'x' as e, j #>> '{x,y}' as f from t",
    "select row_number() over (partition by b order by a) as c, lag(a) over (order by a) as e, "
    "sum(d) over (order by a rows between 1 preceding and current row) as f from t",
    "select a from t union select a from u union all select null",
    "select a::text as c, cast(b as integer) as e, d::numeric(12,4) as f, day::timestamp as g from t",
    "select sum(d) filter (where a > 1) as c, string_agg(b, ',' order by b) as e, bool_or(a > 1) as f from t",
    "select percentile_cont(0.5) within group (order by d) as m from t",
    "select greatest(a, d) as c, least(a, 5) as e, round(d, 1) as f, abs(a) as g, ceil(d) as h from t",
    "select b, a from t where (a, b) in (select a::int, name from u) and exists (select 1 from u)",
    "select distinct on (b) b, day from t order by b, day desc",
    "select generate_series(1, 3) as n, now() as c, current_date as e",
    "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r",
    "select b like 'x%' as c, b ilike name as e, b ~ '^x' as f, t.a between 1 and d as g, flag is null as h "
    "from t, u",
]


def _table(name: str) -> Table | None:
    if name not in TABLES:
        return None
    return Table(
        columns=tuple(
            Column(
                name=column,
                value=Value(
                    type=RULES.cast(kind) if RULES is not None else None,
                    null=Nullability.UNKNOWN,
                    sources=frozenset({ColumnRef(name, column)}),
                ),
            )
            for column, kind in TABLES[name].items()
        )
    )


def _bind(sql: str) -> tuple[Table, tuple[Mistake, ...]]:
    tree = sqlglot.parse_one(sql, dialect="postgres")
    return bind_tree(tree, sql, POSTGRES, RULES, lambda table: _table(table.name))


@pytest.fixture(scope="module")
def engine(postgres: Any) -> Iterator[Any]:
    import psycopg

    with postgres.database() as settings, psycopg.connect(autocommit=True, **settings) as connection:
        for name, columns in TABLES.items():
            written = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {name} ({written})")
        yield connection


@pytest.mark.parametrize(("sql", "code", "text"), WRONG)
def test_what_is_an_error_is_refused_by_the_server(engine: Any, sql: str, code: str, text: str) -> None:
    import psycopg

    mistakes = _bind(sql)[1]
    assert [(m.code.value, sql[m.start : m.end], m.severity) for m in mistakes] == [
        (code, text, Severity.ERROR)
    ]
    with pytest.raises(psycopg.Error):
        engine.execute(sql)


@pytest.mark.parametrize("sql", RIGHT)
def test_what_is_right_is_not_told_of_and_has_the_servers_types(engine: Any, sql: str) -> None:
    table, mistakes = _bind(sql)
    assert mistakes == ()
    cursor = engine.execute(f"SELECT * FROM ({sql}) AS q LIMIT 0")
    given = [
        engine.execute("SELECT format_type(%s::oid, %s)", (c.type_code, c._fmod)).fetchone()[0]
        for c in cursor.description
    ]
    names = [column.name for column in cursor.description]
    assert [column.name for column in table.columns] == names
    for column, kind in zip(table.columns, given, strict=True):
        if column.value.type is not None:
            assert RULES is not None
            assert RULES.settle(column.value.type) == RULES.cast(kind), column.name
