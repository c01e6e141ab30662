"""Two sides of a project's models, compared: columns, rows by key or as a whole, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from sqlflow.core.diagnostic import ProjectError
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Relation
from sqlflow.plan.comparison import Comparison, Key, KeyOrigin, RowsCompared, Sample, Side
from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project

__all__ = ["duck", "pg", "project"]

NODE = NodeId("model.shop.m")
KEYED = "{{ config(materialized='incremental', unique_key='id') }} select 1 as id"


def compare(project: Project, left: str, right: str, model: str = KEYED, **options: Any) -> Comparison:
    """Compares two tables, made of queries."""
    project.warehouse.execute(
        "create schema dev",
        f"create table dev.m as {left}",
        "create schema other",
        f"create table other.m as {right}",
    )
    return again(project, model, **options)


def again(project: Project, model: str = KEYED, **options: Any) -> Comparison:
    project.write({"m": model})
    sides = ({NODE: Relation(None, schema, "m")} for schema in ("dev", "other"))
    [found] = project.load().compare(*sides, **options)
    return found


def rows_of(found: Comparison) -> RowsCompared:
    assert found.rows is not None
    return found.rows


def values(*rows: str, columns: str = "id, a, t") -> str:
    return f"select * from (values {', '.join(rows)}) as v({columns})"


def test_rows_are_matched_by_the_unique_key(project: Project) -> None:
    left = values("(1, 10, 'x')", "(2, 20, null)", "(3, null, 'z')", "(4, 40, 'w')")
    right = values("(1, 10, 'x')", "(2, 21, null)", "(3, 30, 'y')", "(5, 50, 'v')", "(6, 60, 'u')")
    found = compare(project, left, right)
    rows = rows_of(found)
    assert rows.key == Key(columns=("id",), origin=KeyOrigin.UNIQUE_KEY)
    assert (rows.left, rows.right) == (Side(rows=4), Side(rows=5))
    assert (rows.only_left, rows.only_right, rows.equal, rows.different) == (1, 2, 1, 2)
    assert [(one.name, one.rows) for one in rows.changed] == [("a", 2), ("t", 1)]
    assert rows.changed[0].samples == (
        Sample(key=(2,), left=20, right=21),
        Sample(key=(3,), left=None, right=30),
    )
    assert rows.changed[1].samples == (Sample(key=(3,), left="z", right="y"),)
    assert (rows.first_left, rows.first_right) == (((4,),), ((5,), (6,)))
    assert not found.is_equal


def test_what_is_equal_is_equal(project: Project) -> None:
    found = compare(
        project, values("(1, null, 'x')", "(2, 2, null)"), values("(2, 2, null)", "(1, null, 'x')")
    )
    assert found.is_equal
    assert not found.is_one
    assert rows_of(found).changed == ()


def test_few_samples_are_given_of_each_column(project: Project) -> None:
    left = values(*(f"({n}, 0, 'x')" for n in range(1, 9)))
    right = values(*(f"({n}, {n % 2}, '{'x' if n < 5 else 'y'}')" for n in range(1, 9)))
    rows = rows_of(compare(project, left, right, samples=2))
    assert [(one.name, one.rows, [s.key for s in one.samples]) for one in rows.changed] == [
        ("a", 4, [(1,), (3,)]),
        ("t", 4, [(5,), (6,)]),
    ]
    assert rows_of(again(project, samples=0)).changed[0].samples == ()


def test_columns_that_come_go_or_change_their_type(project: Project) -> None:
    found = compare(
        project,
        "select 1 as id, 7 as a, '5' as t, 1 as gone",
        "select 1 as id, cast(7 as bigint) as a, 5 as t, 2 as new",
    )
    assert [c.name for c in found.columns.added] == ["new"]
    assert [c.name for c in found.columns.removed] == ["gone"]
    assert [name for name, _, _ in found.columns.retyped] == ["a", "t"]
    # The values are the same all the same.
    assert (rows_of(found).equal, rows_of(found).different) == (1, 0)
    assert rows_of(found).is_equal
    assert not found.is_equal


def test_keys_that_are_missing_or_repeated_are_told_of_and_not_matched(project: Project) -> None:
    left = values("(1, 1, 'x')", "(1, 2, 'x')", "(2, 2, 'x')", "(null, 3, 'x')")
    right = values("(1, 1, 'x')", "(2, 3, 'x')", "(3, 3, 'x')", "(3, 4, 'x')")
    rows = rows_of(compare(project, left, right))
    assert rows.left == Side(rows=4, no_key=1, repeated_keys=1)
    assert rows.right == Side(rows=4, repeated_keys=1)
    assert (rows.only_left, rows.only_right, rows.equal, rows.different) == (0, 0, 0, 1)
    assert rows.changed[0].samples == (Sample(key=(2,), left=2, right=3),)
    assert not rows.is_equal


@pytest.mark.parametrize(("tolerance", "different"), [(0.0, 4), (0.1, 2)])
def test_numbers_that_are_not_exact_may_be_near(project: Project, tolerance: float, different: int) -> None:
    kind = "double precision"
    floats = [
        ("1.0", "1.05"), ("2.0", "2.2"), ("3.0", "3.0"), ("null", "null"), ("4.0", "null"),
        ("'NaN'", "'NaN'"), ("'Infinity'", "'Infinity'"), ("1e308", "1e308"), ("0.1", "0.2"),
    ]  # fmt: skip
    sides = [
        values(*(f"({n}, cast({pair[side]} as {kind}))" for n, pair in enumerate(floats)), columns="id, f")
        for side in (0, 1)
    ]
    rows = rows_of(compare(project, *sides, tolerance=tolerance))
    assert rows.different == different
    # Exact numbers have no tolerance.
    project.warehouse.execute("update dev.m set f = 0", "update other.m set f = 0")
    project.warehouse.execute(
        "alter table dev.m add column n numeric(9,2)", "alter table other.m add column n numeric(9,2)"
    )
    project.warehouse.execute("update dev.m set n = 1.00", "update other.m set n = 1.01")
    assert rows_of(again(project, tolerance=tolerance)).different == len(floats)


def test_a_key_of_several_columns_is_asked_for(project: Project) -> None:
    left = values("(1, 1, 'x')", "(1, 2, 'x')")
    right = values("(1, 1, 'x')", "(1, 2, 'y')")
    rows = rows_of(compare(project, left, right, on=["id", "a"]))
    assert rows.key == Key(columns=("id", "a"), origin=KeyOrigin.ASKED)
    assert (rows.equal, rows.different, rows.changed[0].samples[0].key) == (1, 1, (1, 2))
    with pytest.raises(ProjectError) as raised:
        again(project, on=["id", "aa"])
    [diagnostic] = raised.value.diagnostics
    assert diagnostic.message == "`m` has no column `aa` on both sides to match rows by"
    assert diagnostic.help == "did you mean `a`?"


def test_a_column_that_is_tested_to_be_unique_is_a_key(project: Project) -> None:
    project.write({"models/m.yml": "models: [{name: m, columns: [{name: a, tests: [unique]}]}]"})
    rows = rows_of(compare(project, values("(1, 1, 'x')"), values("(2, 1, 'x')"), "select 1 as id, 1 as a"))
    assert rows.key == Key(columns=("a",), origin=KeyOrigin.UNIQUE_TEST)
    assert (rows.different, rows.changed[0].name) == (1, "id")


def test_without_a_key_whole_rows_are_counted(project: Project) -> None:
    left = values("(1, 1, 'x')", "(1, 1, 'x')", "(2, null, 'y')")
    right = values("(1, 1, 'x')", "(2, null, 'y')", "(3, 3, 'z')")
    found = compare(project, left, right, "select 1 as id")
    rows = rows_of(found)
    assert rows.key.columns == ()
    assert rows.key.why_none == "there is no key: no unique_key, and no test that a column is unique"
    assert (rows.only_left, rows.only_right, rows.equal, rows.different) == (1, 1, 2, 0)
    assert (rows.first_left, rows.first_right) == (((1, 1, "x"),), ((3, 3, "z"),))


def test_a_key_that_one_side_has_not_is_none(project: Project) -> None:
    rows = rows_of(compare(project, "select 1 as id, 2 as a", "select 1 as key, 2 as a"))
    assert rows.key.why_none == "unique_key (id) is not on both sides"
    assert rows.columns == ("a",)
    assert rows.is_equal


def test_one_side_has_none(project: Project) -> None:
    project.warehouse.execute("create schema dev", "create table dev.m as select 1 as id")
    found = again(project)
    assert (found.left, found.right, found.rows) == (Relation(None, "dev", "m"), None, None)
    assert not found.is_equal
    [one] = project.load().compare({NODE: Relation(None, "dev", "m")}, {NODE: Relation(None, "dev", "m")})
    assert (one.is_one, one.is_equal, one.rows) == (True, True, None)


def test_names_are_quoted(project: Project) -> None:
    odd = 'select 1 as id, 2 as "select", 3 as "a ""b"""'
    found = compare(project, odd, odd.replace("3", "4"))
    assert [one.name for one in rows_of(found).changed] == ['a "b"']


def test_types_that_have_no_equality_are_compared_as_text(pg: Project) -> None:
    left = """select 1 as id, '{"a": 1}'::json as j, point(1, 2) as p"""
    rows = rows_of(compare(pg, left, left.replace("(1, 2)", "(1, 3)")))
    assert [(one.name, one.samples) for one in rows.changed] == [
        ("p", (Sample(key=(1,), left="(1,2)", right="(1,3)"),))
    ]
    assert rows_of(again(pg, "select 1 as id")).only_left == 1


def test_what_the_engine_refuses_is_told(duck: Project) -> None:
    duck.warehouse.execute("create table gone as select 1 as id", "create schema dev", "create schema other")
    duck.warehouse.execute(
        "create table dev.m as select 1 as id", "create view other.m as select * from main.gone"
    )
    duck.warehouse.execute("drop table gone")
    with pytest.raises(ProjectError) as raised:
        again(duck)
    assert "the warehouse refused a statement of `m`" in raised.value.diagnostics[0].message
