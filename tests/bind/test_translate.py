"""What is written for another dialect, and what is told of it; no engine is asked."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.dialect.pairs import load_pair
from tests.compiler.projects import DUCKDB, POSTGRES, Compiled, compiled
from tests.sources import ROOT

TO_POSTGRES = POSTGRES.replace("name: shop\n", "name: shop\ndialect: duckdb\n")
TO_DUCKDB = DUCKDB.replace("name: shop\n", "name: shop\ndialect: postgres\n")


def sql(files: dict[str, str], settings: str = TO_POSTGRES, model: str = "q") -> str:
    bound = next(m for m in compiled(files, settings=settings).program.models.values() if m.name == model)
    assert bound.full is not None
    return " ".join(bound.full.sql.split())


def told(files: dict[str, str], settings: str = TO_POSTGRES) -> list[tuple[Code, str]]:
    project = compiled(files, settings=settings)
    return [(d.code, project.at(d.span)[1]) for d in project.diagnostics]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select 1 as Total", 'SELECT 1 AS "Total"'),
        ("select a.ID as x from a", 'SELECT "a"."Id" AS "x" FROM "public"."a" AS "a"'),
        ("select A.id from a", 'SELECT "a"."Id" AS "Id" FROM "public"."a" AS "a"'),
        ("from a", 'SELECT * FROM "public"."a" AS "a"'),
        (
            "select id from {{ ref('a') }} as T where t.ID = 1",
            'SELECT "Id" AS "Id" FROM "public"."a" AS "t" WHERE "t"."Id" = 1',
        ),
        (
            "select id as k, count(*) as n from a group by all",
            'SELECT "Id" AS "k", COUNT(*) AS "n" FROM "public"."a" AS "a" GROUP BY 1',
        ),
        ("select id as k, n from a order by all", "ORDER BY 1, 2"),
        ("select n * 2 as d, d + 1 as e from a", '"n" * 2 AS "d", ( "n" * 2 ) + 1 AS "e"'),
        ("select id as k from a order by K desc", 'ORDER BY "k" DESC NULLS LAST'),
        (
            "with C as (select n from a) select N from c",
            'WITH "c" AS ( SELECT "n" FROM "public"."a" AS "a" ) SELECT "n" AS "n" FROM "c"',
        ),
        ("select n / 2 as h from a", 'CAST("n" AS DOUBLE PRECISION) / 2 AS "h"'),
        ("select avg(n) as m from a", 'CAST(AVG("n") AS DOUBLE PRECISION) AS "m"'),
        ("select avg(n) over () as m from a", 'CAST(AVG("n") OVER () AS DOUBLE PRECISION) AS "m"'),
        ("select * exclude (ID) from a", 'SELECT "n" AS "n" FROM "public"."a" AS "a"'),
        ("select * replace (n + 1 as n) from a", 'SELECT "Id" AS "Id", "n" + 1 AS "n" FROM'),
        (
            "select x.* exclude (n), y.n from a as x join a as y on x.id = y.id",
            'SELECT "x"."Id" AS "Id", "y"."n" AS "n"',
        ),
        ("select '{{ ref('a') }}' as name", """SELECT '"public"."a"' AS "name\""""),
    ],
)
def test_duckdb_is_written_for_postgres(query: str, expected: str) -> None:
    files = {"a.sql": "select 1 as Id, 7 as n", "q.sql": query}
    assert expected in sql(files)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select 1 as Total", 'SELECT 1 AS "total"'),
        ('select 1 as "Total"', 'SELECT 1 AS "Total"'),
        ("select n / 2 as h from a", '"n" // 2 AS "h"'),
        ("select id from a order by id desc", 'ORDER BY "id" DESC NULLS FIRST'),
    ],
)
def test_postgres_is_written_for_duckdb(query: str, expected: str) -> None:
    files = {"a.sql": "select 1 as id, 7 as n, date '2024-01-31' as d", "q.sql": query}
    assert expected in sql(files, TO_DUCKDB)


def test_the_same_dialect_is_not_written_anew() -> None:
    text = "select   1 as x"
    project = compiled(
        {"q.sql": text}, settings=DUCKDB.replace("name: shop\n", "name: shop\ndialect: duckdb\n")
    )
    assert project.clean().sql() == text


def test_a_query_in_brackets_is_translated_before_it_is_put_in() -> None:
    files = {
        "a.sql": "select 7 as n",
        "e.sql": "{{ config(materialized='ephemeral') }} select a.n / 2 as h from a",
        "q.sql": "select h from e",
    }
    written = sql(files)
    inner = 'SELECT CAST("a"."n" AS DOUBLE PRECISION) / 2 AS "h" FROM "public"."a" AS "a"'
    assert f'FROM ( {inner} ) AS "e"' in written


def test_what_is_not_on_the_list_is_a_warning_with_its_place() -> None:
    project = compiled({"q.sql": "select 'a' as s,\n  soundex('a') as l"}, settings=TO_POSTGRES)
    places = {project.at(d.span)[1]: d for d in project.diagnostics}
    found = places["soundex('a')"]
    assert (found.code, found.severity) == (Code.UNVERIFIED_TRANSLATION, Severity.WARNING)
    assert "soundex" in found.message and "from duckdb to postgres" in found.message


def test_an_unknown_type_is_not_taken_for_verified() -> None:
    files = {
        "s.yml": "sources: [{name: raw, tables: [{name: t, columns: [{name: x}]}]}]",
        "q.sql": "select x + 1 as y from {{ source('raw', 't') }}",
    }
    assert told(files) == [(Code.UNVERIFIED_TRANSLATION, "x + 1")]
    typed = files["s.yml"].replace("{name: x}", "{name: x, data_type: integer}")
    assert told({**files, "s.yml": typed}) == []


def test_what_the_target_does_not_have_is_an_error() -> None:
    query = "select lag(n ignore nulls) over (order by n) as x from (values (1)) as t(n)"
    assert (Code.UNSUPPORTED_TRANSLATION, "lag(n") in told({"q.sql": query})


def test_a_column_without_a_name_is_a_warning() -> None:
    settings = TO_POSTGRES.replace("SF0304: ignore", "SF0304: warning")
    assert told({"q.sql": "select 2 + 3"}, settings) == [(Code.UNNAMED_COLUMN, "2 + 3")]


def test_an_unknown_dialect_is_refused() -> None:
    (found,) = compiled(
        {"q.sql": "select 1 as x"}, settings=DUCKDB.replace("name: shop\n", "name: shop\ndialect: klingon\n")
    ).diagnostics
    assert (found.code, found.message) == (Code.INVALID_VALUE, "there is no dialect `klingon`")
    assert found.help == "there are: duckdb, postgres"


def test_writing_it_again_changes_nothing() -> None:
    import sqlglot

    query = "select customer, sum(n) / 2 as half, n as m from a left join b using (customer) group by all"
    files = {
        "a.sql": "select 1 as n, 'x' as customer",
        "b.sql": "select 'x' as customer",
        "q.sql": query,
    }
    bound = next(m for m in compiled(files, settings=TO_POSTGRES).program.models.values() if m.name == "q")
    assert bound.full is not None
    again = sqlglot.transpile(bound.full.sql, read="postgres", write="postgres", pretty=True, identify=True)
    assert again == [bound.full.sql]


def test_the_columns_of_sources_are_read_in_the_targets_types() -> None:
    lock = (
        "version: 1\ndialects:\n  postgres:\n    raw:\n      t:\n        a: DOUBLE PRECISION\n"
        "        b: NUMERIC(12,2)\n        c: TEXT\n        d: MONEY\n"
    )
    files = {
        "s.yml": "sources: [{name: raw, tables: [{name: t}]}]",
        "sources.lock.yml": lock,
        "q.sql": "select a, b, c, d from {{ source('raw', 't') }}",
    }
    schema = columns(compiled(files, settings=TO_POSTGRES))
    assert schema == {"a": "DOUBLE", "b": "DECIMAL(12,2)", "c": "VARCHAR", "d": "None"}


def columns(project: Compiled) -> dict[str, str]:
    node = next(m.id for m in project.program.models.values() if m.name == "q")
    return {str(c.name): str(c.type) for c in project.program.schemas[node].columns}


@pytest.mark.parametrize("names", [("duckdb", "postgres"), ("postgres", "duckdb")])
def test_there_is_a_list_for_each_pair(names: tuple[str, str]) -> None:
    pair = load_pair(*names)
    assert len(pair.verified) > 500
    assert load_pair("duckdb", "klingon").is_known is False


def test_the_documentation_says_how_long_the_lists_are() -> None:
    page = (ROOT / "docs" / "dialects.md").read_text(encoding="utf-8")
    for row, names in (
        ("DuckDB | PostgreSQL", ("duckdb", "postgres")),
        ("PostgreSQL | DuckDB", ("postgres", "duckdb")),
    ):
        assert f"| {row} | {len(load_pair(*names).verified):,} |" in page


def test_what_holds_something_unknown_is_not_told_of_twice() -> None:
    files = {
        "s.yml": "sources: [{name: raw, tables: [{name: t, columns: [{name: x}]}]}]",
        "q.sql": "select abs(round(x + 1)) as y from {{ source('raw', 't') }}",
    }
    assert told(files) == [(Code.UNVERIFIED_TRANSLATION, "x + 1")]
