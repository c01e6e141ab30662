"""A node's tests see what it is about to publish; what fails them is never seen by anybody else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import sqlflow
from tests.apply.projects import Project

pytestmark = pytest.mark.layouts("direct", "virtual")

KEYED = "materialized='incremental', unique_key='id', incremental_strategy="
GOOD = "select 1 as id, 'good' as name"
BAD = "select 2 as id, 'bad' as name union all select 3, 'bad'"


def python(row: str) -> dict[str, str]:
    return {"models/m.py": f"import pyarrow\n\n\ndef m():\n    return pyarrow.table({row})\n"}


def accepts_good(more: str = "") -> dict[str, str]:
    values = f"accepted_values: {{values: ['good']{more}}}"
    return {"models/m.yml": f"models: [{{name: m, columns: [{{name: name, tests: [{{{values}}}]}}]}}]"}


def model(config: str, text: str) -> dict[str, str]:
    return {"m": f"{{{{ config({config}) }}}}\n{text}"}


# What builds good rows first, and bad ones then.
KINDS: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
    "view": (model("materialized='view'", GOOD), model("materialized='view'", BAD)),
    "view_other_columns": (
        model("materialized='view'", GOOD + ", 1 as more"),
        model("materialized='view'", BAD),
    ),
    "table": (model("materialized='table'", GOOD), model("materialized='table'", BAD)),
    "table_to_view": (model("materialized='table'", GOOD), model("materialized='view'", BAD)),
    "view_to_table": (model("materialized='view'", GOOD), model("materialized='table'", BAD)),
    "indexed": (
        model("materialized='table', indexes=[{'columns': ['id']}]", GOOD),
        model("materialized='table', indexes=[{'columns': ['id']}]", BAD),
    ),
    "append": (model("materialized='incremental'", GOOD), model("materialized='incremental'", BAD)),
    "merge": (model(KEYED + "'merge'", GOOD), model(KEYED + "'merge'", BAD.replace("2", "1"))),
    "delete_insert": (
        model(KEYED + "'delete+insert'", GOOD),
        model(KEYED + "'delete+insert'", BAD.replace("2", "1")),
    ),
    "python": (
        python("{'id': [1], 'name': ['good']}"),
        python("{'id': [2, 3], 'name': ['bad', 'bad']}"),
    ),
    "post_hook": (
        model("materialized='table'", GOOD),
        model("materialized='table', post_hook=\"update {{ this }} set name = 'bad'\"", GOOD),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_an_audit_is_not_published(project: Project, kind: str) -> None:
    good, bad = KINDS[kind]
    project.built({**good, **accepts_good(), "below": "{{ config(materialized='table') }} select * from m"})
    before = project.rows("select * from m")
    names = project.warehouse.names()
    run = project.build(bad)
    [test] = [event for event in run.nodes.values() if event.kind == "test"]
    assert run.statuses == {"m": "fail", test.name: "fail", "below": "skipped"}
    assert run.nodes["m"].reason == "not published: 1 of its tests failed"
    assert run.nodes["below"].reason == "because of m (fail)"
    assert project.rows("select * from m") == before
    assert test.kept is not None and ("bad",) in [
        row[:1] for row in project.rows(f"select * from {test.kept}")
    ]
    assert {name: kind for name, kind in project.warehouse.names().items() if name != test.name} == names
    # Once the rows are right again, they are published, and what was kept for a look is gone.
    run = project.built(good, force=True)
    assert run.statuses[test.name] == "success"
    assert test.name not in project.warehouse.names()


@pytest.mark.parametrize("kind", ["table", "view", "append"])
def test_a_first_build_that_fails_an_audit_leaves_nothing(project: Project, kind: str) -> None:
    run = project.build({**KINDS[kind][1], **accepts_good()})
    assert run.statuses["m"] == "fail"
    assert "m" not in project.warehouse.names()


def test_a_seed_is_audited(project: Project) -> None:
    yml = "seeds: [{name: m, columns: [{name: name, tests: [{accepted_values: {values: ['good']}}]}]}]"
    project.built({"seeds/m.csv": "id,name\n1,good\n", "seeds/m.yml": yml})
    run = project.build({"seeds/m.csv": "id,name\n1,bad\n"})
    assert run.statuses["m"] == "fail"
    assert project.rows("select * from m") == [(1, "good")]


def test_a_view_that_reads_the_table_shows_what_is_published(pg: Project) -> None:
    """The table's rows are replaced in place there: readers still see the old ones."""
    pg.built({**KINDS["table"][0], **accepts_good()})
    pg.warehouse.execute("create view theirs as select * from m")
    assert pg.build(KINDS["table"][1]).statuses["m"] == "fail"
    assert pg.rows("select * from theirs") == [(1, "good")]


def test_a_warning_publishes(project: Project) -> None:
    project.built({**KINDS["table"][0], **accepts_good()})
    warns = accepts_good(", config: {severity: warn}")
    run = project.built({**KINDS["table"][1], **warns})
    [test] = [event for event in run.nodes.values() if event.kind == "test"]
    assert (run.statuses["m"], test.status.value, test.rows) == ("success", "warn", 1)
    assert sorted(project.rows("select id from m")) == [(2,), (3,)]


WAYS = {
    "plain": "select * from m where id > 1",
    "qualified by the table": "select m.id from m where m.id > 1",
    "ref": "select * from {{ ref('m') }} where id > 1",
    "aliased": "select x.id from m as x where x.id > 1",
    "twice": "select a.id from m as a join m on a.id = m.id where m.id > 1",
    "in a common table expression": "with c as (select * from m) select * from c where id > 1",
    "through an ephemeral model": "select * from e where id > 1",
    "with the parent": "select m.id from m join parent on m.id > parent.id",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_test_reads_the_new_contents_however_it_is_written(project: Project, way: str) -> None:
    files = {
        "parent": "{{ config(materialized='table') }} select 1 as id",
        "e": "{{ config(materialized='ephemeral') }} select m.id from m",
        "m": "{{ config(materialized='table') }} select id from parent",
        "tests/none_wrong.sql": WAYS[way],
    }
    assert project.built(files).statuses["none_wrong"] == "success"
    run = project.build({"m": "{{ config(materialized='table') }} select id + 1 as id from parent"})
    assert (run.statuses["none_wrong"], run.statuses["m"]) == ("fail", "fail")
    assert project.rows("select * from m") == [(1,)]


def test_what_failed_can_be_looked_at(project: Project) -> None:
    run = project.build({**KINDS["table"][1], **accepts_good()})
    [test] = [event.name for event in run.nodes.values() if event.kind == "test"]
    loaded = project.load()
    for name in ("m", test):
        [(shown, preview)] = loaded.show_failed(name).items()
        assert (shown, [row[0] for row in preview.rows]) == (test, ["bad"])
    project.built(KINDS["table"][0])
    assert project.load().show_failed("m") == {}
    with pytest.raises(sqlflow.ProjectError, match="unknown model `n`"):
        loaded.show_failed("n")


def test_all_tests_of_a_node_are_told_of(project: Project) -> None:
    columns = "[{name: id, tests: [unique, not_null]}, {name: name, tests: [not_null]}]"
    yml = f"models: [{{name: m, columns: {columns}}}]"
    files = {"m": "select 1 as id, 'a' as name union all select 1, null", "models/m.yml": yml}
    run = project.build(files)
    assert run.nodes["m"].reason == "not published: 2 of its tests failed"
    assert [run.statuses[n] for n in ("unique_m_id", "not_null_m_id", "not_null_m_name")] == [
        "fail",
        "success",
        "fail",
    ]


def test_a_test_that_cant_be_run_stops_the_publishing(project: Project) -> None:
    project.built(KINDS["table"][0])
    files = {"tests/odd.sql": "select cast(name as integer) as n from m where cast(name as integer) > 0"}
    run = project.build({**KINDS["table"][1], **files})
    assert run.statuses == {"m": "fail", "odd": "error"}
    [diagnostic] = run.nodes["odd"].diagnostics
    assert diagnostic.code == "SF0701"
    assert diagnostic.span is not None and diagnostic.span.path == "tests/odd.sql"
    assert "`odd`" in diagnostic.message
    assert project.rows("select * from m") == [(1, "good")]


def test_failed_rows_with_one_name_twice_are_kept(project: Project) -> None:
    files = {
        **KINDS["table"][1],
        "tests/twice.sql": "select a.id, b.id from m as a join m as b on a.id = b.id",
    }
    kept = project.build(files).nodes["twice"].kept
    assert kept is not None
    assert sorted(project.rows(f"select * from {kept}")) == [(2, 2), (3, 3)]
