"""Texts of one meaning have one form; what can give something else has another.

The fixtures have a text a line, and a blank line between groups.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bind_canonical.reading import form, read, read_or_none

_FIXTURES = Path(__file__).parent / "fixtures"


def _groups(name: str) -> list[list[str]]:
    blocks = (_FIXTURES / name).read_text().strip().split("\n\n")
    return [[line for line in block.splitlines() if not line.startswith("#")] for block in blocks]


@pytest.mark.parametrize("texts", _groups("same.sql"), ids=lambda texts: texts[0])
def test_one_meaning_has_one_form(texts: list[str]) -> None:
    first, *others = texts
    assert others
    for other in others:
        assert form(other) == form(first)


@pytest.mark.parametrize(("one", "other"), _groups("different.sql"))
def test_what_gives_something_else_has_another_form(one: str, other: str) -> None:
    assert form(one) != form(other)


def test_spaces_and_comments_say_nothing() -> None:
    plain = form("select a, b from t where a > 1")
    assert form("SELECT\n  a -- first\n, /* second */ b\nFROM t\tWHERE a>1") == plain
    assert form("/* 1 */ select a,b from t where a  >  1 -- the end") == plain


@pytest.mark.parametrize(("one", "other"), _groups("different.postgres.sql"))
def test_postgres_tells_apart(one: str, other: str) -> None:
    assert form(one, "postgres") != form(other, "postgres")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select A from T", 'select "a" from "t"'),
        ("select a from t where a is not null", "select x.a from t as x where not (x.a is null)"),
        ("select a::int as x from t where b > 1 and f", "select cast(a as int) x from t where f and (1 < b)"),
    ],
)
def test_postgres_takes_for_one(one: str, other: str) -> None:
    assert form(one, "postgres") == form(other, "postgres")


def test_names_of_postgres_keep_their_case_in_quotes() -> None:
    assert form('select a as "X" from t', "postgres") != form("select a as X from t", "postgres")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from u",
        "select count(*) as n from (select distinct * from u) q",
        "select count(*) as n from t natural join u",
        "select count(*) as n from (select distinct columns('a|b') from u) q",
        "select count(distinct u) as n from u",
        "select a from t where exists (select 1 from u where b = 1)",
    ],
)
def test_a_column_that_comes_to_a_table_can_change_what_a_query_means(sql: str) -> None:
    assert read(sql).form != read(sql, u=_WIDER).form


def test_a_column_that_nobody_reads_changes_nothing() -> None:
    assert read("select a, e from u").form == read("select a, e from u", u=_WIDER).form


_WIDER = {"a": "INTEGER", "e": "INTEGER", "g": "VARCHAR", "k": "DOUBLE", "b": "INTEGER"}


def test_a_query_that_nests_too_deeply_is_its_words() -> None:
    deep = f"select {'(' * 400}a{' + 1)' * 400} as x from t"
    assert form(deep) == form(deep.replace("select", "SELECT  "))
    assert form(deep) != form(deep.replace("a +", "b +"))


def test_a_long_chain_has_a_form() -> None:
    added = "select " + " + ".join(["a"] * 3000) + " as x from t"
    anded = "select a from t where " + " and ".join(f"a <> {number}" for number in range(3000))
    for sql in (added, anded):
        assert form(sql) == form(sql.replace("a", "t.a").replace("t.as", "as").replace("t.and", "and"))


def test_a_form_is_what_it_was() -> None:
    """What another version of the parser would change: then `CANONICAL_VERSION` has to be raised."""
    golden = (_FIXTURES / "golden.txt").read_text().strip().split("\n\n")
    for block in golden:
        sql, expected = block.split("\n")
        assert form(sql) == expected


@pytest.mark.parametrize("text", ["select (", "select 'a", "", "select t.a in t.b + t.c from t"])
def test_what_can_t_be_parsed_any_more_has_no_form(text: str) -> None:
    assert read_or_none(text) is None
