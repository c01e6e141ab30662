"""What a query leaves open, against the engines' own catalogs of functions."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import psycopg
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from sqlflow.bind.canonical.loose import Looseness
from sqlflow.dialect.rules import load_rules
from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.specs import DUCKDB, POSTGRES
from tests.servers import NoServerError, postgres_server, skip_or_fail

# They go by which rows are before one, and not by which of its peers come first.
RANKS = {"rank", "rank_dense", "dense_rank", "percent_rank", "cume_dist"}


def item(text: str, spec: DialectSpec) -> tuple[exp.Expr, Looseness]:
    rules = load_rules(spec)
    assert rules is not None
    sql = f"select {text}"
    try:
        tree = sqlglot.parse_one(sql, dialect=spec.name)
    except ParseError:
        # Some have to be given two.
        sql = sql.replace("(x)", "(x, y)")
        tree = sqlglot.parse_one(sql, dialect=spec.name)
    return tree.expressions[0], Looseness(sql, {}, rules.has_function)


def known(names: Iterable[str], spec: DialectSpec) -> list[str]:
    """The functions that a query may call without being taken for one that may give anything."""
    rules = load_rules(spec)
    assert rules is not None
    return sorted(name for name in names if rules.has_function(name))


def judge(spec: DialectSpec, aggregates: set[str], windows: set[str], several: set[str]) -> None:
    assert len(aggregates) > 20
    assert len(windows) > 10
    for name in known(aggregates - RANKS, spec):
        node, looseness = item(f"{name}(x)", spec)
        assert looseness.aggregates(node) or looseness.may_give_rows(node), name
    for name in windows - RANKS:
        node, looseness = item(f"{name}(x) over (order by y)", spec)
        assert looseness.is_loose(node), name
    for name in known(several, spec):
        node, looseness = item(f"{name}(x)", spec)
        assert looseness.may_give_rows(node), name


def test_duckdb() -> None:
    found = duckdb.sql("select distinct function_type, function_name from duckdb_functions()").fetchall()
    kinds = {kind: {name for of, name in found if of == kind} for kind in ("aggregate", "window")}
    judge(DUCKDB, kinds["aggregate"], kinds["window"], {"unnest"})


def test_postgres() -> None:
    try:
        with postgres_server() as server, psycopg.connect(**server.settings("postgres")) as connection:
            kinds = [
                {
                    name
                    for (name,) in connection.execute(f"select proname from pg_proc where {which}").fetchall()
                }
                for which in ("prokind = 'a'", "prokind = 'w'", "proretset")
            ]
    except NoServerError as error:
        skip_or_fail(error)
    judge(POSTGRES, *kinds)


def test_what_gives_rows_is_told_without_a_catalog() -> None:
    for text in ("unnest(x)", "generate_series(1, x)", "1 + unnest(x)", "nobody_knows(x)"):
        node, looseness = item(text, POSTGRES)
        assert looseness.may_give_rows(node), text
    for text in (
        "abs(x)",
        "coalesce(x, 1)",
        "case when x then 1 end",
        "cast(x as text)",
        "sum(x) over ()",
        "x[1]",
    ):
        node, looseness = item(text, POSTGRES)
        assert not looseness.may_give_rows(node), text


def test_duckdb_gives_no_rows_for_these() -> None:
    """A series is a list there."""
    rows = duckdb.sql("select generate_series(1, 3), range(3), {'a': 1}, [1, 2], map {'a': 1}").fetchall()
    assert len(rows) == 1
    for text in ("generate_series(1, x)", "range(x)", "{'a': x}", "[x, 2]", "map {'a': x}"):
        node, looseness = item(text, DUCKDB)
        assert not looseness.may_give_rows(node), text
