"""What each materialization leaves in the warehouse: first build, second build, changed in between."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.apply.projects import Project

VIEW = "{{ config(materialized='view') }} select 1 as id, 'a' as name"
TABLE = "{{ config(materialized='table') }} select 2 as id, 'b' as name"
INCREMENTAL = "{{ config(materialized='incremental', unique_key='id') }} select 3 as id, 'c' as name"


def test_view_shows_what_its_parent_becomes(project: Project) -> None:
    project.built({"p": TABLE, "v": "{{ config(materialized='view') }} select id from p"})
    assert project.rows("select * from v") == [(2,)]
    project.built({"p": TABLE.replace("2", "5")}, "p")
    assert project.rows("select * from v") == [(5,)]
    assert project.warehouse.names() == {"p": "table", "v": "view"}


def test_view_with_other_columns(project: Project) -> None:
    project.built({"v": "select 1 as a, 2 as b"})
    project.built({"v": "select 'x' as b, 3 as c"})
    assert project.rows("select * from v") == [("x", 3)]
    project.built({"v": "select 'x' as b, 3 as c, 4 as d"})
    assert project.rows("select * from v") == [("x", 3, 4)]
    project.built({"v": "select 4 as d"})
    assert project.rows("select * from v") == [(4,)]
    assert list(project.warehouse.names()) == ["v"]


def test_table_is_replaced(project: Project) -> None:
    for text, rows in [("select 1 as a", [(1,)]), ("select 'x' as b, 2 as a", [("x", 2)])]:
        project.built({"t": "{{ config(materialized='table') }} " + text})
        assert project.rows("select * from t") == rows
    assert list(project.warehouse.names()) == ["t"]


def test_ephemeral_is_put_into_its_readers(project: Project) -> None:
    run = project.built(
        {
            "e": "{{ config(materialized='ephemeral') }} select 1 as id union all select 2",
            "t": "{{ config(materialized='table') }} select sum(id) as total from e where e.id > 1",
        }
    )
    assert project.rows("select total from t") == [(2,)]
    assert list(run.nodes) == ["t"]
    assert project.warehouse.names() == {"t": "table"}


@pytest.mark.parametrize(
    ("before", "after"), tuple(permutations(["view", "table", "incremental", "seed"], 2))
)
def test_materialization_changes(project: Project, before: str, after: str) -> None:
    files = {
        "view": ("models/m.sql", VIEW, (1, "a")),
        "table": ("models/m.sql", TABLE, (2, "b")),
        "incremental": ("models/m.sql", INCREMENTAL, (3, "c")),
        "seed": ("seeds/m.csv", "id,name\n4,d\n", (4, "d")),
    }
    path, text, row = files[before]
    project.built({path: text})
    assert project.rows("select * from m") == [row]
    (project.root / path).unlink()
    path, text, row = files[after]

    project.built({path: text})

    kept = [(2, "b")] if (before, after) == ("table", "incremental") else []
    kept = [(4, "d")] if (before, after) == ("seed", "incremental") else kept
    assert sorted(project.rows("select * from m")) == sorted([row, *kept])
    assert project.warehouse.names() == {"m": "view" if after == "view" else "table"}


def test_something_else_under_the_name_is_said(pg: Project) -> None:
    pg.warehouse.execute("create materialized view m as select 1 as id")
    run = pg.build({"m": TABLE})
    [diagnostic] = run.diagnostics
    assert "public.m` is in the warehouse, and is neither a table nor a view" in diagnostic.message
    assert pg.rows("select * from m") == [(1,)]


def test_names_that_need_quoting(project: Project) -> None:
    folder = "{{ config(materialized='incremental', unique_key=['Group', 'größe'], alias='Order \"x\"') }}"
    text = f'{folder} select 1 as "Group", 2 as "größe", 3 as "select" union all select 1, 3, 4'
    project.built({"odd": text})
    run = project.built({"odd": text.replace("3 as", "9 as")})
    assert run.nodes["odd"].reason == ""
    rows = project.rows('select "Group", "größe", "select" from "Order ""x""" order by 2')
    assert rows == [(1, 2, 9), (1, 3, 4)]
    assert list(project.warehouse.names()) == ['Order "x"']


def test_schemas_are_made(project: Project) -> None:
    project.built({"m": "{{ config(schema='Mart One') }} select 1 as id"})
    assert project.rows(f'select * from "{project.warehouse.schema}_Mart One".m') == [(1,)]
    project.built({"m": "{{ config(schema='Mart One') }} select 2 as id"})
    assert project.rows(f'select * from "{project.warehouse.schema}_Mart One".m') == [(2,)]


def test_long_names_are_two(pg: Project) -> None:
    """Passing names are cut to what the engine holds, and stay apart."""
    name = "x" * 62
    files = {
        name + end: "{{ config(materialized='table', indexes=[{'columns': ['id']}]) }} select 1 as id"
        for end in "ab"
    }
    for _ in range(2):
        pg.built(files)
    assert set(pg.warehouse.names()) == set(files)
