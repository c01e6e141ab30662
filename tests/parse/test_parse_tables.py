"""Which tables a query reads, by the scope of its common table expressions, and where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlflow.core.textmap import TextMap
from sqlflow.dialect.specs import SPECS
from sqlflow.parse.parse import parse_query
from sqlflow.parse.types import ParsedQuery


def parsed(text: str, dialect: str = "duckdb") -> ParsedQuery:
    facts, diagnostics = parse_query(text, TextMap.identity("m.sql", text), SPECS[dialect])
    assert facts is not None, diagnostics
    assert diagnostics == ()
    return facts


def pairs(dialect: str) -> list[tuple[str, str, str]]:
    """The fixtures: dialect, query, expected tables."""
    text = (Path(__file__).parent / "fixtures" / f"{dialect}.sql").read_text(encoding="utf-8")
    out: list[tuple[str, str, str]] = []
    for part in text.split("\n\n")[1:]:
        query, tables = part.rsplit("\n-->", 1)
        out.append((dialect, query, tables.strip()))
    return out


@pytest.mark.parametrize(("dialect", "query", "tables"), pairs("duckdb") + pairs("postgres"))
def test_tables_that_are_read(dialect: str, query: str, tables: str) -> None:
    """The text at each span is the written name."""
    uses = parsed(query, dialect).tables
    assert ", ".join(query[u.start : u.end] + " as" * u.aliased for u in uses) == tables


@pytest.mark.parametrize("end", ["", ";", " ; ", "; -- done", "\n-- c\n", "; /* ; */ ;", " -- ;"])
@pytest.mark.parametrize("start", ["", "\n\n", "-- c\n", "/* ; select */ "])
def test_a_query_ends_before_semicolons_and_comments(start: str, end: str) -> None:
    text = f"{start}select id from orders{end}"
    facts = parsed(text)
    assert text[: facts.end] == f"{start}select id from orders"
    assert [text[use.start : use.end] for use in facts.tables] == ["orders"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("select 1 as a, b, c.d, e + 1, f as \"G\", *, g.*, count(*) from t", "a b d - G - - -"),
        ("with x as (select 1 as a) select a from x", "a"),
        ("select a from t union all select b from u", "a"),
        ("(select a from t)", "a"),
        ("from t", "-"),
        ("table t", "-"),
        ("select * exclude (a) from t", "-"),
        ("pivot t on a using sum(b)", ""),
    ],
)  # fmt: skip
def test_names_of_the_columns_that_are_written(query: str, names: str) -> None:
    assert " ".join(name or "-" for name in parsed(query).outputs) == names


def test_names_of_common_table_expressions() -> None:
    text = 'with A as (with b as (select 1) select * from b), "C" as (select 2) select * from A, "C"'
    assert sorted(parsed(text).ctes) == ["A", "C", "b"]


@pytest.mark.parametrize(
    ("query", "qualifiers"),
    [
        ("select orders.id from orders", []),
        ("select raw.orders.id, raw . orders . k from raw.orders", ["raw.orders", "raw . orders"]),
        ("select db.raw.orders.id from db.raw.orders", ["db.raw.orders"]),
        ("select raw.orders.* from raw.orders where exists (select raw.orders.id)", ["raw.orders"] * 2),
        ("select __sqlflow_ref_0__.id from __sqlflow_ref_0__", ["__sqlflow_ref_0__"]),
        ('select \'😀\', "R".orders.id from "R".orders', ['"R".orders']),
    ],
)
def test_qualifiers_that_may_have_to_change(query: str, qualifiers: list[str]) -> None:
    facts = parsed(query)
    assert [query[q.start : q.end] for q in facts.qualifiers] == qualifiers
    assert all(query[q.last_start : q.end].startswith(("orders", "__sqlflow")) for q in facts.qualifiers)


def test_the_word_of_a_table_statement() -> None:
    (use,) = parsed("-- c\nTable orders").tables
    assert use.keyword == 5
    (use,) = parsed("select table from orders").tables
    assert use.keyword is None


def test_a_line_of_a_million_characters() -> None:
    names = [f"column_{i}" for i in range(75_000)]
    text = f"select {', '.join(names)} from orders"
    assert len(text) > 1_000_000
    facts = parsed(text)
    assert [text[use.start : use.end] for use in facts.tables] == ["orders"]
    assert len(facts.outputs) == 75_000
    text = f"select '{'x' * 1_000_000}' as a /* {'y' * 1_000_000} */ from orders"
    assert [text[use.start : use.end] for use in parsed(text).tables] == ["orders"]


def test_long_chains_are_not_too_deep() -> None:
    many = 2_000
    union = " union all ".join(["select * from orders"] * many)
    assert len(parsed(union).tables) == many
    assert len(parsed("select " + " + ".join(["1"] * many) + " from orders").tables) == 1
    assert len(parsed("select 1 from orders where " + " and ".join(["a = 1"] * many)).tables) == 1
    ctes = ", ".join(f"c{i} as (select * from {f'c{i - 1}' if i else 'orders'})" for i in range(300))
    assert len(parsed(f"with {ctes} select * from c299").tables) == 1


def test_nesting_of_a_usual_depth() -> None:
    depth = 250
    assert len(parsed("select * from (" * depth + "select * from orders" + ")" * depth).tables) == 1
    assert len(parsed("select " + "coalesce(" * depth + "a" + ")" * depth + " from orders").tables) == 1
    assert len(parsed("select " + "(" * depth + "a" + ")" * depth + " from orders").tables) == 1
