from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.schema import (
    SqlType,
    array_of,
    decimal_of,
    is_too_deep,
    list_of,
    map_of,
    parse_type,
    struct_of,
    tuple_of,
)

_PLAIN = st.sampled_from(
    ["INTEGER", "VARCHAR", "DATE", "TIMESTAMP WITH TIME ZONE", "NULL", "HUGEINT", "JSON"]
)
_NAMES = st.one_of(st.sampled_from(["a", "B", "select", "Total sum", 'x"y', "é", "1"]), st.text(min_size=1))


def _nested(inner: st.SearchStrategy[SqlType]) -> st.SearchStrategy[SqlType]:
    fields = st.lists(st.tuples(_NAMES, inner), min_size=1, max_size=3)
    return st.one_of(
        inner.map(list_of),
        st.builds(array_of, inner, st.integers(1, 9)),
        fields.map(struct_of),
        st.lists(inner, min_size=1, max_size=3).map(tuple_of),
        st.builds(map_of, inner, inner),
        fields.map(lambda some: SqlType("UNION", parts=tuple(some))),
        st.lists(st.text(), min_size=1).map(lambda labels: SqlType("ENUM", labels=tuple(labels))),
    )


_DECIMALS = st.builds(decimal_of, st.integers(1, 38), st.integers(0, 38))
TYPES = st.recursive(st.one_of(_PLAIN.map(SqlType), _DECIMALS), _nested, max_leaves=8)


@given(TYPES)
def test_a_type_is_read_back_from_its_text(kind: SqlType) -> None:
    assert parse_type(str(kind)) == kind


@given(st.one_of(st.text(), st.text(alphabet="abINTDECIMAL(),[]'\" 0123456789\n")))
def test_no_text_raises(text: str) -> None:
    kind = parse_type(text)
    assert kind is None or parse_type(str(kind)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "DECIMAL(10,2)",
        "INTEGER[]",
        "INTEGER[][3]",
        'STRUCT(a INTEGER, "b c" VARCHAR[], "select" DATE, D UUID)',
        "MAP(VARCHAR, STRUCT(x TIMESTAMP WITH TIME ZONE)[])",
        "ENUM('it''s', 'b')",
        "UNION(a INTEGER, b VARCHAR)",
        "TUPLE(INTEGER, VARCHAR)",
        "TIMESTAMP_NS",
        "TIME WITH TIME ZONE",
        "BIT",
    ],
)
def test_the_text_is_the_one_that_the_engine_gives(text: str) -> None:
    described = duckdb.sql(f"SELECT NULL::{text} AS x").types[0]
    kind = parse_type(text)
    assert kind is not None
    assert str(kind) == text == str(described)


def test_names_of_fields_are_quoted_like_the_engine_does() -> None:
    words = [row[0] for row in duckdb.sql("SELECT keyword_name FROM duckdb_keywords()").fetchall()]
    for name in [*words, "plain", "Mixed", "_x", "a1", "1a", "a$", "a b", "é"]:
        text = str(struct_of([(name, SqlType("INTEGER"))]))
        assert text == str(duckdb.sql(f"SELECT NULL::{text} AS x").types[0])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("decimal(10, 2)", decimal_of(10, 2)),
        ("double precision", SqlType("DOUBLE PRECISION")),
        ("character varying(20)", SqlType("CHARACTER VARYING", (20,))),
        ("timestamp(3) with time zone", SqlType("TIMESTAMP WITH TIME ZONE", (3,))),
        ("int4[]", list_of(SqlType("INT4"))),
        ("integer array", list_of(SqlType("INTEGER"))),
        ("integer array[3]", array_of(SqlType("INTEGER"), 3)),
        ("row(a int)", struct_of([("a", SqlType("INT"))])),
        ('"NULL"[]', list_of(SqlType("NULL"))),
        ("map(text, int)", map_of(SqlType("TEXT"), SqlType("INT"))),
    ],
)
def test_what_users_write_is_read(text: str, kind: SqlType) -> None:
    assert parse_type(text) == kind


@pytest.mark.parametrize(
    "text",
    ["", "  ", "int)", "decimal(", "decimal(a)", "struct(a)", "map(int)", "int[x]", "a.b", "int int", "'a'"],
)
def test_what_is_no_type_is_none(text: str) -> None:
    assert parse_type(text) is None


def test_deep_texts_come_to_an_end() -> None:
    assert parse_type("STRUCT(a " * 50_000 + "INTEGER" + ")" * 50_000) is None
    assert parse_type("INTEGER" + "[]" * 50_000) is None


def test_parts_are_found_without_case() -> None:
    kind = struct_of([("Total", SqlType("INTEGER"))])
    assert kind.part("total") == SqlType("INTEGER")
    assert kind.part("other") is None
    assert list_of(SqlType("DATE")).item == SqlType("DATE")
    assert SqlType("DATE").item is None


def test_a_type_that_can_be_read_is_not_too_deep() -> None:
    kind = SqlType("INTEGER")
    for _ in range(99):
        kind = list_of(kind)
    assert not is_too_deep(kind)
    assert parse_type(str(kind)) == kind
    for _ in range(2_000):
        kind = struct_of([("a", kind), ("b", SqlType("DATE"))])
    assert is_too_deep(kind)
