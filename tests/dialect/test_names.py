from __future__ import annotations

import string
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.relation import Relation
from sqlflow.dialect.names import fold, literal, name_key, quote, relation_sql, same_name, shorten
from sqlflow.dialect.spec import DialectSpec, Folding
from sqlflow.dialect.specs import DUCKDB, POSTGRES, SPECS

UPPER = DialectSpec(name="upper", folding=Folding.UPPER, quote="`", backslash_escapes=True)

names = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=120)
specs = st.sampled_from([DUCKDB, POSTGRES])


@pytest.mark.parametrize(
    ("spec", "name", "quoted", "stored"),
    [
        (POSTGRES, "Orders", False, "orders"),
        (POSTGRES, "Orders", True, "Orders"),
        (POSTGRES, "ÉTÉ", False, "ÉtÉ"),
        (DUCKDB, "Orders", False, "Orders"),
        (UPPER, "Orders", False, "ORDERS"),
        (UPPER, "Orders", True, "Orders"),
    ],
)
def test_unquoted_names_fold_as_the_dialect_folds(
    spec: DialectSpec, name: str, quoted: bool, stored: str
) -> None:
    assert fold(spec, name, quoted) == stored


def test_only_a_dialect_without_case_has_two_spellings_of_one_name() -> None:
    assert same_name(DUCKDB, "Orders", "oRDERS")
    assert not same_name(DUCKDB, "É", "é")
    assert not same_name(POSTGRES, "Orders", "orders")
    assert name_key(DUCKDB, "Orders") == "orders"
    assert name_key(POSTGRES, "Orders") == "Orders"


def test_quote_doubles_the_quotes_of_a_name() -> None:
    assert quote(DUCKDB, 'a"b') == '"a""b"'
    assert quote(UPPER, 'a`"b') == '`a``"b`'


@pytest.mark.parametrize("name", ["", "a\0b", "a\ud800"])
def test_a_name_that_no_identifier_holds_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        quote(DUCKDB, name)


def test_a_relation_with_a_database_has_always_three_parts() -> None:
    assert relation_sql(DUCKDB, Relation(None, None, "t")) == '"t"'
    assert relation_sql(DUCKDB, Relation(None, "s.x", "t")) == '"s.x"."t"'
    assert relation_sql(DUCKDB, Relation("d", None, "t")) == '"d"."main"."t"'
    assert relation_sql(POSTGRES, Relation("d", "s", "t")) == '"d"."s"."t"'


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (False, "FALSE"),
        (-12, "-12"),
        (0.5, "0.5"),
        (float("nan"), "CAST('NaN' AS DOUBLE PRECISION)"),
        (float("-inf"), "CAST('-Infinity' AS DOUBLE PRECISION)"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1.50"), "1.50"),
        (Decimal("Infinity"), "CAST('Infinity' AS DOUBLE PRECISION)"),
        ("it's", "'it''s'"),
        ("a\\b", "'a\\b'"),
        (date(24, 2, 9), "DATE '0024-02-09'"),
        (datetime(2024, 2, 29, 1, 2, 3, 4), "TIMESTAMP '2024-02-29 01:02:03.000004'"),
        (
            datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            "TIMESTAMP WITH TIME ZONE '2023-12-31 22:00:00+00:00'",
        ),
    ],
)
def test_literals(value: bool | int | float | Decimal | str | date | None, sql: str) -> None:
    assert literal(DUCKDB, value) == sql
    assert literal(POSTGRES, value) == sql


def test_a_dialect_with_backslash_escapes_doubles_them() -> None:
    assert literal(UPPER, "a\\'b") == "'a\\\\''b'"


@pytest.mark.parametrize("text", ["a\0b", "\udfff"])
def test_text_that_no_literal_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="text literal"):
        literal(POSTGRES, text)


@given(spec=specs, name=names, suffix=st.text(string.ascii_lowercase + "_", max_size=20))
def test_a_short_name_fits_and_keeps_its_head(spec: DialectSpec, name: str, suffix: str) -> None:
    short = shorten(spec, name, suffix)
    assert len(short.encode()) <= spec.max_identifier
    assert short.endswith(suffix)
    if len((name + suffix).encode()) <= spec.max_identifier:
        assert short == name + suffix
    else:
        head = short.removesuffix(suffix)[:-13]
        assert name.startswith(head)
        digits = short.removesuffix(suffix)[-12:]
        assert set(digits) <= set(string.hexdigits)
        # A character more would not have fitted.
        assert len((head + name[len(head)]).encode()) + 13 + len(suffix) > spec.max_identifier


@given(left=names, right=names)
def test_two_long_names_stay_two(left: str, right: str) -> None:
    one, other = shorten(POSTGRES, "x" * 60 + left), shorten(POSTGRES, "x" * 60 + right)
    assert (one == other) == (left == right)


def test_a_suffix_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        shorten(POSTGRES, "orders", "_" * 63)


def test_the_dialects_are_found_by_name() -> None:
    assert dict(SPECS) == {"duckdb": DUCKDB, "postgres": POSTGRES}
