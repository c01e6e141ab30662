"""What is said about text that is not one query, and where; nothing raises."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.core.textmap import Segment, TextMap
from sqlflow.dialect.specs import SPECS
from sqlflow.parse.parse import parse_query


def wrong(text: str, dialect: str = "duckdb") -> tuple[Diagnostic, str]:
    """The one diagnostic of a text, and the text that it points at."""
    facts, diagnostics = parse_query(text, TextMap.identity("m.sql", text), SPECS[dialect])
    assert facts is None
    (diagnostic,) = diagnostics
    span = diagnostic.span
    assert span is not None
    return diagnostic, text[span.start : span.end]


@pytest.mark.parametrize(
    ("text", "at", "label"),
    [
        ("select * fro orders", "orders", "unexpected"),
        ("selct * from orders", "from", "something is missing here"),
        ("select a b c from orders", "c", "unexpected"),
        ("select 1 from a where", "where", "WHERE is not complete"),
        ("select 1 from a where b =", "=", "something is missing here"),
        ("select '😀' /* é */ from a where (b = 1", "1", "expecting )"),
        ("select 1)", ")", "unexpected"),
        ("select from", "from", "expected table name"),
        ("select * from a join", "join", "expected table name"),
        ("select * from [a]", "[", "expected table name"),
        ("select case when a then b from c", "b", "expected END after CASE"),
        ("select cast(a b)", "b", "expected AS after CAST"),
        ("with a as (select 1)", ")", "a SELECT is expected after WITH"),
        ("with a as (select 1) a", "a", "a SELECT is expected after WITH"),
        ("select 1 union", "union", "UNION is not complete"),
        ("select 1\nfrom a\r\nwhere b = = c", "=", "something is missing here"),
        ("select * from (insert into a select 1)", "insert", "expected table name"),
        ("select 'a", "'", "it begins near here"),
        ('select 1,\n"a', '"', "it begins near here"),
        ("select 1,\n 'é\n\nfrom a", "'", "it begins near here"),
        ("select 'a', '", "'", "it begins near here"),
        ("select 1 /* a", "/", "it begins near here"),
    ],
)
def test_a_syntax_error_has_its_place(text: str, at: str, label: str) -> None:
    diagnostic, covered = wrong(text)
    assert (diagnostic.code, covered, diagnostic.label) == (Code.SQL_SYNTAX, at, label)


def test_the_second_of_two_equal_words_is_meant() -> None:
    text = "select 1\nfrom a\nwhere b = = c"
    diagnostic, _ = wrong(text)
    assert diagnostic.span == Span("m.sql", text.index("= =") + 2, text.index("= =") + 3)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("selct * from orders", "`SELECT` instead of `selct`"),
        ("select * fro orders o", "`FROM` instead of `fro`"),
        ("select * from orders wehre a = 1", "`WHERE` instead of `wehre`"),
        ("select * from a join b on true gruop by x", "`GROUP` instead of `gruop`"),
    ],
)
def test_a_misspelled_word_is_named(text: str, meant: str) -> None:
    diagnostic, _ = wrong(text)
    assert diagnostic.help == f"did you mean {meant}?"


def test_a_syntax_error_has_help() -> None:
    diagnostic, _ = wrong("select a b c from orders")
    assert diagnostic.help.startswith("look for a comma, a bracket or a word")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("create table a as select 1", "create"),
        ("insert into a select 1", "insert"),
        ("update a set b = 1", "update"),
        ("delete from a", "delete"),
        ("merge into a using b on true when matched then delete", "merge"),
        ("drop table a", "drop"),
        ("alter table a add b int", "alter"),
        ("truncate a", "truncate"),
        ("grant select on a to b", "grant"),
        ("copy a to 'b'", "copy"),
        ("call f()", "call"),
        ("set a = 1", "set"),
        ("begin", "begin"),
        ("vacuum", "vacuum"),
        ("show tables", "show"),
        ("describe a", "describe"),
        ("explain select 1", "explain"),
        ("execute a", "execute"),
        ("with a as (select 1) insert into b select * from a", "insert"),
        ("with a as (select 1) delete from b", "delete"),
        ("with a as (delete from b returning *) select * from a", "delete"),
        ("with a as (select 1 for update) update b set c = 1", "update"),
        ("select * into b from a", "into"),
        ("/* c */ Create view a as select 1", "Create"),
    ],
)
@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_a_statement_is_no_query(
    text: str, word: str, dialect: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        diagnostic, covered = wrong(text, dialect)
    assert (diagnostic.code, covered) == (Code.NOT_A_QUERY, word)
    assert diagnostic.message == f"{word.upper()} is not a query"
    assert caplog.records == []  # sqlglot would write there about statements that it doesn't know


@pytest.mark.parametrize(
    "text", ["select 1 for update", "select a as delete from b", "select replace(a, 'x', '') from b"]
)
def test_a_word_of_a_statement_in_a_query_is_fine(text: str) -> None:
    facts, diagnostics = parse_query(text, TextMap.identity("m.sql", text), SPECS["postgres"])
    assert facts is not None, diagnostics


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("select 1; select 2", ";", "2 statements where one query is expected"),
        ("select ';';\n-- c;\nselect 2;;select 3;", ";", "3 statements where one query is expected"),
        ("select 1; drop table a", "drop", "DROP is not a query"),
        ("select 1; show a", "show", "SHOW is not a query"),
        ("-- nothing\n", "-", "there are only comments in this file"),
        (";;", ";", "there are only comments in this file"),
        ("  \n", " ", "there is no query in this file"),
        ("1", "1", "1 is not a query"),
    ],
)  # fmt: skip
def test_not_one_query(text: str, at: str, message: str) -> None:
    diagnostic, covered = wrong(text)
    assert (diagnostic.code, covered, diagnostic.message) == (Code.NOT_A_QUERY, at, message)
    assert diagnostic.help


def test_the_first_of_two_statements_ends_at_its_semicolon() -> None:
    text = "select ';';\nselect 2"
    diagnostic, _ = wrong(text)
    assert diagnostic.span == Span("m.sql", 10, 11)


def test_an_empty_text_has_no_place() -> None:
    facts, (diagnostic,) = parse_query("", TextMap.identity("m.sql", ""), SPECS["duckdb"])
    assert (facts, diagnostic.code, diagnostic.span) == (None, Code.NOT_A_QUERY, None)


@pytest.mark.parametrize("depth", [5_000, 50_000])
@pytest.mark.parametrize(("left", "inner", "right"), [
    ("(", "1", ")"),
    ("(select * from ", "orders", ") as x"),
    ("case when a then ", "1", " end"),
    ("not ", "1", ""),
    ("[", "1", "]"),
    ("f(", "1", ")"),
    ("(", "", ""),
])  # fmt: skip
def test_what_is_too_deep_is_said(left: str, inner: str, right: str, depth: int) -> None:
    diagnostic, _ = wrong("select " + left * depth + inner + right * depth)
    assert diagnostic.code is Code.SQL_SYNTAX
    assert diagnostic.message == "the query is nested too deeply to be read"


def test_an_error_in_a_macro_points_at_the_call_first() -> None:
    text = "select 1 fro orders"
    call, body = Span("models/q.sql", 7, 20), Span("macros/m.sql", 30, 40)
    text_map = TextMap(
        (Segment(0, (Span("models/q.sql", 0, 7),), True), Segment(7, (call, body), True)), len(text)
    )
    _, (diagnostic,) = parse_query(text, text_map, SPECS["duckdb"])
    assert diagnostic.span == call
    assert [(label.span.path, label.message) for label in diagnostic.labels] == [
        ("macros/m.sql", "written by this macro")
    ]


# --- whatever the text is

QUERIES = [
    "with a as (select * from b where c in (1, 2)) select a.x, count(*) as n from a join d using (x)",
    "select case when x > 1 then 'é' else \"Y\" end from s.t as q left join lateral (select 1) l on true",
    "pivot orders on k using sum(amount) group by id",
    "select row_number() over (partition by a order by b desc) from t qualify 1 = 1 limit 3; -- c",
    "from t select list_transform([1], lambda x: x + 1), {'a': 1}, x[1], $1, 'it''s' /* c */ order by all",
]  # fmt: skip
PIECES = [
    "(",
    ")",
    "'",
    '"',
    ",",
    ";",
    "/*",
    "*/",
    "--",
    "\n",
    "select",
    "from",
    "as",
    "😀",
    "\0",
    "$$",
    "{{",
    "::",
    "[",
    ".",
]


def holds(text: str) -> None:
    for name in ("duckdb", "postgres"):
        facts, diagnostics = parse_query(text, TextMap.identity("m.sql", text), SPECS[name])
        assert (facts is None) == bool(diagnostics)
        for diagnostic in diagnostics:
            assert diagnostic.span is None or 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
            assert "sqlglot" not in diagnostic.message + diagnostic.label
            assert "<" not in diagnostic.label or "<" in text
        if facts is not None:
            assert 0 < facts.end <= len(text)
            for use in facts.tables:
                assert 0 <= use.start < use.end <= facts.end
                assert use.parts[0].text[:1] in text[use.start : use.end]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_random_text_never_raises(text: str) -> None:
    holds(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *" ".join(QUERIES).split()]), max_size=25))
def test_random_words_never_raise(words: list[str]) -> None:
    holds(" ".join(words))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(QUERIES), st.data())
def test_broken_queries_never_raise(query: str, data: st.DataObject) -> None:
    text = query
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 10)))
        text = text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:]
    holds(text)
