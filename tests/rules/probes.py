"""The arguments that an engine is asked about."""

from __future__ import annotations

from dataclasses import dataclass

from sqlflow.core.schema import SqlType, parse_type
from sqlflow.dialect.rules import NULL, STRING_LITERAL, integer_literal

# Types, each with a constant of it.
_TYPES = (
    ("BOOLEAN", "true"),
    ("TINYINT", "1::TINYINT"),
    ("SMALLINT", "1::SMALLINT"),
    ("INTEGER", "1::INTEGER"),
    ("BIGINT", "1::BIGINT"),
    ("HUGEINT", "1::HUGEINT"),
    ("UTINYINT", "1::UTINYINT"),
    ("USMALLINT", "1::USMALLINT"),
    ("UINTEGER", "1::UINTEGER"),
    ("UBIGINT", "1::UBIGINT"),
    ("UHUGEINT", "1::UHUGEINT"),
    ("BIGNUM", "1::BIGNUM"),
    ("FLOAT", "0.5::FLOAT"),
    ("DOUBLE", "0.5::DOUBLE"),
    ("DECIMAL(4,1)", "0.5::DECIMAL(4,1)"),
    ("DECIMAL(9,9)", "0.5::DECIMAL(9,9)"),
    ("DECIMAL(10,2)", "0.5::DECIMAL(10,2)"),
    ("DECIMAL(18,3)", "0.5::DECIMAL(18,3)"),
    ("DECIMAL(18,12)", "0.5::DECIMAL(18,12)"),
    ("DECIMAL(12,0)", "1::DECIMAL(12,0)"),
    ("DECIMAL(20,5)", "0.5::DECIMAL(20,5)"),
    ("DECIMAL(25,10)", "0.5::DECIMAL(25,10)"),
    ("DECIMAL(38,0)", "1::DECIMAL(38,0)"),
    ("DECIMAL(38,20)", "0.5::DECIMAL(38,20)"),
    ("VARCHAR", "'a'::VARCHAR"),
    ("BLOB", "'a'::BLOB"),
    ("BIT", "'101'::BIT"),
    ("UUID", "'00000000-0000-0000-0000-000000000000'::UUID"),
    ("JSON", "'{}'::JSON"),
    ("DATE", "DATE '2020-01-01'"),
    ("TIME", "TIME '10:00:00'"),
    ("TIME_NS", "'10:00:00'::TIME_NS"),
    ("TIME WITH TIME ZONE", "'10:00:00+00'::TIMETZ"),
    ("TIMESTAMP", "TIMESTAMP '2020-01-01'"),
    ("TIMESTAMP_S", "'2020-01-01'::TIMESTAMP_S"),
    ("TIMESTAMP_MS", "'2020-01-01'::TIMESTAMP_MS"),
    ("TIMESTAMP_NS", "'2020-01-01'::TIMESTAMP_NS"),
    ("TIMESTAMP WITH TIME ZONE", "'2020-01-01 00:00:00+00'::TIMESTAMPTZ"),
    ("INTERVAL", "INTERVAL 1 DAY"),
    ("ENUM('a', 'b')", "'a'::ENUM('a', 'b')"),
    ("ENUM('b', 'c')", "'b'::ENUM('b', 'c')"),
    ("INTEGER[]", "[1, 2]"),
    ("TINYINT[]", "[1::TINYINT]"),
    ("BIGINT[]", "[1::BIGINT]"),
    ("HUGEINT[]", "[1::HUGEINT]"),
    ("UBIGINT[]", "[1::UBIGINT]"),
    ("DOUBLE[]", "[0.5::DOUBLE]"),
    ("FLOAT[]", "[0.5::FLOAT]"),
    ("DECIMAL(10,2)[]", "[0.5::DECIMAL(10,2)]"),
    ("DECIMAL(20,5)[]", "[0.5::DECIMAL(20,5)]"),
    ("VARCHAR[]", "['a']"),
    ("BOOLEAN[]", "[true]"),
    ("DATE[]", "[DATE '2020-01-01']"),
    ("TIMESTAMP[]", "[TIMESTAMP '2020-01-01']"),
    ("STRUCT(a INTEGER, b VARCHAR)[]", "[{'a': 1, 'b': 'x'}]"),
    ("INTEGER[][]", "[[1]]"),
    ("VARCHAR[][]", "[['a']]"),
    ("JSON[]", "['{}'::JSON]"),
    ("INTEGER[3]", "[1, 2, 3]::INTEGER[3]"),
    ("FLOAT[3]", "[1, 2, 3]::FLOAT[3]"),
    ("DOUBLE[2]", "[1, 2]::DOUBLE[2]"),
    ("VARCHAR[2]", "['a', 'b']::VARCHAR[2]"),
    ("STRUCT(a INTEGER, b VARCHAR)", "{'a': 1::INTEGER, 'b': 'x'::VARCHAR}"),
    ("STRUCT(a DECIMAL(10,2), c DATE)", "{'a': 1::DECIMAL(10,2), 'c': DATE '2020-01-01'}"),
    ("TUPLE(INTEGER, VARCHAR)", "row(1::INTEGER, 'a'::VARCHAR)"),
    ("MAP(VARCHAR, INTEGER)", "map {'a': 1::INTEGER}"),
    ("MAP(INTEGER, DOUBLE)", "map {1::INTEGER: 0.5::DOUBLE}"),
    ("UNION(a INTEGER, b VARCHAR)", "union_value(a := 1)"),
    ("DECIMAL(38,36)", "0.5::DECIMAL(38,36)"),
    ("DATE[2]", "[DATE '2020-01-01', DATE '2020-01-01']::DATE[2]"),
    ("TIMESTAMP[2]", "[TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-01']::TIMESTAMP[2]"),
    ("DECIMAL(10,2)[2]", "[1, 2]::DECIMAL(10,2)[2]"),
    ("STRUCT(a INTEGER, b VARCHAR)[1]", "[{'a': 1, 'b': 'x'}]::STRUCT(a INTEGER, b VARCHAR)[1]"),
    ("INTEGER[][1]", "[[1]]::INTEGER[][1]"),
    ("INTEGER[2][]", "[[1, 2]::INTEGER[2]]"),
    ("INTEGER[2][1]", "[[1, 2]]::INTEGER[2][1]"),
    ("MAP(VARCHAR, DOUBLE)", "map {'a': 0.5::DOUBLE}"),
    ("TUPLE(DATE, DOUBLE, INTEGER)", "row(DATE '2020-01-01', 0.5::DOUBLE, 1::INTEGER)"),
    ("UNION(x DATE, y DOUBLE)", "union_value(x := DATE '2020-01-01')"),
    ("TIMESTAMP WITH TIME ZONE[]", "['2020-01-01 00:00:00+00'::TIMESTAMPTZ]"),
    ("INTERVAL[]", "[INTERVAL 1 DAY]"),
    ("TIME[]", "[TIME '10:00:00']"),
    ("UUID[]", "['00000000-0000-0000-0000-000000000000'::UUID]"),
    ("TIMESTAMPTZ_NS", "'2020-01-01 00:00:00+00'::TIMESTAMPTZ_NS"),
)
LITERALS = (1, 0, 2, 5, 200, 300, 40000, 100000, 3000000000, 5000000000, -1, -200, -40000, -3000000000)
# Texts that one function or another takes as a constant.
TEXTS = (
    "a",
    "1",
    "day",
    "2020-01-01",
    "%Y",
    "$.a",
    '{"a": 1}',
    "UTC",
    "0101",
    '["a"]',
    "00000000-0000-0000-0000-000000000000",
    "1 day",
    "count",
    "sum",
    "%Y %z",
    "%Y %n",
    "$.*",
    "epoch",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """An argument: its type, the text of a column of that type or of the literal, and that of a constant."""

    kind: SqlType
    column: str
    constant: str


def typed(text: str) -> SqlType:
    """Reads a type that is there."""
    kind = parse_type(text)
    if kind is None:
        raise AssertionError(text)
    return kind


def probes() -> tuple[Probe, ...]:
    """Gives all arguments that are asked about."""
    columns = tuple(
        Probe(kind=typed(text), column=f"c{index}", constant=constant)
        for index, (text, constant) in enumerate(_TYPES)
    )
    literals = tuple(
        Probe(kind=integer_literal(value), column=str(value), constant=str(value)) for value in LITERALS
    )
    # Texts differ by a label, which no token tells: a rule must hold for all of them.
    texts = tuple(
        Probe(kind=SqlType(STRING_LITERAL, labels=(text,)), column=f"'{text}'", constant=f"'{text}'")
        for text in TEXTS
    )
    null = Probe(kind=NULL, column="NULL", constant="NULL")
    nothing = Probe(kind=typed('"NULL"[]'), column="[]", constant="[]")
    return (*columns, *literals, *texts, null, nothing)


def columns() -> tuple[tuple[str, str], ...]:
    """Gives the columns of the table that is asked about."""
    return tuple((f"c{index}", text) for index, (text, _) in enumerate(_TYPES))
