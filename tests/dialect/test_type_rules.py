from __future__ import annotations

import dataclasses

import pytest

from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.rules import NULL, STRING, Context, TypeRules, integer_literal, load_rules
from sqlflow.dialect.rules.templates import template
from sqlflow.dialect.specs import DUCKDB


@pytest.fixture(scope="module")
def rules() -> TypeRules:
    found = load_rules(DUCKDB)
    assert found is not None
    return found


def _kind(text: object) -> SqlType:
    """Reads a type; numbers, texts in quotes and NULL are literals."""
    if isinstance(text, int):
        return integer_literal(text)
    if text == "'text'":
        return STRING
    if text == "NULL":
        return NULL
    kind = parse_type(str(text))
    assert kind is not None
    return kind


@pytest.mark.parametrize(
    ("name", "arguments", "constants", "expected"),
    [
        ("sum", ["DECIMAL(10,2)"], [], "DECIMAL(38,2)"),
        ("sum", ["INTEGER"], [], "HUGEINT"),
        ("SUM", ["FLOAT"], [], "DOUBLE"),
        ("avg", ["DECIMAL(10,2)"], [], "DOUBLE"),
        ("count", [], [], "BIGINT"),
        ("min", ["STRUCT(a DECIMAL(5,1))"], [], "STRUCT(a DECIMAL(5,1))"),
        ("round", ["DECIMAL(10,4)", 2], [None, 2], "DECIMAL(10,2)"),
        ("round", ["DECIMAL(10,4)", 9], [], "DECIMAL(10,4)"),
        ("date_part", ["'text'", "DATE"], ["year", None], "BIGINT"),
        ("date_part", ["'text'", "DATE"], ["EPOCH", None], "DOUBLE"),
        ("coalesce", ["DECIMAL(10,2)", 0], [], "DECIMAL(12,2)"),
        ("greatest", ["INTEGER", "BIGINT", "NULL"], [], "BIGINT"),
        ("list", ["DECIMAL(4,1)"], [], "DECIMAL(4,1)[]"),
        ("list_value", [1, 3000000000], [], "BIGINT[]"),
        ("list_append", ["DECIMAL(4,1)[]", "DECIMAL(9,3)"], [], "DECIMAL(9,3)[]"),
        ("map_keys", ["MAP(VARCHAR, DATE[])"], [], "VARCHAR[]"),
        ("arg_max", ["UUID", "DECIMAL(3,1)"], [], "UUID"),
        ("lag", ["TINYINT", 1, 300], [], "TINYINT"),
        ("row_number", [], [], "BIGINT"),
        ("strptime", ["VARCHAR", "'text'"], [None, "%Y-%m-%d"], "TIMESTAMP"),
        ("strptime", ["VARCHAR", "'text'"], [None, "%Y-%m-%d %z"], "TIMESTAMP WITH TIME ZONE"),
        ("struct_extract", ["STRUCT(a DATE)", "'text'"], [None, "A"], "DATE"),
        ("list_transform", ["DATE[]", "DECIMAL(4,1)"], [], "DECIMAL(4,1)[]"),
        ("no_such_function", ["INTEGER"], [], None),
        ("lower", ["DATE"], [], None),
        ("date_part", ["'text'", "DATE"], ["no such part", None], None),
    ],
)
def test_functions(
    rules: TypeRules, name: str, arguments: list[object], constants: list[object], expected: str | None
) -> None:
    kind = rules.function(name, [_kind(argument) for argument in arguments], constants)
    assert (None if kind is None else str(kind)) == expected


@pytest.mark.parametrize(
    ("left", "symbol", "right", "expected"),
    [
        ("SMALLINT", "+", 1, "SMALLINT"),
        ("SMALLINT", "+", 40000, "INTEGER"),
        ("DECIMAL(10,2)", "+", "DECIMAL(10,2)", "DECIMAL(11,2)"),
        ("DECIMAL(10,2)", "*", "DECIMAL(10,2)", "DECIMAL(18,4)"),
        ("DECIMAL(20,2)", "*", "INTEGER", "DECIMAL(30,2)"),
        ("DECIMAL(10,2)", "/", "INTEGER", "DOUBLE"),
        ("INTEGER", "/", "INTEGER", "DOUBLE"),
        ("INTEGER", "//", "INTEGER", "INTEGER"),
        ("DATE", "-", "DATE", "BIGINT"),
        ("DATE", "+", "INTERVAL", "TIMESTAMP"),
        ("DATE", "+", 1, "DATE"),
        ("TIMESTAMP", "-", "TIMESTAMP", "INTERVAL"),
        ("VARCHAR", "||", "INTEGER", "VARCHAR"),
        ("INTEGER[]", "||", "INTEGER[]", "INTEGER[]"),
        ("DECIMAL(4,1)[]", "[]", 1, "DECIMAL(4,1)"),
        ("MAP(VARCHAR, DATE)", "[]", "'text'", "DATE"),
        ("DATE[]", "[:]", 1, "DATE[]"),
        ("VARCHAR", "not like", "'text'", "BOOLEAN"),
        ("INTEGER", "IN", 3, "BOOLEAN"),
        ("DATE", "*", "DATE", None),
    ],
)
def test_operators(rules: TypeRules, left: object, symbol: str, right: object, expected: str | None) -> None:
    kind = rules.operator(symbol, _kind(left), _kind(right))
    assert (None if kind is None else str(kind)) == expected


def test_a_path_decides_how_many_values_json_has(rules: TypeRules) -> None:
    json = SqlType("JSON")
    assert rules.operator("->", json, STRING, "a") == json
    assert rules.operator("->>", json, STRING, "$.a.b") == SqlType("VARCHAR")
    assert rules.operator("->", json, STRING, "$.*") is None
    assert rules.operator("->", json, STRING) is None


def test_a_minus_is_a_part_of_the_literal(rules: TypeRules) -> None:
    minus = rules.unary("-", integer_literal(1))
    assert minus == integer_literal(-1)
    assert rules.operator("+", SqlType("UTINYINT"), minus) == SqlType("INTEGER")
    lowest = rules.literal("9223372036854775808", "number")
    assert lowest is not None
    assert rules.settle(lowest) == SqlType("HUGEINT")
    minus = rules.unary("-", lowest)
    assert minus is not None
    assert rules.settle(minus) == SqlType("BIGINT")
    assert rules.unary("NOT", SqlType("BOOLEAN")) == SqlType("BOOLEAN")
    assert rules.unary("IS NULL", SqlType("DATE")) == SqlType("BOOLEAN")


@pytest.mark.parametrize(
    ("kinds", "expression", "union"),
    [
        ((0, "DECIMAL(10,2)"), "DECIMAL(12,2)", "DECIMAL(12,2)"),
        (("TINYINT", 1), "TINYINT", "INTEGER"),
        (("TINYINT", 1, 2), "TINYINT", "INTEGER"),
        ((1, 2, "TINYINT"), "INTEGER", "INTEGER"),
        (("DATE", "'text'"), "DATE", "VARCHAR"),
        (("DATE", "TIMESTAMP"), "TIMESTAMP", "TIMESTAMP"),
        (("INTEGER", "VARCHAR"), None, "VARCHAR"),
        (("DECIMAL(4,1)[]", "DECIMAL(12,3)[]"), "DECIMAL(12,3)[]", "DECIMAL(12,3)[]"),
        (
            ("STRUCT(a INTEGER, b DATE)", "STRUCT(a DECIMAL(4,1), c DATE)"),
            "STRUCT(a DECIMAL(11,1), b DATE, c DATE)",
            "STRUCT(a DECIMAL(11,1), b DATE, c DATE)",
        ),
        (("NULL", "UUID"), "UUID", "UUID"),
        (("BIGINT",), "BIGINT", "BIGINT"),
        ((), None, None),
    ],
)
def test_common_types(
    rules: TypeRules, kinds: tuple[object, ...], expression: str | None, union: str | None
) -> None:
    types = [_kind(kind) for kind in kinds]
    found = [rules.common(types), rules.common(types, Context.UNION)]
    assert [None if kind is None else str(kind) for kind in found] == [expression, union]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int4[]", "INTEGER[]"),
        ("text", "VARCHAR"),
        ("Numeric", "DECIMAL(18,3)"),
        ("decimal(5)", "DECIMAL(5,0)"),
        ("decimal(39,1)", None),
        ("decimal(3,5)", None),
        ("varchar(10)", "VARCHAR"),
        ("timestamp(3)", "TIMESTAMP_MS"),
        ("float(30)", "DOUBLE"),
        ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
        ("struct(a int, b text[])", "STRUCT(a INTEGER, b VARCHAR[])"),
        ("map(text, int8)", "MAP(VARCHAR, BIGINT)"),
        ("enum('a')", "ENUM('a')"),
        ("struct(a nothing)", None),
        ("nothing", None),
        ("'", None),
    ],
)
def test_names_of_types(rules: TypeRules, text: str, expected: str | None) -> None:
    kind = rules.cast(text)
    assert (None if kind is None else str(kind)) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("42", "number", "INTEGER"),
        ("3000000000", "number", "BIGINT"),
        ("9223372036854775808", "number", "HUGEINT"),
        ("1.50", "number", "DECIMAL(3,2)"),
        (".5", "number", "DECIMAL(1,1)"),
        ("1e3", "number", "DOUBLE"),
        ("0x1F", "number", "INTEGER"),
        ("1_000", "number", "INTEGER"),
        (".", "number", None),
        ("x", "number", None),
        ("x", "string", "VARCHAR"),
        ("2020-01-01", "DATE", "DATE"),
        ("1 day", "INTERVAL", "INTERVAL"),
        ("true", "boolean", "BOOLEAN"),
        ("NULL", "null", '"NULL"'),
    ],
)
def test_literals(rules: TypeRules, text: str, kind: str, expected: str | None) -> None:
    found = rules.literal(text, kind)
    assert (None if found is None else str(rules.settle(found))) == expected


def test_what_is_compared_and_cast(rules: TypeRules) -> None:
    varchar, date, integer, double = (SqlType(name) for name in ("VARCHAR", "DATE", "INTEGER", "DOUBLE"))
    assert rules.comparable(varchar, date) is True
    assert rules.comparable(varchar, date, "<") is False
    assert rules.comparable(integer, double, ">=") is True
    assert rules.castable(integer, double) is True
    assert rules.castable(varchar, date) is False
    assert rules.castable(varchar, date, implicit=False) is True
    assert rules.comparable(SqlType("NO_SUCH_TYPE"), date) is None


def test_a_dialect_without_rules_has_none() -> None:
    assert load_rules(dataclasses.replace(DUCKDB, name="no_such_dialect")) is None


@pytest.mark.parametrize(
    "text", ["DECIMAL(p1 ** 2, 0)", "DECIMAL(exec('p1'), s1)", "DECIMAL(p1.real, s1)", "NOT A TYPE(", "$x"]
)
def test_templates_are_no_programs(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        template(text)
