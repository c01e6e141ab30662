"""Incremental strategies that the project writes itself, as macros."""

from __future__ import annotations

import json

import pytest

import sqlflow
from sqlflow.core.diagnostic import Diagnostic
from tests.apply.projects import Project, Run, source_text

UPSERT = """{% macro get_incremental_newest_sql(arg_dict) %}
  {% do return(newest(arg_dict["target_relation"], arg_dict["temp_relation"], arg_dict["unique_key"],
                      arg_dict["dest_columns"])) %}
{% endmacro %}

{% macro newest(target, temp, key, columns) %}
  {%- set names = get_quoted_csv(columns | map(attribute="name")) -%}
  -- what is older; than what is there
  delete from {{ temp }} where exists (
      select 1 from {{ target }} as t where t.{{ key }} = {{ temp }}.{{ key }} and t.n > {{ temp }}.n
  );
  delete from {{ target }} where {{ key }} in (select {{ key }} from {{ temp }});
  insert into {{ target }} ({{ names }}) select {{ names }} from {{ temp }} where ';' = ';';
{% endmacro %}
"""
CONFIG = "materialized='incremental', incremental_strategy='newest', unique_key='id'"


def model(rows: str, config: str = CONFIG) -> str:
    return f"{{{{ config({config}) }}}} select * from (values {rows}) as v (id, n)"


def built(project: Project, files: dict[str, str | bytes]) -> Run:
    return project.built({"macros/s.sql": UPSERT, **files})


def test_rows_come_in_as_the_macro_says(project: Project) -> None:
    built(project, {"m": model("(1, 10), (2, 10)")})
    run = built(project, {"m": model("(1, 5), (2, 20), (3, 1)")})
    assert sorted(project.rows("select * from m")) == [(1, 10), (2, 20), (3, 1)]
    assert run.nodes["m"].rows == 2
    assert list(project.warehouse.names()) == ["m"]
    assert len([sql for sql in run.statements if "delete from" in sql]) == 2
    # A change of the macro is a change of the model.
    assert built(project, {}).statuses == {"m": "unchanged"}
    changed = UPSERT.replace("t.n > ", "t.n >= ")
    assert project.built({"macros/s.sql": changed}).statuses == {"m": "success"}
    built(project, {"m": model("(7, 7)")})
    project.built({}, full_refresh=True)
    assert project.rows("select * from m") == [(7, 7)]


def test_a_failure_leaves_the_table_as_it_was(project: Project) -> None:
    built(project, {"m": model("(1, 10), (2, 10)")})
    wrong = UPSERT.replace("insert into {{ target }} (", "insert into {{ target }} (no_such, ")
    run = project.build({"macros/s.sql": wrong, "m": model("(1, 20)")})
    assert run.statuses == {"m": "error"}
    assert sorted(project.rows("select * from m")) == [(1, 10), (2, 10)]
    [said] = run.nodes["m"].diagnostics
    assert said.code == "SF0701"
    if project.warehouse.is_postgres:
        # DuckDB does not say where a column is that it does not know.
        assert source_text(project, said) == "'newest'"


def test_audits_see_what_the_macro_made(project: Project) -> None:
    tests = "models: [{name: m, columns: [{name: id, tests: [unique]}]}]"
    built(project, {"m": model("(1, 10)"), "models/m.yml": tests})
    run = project.build({"m": model("(2, 20), (2, 20)")})
    assert run.statuses == {"m": "fail", "unique_m_id": "fail"}
    assert project.rows("select * from m") == [(1, 10)]


def test_columns_that_are_added(project: Project) -> None:
    config = CONFIG + ", on_schema_change='append_new_columns'"
    built(project, {"m": model("(1, 10)", config)})
    built(project, {"m": f"{{{{ config({config}) }}}} select 2 as id, 20 as n, 'x' as more"})
    assert sorted(project.rows("select id, n, more from m"), key=str) == [(1, 10, None), (2, 20, "x")]


def test_columns_that_differ_are_refused(project: Project) -> None:
    built(project, {"m": model("(1, 10)")})
    run = project.build({"m": f"{{{{ config({CONFIG}) }}}} select 2 as id, 20 as n, 'x' as more"})
    [said] = run.nodes["m"].diagnostics
    assert said.code == "SF0703" and "its strategy was written for the query's" in said.message


def test_a_python_model(project: Project) -> None:
    python = (
        "import pyarrow\nimport sqlflow\n\n\n@sqlflow.model(materialized='incremental', unique_key='id', "
        "incremental_strategy='newest', columns={'id': 'integer', 'n': 'integer'})\n"
        "def m():\n    return pyarrow.table({'id': pyarrow.array([1], pyarrow.int32()), "
        "'n': pyarrow.array([MOMENT], pyarrow.int32())})\n"
    )
    for moment, there in ((10, 10), (5, 10), (30, 30)):
        built(project, {"models/m.py": python.replace("MOMENT", str(moment))})
        assert project.rows("select * from m") == [(1, there)]


def test_what_the_macro_is_given(duck: Project) -> None:
    macro = """{% macro get_incremental_shown_sql(args) -%}
    insert into {{ args.target_relation }}
    select {{ args.dest_columns | map(attribute='quoted') | join(', ') }}
    from {{ args['temp_relation'] }}
    where '{{ args.target_relation.identifier }}' = 'm' and {{ args.incremental_predicates[0] }}
    and '{{ args.unique_key | join('+') }}' = 'id+n'
    and '{{ args.dest_columns | map(attribute='data_type') | join('+') }}' = 'INTEGER+INTEGER'
    {%- endmacro %}"""
    config = (
        "materialized='incremental', incremental_strategy='shown', unique_key=['id', 'n'], "
        "incremental_predicates=['id > 1']"
    )
    for rows in ("(1, 1)", "(1, 2), (2, 2)"):
        duck.built({"macros/s.sql": macro, "m": model(rows, config)})
    assert sorted(duck.rows("select * from m")) == [(1, 1), (2, 2)]


def mistakes(project: Project, macro: str, text: str) -> list[Diagnostic]:
    project.write({"macros/s.sql": macro, "m": text})
    (project.root / "sqlflow.yml").write_text(
        json.dumps({"name": "shop", "targets": {"dev": {"type": "duckdb"}}})
    )
    return list(sqlflow.load(project.root).diagnostics)


MACRO = "{% macro get_incremental_newest_sql(arg_dict) %}BODY{% endmacro %}"
INSERT = "insert into {{ arg_dict.target_relation }} select * from {{ arg_dict.temp_relation }}"


@pytest.mark.parametrize(
    ("body", "text", "code", "message"),
    [
        ("", model("(1, 1)"), "SF0610", "`get_incremental_newest_sql` gives no statement"),
        ("{{ ref('m') }}", model("(1, 1)"), "SF0610", "calls `ref` or `source`"),
        ("{{ arg_dict.no_such }}", model("(1, 1)"), "SF0102", "no_such"),
        (
            "{{ exceptions.raise_compiler_error('not like this') }}",
            model("(1, 1)"),
            "SF0103",
            "not like this",
        ),
        (
            INSERT,
            model("(1, 1)", CONFIG.replace("newest", "newst")),
            "SF0007",
            "`newst` is not a value of `incremental_strategy`",
        ),
        (
            INSERT,
            model("(1, 1)", CONFIG.replace("newest", "merg")),
            "SF0007",
            "`merg` is not a value of `incremental_strategy`",
        ),
    ],
)
def test_mistakes(duck: Project, body: str, text: str, code: str, message: str) -> None:
    [said] = mistakes(duck, MACRO.replace("BODY", body), text)
    assert said.code == code and message in said.message
    assert said.span is not None and said.span.path in ("models/m.sql", "macros/s.sql")


def test_a_strategy_whose_name_is_misspelt(duck: Project) -> None:
    [said] = mistakes(duck, "", model("(1, 1)", CONFIG.replace("newest", "apend")))
    assert (said.code, source_text(duck, said)) == ("SF0007", "'apend'")
    assert said.help == "did you mean `append`?"


def test_columns_that_are_not_known(duck: Project) -> None:
    duck.write({"models/s.yml": "sources: [{name: raw, tables: [{name: t}]}]"})
    text = f"{{{{ config({CONFIG}) }}}} select * from raw.t"
    found = [d for d in mistakes(duck, MACRO.replace("BODY", INSERT), text) if d.is_error]
    assert [(d.code, source_text(duck, d)) for d in found] == [("SF0610", "'newest'")]
