"""What an engine's answer adds to what is known of a query's columns, and what it may not change."""

from __future__ import annotations

import pytest

from sqlflow.bind.fill import filled, known_columns, lacks_something
from sqlflow.bind.query.values import NONE, Column, ColumnRef, Table, Value
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.core.relation import Column as Told
from sqlflow.core.schema import Nullability, SqlType, list_of
from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.dialect.specs import DUCKDB

INTEGER, DATE = SqlType("INTEGER"), SqlType("DATE")


@pytest.fixture(scope="module")
def rules() -> TypeRules:
    found = load_rules(DUCKDB)
    assert found is not None
    return found


def column(name: str | None, type: SqlType | None, null: Nullability = Nullability.UNKNOWN) -> Column:
    sources = frozenset({ColumnRef("t", "a")})
    why = "" if type is not None else "no verified rule"
    return Column(name=name, value=Value(type=type, why=why, null=null, sources=sources))


def shown(table: Table) -> list[tuple[str | None, str | None]]:
    return [(c.name, str(c.value.type) if c.value.type is not None else None) for c in table.columns]


def test_names_and_types_that_are_unknown_are_filled(rules: TypeRules) -> None:
    table = Table(
        columns=(column("a", INTEGER), column("b", None), column(None, INTEGER), column(None, None))
    )
    told = [
        Told("a", "INTEGER"),
        Told("b", "DATE"),
        Told("sum(x)", "INTEGER"),
        Told("f(x)", "DECIMAL(9,2)[]"),
    ]
    after = filled(table, told, DUCKDB, rules)
    assert shown(after) == [
        ("a", "INTEGER"),
        ("b", "DATE"),
        ("sum(x)", "INTEGER"),
        ("f(x)", "DECIMAL(9,2)[]"),
    ]
    assert [c.value.sources for c in after.columns] == [c.value.sources for c in table.columns]
    assert {c.value.why for c in after.columns} == {""}


@pytest.mark.parametrize(
    "told",
    [
        [Told("a", "BIGINT"), Told("b", "DATE")],
        [Told("A", "INTEGER"), Told("b", "DATE")],
        [Told("a", "no type that is known"), Told("b", "DATE")],
        [Told("a", "INTEGER")],
        [Told("a", "INTEGER"), Told("b", "DATE"), Told("c", "DATE")],
    ],
    ids=["type", "name", "unknown type", "fewer", "more"],
)
def test_an_answer_that_contradicts_what_is_known_is_not_taken(told: list[Told], rules: TypeRules) -> None:
    table = Table(columns=(column("a", INTEGER), column("b", None)))
    assert filled(table, told, DUCKDB, rules) is table


def test_what_can_not_be_read_stays_unknown(rules: TypeRules) -> None:
    table = Table(columns=(column("a", None), column("b", None)))
    after = filled(table, [Told("a", "no type that is known"), Told("b", "DATE")], DUCKDB, rules)
    assert shown(after) == [("a", None), ("b", "DATE")]
    assert after.columns[0].value.why == "no verified rule"


def test_a_name_that_two_columns_have_is_none(rules: TypeRules) -> None:
    """In a table, the second column of a name gets another one."""
    table = Table(columns=(column(None, INTEGER), column(None, INTEGER), column("c", INTEGER)))
    told = [Told("sum(x)", "INTEGER"), Told("SUM(x)", "INTEGER"), Told("c", "INTEGER")]
    assert [c.name for c in filled(table, told, DUCKDB, rules).columns] == [None, None, "c"]


@pytest.mark.parametrize("null", Nullability)
def test_what_is_known_of_null_stays(null: Nullability, rules: TypeRules) -> None:
    table = Table(columns=(column(None, None, null),))
    (after,) = filled(table, [Told("now()", "DATE")], DUCKDB, rules).columns
    assert (after.value.type, after.value.null) == (DATE, null)


def test_only_a_table_whose_columns_are_all_listed_lacks_something() -> None:
    assert lacks_something(Table(columns=(column("a", None),)))
    assert lacks_something(Table(columns=(column(None, DATE),)))
    assert not lacks_something(Table(columns=(column("a", DATE),)))
    assert not lacks_something(Table(columns=(column("a", None),), open=True))


def schema(*columns: tuple[str | None, SqlType | None], open: bool = False) -> NodeSchema:
    return NodeSchema(
        columns=tuple(
            SchemaColumn(
                name=name, type=type, why="", null=Nullability.UNKNOWN, sources=NONE, text="", span=None
            )
            for name, type in columns
        ),
        rows=NONE,
        open=open,
        why_open="",
        opaque=False,
    )


def test_a_table_is_made_only_of_what_is_known_whole() -> None:
    assert known_columns(schema(("a", DATE), ("b", INTEGER))) == (Told("a", "DATE"), Told("b", "INTEGER"))
    for unknown in (
        None,
        schema(),
        schema(("a", DATE), open=True),
        schema(("a", DATE), ("b", None)),
        schema(("a", DATE), (None, DATE)),
        schema(("a", SqlType("NULL"))),
        schema(("a", list_of(SqlType("NULL")))),
    ):
        assert known_columns(unknown) is None
