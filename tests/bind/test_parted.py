"""Which columns a change of a query touches, and which queries read a changed column."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sqlflow.bind.parted import Changes, Reading, differing
from sqlflow.bind.query.values import Column, ColumnRef, Table, Value
from sqlflow.core.ids import NodeId
from sqlflow.core.schema import parse_type
from sqlflow.dialect.rules import load_rules
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.specs import DUCKDB, POSTGRES

TABLES = {
    "t": {"a": "INTEGER", "b": "INTEGER", "c": "DOUBLE", "d": "VARCHAR"},
    "u": {"a": "INTEGER", "x": "INTEGER", "y": "VARCHAR"},
}
CHANGES: Changes = {NodeId("t"): frozenset({"b"})}
RULES = {spec.name: load_rules(spec) for spec in (DUCKDB, POSTGRES)}


def read(
    sql: str, spec: DialectSpec = DUCKDB, more: Mapping[str, Mapping[str, str]] | None = None
) -> Reading:
    tables = {
        name: Table(
            columns=tuple(
                Column(
                    name=key, value=Value(type=parse_type(kind), sources=frozenset({ColumnRef(name, key)}))
                )
                for key, kind in columns.items()
            )
        )
        for name, columns in {**TABLES, **(more or {})}.items()
    }
    return Reading(sql, spec, RULES[spec.name], tables)


def changed(
    old: str, new: str, changes: Changes | None = None, spec: DialectSpec = DUCKDB
) -> frozenset[str] | None:
    found = changes or {}
    return differing(read(old, spec).parted(found, "1"), read(new, spec).parted(found, "2"))


RECURSIVE = (
    "with recursive q as (select 1 as n, 1 as m union all select n + 1, m from q where n < 3) "
    "select n, 1 as o from q"
)
# The columns that a change touches, with a blank between them; `*` where any row may be another one.
TOUCHED = {
    "added": ("select a from t", "select a, b from t", "b"),
    "added in front": ("select a from t", "select b, a from t", "b"),
    "dropped": ("select a, b from t", "select a from t", "b"),
    "expression": ("select a, b from t", "select a, b + 1 as b from t", "b"),
    "renamed": ("select a, b from t", "select a, b as x from t", "b x"),
    "cast": ("select a, b from t", "select a, cast(b as bigint) as b from t", "b"),
    "case of a name": ("select a, b from t", "select a, b as B from t", "b"),
    "order of the list": ("select a, b from t", "select b, a from t", ""),
    "filter": ("select a from t", "select a from t where b > 0", "*"),
    "join": ("select t.a from t join u on t.a = u.a", "select t.a from t left join u on t.a = u.a", "*"),
    "added from a join": (
        "select t.a from t join u on t.a = u.a",
        "select t.a, u.y from t join u on t.a = u.a",
        "y",
    ),
    "star": ("select a, b, c, d from t", "select * from t", ""),
    "constant": ("select a from t", "select a, 1 as one from t", "one"),
    "distinct": ("select distinct a from t", "select distinct a, b from t", "*"),
    "no more distinct": ("select distinct a from t", "select a from t", "*"),
    "distinct on": ("select distinct on (a) a, b from t", "select distinct on (a) a, b, d from t", "*"),
    "union": ("select a from t union select a from u", "select a, b from t union select a, x from u", "*"),
    "union all": (
        "select a from t union all select a from u",
        "select a, b from t union all select a, x from u",
        "b",
    ),
    "order of the arms' columns": (
        "select a, b from t union all select a, x from u",
        "select b, a from t union all select a, x from u",
        "a b",
    ),
    "intersect": (
        "select a from t intersect select a from u",
        "select b from t intersect select a from u",
        "*",
    ),
    "by name": (
        "select a from t union all by name select a from u",
        "select a, b from t union all by name select a from u",
        "*",
    ),
    "aggregate": ("select 1 as one from t", "select 1 as one, count(*) as n from t", "*"),
    "one more aggregate": ("select count(*) as n from t", "select count(*) as n, max(a) as m from t", "m"),
    "an aggregate of the query around": (
        "select 1 as one from t",
        "select 1 as one, (select max(t.a) from u) as m from t",
        "*",
    ),
    "group by": (
        "select a, sum(b) as s from t group by a",
        "select a, sum(b) as s, max(d) as m from t group by a",
        "m",
    ),
    "group by place": (
        "select a, sum(b) as s from t group by 1",
        "select sum(b) as s, a from t group by 2",
        "",
    ),
    "place that moved": ("select a, b from t group by 1, 2", "select b, a from t group by 1, 2", "*"),
    "group by alias": (
        "select a + 1 as k, sum(b) as s from t group by k",
        "select a + 1 as k, sum(b) as s, count(*) as n from t group by k",
        "n",
    ),
    "key that changed": (
        "select a + 1 as k, sum(b) as s from t group by k",
        "select a + 2 as k, sum(b) as s from t group by k",
        "*",
    ),
    "group by all": (
        "select a, sum(b) as s from t group by all",
        "select a, d, sum(b) as s from t group by all",
        "*",
    ),
    "order by all": ("select a from t order by all limit 3", "select a, b from t order by all limit 3", "*"),
    "limit": ("select a from t order by a limit 3", "select a, b from t order by a limit 3", "*"),
    "limit within": (
        "select a, b from (select * from t limit 3) as q",
        "select a, b + 1 as b from (select * from t limit 3) as q",
        "*",
    ),
    "shadowed in where": ("select a from t where b > 0", "select a, a as b from t where b > 0", "b"),
    "shadowed in group by": (
        "select max(a) as m from t group by b",
        "select max(a) as m, a % 2 as b from t group by b",
        "*",
    ),
    "shadowed in having": (
        "select a, max(c) as m from t group by a having max(b) > 0",
        "select a, max(c) as m, max(c) as b from t group by a having max(b) > 0",
        "*",
    ),
    "shadowed in order by": (
        "select a from t order by b limit 1",
        "select a, a as b from t order by b limit 1",
        "*",
    ),
    "shadowed in qualify": (
        "select a from t qualify rank() over (order by b) = 1",
        "select a, -b as b from t qualify rank() over (order by b) = 1",
        "*",
    ),
    "alias that another item reads": (
        "select a + 1 as k, k * 2 as l, b from t",
        "select a + 2 as k, k * 2 as l, b from t",
        "k l",
    ),
    "alias in where": (
        "select a + 1 as k, b from t where k > 0",
        "select a + 2 as k, b from t where k > 0",
        "*",
    ),
    "in": (
        "select a from t where a in (select a from u)",
        "select a from t where (a, b) in (select a, x from u)",
        "*",
    ),
    "scalar subquery": (
        "select a, (select max(x) from u where u.a = t.a) as m from t",
        "select a, (select min(x) from u where u.a = t.a) as m from t",
        "m",
    ),
    "unnest": ("select a from t", "select a, unnest([1, 2]) as n from t", "*"),
    "no more unnest": ("select a, unnest([1, 2]) as n from t", "select a from t", "*"),
    "unheard function": ("select a from t", "select a, json_each(d) as n from t", "*"),
    "row_number": (
        "select a, row_number() over (order by b) as r from t",
        "select a, b, row_number() over (order by b) as r from t",
        "b r",
    ),
    "rank": (
        "select a, rank() over (order by b) as r from t",
        "select a, b, rank() over (order by b) as r from t",
        "b",
    ),
    "filter by row_number": (
        "select a from (select *, row_number() over (order by b) as r from t) as q where r = 1",
        "select a, b from (select *, row_number() over (order by b) as r from t) as q where r = 1",
        "*",
    ),
    "running sum": (
        "select a, sum(b) over (order by a) as s from t",
        "select a, b, sum(b) over (order by a) as s from t",
        "b",
    ),
    "running sum by rows": (
        "select a, sum(b) over (order by a rows 2 preceding) as s from t",
        "select a, b, sum(b) over (order by a rows 2 preceding) as s from t",
        "b s",
    ),
    "list": (
        "select list(a) as l, count(*) as n from t",
        "select list(a) as l, count(*) as m from t",
        "l m n",
    ),
    "string_agg": (
        "select a, string_agg(d, ',') as l from t group by a",
        "select a, string_agg(d, ',') as l, max(b) as m from t group by a",
        "l m",
    ),
    "any_value": (
        "select any_value(a) as v, 1 as n from t",
        "select any_value(a) as v, 2 as n from t",
        "n v",
    ),
    "arg_max": (
        "select arg_max(a, b) as v, max(a) as m from t",
        "select arg_max(a, b) as v, max(b) as m from t",
        "m v",
    ),
    "sum of doubles": (
        "select sum(c) as s, max(a) as m from t",
        "select sum(c) as s, min(a) as m from t",
        "m s",
    ),
    "sum of integers": (
        "select sum(b) as s, max(a) as m from t",
        "select sum(b) as s, min(a) as m from t",
        "m",
    ),
    "sum of sums": (
        "select sum(s) as s, max(a) as m from (select a, sum(b) as s from t group by a) as q",
        "select sum(s) as s, min(a) as m from (select a, sum(b) as s from t group by a) as q",
        "m",
    ),
    "average of integers": (
        "select avg(b) as s, sum(distinct b) as d, max(a) as m from t",
        "select avg(b) as s, sum(distinct b) as d, min(a) as m from t",
        "m",
    ),
    "average of averages": (
        "select avg(s) as s, max(a) as m from (select a, avg(b) as s from t group by a) as q",
        "select avg(s) as s, min(a) as m from (select a, avg(b) as s from t group by a) as q",
        "m s",
    ),
    "sum of what has no exact sum": (
        "select sum(cast(b as uhugeint)) as s, max(a) as m from t",
        "select sum(cast(b as uhugeint)) as s, min(a) as m from t",
        "m s",
    ),
    "collation": (
        "select max(d collate nocase) as v, max(a) as m from t",
        "select max(d collate nocase) as v, min(a) as m from t",
        "*",
    ),
    "array of a query": (
        "select a, array(select x from u) as l from t",
        "select a, b, array(select x from u) as l from t",
        "b l",
    ),
    "volatile": ("select a, random() as r from t", "select a, b, random() as r from t", "*"),
    "cte": (
        "with q as (select a, b from t) select a, b from q",
        "with q as (select a, b + 1 as b from t) select a, b from q",
        "b",
    ),
    "column of a cte that nothing reads": (
        "with q as (select a from t) select a from q",
        "with q as (select a, b from t) select a from q",
        "",
    ),
    "star of a star": (
        "with q as (select * from t), r as (select a, b + 1 as k from q) select * from r",
        "with q as (select * from t), r as (select a, b + 2 as k, d from q) select * from r",
        "d k",
    ),
    "cte that is read twice": (
        "with q as (select a, b from t) select l.a, r.b from q as l join q as r on l.a = r.a",
        "with q as (select a, b + 1 as b from t) select l.a, r.b from q as l join q as r on l.a = r.a",
        "b",
    ),
    "key of a join within a cte": (
        "with q as (select a + 1 as k, b from t) select q.b from q join u on u.a = q.k",
        "with q as (select a + 2 as k, b from t) select q.b from q join u on u.a = q.k",
        "*",
    ),
    "using": (
        "select q.b from (select a, b from t) as q join u using (a)",
        "select q.b from (select a + 1 as a, b from t) as q join u using (a)",
        "*",
    ),
    "natural": (
        "select q.b from (select a, b from t) as q natural join u",
        "select q.b from (select a, b, d as y from t) as q natural join u",
        "*",
    ),
    "names of a derived table": (
        "select k from (select a, b from t) as q(k, l)",
        "select k from (select a, b + 1 as b from t) as q(k, l)",
        "",
    ),
    "names of a derived table that moved": (
        "select k from (select a, b from t) as q(k, l)",
        "select k from (select b, a from t) as q(k, l)",
        "k",
    ),
    "recursive": (
        RECURSIVE,
        RECURSIVE.replace("1 as m", "2 as m"),
        "*",
    ),
    "distinct of a cte": (
        "with q as (select a, b from t) select distinct a from q",
        "with q as (select a, b + 1 as b from t) select distinct a from q",
        "",
    ),
    "exists": (
        "select a from t where exists (select 1 from u where u.a = t.a)",
        "select a, b from t where exists (select 1 from u where u.a = t.a)",
        "b",
    ),
    "row": (
        "select a, q from (select a, b from t) as q",
        "select a, q from (select a, b + 1 as b from t) as q",
        "q",
    ),
    "asof": (
        "select t.a from t asof join u on t.a >= u.a",
        "select t.a, t.b from t asof join u on t.a >= u.a",
        "*",
    ),
    "pivot": (
        "select * from t pivot (max(c) for b in (1, 2))",
        "select a from t pivot (max(c) for b in (1, 2))",
        "*",
    ),
    "rowid": ("select a, rowid as r from t", "select a, rowid as r, b from t", "*"),
    "window by name": (
        "select a, sum(b) over w as s from t window w as (partition by a)",
        "select a, sum(b) over w as s from t window w as (partition by d)",
        "*",
    ),
    "columns": ("select columns('a') from t", "select columns('a'), b from t", "*"),
    "no name": (
        "select a, count(*) from t group by a",
        "select a, count(*), max(b) as m from t group by a",
        "*",
    ),
}


@pytest.mark.parametrize("kind", TOUCHED)
def test_the_columns_that_a_change_touches(kind: str) -> None:
    old, new, columns = TOUCHED[kind]
    wanted = None if columns == "*" else frozenset(columns.split())
    assert changed(old, new) == wanted
    assert changed(new, old) == wanted


STAYS = {
    "select a, b from t": "b",
    "select a, b + 1 as k from t": "k",
    "select a from t where b > 0": "*",
    "select a, max(b) as m from t group by a": "m",
    "select a from t order by b": "*",
    "select distinct a, b from t": "*",
    "with q as (select * from t) select a, d from q": "",
    "with q as (select * from t) select * from q": "b",
    "select t.a, u.x from t join u on t.b = u.a": "*",
    "select a, (select max(x) from u where u.a = t.b) as m from t": "m",
    "select k, m from t as q(k, l, m, n)": "*",
    "select t as r, a from t": "r",
}


@pytest.mark.parametrize("spec", [DUCKDB, POSTGRES], ids=["duckdb", "postgres"])
@pytest.mark.parametrize("sql", STAYS)
def test_a_query_that_stays_differs_by_what_it_reads(spec: DialectSpec, sql: str) -> None:
    columns = STAYS[sql]
    wanted = None if columns == "*" else frozenset(columns.split())
    assert changed(sql, sql, CHANGES, spec) == wanted


READS = {
    "select a from t": False,
    "select a, b from t": True,
    "select a from t where b > 0": True,
    "select a from t limit 3": False,
    "select a, row_number() over (order by a) as r, count(*) from t group by a": False,
    "select a, row_number() over (order by b) as r from t": True,
    "with q as (select * from t) select a from q": False,
    "with q as (select a, b as k from t) select a from q": False,
    "select * exclude (b) from t": False,
    "select * from t": True,
    "select count(*) as n from t": False,
    "select count(b) as n from t": True,
    "select count(t.*) as n from t": True,
    "select t from t": True,
    "select x from t as q(x, y, z, w)": True,
    "select u.x from u natural join t": False,
    "select u.x from u join t using (a)": False,
    "select a from t where exists (select 1 from u where u.a = t.b)": True,
    "select columns(*) from t": True,
    "select x from u": False,
    "select x from u where x in (select b from t)": True,
    "select a from t group by all": False,
    "select a, b from t group by all": True,
}


@pytest.mark.parametrize("sql", READS)
def test_which_queries_read_a_changed_column(sql: str) -> None:
    assert read(sql).reads_any(CHANGES) is READS[sql]


def test_naming_a_column_where_nothing_reads_it() -> None:
    assert read("with q as (select * from t) select a from q").reads_any(CHANGES, or_names=True)
    assert not read("select a from t").reads_any(CHANGES, or_names=True)


def test_a_table_whose_columns_are_not_known() -> None:
    def differ(old: str, new: str) -> frozenset[str] | None:
        known = {"s": Table(columns=(), open=True)}
        found = [
            Reading(sql, DUCKDB, RULES["duckdb"], known).parted({}, mark)
            for sql, mark in ((old, "1"), (new, "2"))
        ]
        return differing(found[0], found[1])

    assert differ("select a, b from s", "select a, b + 1 as b from s") == {"b"}
    assert differ(
        "select x.a, y.b from s as x join s as y on x.a = y.a",
        "select x.a from s as x join s as y on x.a = y.a",
    ) == {"b"}
    # Whose column it is, nobody knows.
    assert (
        differ(
            "select a from s as x join s as y on x.a = y.a",
            "select a, y.b from s as x join s as y on x.a = y.a",
        )
        is None
    )
    assert differ("select * from s", "select *, 1 as one from s") is None
    assert differ("select a, rowid as r from s", "select a from s") is None
    assert differ(
        "select a, sum(b) as s from s group by a", "select a, sum(b) as s, max(b) as m from s group by a"
    ) == {"m", "s"}


def test_a_table_that_has_other_columns_now() -> None:
    """What a star or a USING stands for follows from the columns of the tables."""
    more = {"u": {**TABLES["u"], "b": "INTEGER"}}
    for sql, same in {
        "select * from u": False,
        "select a from u": True,
        "select t.a from t natural join u": False,
        "select t.a from t join u using (a)": True,
        "with q as (select * from u) select a from q": True,
    }.items():
        found = differing(read(sql).parted({}, "1"), read(sql, more=more).parted({}, "2"))
        assert (found == frozenset()) is same, sql
