"""What binding writes: models, `this`, placeholders, hooks, file sources, and where an error of it lies."""

from __future__ import annotations

import pytest

from sqlflow.bind.types import BoundQuery
from sqlflow.core.ids import NodeId
from tests.compiler.projects import DUCKDB, POSTGRES, Compiled, compiled

ORDERS = "{{ config(alias='t_orders') }}select 1 as id"


def hooks(project: Compiled, name: str = "q") -> list[str]:
    model = project.model(name)
    return [hook.sql for hook in (*model.pre_hooks, *model.post_hooks)]


def query_of(project: Compiled, name: str = "q") -> BoundQuery:
    full = project.model(name).full
    assert full is not None
    return full


def places(project: Compiled, query: BoundQuery, text: str) -> list[tuple[str, str]]:
    """What the frames of a piece of bound SQL cover, the outermost first."""
    at = query.sql.index(text)
    return [project.at(span) for span in query.map.locate(at, at + len(text))]


def test_only_the_names_of_tables_change() -> None:
    text = "SELECT  len(o.k)--c\n\t,'orders' /* orders */\nFROM orders\to;"
    project = compiled({"q.sql": text, "orders.sql": "{{ config(alias='t_orders') }}select 'a' as k"}).clean()
    assert project.sql() == ('SELECT  len(o.k)--c\n\t,\'orders\' /* orders */\nFROM "main"."t_orders"\to')


def test_a_table_that_keeps_its_name_gets_no_alias() -> None:
    project = compiled({"q.sql": "select * from ORDERS", "orders.sql": "select 1 as id"}).clean()
    assert project.sql() == 'select * from "main"."orders"'


def test_a_folded_name_gets_the_alias_that_the_query_uses() -> None:
    project = compiled(
        {"q.sql": "select Orders.id from Orders", "orders.sql": ORDERS}, settings=POSTGRES
    ).clean()
    assert project.sql() == 'select Orders.id from "public"."t_orders" AS Orders'


def test_a_quoted_name_keeps_its_quotes_in_the_alias() -> None:
    files = {"q.sql": 'select "We ird".id from "We ird"', "We ird.sql": ORDERS}
    assert compiled(files).clean().sql() == 'select "We ird".id from "main"."t_orders" AS "We ird"'


def test_a_reference_is_seen_by_the_name_of_its_relation() -> None:
    text = "select {{ ref('orders') }}.id, t_orders.id from {{ ref('orders') }}"
    project = compiled({"q.sql": text, "orders.sql": ORDERS}).clean()
    assert project.sql() == 'select "t_orders".id, t_orders.id from "main"."t_orders"'


def test_a_reference_in_text_or_comment_becomes_the_name() -> None:
    text = "select '{{ ref('orders') }}' as n /* {{ ref('orders') }} */ from {{ ref('orders') }} o"
    project = compiled({"q.sql": text, "orders.sql": ORDERS}).clean()
    assert project.sql() == (
        'select \'"main"."t_orders"\' as n /* "main"."t_orders" */ from "main"."t_orders" o'
    )


def test_many_references_are_not_taken_for_one_another() -> None:
    names = [f"m{i}" for i in range(12)]
    text = "select * from " + ", ".join(f"{{{{ ref('{name}') }}}}" for name in names)
    project = compiled({"q.sql": text, **{f"{name}.sql": "select 1 as id" for name in names}}).clean()
    assert project.sql() == "select * from " + ", ".join(f'"main"."{name}"' for name in names)


def test_a_qualifier_with_the_schema_loses_it() -> None:
    files = {"q.sql": "select raw . events.id, RAW.Events.n from raw.events", "s.yml": EVENTS}
    assert compiled(files).clean().sql() == ('select events.id, Events.n from "landing"."ev" AS events')


def test_a_qualifier_of_an_aliased_table_is_left() -> None:
    files = {"q.sql": "select raw.events.id from raw.events as raw", "s.yml": EVENTS}
    assert compiled(files).clean().sql() == 'select raw.events.id from "landing"."ev" as raw'


EVENTS = "sources: [{name: raw, schema: landing, tables: [{name: events, identifier: ev}]}]"


def test_a_query_in_the_incremental_mode_reads_itself_by_this() -> None:
    text = (
        "{{ config(materialized='incremental', alias='t_q') }}select * from orders"
        "{% if is_incremental() %} where id > (select max({{ this }}.id) from {{ this }}){% endif %}"
    )
    project = compiled({"q.sql": text, "orders.sql": "select 1 as id"}).clean()
    model = project.model()
    assert model.full is not None and model.incremental is not None
    assert model.full.sql == 'select * from "main"."orders"'
    assert model.incremental.sql == (
        'select * from "main"."orders" where id > (select max("t_q".id) from "main"."t_q")'
    )
    assert project.parents("model.shop.q") == ["model.shop.orders"]


def test_this_in_text_is_the_name() -> None:
    project = compiled({"q.sql": "{{ config(schema='s') }}select '{{ this }}' as n"}).clean()
    assert project.sql() == 'select \'"main_s"."q"\' as n'


# --- ephemeral models


def test_an_ephemeral_model_is_put_into_its_readers() -> None:
    files = {
        "a.sql": "{{ config(materialized='ephemeral') }}\nwith x as (select 1 as id) select * from x; -- a",
        "b.sql": "{{ config(materialized='ephemeral') }}select id + 1 as id from a -- b",
        "q.sql": "select b.id, other.id as other from b join b as other using (id)",
    }
    inner = "(\nselect id + 1 as id from (\nwith x as (select 1 as id) select * from x\n) AS a\n)"
    assert compiled(files).clean().sql() == (
        f"select b.id, other.id as other from {inner} AS b join {inner} as other using (id)"
    )


def test_an_ephemeral_model_is_read_by_a_python_model() -> None:
    files = {
        "a.sql": "{{ config(materialized='ephemeral') }}select 1 as id -- comment",
        "p.py": "import pyarrow\ndef p(a: pyarrow.Table) -> pyarrow.Table:\n    return a\n",
    }
    function = compiled(files).clean().model("p").function
    assert function is not None
    assert [given.table.text for given in function.inputs] == ['(\nselect 1 as id\n) AS "a"']


def test_a_comment_after_an_ephemeral_query_hides_nothing() -> None:
    import duckdb

    files = {
        "a.sql": "{{ config(materialized='ephemeral') }}select 1 as id -- no line break after this",
        "q.sql": "select id from a where id = 1",
    }
    assert duckdb.sql(compiled(files).clean().sql()).fetchall() == [(1,)]


def test_an_ephemeral_model_with_an_error_says_it_once() -> None:
    files = {
        "a.sql": "{{ config(materialized='ephemeral') }}select from from",
        "q.sql": "select * from a",
        "r.sql": "select * from a",
    }
    assert [d.code for d in compiled(files).diagnostics] == ["SF0201"]


# --- hooks


def test_hooks_are_bound() -> None:
    text = (
        "{{ config(pre_hook=\"delete from {{ this }} where id in (select id from {{ ref('orders') }})\","
        " post_hook=['analyze {{ this }}', \"select '{{ source('raw', 'events') }}'\"]) }}select 1 as id"
    )
    project = compiled({"q.sql": text, "orders.sql": ORDERS, "s.yml": EVENTS}).clean()
    assert hooks(project) == [
        'delete from "main"."q" where id in (select id from "main"."t_orders")',
        'analyze "main"."q"',
        'select \'"landing"."ev"\'',
    ]
    assert project.parents("model.shop.q") == ["model.shop.orders", "source.shop.raw.events"]


def test_a_seeds_hooks_are_bound() -> None:
    settings = DUCKDB + "seeds: {+post_hook: 'analyze {{ this }}'}\n"
    project = compiled({"seeds/s.csv": "id\n1\n"}, settings=settings).clean()
    (seed,) = project.program.seeds.values()
    assert [hook.sql for hook in seed.post_hooks] == ['analyze "main"."s"']


# --- sources in files


FILES = (
    "sources: [{name: raw, tables: [{name: e, location: data/e's.parquet}, {name: c, location: data/c.csv}]}]"
)
DATA = {"data/e's.parquet": "", "data/c.csv": "id\n1\n"}


def test_a_file_is_read_where_it_lies() -> None:
    project = compiled({"q.sql": "select e.id from raw.e, raw.c x", "s.yml": FILES, **DATA}).clean()
    assert project.sql() == (
        "select e.id from read_parquet('/project/data/e''s.parquet') AS e, read_csv('/project/data/c.csv') x"
    )
    assert {source.load for source in project.program.sources.values()} == {None}


def test_a_file_that_the_engine_cant_read_is_loaded() -> None:
    project = compiled({"q.sql": "select e.id from raw.e", "s.yml": FILES, **DATA}, settings=POSTGRES).clean()
    assert project.sql() == 'select e.id from "raw"."e"'
    loads = {source.name: source.load for source in project.program.sources.values()}
    assert loads == {"raw.e": "data/e's.parquet", "raw.c": "data/c.csv"}


# --- places


def test_a_place_in_a_model() -> None:
    text = "-- é 😀\nselect\n  {{ 3 }} as x,\n  wrong_name()\nfrom orders"
    project = compiled({"q.sql": text, "orders.sql": ORDERS}).clean()
    assert places(project, query_of(project), "wrong_name") == [("models/q.sql", "wrong_name")]


def test_a_place_after_a_name_that_grew() -> None:
    text = "select 1 from orders join orders o2 on orders.id = o2.id"
    project = compiled({"q.sql": text, "orders.sql": ORDERS}).clean()
    assert places(project, query_of(project), "o2.id") == [("models/q.sql", "o2.id")]
    assert places(project, query_of(project), '"t_orders" AS orders') == [("models/q.sql", "orders")]


def test_a_place_after_a_qualifier_that_shrank() -> None:
    files = {"q.sql": "select raw.events.id, wrong from raw.events", "s.yml": EVENTS}
    project = compiled(files).clean()
    assert places(project, query_of(project), "wrong") == [("models/q.sql", "wrong")]
    assert places(project, query_of(project), "id,") == [("models/q.sql", "id,")]


def test_a_place_in_a_macro_has_both_files() -> None:
    files = {
        "macros/m.sql": "{% macro price(c) %}round({{ c }}, wrong_digits()){% endmacro %}",
        "q.sql": "select {{ price('id') }} as p from orders",
        "orders.sql": ORDERS,
    }
    project = compiled(files).clean()
    assert places(project, query_of(project), "wrong_digits") == [
        ("models/q.sql", "{{ price('id') }}"),
        ("macros/m.sql", "wrong_digits"),
    ]


def test_a_place_in_an_ephemeral_model_is_where_it_is_read_and_its_own() -> None:
    files = {
        "macros/m.sql": "{% macro m() %}wrong_in_macro(){% endmacro %}",
        "a.sql": "{{ config(materialized='ephemeral') }}\n\nselect 'é', wrong_a(), {{ m() }} from orders;\n",
        "b.sql": "{{ config(materialized='ephemeral') }}select wrong_b() as id from a -- b",
        "q.sql": "select wrong_q() from orders join b using (id) where wrong_where()",
        "orders.sql": ORDERS,
    }
    project = compiled(files).clean()
    query = query_of(project)
    read, below = ("models/q.sql", "b"), ("models/b.sql", "a")
    assert places(project, query, "wrong_q") == [("models/q.sql", "wrong_q")]
    assert places(project, query, "wrong_b") == [read, ("models/b.sql", "wrong_b")]
    assert places(project, query, "wrong_a") == [read, below, ("models/a.sql", "wrong_a")]
    assert places(project, query, "wrong_in_macro") == [
        read,
        below,
        ("models/a.sql", "{{ m() }}"),
        ("macros/m.sql", "wrong_in_macro"),
    ]
    assert places(project, query, ") AS b") == [read]
    assert places(project, query, "wrong_where") == [("models/q.sql", "wrong_where")]
    assert query.map.length == len(query.sql)


@pytest.mark.parametrize("word", ["TABLE", "table  "])
def test_a_place_after_the_table_statement(word: str) -> None:
    project = compiled({"q.sql": f"{word} orders order by wrong()", "orders.sql": ORDERS}).clean()
    assert project.sql() == 'SELECT * FROM "main"."t_orders" AS orders order by wrong()'
    assert places(project, query_of(project), "wrong") == [("models/q.sql", "wrong")]


def test_the_relations_of_failed_rows_have_names_that_fit() -> None:
    yml = "models: [{name: q, columns: [{name: a, data_tests: [{accepted_values: {values: [%s]}}]}]}]"
    values = ", ".join(f"value_{i}" for i in range(60))
    project = compiled({"q.sql": "select 1 as a", "q.yml": yml % values}, settings=POSTGRES).clean()
    (test,) = project.program.generic_tests.values()
    assert test.failures.schema == "public_dbt_test__audit"
    assert len(test.failures.identifier.encode()) <= 63


def test_a_broken_model_leaves_the_others_bound() -> None:
    project = compiled({"a.sql": "select from from", "b.sql": "select 1 as id", "q.sql": "select * from b"})
    assert [d.code for d in project.diagnostics] == ["SF0201"]
    assert project.sql() == 'select * from "main"."b"'
    assert NodeId("model.shop.a") not in project.program.models
