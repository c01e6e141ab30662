"""Brackets that change what an engine makes of operators change the form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import duckdb
import psycopg
import pytest

from tests.bind_canonical.reading import form, read_or_none
from tests.servers import NoServerError, postgres_server, skip_or_fail

_OPERATORS = (
    "+", "-", "*", "/", "//", "%", "^", "||", "=", "<>", "<", ">=", "and", "or", "like", "not like", "ilike",
    "is distinct from", "is not distinct from", "&", "|", "<<", "->", "->>", "similar to", "~", "@>", "in",
)  # fmt: skip
_BEFORE = ("-", "not ", "~")
_BEHIND = ("is null", "is not null", "is true", "between 1 and 2", "in (1, 2)", "::text", "isnull", "::bool")
_OPERANDS = (
    ("7", "3", "2"), ("-4", "3", "5"), ("2", "2", "3"), ("1", "0", "1"), ("true", "false", "true"),
    ("false", "true", "false"), ("'a'", "'ab'", "'b'"), ("'x'", "'x'", "true"), ("null", "1", "2"),
    ("1", "2", "true"), ("true", "1", "1"), ("'1'", "1", "1"), ("(1)", "(1)", "('1')"),
    ("""'{"x": {"y": 1}}'::json""", "'x'", "'y'"), ("""'{"x": {"y": 1}}'::json""", "'x'", "'{\"y\": 1}'"),
    ("""'{"x": "1"}'::json""", "'x'", "'1'"), ("""'{"x": "1"}'::json""", "'x'", "1"),
    ("""'{"x": true}'::json""", "'x'", "true"),
)  # fmt: skip
_SHAPES = ("{a} {o} {b} {p} {c}", "({a} {o} {b}) {p} {c}", "{a} {o} ({b} {p} {c})")


def _groups() -> Iterator[tuple[str, ...]]:
    """Texts that differ in their brackets alone, with `{a}`, `{b}`, `{c}` in the places of values."""
    for o, p in product(_OPERATORS, _OPERATORS):
        yield tuple(shape.format(a="{a}", b="{b}", c="{c}", o=o, p=p) for shape in _SHAPES)
    for u, o in product(_BEFORE, _OPERATORS):
        yield (f"{u}{{a}} {o} {{b}}", f"({u}{{a}}) {o} {{b}}", f"{u}({{a}} {o} {{b}})")
    for o, b in product(_OPERATORS, _BEHIND):
        yield (f"{{a}} {o} {{b}} {b}", f"({{a}} {o} {{b}}) {b}", f"{{a}} {o} ({{b}} {b})")
    for u, b in product(_BEFORE, _BEHIND):
        yield (f"{u}{{a}} {b}", f"({u}{{a}}) {b}", f"{u}({{a}} {b})")


def _form(text: str, dialect: str) -> str | None:
    found = read_or_none(f"select {text.format(a='t.a', b='t.b', c='t.c')} as x from t", dialect)
    return found.form if found is not None else None


def _confused(dialect: str, value: Callable[[str], object]) -> list[str]:
    """Gives the texts of one form that come to different values; `value` gives None for what is not valid."""
    found: list[str] = []
    for texts in _groups():
        alike: dict[str, list[str]] = {}
        for text in texts:
            written = _form(text, dialect)
            if written is not None:
                alike.setdefault(written, []).append(text)
        for same in alike.values():
            for a, b, c in _OPERANDS if len(same) > 1 else ():
                values = {repr(value(text.format(a=a, b=b, c=c))) for text in same} - {repr(None)}
                if len(values) > 1:
                    found.append(f"{same} of {a}, {b}, {c}: {values}")
                    break
    return found


def test_duckdb() -> None:
    connection = duckdb.connect()

    def value(text: str) -> object:
        try:
            return connection.execute(f"select {text}").fetchone()
        except duckdb.Error:
            return None

    assert _confused("duckdb", value) == []


def test_postgres() -> None:
    try:
        with (
            postgres_server() as server,
            psycopg.connect(**server.settings("postgres"), autocommit=True) as connection,
        ):

            def value(text: str) -> object:
                try:
                    return connection.execute(f"select {text}".encode()).fetchone()
                except psycopg.Error:
                    return None

            assert _confused("postgres", value) == []
    except NoServerError as error:
        skip_or_fail(error)


@pytest.mark.parametrize(
    ("plain", "bracketed"),
    [
        ("a + b * c", "a + (b * c)"), ("a - b - c", "(a - b) - c"), ("a + b = c", "(a + b) = c"),
        ("not a = b", "not (a = b)"), ("a = b and b = c or a > c", "((a = b) and (b = c)) or (a > c)"),
        ("a || b = c", "(a || b) = c"), ("a + 1 between b and c", "(a + 1) between b and c"),
        ("-a * b", "(-a) * b"), ("a % b + c", "(a % b) + c"), ("a + b is null", "(a + b) is null"),
    ],
)  # fmt: skip
def test_brackets_that_everybody_would_set_say_nothing(plain: str, bracketed: str) -> None:
    assert form(f"select {plain} as x from t") == form(f"select {bracketed} as x from t")
