"""Incremental models that replace whole partitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.apply.projects import Project, source_text

OVERWRITE = "materialized='incremental', incremental_strategy='insert_overwrite'"
Row = tuple[int, int | None, str | None]


def model(rows: list[Row], partition_by: Any = "day", **config: Any) -> str:
    """A model of rows (id, day, kind)."""
    given = {"partition_by": partition_by, **config}
    settings = "".join(f", {key}={value!r}" for key, value in given.items() if value is not None)
    values = ", ".join(
        f"({id}, cast({'null' if day is None else day} as integer), "
        f"cast({'null' if kind is None else repr(kind)} as varchar))"
        for id, day, kind in rows
    )
    query = f"select * from (values {values}) as t (id, day, kind)"
    if not rows:
        query = "select 1 as id, 1 as day, cast('a' as varchar) as kind where false"
    return f"{{{{ config({OVERWRITE}{settings}) }}}}\n{query}"


def test_partitions_are_replaced_whole(project: Project) -> None:
    project.built({"m": model([(1, 1, "a"), (2, 1, "b"), (3, 2, "a"), (4, None, "a"), (5, None, "b")])})
    run = project.built({"m": model([(6, 1, "c"), (7, 3, "c")])})
    assert run.nodes["m"].rows == 2
    rows = "select id from m order by id"
    assert project.rows(rows) == [(3,), (4,), (5,), (6,), (7,)]
    # NULL is a partition as well.
    project.built({"m": model([(8, None, "c")])})
    assert project.rows(rows) == [(3,), (6,), (7,), (8,)]
    # Nothing new replaces nothing.
    project.built({"m": model([])})
    assert project.rows(rows) == [(3,), (6,), (7,), (8,)]
    assert list(project.warehouse.names()) == ["m"]
    project.built({}, full_refresh=True)
    assert project.rows(rows) == []


def test_by_the_day_of_a_time(project: Project) -> None:
    def at(*moments: str) -> str:
        config = {"materialized": "incremental", "incremental_strategy": "insert_overwrite"}
        part = {"field": "moment", "data_type": "timestamp", "granularity": "day"}
        values = ", ".join(f"(timestamp '{moment}')" for moment in moments)
        query = f"select * from (values {values}) as t (moment)"
        return f"{{{{ config(partition_by={part!r}, **{config!r}) }}}} {query}"

    project.built({"m": at("2024-01-01 01:00:00", "2024-01-01 23:59:59", "2024-01-02 00:00:00")})
    project.built({"m": at("2024-01-01 12:00:00")})
    found = [str(moment) for (moment,) in project.rows("select moment from m order by moment")]
    assert found == ["2024-01-01 12:00:00", "2024-01-02 00:00:00"]


PARTS: list[Any] = ["day", ["day", "kind"], ["kind", "day", "kind"]]
ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([None, 1, 2, 3]), st.sampled_from([None, "a", "b"])),
    max_size=6,
)


def check(project: Project, loads: list[list[Row]], partition_by: Any) -> None:
    """Each partition has the rows of the last load that had any of it."""
    columns = [
        {"day": 1, "kind": 2}[name] for name in ([partition_by] if partition_by == "day" else partition_by)
    ]
    expected: list[Row] = []
    for i, load in enumerate(loads):
        new = {tuple(row[c] for c in columns) for row in load}
        expected = [row for row in expected if tuple(row[c] for c in columns) not in new] + load
        project.built({"m": model(load, partition_by)}, full_refresh=i == 0, force=True)
        assert sorted(map(repr, project.rows("select id, day, kind from m"))) == sorted(map(repr, expected))


LOADS = given(loads=st.lists(ROWS, min_size=2, max_size=4), partition_by=st.sampled_from(PARTS))
QUICKLY = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LOADS
@QUICKLY
def test_any_loads(project: Project, loads: list[list[Row]], partition_by: Any) -> None:
    check(project, loads, partition_by)


def test_names_that_the_statement_uses_itself(project: Project) -> None:
    query = "select * from (values {}) as t (p0, q, s, t)"
    config = f"{{{{ config({OVERWRITE}, partition_by=['p0', 'q', 's', 't']) }}}} "
    null = "(cast(null as integer), 1, 1, 1)"
    project.built({"m": config + query.format(f"{null}, (2, 1, 1, 1), (3, 3, 3, 3)")})
    project.built({"m": config + query.format(f"{null}, (2, 1, 1, 1), (2, 1, 1, 1)")})
    assert project.rows("select p0, q from m order by p0 nulls first") == [(None, 1), (2, 1), (2, 1), (3, 3)]


def test_by_a_column_that_is_not_there(project: Project) -> None:
    project.built({"m": model([(1, 1, "a")])})
    run = project.build({"m": model([(1, 1, "a")], "dya")})
    [said] = run.nodes["m"].diagnostics
    assert said.code == "SF0703" and "`dya`, by which `m` is partitioned" in said.message
    assert said.help == "did you mean `day`?"


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        ({"incremental_strategy": "insert_overwrite"}, "SF0006", "`insert_overwrite` needs `partition_by`"),
        (
            {"incremental_strategy": "append", "partition_by": "a"},
            "SF0007",
            "is for the strategy `insert_over",
        ),
        (
            {"incremental_strategy": "insert_overwrite", "partition_by": [1]},
            "SF0005",
            "an item of `partition_by`",
        ),
        ({"incremental_strategy": "insert_overwrite", "partition_by": [""]}, "SF0007", "is empty"),
        (
            {"incremental_strategy": "insert_overwrite", "partition_by": {"granularity": "day"}},
            "SF0006",
            "`field` is missing in `partition_by`",
        ),
        (
            {"incremental_strategy": "insert_overwrite", "partition_by": {"field": "a", "granularity": "dy"}},
            "SF0007",
            "`dy` is not a value of `granularity`",
        ),
    ],
)
def test_mistakes(duck: Project, config: dict[str, Any], code: str, message: str, tmp_path: Path) -> None:
    import sqlflow

    duck.write({"m": f"{{{{ config(materialized='incremental', **{config!r}) }}}} select 1 as a"})
    settings = {"name": "shop", "targets": {"dev": {"type": "duckdb"}}}
    (duck.root / "sqlflow.yml").write_text(json.dumps(settings))
    [said] = sqlflow.load(duck.root).diagnostics
    assert said.code == code and message in said.message
    assert source_text(duck, said)
