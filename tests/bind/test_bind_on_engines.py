"""Bound queries give on renamed tables what the written ones give on tables of the written names.

The engine is the judge: each query of the fixtures runs as it is written on a database whose tables are
called as the query calls them, and as it was bound on one whose tables are called as the models are
configured. Columns' names and rows must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.compiler.projects import DUCKDB, POSTGRES, compiled
from tests.servers import PostgresServer

Answer: TypeAlias = tuple[list[str], list[str]]
Run: TypeAlias = Callable[[str], Answer]

ROWS = {
    "orders": "select * from (values (1, 'a', 10), (2, 'b', 20), (3, 'a', 30)) v(id, k, amount)",
    "items": "select * from (values (1, 7), (1, 8), (3, 9)) v(id, item)",
    "Customers": "select * from (values (1, 'x')) v(id, name)",
    "raw.events": "select * from (values (1, 5), (2, 6)) v(id, n)",
}
RELATIONS = {
    "orders": "{0}_other.t_orders",
    "items": "{0}_other.t_items",
    "Customers": "{0}.t_customers",
    "raw.events": "landing.ev_2024",
}
SOURCES = "sources: [{name: raw, schema: landing, tables: [{name: events, identifier: ev_2024}]}]"
CONFIG = {
    "orders": "{{ config(alias='t_orders', schema='other') }}",
    "items": "{{ config(alias='t_items', schema='other') }}",
    "Customers": "{{ config(alias='t_customers') }}",
}


def queries(dialect: str) -> list[str]:
    text = (Path(__file__).parent / "fixtures" / f"{dialect}.sql").read_text(encoding="utf-8")
    return [part.strip() for part in text.split("\n\n")[1:]]


def bound(query: str, settings: str, *, ephemeral: bool) -> str:
    files = {"q.sql": query, "s.yml": SOURCES}
    for name, config in CONFIG.items():
        if ephemeral:
            config = config.replace(") }}", ", materialized='ephemeral') }}")
            files[f"{name}.sql"] = f"{config} {ROWS[name]}; -- that is all"
        else:
            files[f"{name}.sql"] = f"{config} {ROWS[name]}"
    return compiled(files, settings=settings).clean().sql()


def statements(relations: Mapping[str, str], quoted: str = "") -> Iterator[str]:
    for name, relation in relations.items():
        if "." in relation:
            yield f"CREATE SCHEMA IF NOT EXISTS {relation.split('.')[0]}"
        written = f'"{relation}"' if relation == quoted else relation
        yield f"CREATE TABLE {written} AS {ROWS[name]}"


@pytest.fixture(scope="module")
def duckdbs() -> Iterator[tuple[Run, Run]]:
    import duckdb

    def runner(relations: Mapping[str, str]) -> tuple[Any, Run]:
        connection = duckdb.connect()
        for statement in statements(relations):
            connection.execute(statement)

        def run(sql: str) -> Answer:
            cursor = connection.cursor().execute(sql)
            return [column[0] for column in cursor.description], sorted(map(repr, cursor.fetchall()))

        return connection, run

    written, as_written = runner({name: name for name in ROWS})
    renamed, as_renamed = runner({name: text.format("main") for name, text in RELATIONS.items()})
    yield as_written, as_renamed
    written.close()
    renamed.close()


@pytest.fixture(scope="module")
def postgreses(postgres: PostgresServer) -> Iterator[tuple[Run, Run]]:
    import psycopg

    def runner(connection: psycopg.Connection[Any], relations: Mapping[str, str]) -> Run:
        for statement in statements(relations, quoted="Customers"):
            connection.execute(statement.encode())

        def run(sql: str) -> Answer:
            cursor = connection.execute(sql.encode())
            return [column.name for column in cursor.description or ()], sorted(map(repr, cursor.fetchall()))

        return run

    with (
        postgres.database() as left,
        postgres.database() as right,
        psycopg.connect(autocommit=True, **left) as written,
        psycopg.connect(autocommit=True, **right) as renamed,
    ):
        yield (
            runner(written, {name: name for name in ROWS}),
            runner(renamed, {name: text.format("public") for name, text in RELATIONS.items()}),
        )


@pytest.mark.parametrize("query", queries("duckdb"))
def test_duckdb_gives_the_same_rows(query: str, duckdbs: tuple[Run, Run]) -> None:
    written, renamed = duckdbs
    assert renamed(bound(query, DUCKDB, ephemeral=False)) == written(query)


@pytest.mark.parametrize("query", queries("duckdb"))
def test_duckdb_gives_the_same_rows_of_ephemeral_models(query: str, duckdbs: tuple[Run, Run]) -> None:
    written, renamed = duckdbs
    assert renamed(bound(query, DUCKDB, ephemeral=True)) == written(query)


@pytest.mark.parametrize("query", queries("postgres"))
def test_postgres_gives_the_same_rows(query: str, postgreses: tuple[Run, Run]) -> None:
    written, renamed = postgreses
    assert renamed(bound(query, POSTGRES, ephemeral=False)) == written(query)


# What a table has and a query in brackets has not.
ONLY_TABLES = ("tablesample", " only ", "ctid", "select orders from", "of orders")


@pytest.mark.parametrize("query", [q for q in queries("postgres") if not any(t in q for t in ONLY_TABLES)])
def test_postgres_gives_the_same_rows_of_ephemeral_models(query: str, postgreses: tuple[Run, Run]) -> None:
    written, renamed = postgreses
    assert renamed(bound(query, POSTGRES, ephemeral=True)) == written(query)
