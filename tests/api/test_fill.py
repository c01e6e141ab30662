"""What DuckDB is asked for where the compiler knows no name or no type."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlflow_duckdb import DuckDBAdapter

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.apply.offline import OfflineEngine
from sqlflow.core.codes import Code
from sqlflow.core.relation import Column
from tests.apply.projects import Project, source_text
from tests.test_light_imports import loaded

_PEOPLE = {
    "seeds/people.csv": "id,name,born\n1,Ada,1815-12-10\n2,Bo,\n",
    "parts": "{{ config(materialized='ephemeral') }} select id, json_extract(name, '$') as part from people",
    "models/s.yml": "sources: [{name: raw, tables: [{name: t, location: t.csv}]}]\n",
    "t.csv": "x,y\n1,2.5\n",
    # How a query writes its tables and columns decides how the engine calls what has no alias.
    "plain": "select count(*), people.id + 1, upper(name) from people group by all",
    "by_ref": "select {{ ref('people') }}.id + 1, sum(1) from {{ ref('people') }} group by all -- the end",
    "by_source": "select raw.t.x + 1, max(t.y), list_reduce([x], lambda a, b: a) as r from raw.t group by x",
    "by_star": "with q as (select *, -id from people) select q.*, part from q join parts using (id);",
    "deep": 'select "count_star()", "(people.id + 1)" * 2 as twice from plain',
}


def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(self: DuckDBAdapter, files: object = ()) -> None:
        return None

    monkeypatch.setattr(DuckDBAdapter, "offline", offline)


def _columns(project: LoadedProject, name: str) -> list[tuple[str | None, str | None]]:
    columns = project.schema(name).columns
    return [(c.name, str(c.type) if c.type is not None else None) for c in columns]


def test_names_and_types_are_those_of_the_models_once_they_are_built(duck: Project) -> None:
    duck.write(_PEOPLE)
    project = duck.load()
    assert project.diagnostics == ()
    known = {name: _columns(project, name) for name in ("plain", "by_ref", "by_source", "by_star", "deep")}
    assert not (duck.root / "shop.duckdb").exists()
    duck.built()
    for name, columns in known.items():
        assert columns == [tuple(row[:2]) for row in duck.rows(f"describe {name}")], name


def test_without_the_engine_they_are_unknown_and_an_alias_is_asked_for(
    duck: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    _no_engine(monkeypatch)
    duck.write({name: text for name, text in _PEOPLE.items() if name != "deep"})
    project = duck.load()
    assert [name for name, _ in _columns(project, "plain")] == [None, None, None]
    assert _columns(project, "by_source")[2] == ("r", None)
    found = [d for d in project.diagnostics if d.span is not None and d.span.path == "models/plain.sql"]
    assert {(d.code, d.is_error) for d in found} == {(Code.UNNAMED_COLUMN, False)}
    assert [source_text(duck, d) for d in found] == ["count(*)", "people.id + 1", "upper(name)"]


def test_a_project_on_a_server_is_asked_for_aliases(pg: Project) -> None:
    pg.write({"seeds/people.csv": "id\n1\n", "q": "select count(*), sum(id) as total from people"})
    (diagnostic,) = pg.load().diagnostics
    assert (diagnostic.code, source_text(pg, diagnostic)) == (Code.UNNAMED_COLUMN, "count(*)")
    assert diagnostic.message == "a column of `q` has no name that is known"


@pytest.mark.parametrize(
    "sql",
    [
        "select my_macro(id) from people",
        "select id + 1 from {{ source('w', 'undeclared') }}",
        "select id + 1 from unknown_type",
        "select sum(id), sum(id) from people",
        "select (select max(x) from read_csv('t.csv')) from people",
    ],
)
def test_what_the_engine_can_not_know_stays_unknown(duck: Project, sql: str) -> None:
    duck.write({**_PEOPLE, "q": sql, "unknown_type": "select my_macro(id) as id from people",
                "models/w.yml": "sources: [{name: w, tables: [{name: undeclared}]}]\n"})  # fmt: skip
    project = duck.load()
    assert {name for name, _ in _columns(project, "q")} == {None}
    assert {d.code for d in project.diagnostics} == {Code.UNNAMED_COLUMN}


_INCREMENTAL = """
{{ config(materialized='incremental') }}
select id, count(*){{ ' + 1.5' if var('other', false) and is_incremental() }} from people
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %} group by id
"""


def test_both_queries_of_an_incremental_model_are_asked_for(
    duck: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    duck.write({**_PEOPLE, "q": _INCREMENTAL})
    assert duck.load().diagnostics == ()
    (duck.root / "sqlflow.yml").write_text(
        '{"name": "shop", "vars": {"other": true}, "targets": {"dev": {"type": "duckdb"}}}'
    )
    found = sqlflow.load(duck.root).diagnostics
    assert [d.code for d in found] == [Code.INCREMENTAL_COLUMNS, Code.INCREMENTAL_COLUMNS]
    _no_engine(monkeypatch)
    assert Code.INCREMENTAL_COLUMNS not in {d.code for d in sqlflow.load(duck.root).diagnostics}


def test_a_query_reads_no_file_and_changes_nothing(duck: Project, tmp_path: Path) -> None:
    """Whatever a query holds, compiling it reaches nothing outside: not even the files of other sources."""
    duck.write({**_PEOPLE, "q": f"select count(*) from read_csv('{tmp_path / 't.csv'}')"})
    assert _columns(duck.load(), "q") == [(None, "BIGINT")]


def test_the_engine_is_left_alone_where_nothing_is_unknown(duck: Project) -> None:
    duck.write({"a": "select 1 as x", "b": "select x + 1 as y from a"})
    duck.load()
    modules = loaded("compile", "--project", str(duck.root))
    assert "sqlflow_duckdb" in modules
    assert not any(name.split(".")[0] in ("duckdb", "_duckdb") for name in modules)
    duck.write({"b": "select sum(x) from a"})
    assert "duckdb" in loaded("compile", "--project", str(duck.root))


def test_an_engine_answers_in_its_own_dialect_alone() -> None:
    engine = OfflineEngine(DuckDBAdapter(), ())
    tables = {"t": [Column("a", "INTEGER")]}
    assert engine.query("postgres", "select a / 2 as b from t", tables) is None
    assert engine.query("duckdb", "select a / 2 as b from t", tables) == (Column("b", "DOUBLE"),)
    assert engine.query("duckdb", "select b from t", tables) is None
    assert engine.query("duckdb", "select a from t", {"t": [], "broken": [Column("a", "no type")]}) is None
    engine.close()
