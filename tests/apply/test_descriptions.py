"""Descriptions become comments in the transaction that publishes, and stay right whatever is built."""

from __future__ import annotations

import json
from typing import Any

import pytest

import sqlflow
from sqlflow.core.relation import Comments, Relation
from tests.apply.projects import Project

pytestmark = pytest.mark.layouts("direct", "virtual")

BOTH = {"relation": True, "columns": True}
ROW = "select 1 as id, 'a' as name"
ODD = 'It\'s "quoted", {not} a %s \\ template;\n-- é日本😀'
CONFIGS = (
    "materialized='view'",
    "materialized='table'",
    "materialized='table', indexes=[{'columns': ['id']}]",
    "materialized='incremental', unique_key='id'",
    "materialized='incremental'",
)


def model(config: str, text: str = ROW) -> str:
    return f"{{{{ config({config}) }}}} {text}"


def properties(
    description: str, persist: object = BOTH, kind: str = "models", node_name: str = "m", /, **columns: str
) -> dict[str, str]:
    node: dict[str, Any] = {"name": node_name, "description": description}
    node["columns"] = [{"name": column, "description": text} for column, text in columns.items()]
    if persist is not None:
        node["config"] = {"persist_docs": persist}
    return {f"{kind}/m.yml": json.dumps({kind: [node]}, ensure_ascii=False)}


def said(project: Project, name: str = "m") -> Comments:
    """The comments that are there, as the adapter tells them."""
    loaded = project.load()
    warehouse = loaded._work.open()  # pyright: ignore[reportPrivateUsage]
    session = warehouse.session()
    try:
        return session.comments(Relation(None, None, name))
    finally:
        session.close()
        warehouse.close()


def comments(sent: list[str]) -> list[str]:
    return [sql for sql in sent if sql.startswith("COMMENT")]


@pytest.mark.parametrize("config", CONFIGS)
def test_comments_stay_right_from_build_to_build(project: Project, config: str) -> None:
    project.built({"m": model(config), **properties("All of it.", id="What it is.", name="Its name.")})
    assert said(project) == Comments("All of it.", {"id": "What it is.", "name": "Its name."})

    run = project.built(force=True)
    assert said(project) == Comments("All of it.", {"id": "What it is.", "name": "Its name."})
    # What shows a table by version stays where its columns do.
    is_shown = project.layout == "virtual" and "view" not in config
    stays = "incremental" in config or is_shown or (project.warehouse.is_postgres and "view" in config)
    assert len(comments(run.statements)) == (0 if stays else 3)

    project.built({"m": model(config, "select 2 as id, 'b' as name"), **properties("Else.", id=ODD)})
    assert said(project) == Comments("Else.", {"id": ODD, "name": None})

    project.built({"m": model(config, "select 3 as id, 'c' as name"), **properties("", name="Name")})
    assert said(project) == Comments(None, {"id": None, "name": "Name"})


@pytest.mark.parametrize("config", CONFIGS)
def test_a_new_description_alone_builds_no_rows(project: Project, config: str) -> None:
    files = {"m": model(config), "below": model("materialized='table'", "select id from m")}
    tests = {"tests/t.sql": "select m.id from m where m.id < 0"}
    project.built({**files, **tests, **properties("Before.", id="It.")})
    run = project.built(properties("After.", id="It."))
    assert comments(run.statements) == [sql for sql in run.statements if "After." in sql and "COMMENT" in sql]
    assert len(comments(run.statements)) == 1
    assert run.nodes["m"].reason == "its data is unchanged"
    assert set(run.statuses.values()) == {"unchanged"}
    assert "below" not in run.nodes
    assert said(project) == Comments("After.", {"id": "It.", "name": None})
    assert project.rows("select count(*) from m") == [(1,)]
    run = project.built()
    assert run.statements == []
    assert not run.nodes


def test_nothing_is_sent_where_nothing_is_configured(project: Project) -> None:
    project.built({"m": model("materialized='table'"), **properties("Text.", None, id="It.")})
    run = project.built(properties("Other.", None, id="It."))
    assert run.statements == []
    assert said(project) == Comments(None, {"id": None, "name": None})
    run = project.built(properties("Other.", {"relation": False, "columns": False}, id="It."))
    assert run.statements == []


@pytest.mark.parametrize(
    ("persist", "expected"),
    [
        ({"relation": True}, Comments("Text.", {"id": None, "name": None})),
        ({"columns": True}, Comments(None, {"id": "It.", "name": None})),
    ],
)
def test_the_relation_or_the_columns(project: Project, persist: object, expected: Comments) -> None:
    project.built({"m": model("materialized='table'"), **properties("Text.", persist, id="It.")})
    assert said(project) == expected


def test_what_is_not_kept_any_more_stays_as_it_was(project: Project) -> None:
    project.built({"m": model(CONFIGS[3]), **properties("Text.", id="It.")})
    run = project.built(properties("Text.", None, id="It."))
    assert comments(run.statements) == []
    assert said(project) == Comments("Text.", {"id": "It.", "name": None})


def test_seeds_and_snapshots_by_folder(project: Project) -> None:
    project.settings |= {
        "seeds": {"+persist_docs": BOTH},
        "snapshots": {"shop": {"+persist_docs": BOTH}},
    }
    files = {"seeds/s.csv": "id,name\n1,a\n"}
    files |= {
        "snapshots/m.sql": model("unique_key='id', strategy='check', check_cols='all'", "select * from s")
    }
    files |= properties("A file.", None, "seeds", "s", id="It.")
    files |= properties("History.", None, "snapshots", "m", name="N.", dbt_valid_to="Its end.")
    project.built(files)
    project.built({"seeds/s.csv": "id,name\n1,b\n"})
    assert project.rows("select count(*) from m") == [(2,)]
    assert said(project, "s") == Comments("A file.", {"id": "It.", "name": None})
    found = said(project)
    assert found.relation == "History."
    described = {name: text for name, text in found.columns.items() if text}
    assert described == {"name": "N.", "dbt_valid_to": "Its end."}
    run = project.built(properties("A file!", None, "seeds", "s", id="It."))
    assert run.statuses == {"s": "unchanged", "m": "unchanged"}
    assert said(project, "s").relation == "A file!"


def test_batches_of_a_model_by_time_range(project: Project) -> None:
    config = (
        "materialized='incremental', incremental_strategy='time_range', event_time='day', "
        "begin='2024-01-01', batch_size='year'"
    )
    text = "select cast(date '2024-05-01' as date) as day"
    project.built({"m": model(config, text), **properties("Days.", day="One.")})
    assert said(project) == Comments("Days.", {"day": "One."})
    run = project.built(properties("All days.", day="One."))
    assert run.nodes["m"].reason == "no batch is due"
    assert said(project) == Comments("All days.", {"day": "One."})


def test_python_models(project: Project) -> None:
    text = (
        "import pyarrow\nimport sqlflow\n\n\n"
        "@sqlflow.model(description='Rows.', persist_docs={'relation': True, 'columns': True})\n"
        "def m():\n    return pyarrow.table({'id': [1]})\n"
    )
    columns = {
        "columns": [{"name": "id", "description": "It."}, {"name": "gone", "description": "Not there."}]
    }
    run = project.built(
        {"models/m.py": text, "models/m.yml": json.dumps({"models": [{"name": "m", **columns}]})}
    )
    assert said(project) == Comments("Rows.", {"id": "It."})
    assert run.nodes["m"].reason == "there is no column `gone` to describe"


def test_names_are_folded(project: Project) -> None:
    text = 'select 1 as Id, 2 as "Group"'
    project.built({"m": model(CONFIGS[1], text), **properties("", ID="It.", Group="A word.")})
    id = "id" if project.warehouse.is_postgres else "Id"
    assert said(project) == Comments(None, {id: "It.", "Group": "A word."})


def test_views_that_read_a_table_keep_their_comments(pg: Project) -> None:
    pg.built({"m": model(CONFIGS[1]), **properties("Text.", id="It.")})
    pg.warehouse.execute("create view theirs as select id from m", "comment on view theirs is 'By hand.'")
    for more in ("", ", 5 as more"):
        pg.built({"m": model(CONFIGS[1], ROW + more)}, force=True)
        assert said(pg).relation == "Text."
        assert said(pg).columns["id"] == "It."
        assert said(pg, "theirs").relation == "By hand."


def test_a_view_of_other_columns(project: Project) -> None:
    project.built({"m": model(CONFIGS[0]), **properties("Text.", id="It.", name="N.")})
    project.built({"m": "select 'x' as name", **properties("Text.", name="N.")})
    assert said(project) == Comments("Text.", {"name": "N."})


def test_comments_are_those_of_what_is_published(project: Project) -> None:
    """What an audit stops leaves the comments as they were, too."""
    bad = {"tests/t.sql": "select m.id from m where m.id = 2"}
    for config in CONFIGS:
        project.built({"m": model(config), **bad, **properties("Good.", id="It.")}, full_refresh=True)
        changed = model(config, "select 2 as id, 'b' as name")
        run = project.build({"m": changed, **properties("Bad.", id="Bad.")})
        assert run.statuses["m"] == "fail"
        assert said(project) == Comments("Good.", {"id": "It.", "name": None})


def test_a_model_in_another_dialect(pg: Project) -> None:
    """The names of columns are those that the translated query gives."""
    pg.settings["dialect"] = "duckdb"
    pg.built({"m": model(CONFIGS[1], "select 1 as Total"), **properties("", TOTAL="A sum.")})
    assert said(pg) == Comments(None, {"Total": "A sum."})


def test_the_events_tell_of_the_publishing(project: Project) -> None:
    project.built({"m": model(CONFIGS[1]), **properties("Before.")})
    events = project.built(properties("After.")).events
    [published] = [e.publication for e in events if isinstance(e, sqlflow.Published)]
    assert published.number == 2
    assert published.data.endswith(":1")


def test_a_new_description_makes_no_rows_younger(project: Project) -> None:
    """How old the rows are counts from when they were built."""
    config = "materialized='table', stale_after='1 hour'"
    text = "select 1 as id, now() as name"
    runs = [project.built({"m": model(config, text), **properties(said, id="It.")}) for said in ("A.", "B.")]
    first, second = (
        event.publication for run in runs for event in run.events if isinstance(event, sqlflow.Published)
    )
    assert runs[1].statuses == {"m": "unchanged"}
    assert (second.at, second.data) == (first.at, first.data)
