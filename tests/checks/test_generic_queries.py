"""The generic tests find the rows that are wrong, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from sqlflow.checks.generic import generic_query
from sqlflow.core.ids import NodeId
from tests.compiler.projects import DUCKDB, POSTGRES, Compiled, compiled

Rows: TypeAlias = list[tuple[Any, ...]]
Find: TypeAlias = Callable[[str, str], Rows]

# Each column has the wrong values that its tests look for, and a NULL.
TABLE = """
CREATE TABLE {schema}.t (
    "id" INTEGER, "word" VARCHAR(20), "Mixed" INTEGER, "num" DECIMAL(6, 2), "flag" BOOLEAN, "day" DATE,
    "at" TIMESTAMP, "we""ird" INTEGER, "all_null" INTEGER
)
"""
ROWS = """
INSERT INTO {schema}.t VALUES
    (1, 'a', 1, 1.50, true, DATE '2024-01-01', TIMESTAMP '2024-01-01 10:00:00', 1, NULL),
    (2, 'it''s', 1, 2.00, false, DATE '2024-01-02', TIMESTAMP '2024-01-02 10:00:00', 2, NULL),
    (2, 'b\\c', 2, 2.50, true, DATE '2024-02-01', TIMESTAMP '2024-01-02 10:00:00', 2, NULL),
    (3, 'A', 3, -1, NULL, NULL, NULL, 3, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
OTHER = 'CREATE TABLE {schema}.other ("ref" INTEGER, "word" VARCHAR(20))'
OTHER_ROWS = "INSERT INTO {schema}.other VALUES (1, 'a'), (2, 'it''s'), (NULL, NULL)"


def project(test: str, column: str, settings: str) -> Compiled:
    yml = (
        "models:\n  - name: t\n    columns:\n"
        f"      - name: '{column}'\n        data_tests:\n          - {test}\n"
    )
    files = {"t.sql": "select 1 as id", "other.sql": "select 1 as ref", "s.yml": yml}
    return compiled(files, settings=settings).clean()


def sql_of(test: str, column: str, settings: str) -> str:
    program = project(test, column, settings).program
    (declared,) = program.generic_tests.values()
    return generic_query(declared, program.spec).sql


def rows_of(schema: str) -> Iterator[str]:
    for statement in (TABLE, ROWS, OTHER, OTHER_ROWS):
        yield statement.format(schema=schema)


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def find(request: pytest.FixtureRequest) -> Iterator[Find]:
    """Gives the rows that a test finds, sorted, of the first column alone where it counts them."""
    if request.param == "duckdb":
        import duckdb

        memory = duckdb.connect()
        for statement in rows_of("main"):
            memory.execute(statement)
        yield lambda test, column: sorted(memory.execute(sql_of(test, column, DUCKDB)).fetchall(), key=str)
        memory.close()
        return
    import psycopg

    server = request.getfixturevalue("postgres")
    with server.database() as settings, psycopg.connect(autocommit=True, **settings) as connection:
        for statement in rows_of("public"):
            connection.execute(statement.encode())

        def run(test: str, column: str) -> Rows:
            return sorted(connection.execute(sql_of(test, column, POSTGRES).encode()).fetchall(), key=str)

        yield run


def firsts(rows: Rows) -> list[object]:
    return sorted((row[0] for row in rows), key=str)


@pytest.mark.parametrize(("column", "count"), [("id", 1), ("word", 1), ("flag", 2), ("all_null", 5)])
def test_not_null_gives_whole_rows(find: Find, column: str, count: int) -> None:
    rows = find("not_null", column)
    assert len(rows) == count
    assert all(len(row) == 9 for row in rows)


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("id", [(2, 2)]),
        ("Mixed", [(1, 2)]),
        ("word", []),
        ("all_null", []),
        ('we"ird', [(2, 2)]),
        ("flag", [(True, 2)]),
    ],
)
def test_unique_gives_each_value_with_its_count(find: Find, column: str, found: Rows) -> None:
    assert find("unique", column) == found


@pytest.mark.parametrize(
    ("column", "arguments", "found"),
    [
        ("word", "{values: [a, A, \"it's\", 'b\\c']}", []),
        ("word", "{values: [a]}", ["A", "b\\c", "it's"]),
        ("word", '{values: ["x\'; drop table t; --"]}', ["A", "a", "b\\c", "it's"]),
        ("id", "{values: [1, 2, 3]}", []),
        ("id", "{values: [1]}", [2, 3]),
        ("id", "{values: ['1', '2'], quote: false}", [3]),
        ("id", "{values: [1, 2], quote: false}", [3]),
        ("num", "{values: [1.5, 2, 2.5]}", [-1]),
        ("num", "{values: ['1.5', '2.00', '-1', '2.5'], quote: false}", []),
        ("num", "{values: [-1]}", [1.5, 2, 2.5]),
        ("flag", "{values: [true]}", [False]),
        ("flag", "{values: [true, false]}", []),
        ("flag", "{values: ['true'], quote: false}", [False]),
        ("day", "{values: [2024-01-01, 2024-01-02]}", ["2024-02-01"]),
        ("at", "{values: [2024-01-01 10:00:00]}", ["2024-01-02 10:00:00"]),
    ],
)
def test_accepted_values_gives_the_others(
    find: Find, column: str, arguments: str, found: list[object]
) -> None:
    rows = firsts(find(f"accepted_values: {arguments}", column))
    assert [str(row) if isinstance(found[0], str) else row for row in rows] == found if found else not rows


def test_accepted_values_counts(find: Find) -> None:
    assert find("accepted_values: {values: [1, 3]}", "id") == [(2, 2)]


@pytest.mark.parametrize(
    ("column", "field", "found"),
    [("id", "ref", [3]), ("word", "word", ["A", "b\\c"]), ("all_null", "ref", [])],
)
def test_relationships_gives_the_orphans(find: Find, column: str, field: str, found: list[object]) -> None:
    """A NULL needs no row on the other side, and one there hides nothing."""
    assert firsts(find(f"relationships: {{to: ref('other'), field: {field}}}", column)) == found


def test_relationships_gives_an_orphan_as_often_as_it_is_there(find: Find) -> None:
    assert firsts(find("relationships: {to: ref('other'), field: ref}", 'we"ird')) == [3]
    assert firsts(find("relationships: {to: ref('t'), field: id}", "Mixed")) == []


def test_an_ephemeral_model_is_tested_too(find: Find) -> None:
    del find
    import duckdb

    files = {
        "t.sql": "{{ config(materialized='ephemeral') }}select unnest([1, 1, null]) as id -- c",
        "s.yml": "models: [{name: t, columns: [{name: id, data_tests: [unique, not_null]}]}]",
    }
    program = compiled(files).clean().program
    found = {
        test.name: duckdb.sql(generic_query(test, program.spec).sql).fetchall()
        for test in program.generic_tests.values()
    }
    assert found == {"unique_t_id": [(1, 2)], "not_null_t_id": [(None,)]}


def test_a_column_that_the_test_names_itself() -> None:
    yml = "models: [{name: t, data_tests: [{unique: {column_name: id}}]}]"
    program = compiled({"t.sql": "select 1 as id", "s.yml": yml}).clean().program
    test = program.generic_tests[NodeId("test.shop.unique_t_id")]
    assert 'GROUP BY "id"' in generic_query(test, program.spec).sql


@pytest.mark.parametrize("word", ["not_null", "accepted_values"])
def test_an_error_points_at_the_declaration(word: str) -> None:
    test = "accepted_values: {values: [1]}" if word == "accepted_values" else word
    made = project(test, "nope", DUCKDB)
    (declared,) = made.program.generic_tests.values()
    query = generic_query(declared, made.program.spec)
    at = query.sql.index('"nope"')
    assert [made.at(span) for span in query.map.locate(at, at + 6)] == [("models/s.yml", word)]
