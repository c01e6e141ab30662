"""The columns of small queries: names, types, nullability, where their values come from."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from sqlflow.bind.query.bind import Mistake, bind_tree
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.schema import Nullability, parse_type
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.rules import load_rules
from sqlflow.dialect.specs import DUCKDB

RULES = load_rules(DUCKDB)
TABLES = {
    "t": '"Ab" INTEGER!, b VARCHAR, s STRUCT(x INTEGER, "Y" VARCHAR), l INTEGER[], d DECIMAL(10,2)',
    "u": '"AB" BIGINT!, c INTEGER, b VARCHAR',
}


def _table(name: str) -> Table | None:
    text = TABLES.get(lookup_key(DUCKDB, name))
    if text is None:
        return None
    kind = parse_type(f"STRUCT({text.replace('!', '')})")
    assert kind is not None
    return Table(
        columns=tuple(
            Column(
                name=column,
                value=Value(
                    type=part,
                    null=Nullability.NOT_NULL if f"{part}!" in text else Nullability.UNKNOWN,
                    sources=frozenset({ColumnRef(name, column)}),
                ),
            )
            for column, part in kind.parts
        )
    )


def bind(sql: str) -> tuple[Table, tuple[Mistake, ...]]:
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    return bind_tree(tree, sql, DUCKDB, RULES, lambda table: _table(table.name))


def described(sql: str) -> str:
    table, mistakes = bind(sql)
    assert not mistakes
    return ", ".join(f"{c.name} {c.value.type}" for c in table.columns) + ("..." if table.open else "")


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select ab, T.B from t", "Ab INTEGER, b VARCHAR"),
        ("select s.y, t.s.x from t", "y VARCHAR, x INTEGER"),
        ("select s.* from t", "x INTEGER, Y VARCHAR"),
        ("select unnest(s), 1 as k from t", "x INTEGER, Y VARCHAR, k INTEGER"),
        ("select * from u right join t using (ab)", "Ab INTEGER, c INTEGER, b VARCHAR, "
         "b VARCHAR, s STRUCT(x INTEGER, Y VARCHAR), l INTEGER[], d DECIMAL(10,2)"),
        ("select ab from t full join u using (ab)", "ab BIGINT"),
        ("select ab, c from t natural join u", "Ab INTEGER, c INTEGER"),
        ("select * from (select 1 a, 2 A, 3 a_1)", "a INTEGER, A_1 INTEGER, a_1_1 INTEGER"),
        ("select 1 a, 2 a", "a INTEGER, a INTEGER"),
        ("select ab as b, b as z from t", "b INTEGER, z VARCHAR"),
        ("select main.t.b from t", "b VARCHAR"),
        ("select ab from t semi join u using (ab)", "Ab INTEGER"),
        ("select columns('(a)') as \"q_\\1\" from (select 1 a, 2 b)", "q_a INTEGER"),
        ("select columns(lambda c: c not like 'a%') from u", "AB BIGINT, c INTEGER, b VARCHAR"),
        ("select * exclude (t.b) from t, u", "Ab INTEGER, s STRUCT(x INTEGER, Y VARCHAR), l INTEGER[], "
         "d DECIMAL(10,2), AB BIGINT, c INTEGER, b VARCHAR"),
        ("from range(3) r", "r BIGINT"),
        ("select date '2020-01-01'::varchar as d", "d VARCHAR"),
        ("with recursive r as (select 1 a union all select a + 1::bigint from r where a < 5) from r",
         "a INTEGER"),
        ("pivot u on b in ('x', 'y') using max(c)", "AB BIGINT, x INTEGER, y INTEGER"),
        ("unpivot u on c, ab into name n value v", "b VARCHAR, n VARCHAR, v BIGINT"),
        ("pivot u on b using max(c)", "..."),
    ],
)  # fmt: skip
def test_columns(sql: str, columns: str) -> None:
    assert described(sql) == columns


@pytest.mark.parametrize(
    ("sql", "nulls"),
    [
        ("select ab, b from t", "not_null unknown"),
        ("select t.ab, u.ab from t left join u on t.ab = u.ab", "not_null nullable"),
        ("select b from t where b > 'x'", "not_null"),
        ("select b from t where b > all(select 'x' where false)", "unknown"),
        ("select ab, coalesce(ab, 0) from t group by rollup (ab)", "nullable not_null"),
        ("select coalesce(ab, 0) from t group by rollup (coalesce(ab, 0))", "unknown"),
        ("select sum(ab), count(*) from t", "nullable not_null"),
        ("select b, sum(ab) from t group by b", "unknown not_null"),
        ("select sum(ab) filter (where ab > 1) from t group by b", "unknown"),
        ("select sum(ab) over (partition by b), lag(ab) over (order by b) from t", "not_null unknown"),
        ("select (select ab from t limit 1), (select count(*) from t)", "nullable not_null"),
        ("select ab from t union all select c from u", "unknown"),
        ("select ab / 2, ab + 2 from t", "unknown not_null"),
    ],
)
def test_nullability(sql: str, nulls: str) -> None:
    assert " ".join(column.value.null.value for column in bind(sql)[0].columns) == nulls


@pytest.mark.parametrize(
    ("sql", "sources", "rows"),
    [
        ("select ab + 1 as a from t where b = 'x'", "t.Ab", "t.b"),
        ("select ab from t order by b", "t.Ab", ""),
        ("select ab from t order by b limit 1", "t.Ab", "t.b"),
        ("select sum(ab) over w as a from t window w as (order by b)", "t.Ab t.b", ""),
        ("select ab from t where exists (select 1 from u where u.c = t.ab)", "t.Ab", "t.Ab u.c"),
        ("with recursive r as (select ab x, c y from u, (select 1) union all select y, x from r) "
         "select x from r", "u.AB u.c", ""),
        ("select ab from t union all by name select b, ab from u", "t.Ab u.AB", ""),
    ],
)  # fmt: skip
def test_lineage(sql: str, sources: str, rows: str) -> None:
    table, mistakes = bind(sql)
    assert not mistakes
    assert " ".join(sorted(f"{ref.table}.{ref.column}" for ref in table.columns[0].value.sources)) == sources
    assert " ".join(sorted(f"{ref.table}.{ref.column}" for ref in table.rows)) == rows


@pytest.mark.parametrize(
    ("sql", "messages"),
    [
        ("select zz from t", ["unknown column `zz`"]),
        ("select q.x from t", ["unknown table `q` before the column `x`"]),
        ("select b from t, u", ["`b` could be a column of `t` or `u`"]),
        ("select 1 union all select 1, 2", ["one side of the UNION has 1 columns, the other 2"]),
        ("select zz from nowhere", []),
        ("select rowid from t", []),
        ("select \"sum(ab)\" from (select sum(ab) from t)", []),
        ("select list_transform(l, lambda q: q + 1) from t", []),
        ("select b.upper() from t", []),
        ("select k from t, (select 1 k) where k = 1", []),
        ("select ab as k from t where k = 1", []),
    ],
)  # fmt: skip
def test_mistakes(sql: str, messages: list[str]) -> None:
    assert [mistake.message for mistake in bind(sql)[1]] == messages


def test_a_query_that_is_nested_too_deeply_is_open_or_bound() -> None:
    text = "select 1 as a"
    tree = sqlglot.parse_one(text, dialect="duckdb")
    for _ in range(3000):
        tree = exp.Select(expressions=[exp.Star()], from_=exp.From(this=exp.Subquery(this=tree)))
    table, mistakes = bind_tree(tree, text, DUCKDB, RULES, lambda table: None)
    assert table.open
    assert not mistakes
