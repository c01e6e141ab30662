"""A project that did not say its layout and was built in `direct`: the default takes over what is there."""

from __future__ import annotations

from datetime import datetime

from tests.apply.projects import Project
from tests.apply.test_time_ranges import clock

__all__ = ["clock"]

SEED = "id,amount,ts\n1,10,2024-03-01 10:00:00\n2,20,2024-03-02 10:00:00\n"
TIMES = "incremental_strategy='time_range', event_time='ts', begin='2024-03-01', batch_size='day'"
FILES = {
    "seeds/s.csv": SEED,
    "v": "select id, amount, ts from s",
    "t": "{{ config(materialized='table') }} select id, amount from v",
    "indexed": "{{ config(materialized='table', indexes=[{'columns': ['id']}]) }} select id, amount from v",
    "merged": "{{ config(materialized='incremental', unique_key='id') }} select id, amount from t",
    "added": (
        "{{ config(materialized='incremental') }} select id, amount from s"
        "{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}"
    ),
    "ranged": (
        f"{{{{ config(materialized='incremental', {TIMES}) }}}} "
        "select id, cast(ts as timestamp) as ts from v where ts < timestamp '2024-03-04'"
    ),
    "snapshots/h.sql": (
        "{{ config(strategy='check', unique_key='id', check_cols='all') }} select id, amount from s"
    ),
    "models/framed.py": (
        "import pyarrow as pa\nimport sqlflow\n\n\n"
        "@sqlflow.model(materialized='table')\n"
        "def framed(t: pa.Table) -> pa.Table:\n    return t\n"
    ),
    "models/m.yml": (
        "models: [{name: t, description: All of it, config: {persist_docs: {relation: true, columns: true}}, "
        "columns: [{name: id, description: Its number, tests: [unique]}]}]"
    ),
}
NODES = ("s", "v", "t", "indexed", "merged", "added", "ranged", "h", "framed")
MORE = SEED + "3,30,2024-03-03 10:00:00\n"


def rows(project: Project, environment: str = "") -> dict[str, list[tuple[object, ...]]]:
    schema = project.warehouse.schema + environment
    return {name: project.rows(f"select id from {schema}.{name} order by id") for name in NODES}


def kinds(project: Project) -> dict[str, str]:
    return {name: kind for name, kind in project.warehouse.names().items() if name in NODES}


def test_nothing_is_built_again_where_the_layout_becomes_the_default(project: Project) -> None:
    project.built(FILES)
    project.built({}, environment="dev")
    theirs = f"{project.warehouse.schema}.theirs"
    project.warehouse.execute(f"create view {theirs} as select id from t")
    before, apart = rows(project), rows(project, "__dev")
    project.layout = None
    assert not project.load().review().review.work
    run = project.built()
    assert run.done == set()
    own = [sql for sql in run.statements if '"_sqlflow"' not in sql]
    assert not [sql for sql in own if sql.startswith(("CREATE TABLE", "CREATE OR REPLACE TABLE", "INSERT"))]
    assert rows(project) == before
    assert project.rows(f"select count(*) from {theirs}") == [(2,)]
    assert project.built().done == set()
    # What another environment has built goes on as well.
    assert project.built({}, environment="dev").done == set()
    assert rows(project, "__dev") == apart
    # What comes goes into what is there.
    run = project.built({"seeds/s.csv": MORE})
    assert run.nodes["merged"].reason != "made anew"
    # No batch is due for rows that can't tell which times they are of.
    assert {name: len(found) for name, found in rows(project).items()} == {
        **dict.fromkeys(NODES, 3),
        "ranged": 2,
    }
    assert project.rows(f"select count(*) from {theirs}") == [(3,)]
    assert rows(project, "__dev") == apart
    assert project.built().done == set()


def test_a_project_goes_back_to_tables_of_plain_names(project: Project) -> None:
    project.layout = None
    project.built(FILES)
    theirs = f"{project.warehouse.schema}.theirs"
    project.warehouse.execute(f"create view {theirs} as select id from t")
    before = rows(project)
    project.layout = "direct"
    project.built()
    assert rows(project) == before
    project.built({"seeds/s.csv": MORE})
    assert {name: len(found) for name, found in rows(project).items()} == {
        **dict.fromkeys(NODES, 3),
        "ranged": 2,
    }
    assert project.rows(f"select count(*) from {theirs}") == [(3,)]
    assert project.built().done == set()
    # What had nothing to do until then shows what it showed.
    assert kinds(project) == {**dict.fromkeys(NODES, "table"), "v": "view", "ranged": "view"}
    project.built({}, "ranged", start=datetime(2024, 3, 3))
    assert kinds(project)["ranged"] == "table"
    assert len(rows(project)["ranged"]) == 3
