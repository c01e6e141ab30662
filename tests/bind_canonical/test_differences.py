"""What is said of two queries that differ."""

from __future__ import annotations

import pytest

from sqlflow.bind.canonical.changes import (
    ColumnAdded,
    ColumnChanged,
    ColumnDropped,
    ColumnRenamed,
    ColumnRetyped,
    ColumnsReordered,
    Difference,
    DistinctChanged,
    FilterChanged,
    FromChanged,
    GroupingChanged,
    JoinAdded,
    JoinChanged,
    JoinRemoved,
    LimitChanged,
    OrderChanged,
    OtherChanged,
    PartAdded,
    PartRemoved,
    RowsChanged,
    SetOperationChanged,
    SourcesChanged,
)
from sqlflow.bind.canonical.differences import differences
from tests.bind_canonical.reading import between, form, read

# What others take for a change that breaks nothing, and is none.
UNSOUND: list[tuple[str, str, list[Difference]]] = [
    (
        "select distinct a from t",
        "select distinct a, b from t",
        [
            ColumnAdded(part="", name="b", text="b"),
            RowsChanged(part="", why="DISTINCT compares other columns"),
        ],
    ),
    (
        "select a from t union select a from u",
        "select a, b from t union select a, e from u",
        [
            ColumnAdded(part="[1]", name="b", text="b"),
            RowsChanged(part="[1]", why="a set operation compares other columns"),
            ColumnAdded(part="[2]", name="column 2", text="e"),
            RowsChanged(part="[2]", why="a set operation compares other columns"),
        ],
    ),
    (
        "select a, b from t union all select a, e from u",
        "select a, b from t union all select e, a from u",
        [
            ColumnChanged(part="[2]", name="column 1", old="a", new="e"),
            ColumnChanged(part="[2]", name="column 2", old="e", new="a"),
        ],
    ),
    (
        "select 1 as x from t",
        "select 1 as x, count(*) as n from t",
        [
            ColumnAdded(part="", name="n", text="COUNT(*)"),
            RowsChanged(part="", why="all rows become one, for an aggregate without GROUP BY"),
        ],
    ),
    (
        "select a, count(*) as n from t group by all",
        "select a, b, count(*) as n from t group by all",
        [
            ColumnAdded(part="", name="b", text="b"),
            GroupingChanged(part="", old=("a",), new=("a", "b")),
        ],
    ),
    (
        "select a from t order by all limit 3",
        "select a, b from t order by all limit 3",
        [
            ColumnAdded(part="", name="b", text="b"),
            OrderChanged(part="", old=("a",), new=("a", "b")),
        ],
    ),
    (
        # `b` was the outer one, and is an alias now.
        "select a from t where exists (select 1 as y from u where b > 1)",
        "select a from t where exists (select 1 as y, e as b from u where b > 1)",
        [
            FilterChanged(
                part="",
                clause="WHERE",
                removed=("EXISTS(SELECT 1 AS y FROM u WHERE b > 1)",),
                added=("EXISTS(SELECT 1 AS y, e AS b FROM u WHERE b > 1)",),
            )
        ],
    ),
    (
        # DuckDB takes the alias where the column is in no group.
        "select b as x from t group by b having max(a) > 1",
        "select b as x, min(d) as a from t group by b having max(a) > 1",
        [
            ColumnAdded(part="", name="a", text="MIN(d)"),
            FilterChanged(part="", clause="HAVING", removed=("MAX(a) > 1",), added=("MAX(a) > 1",)),
        ],
    ),
    (
        # Whether `other` has a column `x` is not known.
        "select count(*) as n from other group by x",
        "select count(*) as n, b + 1 as x from other group by x",
        [
            ColumnAdded(part="", name="x", text="b + 1"),
            GroupingChanged(part="", old=("x",), new=("x",)),
        ],
    ),
    (
        "select c from t where a in (select a from u)",
        "select c from t where a in (select a, e from u)",
        [
            FilterChanged(
                part="",
                clause="WHERE",
                removed=("a IN (SELECT a FROM u)",),
                added=("a IN (SELECT a, e FROM u)",),
            )
        ],
    ),
]

OTHERS: list[tuple[str, str, list[Difference]]] = [
    ("select a from t", "select b, a from t", [ColumnAdded(part="", name="b", text="b")]),
    ("select a, b from t", "select a from t", [ColumnDropped(part="", name="b", text="b")]),
    ("select a as x from t", "select a as y from t", [ColumnRenamed(part="", old="x", new="y", text="a")]),
    ("select a, b from t", "select b, a from t", [ColumnsReordered(part="", old=("a", "b"), new=("b", "a"))]),
    (
        "select a from t",
        "select a::bigint as a from t",
        [
            ColumnChanged(part="", name="a", old="a", new="CAST(a AS BIGINT)"),
            ColumnRetyped(part="", name="a", old="INTEGER", new="BIGINT"),
        ],
    ),
    (
        "select a from t where a > 1 and b > 2",
        "select a from t where b > 2 and f",
        [FilterChanged(part="", clause="WHERE", removed=("a > 1",), added=("f",))],
    ),
    (
        "select a from t qualify row_number() over (order by b) = 1",
        "select a from t",
        [FilterChanged(part="", clause="QUALIFY", removed=("ROW_NUMBER() OVER (ORDER BY b) = 1",), added=())],
    ),
    (
        "select t.a from t",
        "select t.a from t join u on t.a = u.a",
        [
            SourcesChanged(removed=(), added=("u",)),
            JoinAdded(part="", relation="u", text="JOIN u ON t.a = u.a"),
        ],
    ),
    (
        "select t.a from t join u on t.a = u.a",
        "select t.a from t",
        [
            SourcesChanged(removed=("u",), added=()),
            JoinRemoved(part="", relation="u", text="JOIN u ON t.a = u.a"),
        ],
    ),
    (
        "select t.a from t join u on t.a = u.a",
        "select t.a from t left join u on t.a = u.a",
        [JoinChanged(part="", relation="u", old="JOIN u ON t.a = u.a", new="LEFT JOIN u ON t.a = u.a")],
    ),
    (
        "select t.a, g from t join u on t.a = u.a",
        "select t.a, g from t join other as o on o.i = t.a join u on t.a = u.a",
        [JoinAdded(part="", relation="o", text="JOIN other AS o ON o.i = t.a")],
    ),
    (
        "select a, sum(b) as s from t group by a",
        "select a, sum(b) as s from t group by a, c",
        [GroupingChanged(part="", old=("a",), new=("a", "c"))],
    ),
    (
        "select a from t order by b limit 3",
        "select a from t order by b desc limit 4",
        [
            OrderChanged(part="", old=("b",), new=("b DESC",)),
            LimitChanged(part="", old="LIMIT 3", new="LIMIT 4"),
        ],
    ),
    ("select a from t", "select distinct a from t", [DistinctChanged(part="", old="", new="DISTINCT")]),
    (
        "select a from t",
        "select a from t union all select a from u",
        [
            SourcesChanged(removed=(), added=("u",)),
            PartAdded(part="[2]"),
            SetOperationChanged(part="", old=(), new=("UNION ALL",)),
        ],
    ),
    (
        "select a from t union all select a from u",
        "select a from t union select a from u",
        [SetOperationChanged(part="", old=("UNION ALL",), new=("UNION",))],
    ),
    (
        "with x as (select a, b from t where f) select a from x",
        "with x as (select a, b + 1 as b from t where not f) select a from x",
        [
            ColumnChanged(part="x", name="b", old="b", new="b + 1"),
            FilterChanged(part="x", clause="WHERE", removed=("f",), added=("NOT f",)),
        ],
    ),
    (
        "with x as (select a, b from t where f) select a, b from x",
        "with y as (select a, b from t where f) select a, b + 1 as b from y",
        [ColumnChanged(part="", name="b", old="b", new="b + 1")],
    ),
    (
        "select a from (select a from t where f) q, (select 1 as one) r",
        "select a from (select a from t where f) q",
        [PartRemoved(part="r"), JoinRemoved(part="", relation="r", text=", (SELECT 1 AS one) AS r")],
    ),
    (
        "select a from t",
        "select e as a from u",
        [
            SourcesChanged(removed=("t",), added=("u",)),
            ColumnChanged(part="", name="a", old="a", new="e"),
            FromChanged(part="", old="t", new="u"),
        ],
    ),
    (
        "select sum(a) over w as s from t window w as (order by b)",
        "select sum(a) over w as s from t window w as (order by c)",
        [OtherChanged(part="", old="w OVER (ORDER BY b)", new="w OVER (ORDER BY c)")],
    ),
    (
        "select a as x from t",
        "select a as x, b as x from t",
        [ColumnAdded(part="", name="x (2)", text="b")],
    ),
    # Columns that the engine names are not told apart one by one.
    ("select sum(a) from t", "select sum( A ) from t", [OtherChanged(part="", old="", new="")]),
]


@pytest.mark.parametrize(("old", "new", "said"), [*UNSOUND, *OTHERS])
def test_what_differs_is_said(old: str, new: str, said: list[Difference]) -> None:
    assert form(old) != form(new)
    assert list(between(old, new)) == said


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new, _ in [*UNSOUND, *OTHERS]])
def test_the_way_back_is_said_as_well(old: str, new: str) -> None:
    assert between(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("select a from t where a > 1 and f", "select x.a from t x where (f) and 1 < a"),
        ("with x as (select a from t) select a from x", "select a from (select a from t) y"),
    ],
)
def test_nothing_is_said_of_what_means_the_same(old: str, new: str) -> None:
    assert between(old, new) == ()


def test_another_type_of_what_is_read_is_a_difference() -> None:
    old = read("select a from t")
    new = read("select a from t", t={"a": "BIGINT"})
    assert old.form == new.form
    assert differences(old.outline, new.outline) == (
        ColumnRetyped(part="", name="a", old="INTEGER", new="BIGINT"),
    )
