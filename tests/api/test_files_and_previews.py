"""What the calls of a loaded project give and write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import sqlflow
from sqlflow.core.diagnostic import ProjectError
from sqlflow.system.local import LocalSystem
from tests.apply.projects import Project, Run

FILES: dict[str, str | bytes] = {
    "a": "{{ config(materialized='table') }}\nselect 1 as id -- a comment",
    "mart/b": "select id + 1 as id from a",
    "e": "{{ config(materialized='ephemeral') }} select 1 as id",
    "bad": "{{ config(materialized='table') }}\nselect cast('x' as integer) as id",
    "below": "select * from bad",
    "seeds/s.csv": "id\n1\n",
    "tests/none_wrong.sql": "select * from a where id > 5",
}


def test_files_say_what_happened(project: Project) -> None:
    run = project.build(FILES)
    target = project.root / "target"
    results = json.loads((target / "run" / "results.json").read_text())
    assert results["run"] == run.finished.run and results["command"] == "build"
    assert results["interrupted"] is False and results["finished_at"]
    assert {node["node"].split(".")[-1]: node["status"] for node in results["nodes"]} == run.statuses
    [bad] = [node for node in results["nodes"] if node["node"] == "model.shop.bad"]
    assert bad["diagnostics"][0]["code"] == "SF0701" and bad["diagnostics"][0]["path"] == "models/bad.sql"
    statements = (target / "run" / "statements.sql").read_text()
    assert all(statement.rstrip() in statements for statement in run.statements)
    assert statements.count("\n;\n") == len(run.statements)
    assert statements.count(", failed") == 1
    compiled = {path.relative_to(target / "compiled").as_posix() for path in target.glob("compiled/**/*.sql")}
    assert compiled == {
        "models/a.sql", "models/mart/b.sql", "models/bad.sql", "models/below.sql", "tests/none_wrong.sql"
    }  # fmt: skip
    schema = project.warehouse.schema
    assert (target / "compiled/models/mart/b.sql").read_text() == f'select id + 1 as id from "{schema}"."a"'


def test_files_are_of_the_last_run(project: Project) -> None:
    project.build(FILES)
    run = project.built({}, "a", force=True)
    target = project.root / "target" / "run"
    assert [node["node"] for node in json.loads((target / "results.json").read_text())["nodes"]] == [
        "test.shop.none_wrong",
        "model.shop.a",
    ]
    assert (target / "statements.sql").read_text().startswith(f"-- run {run.finished.run}, build on dev, ")


def test_a_run_that_was_left_has_no_old_results(project: Project) -> None:
    project.build(FILES)
    with project.load().build() as running:
        first = next(running)
    assert isinstance(first, sqlflow.RunStarted)
    results = json.loads((project.root / "target/run/results.json").read_text())
    assert results["run"] == first.run and results["finished_at"] is None and "nodes" not in results


def test_no_secret_is_written_or_said(pg: Project) -> None:
    secret = "pa55-w0rd-of-mine"
    pg.warehouse.execute(f"create role keeper superuser login password '{secret}'")
    try:
        pg.settings["targets"] = {"dev": {**pg.warehouse.target, "user": "keeper", "password": secret}}
        run = pg.build(FILES)
        assert secret not in repr(run.events)
        assert secret not in json.dumps(pg.load().manifest(), default=str)
        for path in (pg.root / "target").rglob("*"):
            assert path.is_dir() or secret not in path.read_text()
    finally:
        pg.warehouse.execute("drop owned by keeper cascade", "drop role keeper")


class NoWriting(LocalSystem):
    """A folder whose disk is full, from some file on."""

    def __init__(self, root: Path, part: str) -> None:
        super().__init__(root)
        self._part = part

    def write(self, path: str, content: bytes) -> None:
        self._check(path)
        super().write(path, content)

    def append(self, path: str, content: bytes) -> None:
        self._check(path)
        super().append(path, content)

    def _check(self, path: str) -> None:
        if self._part in path:
            raise OSError(28, os.strerror(28), path)


def test_a_target_folder_that_can_not_be_written(project: Project) -> None:
    project.write(FILES).load()
    loaded = sqlflow.load(project.root, system=NoWriting(project.root, "compiled"))
    with pytest.raises(ProjectError) as raised:
        loaded.build()
    [diagnostic] = raised.value.diagnostics
    assert diagnostic.message == "`target/compiled/models/a.sql` can't be written: No space left on device"
    assert project.warehouse.names() == {}


def test_a_record_that_can_not_be_written_stops_no_run(project: Project) -> None:
    project.write({"a": FILES["a"]}).load()
    loaded = sqlflow.load(project.root, system=NoWriting(project.root, "statements"))
    run = Run(list(loaded.build()))
    assert run.finished.ok and run.statuses == {"a": "success"}
    [diagnostic] = run.finished.diagnostics
    assert not diagnostic.is_error and "No space left on device" in diagnostic.message
    assert project.rows("select * from a") == [(1,)]


def test_show(project: Project) -> None:
    project.built({"a": "select * from (values (1, 'x'), (2, null), (3, 'z')) as t (id, name)",
        "e": "{{ config(materialized='ephemeral') }} select 5 as id", "seeds/s.csv": "id\n7\n"})  # fmt: skip
    loaded = project.load()
    preview = loaded.show("a", limit=2)
    assert [column.name for column in preview.columns] == ["id", "name"]
    assert preview.rows == ((1, "x"), (2, None))
    assert loaded.show("e").rows == ((5,),)
    assert loaded.show("s").rows == ((7,),)
    with pytest.raises(ProjectError) as raised:
        loaded.show("aa")
    [diagnostic] = raised.value.diagnostics
    assert diagnostic.code == "SF0203" and "`a`" in diagnostic.help


def test_show_of_what_is_not_built(project: Project) -> None:
    loaded = project.write({"a": "select 1 as id"}).load()
    with pytest.raises(ProjectError) as raised:
        loaded.show("a")
    [diagnostic] = raised.value.diagnostics
    assert diagnostic.code == "SF0701" and diagnostic.span is not None
    assert diagnostic.span.path == "models/a.sql"


def test_show_inline(project: Project) -> None:
    project.built({"a": "select * from (values (1, 'x'), (2, 'y')) as t (id, name)"})
    loaded = project.load()
    preview = loaded.show_inline(
        "{% set n = 1 %}select name, id from {{ ref('a') }} where id > {{ n }} -- end"
    )
    assert preview.rows == (("y", 2),)
    assert loaded.show_inline("select id from a order by id desc", limit=1).rows == ((2,),)


WRONG_INLINE: dict[str, tuple[str, str]] = {
    "column": ("select nope from a", "nope"),
    "reference": ("select id from aa", "aa"),
    "value": ("select id, cast('x' as integer) as n from a", "'x'"),
    "template": ("select {{ nothing }} from a", "nothing"),
}


@pytest.mark.parametrize("what", WRONG_INLINE)
def test_inline_errors_point_into_the_text(project: Project, what: str) -> None:
    project.built({"a": "select 1 as id"})
    text, marked = WRONG_INLINE[what]
    with pytest.raises(ProjectError) as raised:
        project.load().show_inline(text)
    [diagnostic] = raised.value.diagnostics
    assert diagnostic.span is not None and diagnostic.span.path == "<inline>"
    start = diagnostic.span.start
    if what == "value":
        # PostgreSQL names the literal, DuckDB the cast.
        assert start in (text.index("'x'"), text.index("cast"))
    else:
        assert text[start:].startswith(marked)


def test_compile_writes_and_opens_nothing(project: Project) -> None:
    loaded = project.write(FILES).load()
    queries = {query.name: query for query in loaded.compile(["+below", "e"])}
    assert set(queries) == {"bad", "below", "e"}
    for query in queries.values():
        assert (project.root / query.path).read_text() == query.sql
    assert not (project.root / "shop.duckdb").exists()


def test_manifest_is_plain_data(project: Project) -> None:
    manifest: dict[str, Any] = json.loads(json.dumps(project.write(FILES).load().manifest()))
    assert "model.shop.a" in json.dumps(manifest)


def test_clean(project: Project) -> None:
    loaded = project.write(FILES).load()
    loaded.compile()
    assert loaded.clean() and not (project.root / "target").exists()
    assert not loaded.clean()
    assert (project.root / "models" / "a.sql").exists()


def test_test_and_seed_do_only_that(project: Project) -> None:
    loaded = project.write(FILES).load()
    seeded = Run(list(loaded.seed())).check()
    assert list(seeded.nodes) == ["s"] and list(project.warehouse.names()) == ["s"]
    tested = Run(list(loaded.test()))
    assert tested.check().statuses == {"none_wrong": "warn"}
    assert [diagnostic.code for diagnostic in tested.diagnostics] == ["SF0706"]
    project.built({}, "a")
    assert Run(list(loaded.test())).check().statuses == {"none_wrong": "success"}
