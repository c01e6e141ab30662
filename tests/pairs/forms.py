"""Ways to write a construct that the generator does not know, and types in another dialect's words."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SAME = {name: name for name in ("SMALLINT", "INTEGER", "BIGINT", "BOOLEAN", "DATE", "UUID", "INTERVAL")}
_TIMESTAMPTZ = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE"}

# The first dialect's type for one of the second's: only what holds just the same values.
TYPES: Mapping[str, Mapping[str, str]] = {
    "duckdb.postgres": {
        **_SAME,
        **_TIMESTAMPTZ,
        "NUMERIC": "DECIMAL{}",
        "DECIMAL": "DECIMAL{}",
        "REAL": "FLOAT",
        "DOUBLE PRECISION": "DOUBLE",
        "TEXT": "VARCHAR",
        "VARCHAR": "VARCHAR",
        "CHARACTER VARYING": "VARCHAR",
        "BYTEA": "BLOB",
        "TIME": "TIME",
        "TIME WITHOUT TIME ZONE": "TIME",
        "TIMESTAMP": "TIMESTAMP",
        "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    },
    "postgres.duckdb": {
        **_SAME,
        **_TIMESTAMPTZ,
        "DECIMAL": "NUMERIC{}",
        "FLOAT": "REAL",
        "DOUBLE": "DOUBLE PRECISION",
        "VARCHAR": "TEXT",
        "BLOB": "BYTEA",
        "TIME": "TIME",
        "TIMESTAMP": "TIMESTAMP",
    },
}
# The second dialect's type that a result is cast to where it has another one than the first's.
CASTS: Mapping[str, Mapping[str, str]] = {
    "duckdb.postgres": {
        "DOUBLE": "DOUBLE PRECISION", "BIGINT": "BIGINT", "INTEGER": "INTEGER", "SMALLINT": "SMALLINT",
        "HUGEINT": "NUMERIC(38, 0)", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP", "VARCHAR": "TEXT",
        "BOOLEAN": "BOOLEAN", "TINYINT": "SMALLINT",
    },
    "postgres.duckdb": {
        "DOUBLE PRECISION": "DOUBLE", "BIGINT": "BIGINT", "INTEGER": "INTEGER", "SMALLINT": "SMALLINT",
        "DATE": "DATE", "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP", "TEXT": "TEXT", "BOOLEAN": "BOOLEAN",
        "NUMERIC": "DECIMAL(18, 0)", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE",
    },
}  # fmt: skip
# Each with the start of the names that it is tried for.
_FORMS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "duckdb.postgres": (
        (r"^Div\(", "CAST({0} AS DOUBLE PRECISION) / {1}"),
        (
            r"^Div\(",
            "CASE WHEN {1} = 0 THEN CAST({0} AS DOUBLE PRECISION) * CAST('Infinity' AS DOUBLE PRECISION) "
            "ELSE CAST({0} AS DOUBLE PRECISION) / {1} END",
        ),
        (r"^Mod\(", "{0} % NULLIF({1}, 0)"),
        (r"^IntDiv\(", "{0} / NULLIF({1}, 0)"),
        (r"^IntDiv\(", "DIV({0}, NULLIF({1}, 0))"),
        *(
            (
                rf"^{name}\(",
                f"(ARRAY_AGG({{0}} ORDER BY {{1}}{order}) "
                "FILTER (WHERE {0} IS NOT NULL AND {1} IS NOT NULL))[1]",
            )
            for name, order in (("ArgMax", " DESC"), ("ArgMin", ""))
        ),
        (r"^Contains\((VARCHAR|text)", "STRPOS({0}, {1}) > 0"),
        *(
            (rf"^{name}\(", f"EXTRACT({unit} FROM {{0}})")
            for name, unit in (
                ("DayOfWeek", "DOW"), ("DayOfYear", "DOY"), ("Hour", "HOUR"), ("Minute", "MINUTE"),
                ("Quarter", "QUARTER"), ("Week", "WEEK"), ("WeekOfYear", "WEEK"), ("Second", "SECOND"),
            )
        ),
        (r"^Extract\(SECOND", "TRUNC({})"),
        (r"^Extract\(EPOCH", "CAST({} AS DOUBLE PRECISION)"),
        (r"^Dayname\(", "TO_CHAR({0}, 'FMDay')"),
        (r"^Monthname\(", "TO_CHAR({0}, 'FMMonth')"),
        (r"^TimeToStr\(.*'%A'", "TO_CHAR({0}, 'FMDay')"),
        (r"^TimeToStr\(.*'%B'", "TO_CHAR({0}, 'FMMonth')"),
        (r"^DateFromParts\(", "MAKE_DATE({0}, {1}, {2})"),
        (
            r"^DateDiff\(.*WEEK",
            "(CAST(DATE_TRUNC('WEEK', {0}) AS DATE) - CAST(DATE_TRUNC('WEEK', {1}) AS DATE)) / 7",
        ),
        (r"^Round\(DOUBLE\)", "SIGN({0}) * FLOOR(ABS({0}) + 0.5)"),
        (
            r"^Round\(DOUBLE, decimals=",
            "SIGN({0}) * FLOOR(ABS({0}) * POWER(CAST(10 AS DOUBLE PRECISION), {1}) + 0.5) "
            "/ POWER(CAST(10 AS DOUBLE PRECISION), {1})",
        ),
        (r"^LastDay\(", "CAST(DATE_TRUNC('MONTH', {0}) + INTERVAL '1 MONTH' - INTERVAL '1 DAY' AS DATE)"),
        (r"^Cast\(\w+, as HUGEINT\)", "CAST({0} AS NUMERIC(38, 0))"),
        (r"^Cast\(BOOLEAN, as INTEGER\)", "CAST({0} AS INTEGER)"),
        (r"^Cast\(DOUBLE, as (SMALLINT|INTEGER|BIGINT)\)", "{}"),
    ),
    "postgres.duckdb": (
        (r"^Round\(DOUBLE PRECISION\)", "ROUND_EVEN({0}, 0)"),
        (r"^Cast\(DOUBLE PRECISION, as (SMALLINT|INTEGER|BIGINT)\)", "CAST(ROUND_EVEN({0}, 0) AS BIGINT)"),
        (r"^TimeToStr\(.*'Mon(th)?'", "STRFTIME({0}, '%b')"),
        (r"^Log\(", "LOG10({0})"),
    ),
}  # fmt: skip
_INT = r"(?:SMALLINT|INTEGER|BIGINT|\+)"
# What is written in the first place, also where the generator's own form holds: it is plainer.
_PLAINER: Mapping[str, tuple[tuple[str, str], ...]] = {
    "duckdb.postgres": (),
    "postgres.duckdb": (
        (r"^Div\((?:SMALLINT|INTEGER|BIGINT|\+), (?:SMALLINT|INTEGER|BIGINT|\+)", "{0} // {1}"),
    ),
}
PLAINER: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    pair: tuple((re.compile(pattern), form) for pattern, form in forms) for pair, forms in _PLAINER.items()
}
FORMS: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    pair: tuple((re.compile(pattern), form) for pattern, form in forms) for pair, forms in _FORMS.items()
}
