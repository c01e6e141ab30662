"""What a name means: the order of look-ups, and what is said where there is no answer or several."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from tests.compiler.projects import DUCKDB, POSTGRES, compiled

ONE = "select 1 as id"
RAW = "sources: [{name: raw, schema: landing, tables: [{name: events, identifier: ev}, {name: days}]}]"
Q = "model.shop.q"


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("select * from orders", ["model.shop.orders"]),
        ("select * from ORDERS", ["model.shop.orders"]),
        ('select * from "Orders"', ["model.shop.orders"]),
        ("select * from {{ ref('orders') }}", ["model.shop.orders"]),
        ("select * from {{ ref('shop', 'orders') }}", ["model.shop.orders"]),
        ("select * from colours", ["seed.shop.colours"]),
        ("select * from events", ["source.shop.raw.events"]),
        ("select * from raw.events", ["source.shop.raw.events"]),
        ("select * from Raw.EVENTS", ["source.shop.raw.events"]),
        ("select * from landing.ev", ["source.shop.raw.events"]),
        ("select * from {{ source('raw', 'events') }}", ["source.shop.raw.events"]),
        ("with orders as (select 2) select * from orders", []),
        ("with orders as (select * from orders) select * from orders", ["model.shop.orders"]),
        ("with events as (select 2) select * from raw.events, events", ["source.shop.raw.events"]),
        ("select * from information_schema.tables", []),
        ("select * from pg_catalog.pg_class", []),
        (
            "select '{{ ref('orders') }}' as a -- {{ ref('colours') }}",
            ["model.shop.orders", "seed.shop.colours"],
        ),
        ("-- {{ source('raw', 'days') }}\nselect 1 as id", ["source.shop.raw.days"]),
        (
            "{{ config(post_hook=\"select * from {{ ref('orders') }}\") }}select 1 as id",
            ["model.shop.orders"],
        ),
        ("{% if false %}{{ ref('orders') }}{% endif %}select 1 as id", []),
        ("select * from orders, orders o2, {{ ref('orders') }} o3", ["model.shop.orders"]),
    ],
)
def test_what_a_name_means(query: str, read: list[str]) -> None:
    files = {"q.sql": query, "orders.sql": ONE, "seeds/colours.csv": "id\n1\n", "s.yml": RAW}
    assert compiled(files).clean().parents(Q) == read


def test_a_model_comes_before_a_source_of_its_name() -> None:
    files = {"q.sql": "select * from events join raw.events using (id)", "events.sql": ONE, "s.yml": RAW}
    assert compiled(files).clean().parents(Q) == ["model.shop.events", "source.shop.raw.events"]


def test_a_model_reads_the_source_of_its_own_name() -> None:
    files = {"events.sql": "select * from events", "q.sql": "select * from events", "s.yml": RAW}
    project = compiled(files).clean()
    assert project.parents("model.shop.events") == ["source.shop.raw.events"]
    assert project.parents(Q) == ["model.shop.events"]


def test_a_source_comes_before_a_schema_of_its_name() -> None:
    yml = "sources: [{name: a, schema: x, tables: [{name: t}]}, {name: b, schema: a, tables: [{name: t}]}]"
    project = compiled({"q.sql": "select * from a.t", "s.yml": yml}).clean()
    assert project.parents(Q) == ["source.shop.a.t"]


def test_a_source_is_found_by_database_schema_and_table() -> None:
    yml = "sources: [{name: raw, database: db, schema: x, tables: [{name: t}]}]"
    project = compiled({"q.sql": "select db.x.t.id from db.x.t", "s.yml": yml}).clean()
    assert project.parents(Q) == ["source.shop.raw.t"]
    assert project.sql() == 'select t.id from "db"."x"."t"'


def test_names_fold_as_the_dialect_folds() -> None:
    files = {"q.sql": 'select * from Orders, "orders" o', "orders.sql": ONE}
    assert compiled(files, settings=POSTGRES).clean().parents(Q) == ["model.shop.orders"]
    files = {"q.sql": 'select * from "Orders"', "orders.sql": ONE}
    assert compiled(files, settings=POSTGRES).only().code is Code.UNKNOWN_REFERENCE
    assert compiled(files, settings=DUCKDB).clean().parents(Q) == ["model.shop.orders"]


# --- no answer


@pytest.mark.parametrize(
    ("query", "message", "at", "help"),
    [
        ("select * from ordres", "unknown table `ordres`", "ordres", "did you mean `orders`?"),
        ("select * from raw.evnts e", "unknown table `raw.evnts`", "raw.evnts", "did you mean `raw.events`"),
        ("select 1 from main.zzz", "unknown table `main.zzz`", "main.zzz", "a table of the warehouse has"),
        ("select 1 from a.b.c.d", "unknown table `a.b.c.d`", "a.b.c.d", "a table of the warehouse has"),
        (
            "select * from {{ ref('ordres') }}",
            "unknown model `ordres`",
            "ref('ordres')",
            "did you mean `orders`?",
        ),
        (
            "select * from {{ ref('shp', 'orders') }}",
            "unknown package `shp`",
            "ref('shp', 'orders')",
            "did you mean `shop`?",
        ),
        (
            "select * from {{ source('rw', 'a') }}",
            "unknown source `rw`",
            "source('rw', 'a')",
            "did you mean `raw`?",
        ),
        (
            "select 1 from {{ source('raw', 'evnts') }}",
            "source `raw` has no table `evnts`",
            "source('raw', 'evnts')",
            "did you mean `events`?",
        ),
        (
            "select 1 from {{ source('raw', 'zz') }}",
            "source `raw` has no table `zz`",
            "source('raw', 'zz')",
            "`raw` has: days, events",
        ),
        (
            "select 1 from (select 1 from nope) x",
            "unknown table `nope`",
            "nope",
            "a table of the warehouse has",
        ),
        (
            "with a as (select * from b), b as (select 1) select * from a, b",
            "unknown table `b`",
            "b",
            "a table",
        ),
        ("select * from q", "`q` reads itself", "q", "write `{{ this }}`"),
        (
            "{{ config(post_hook=\"x {{ ref('ordres') }}\") }}select 1",
            "unknown model `ordres`",
            None,
            "did you mean `orders`?",
        ),
    ],
)
def test_no_answer(query: str, message: str, at: str | None, help: str) -> None:
    project = compiled({"q.sql": query, "orders.sql": ONE, "s.yml": RAW})
    diagnostic = project.only()
    assert (diagnostic.code, diagnostic.message) == (Code.UNKNOWN_REFERENCE, message)
    assert diagnostic.help.startswith(help)
    path, covered = project.at(diagnostic.span)
    assert path == "models/q.sql"
    if at is not None:
        assert covered.strip("{} ") == at


def test_the_place_of_an_unknown_name_is_that_of_the_right_one() -> None:
    text = "select nope /* nope */, 'nope 😀' from orders join nope on true"
    project = compiled({"q.sql": text, "orders.sql": ONE})
    span = project.only().span
    assert span is not None and span.start == text.index("nope on")


def test_an_unknown_name_from_a_macro_points_at_the_call() -> None:
    files = {"macros/m.sql": "{% macro t() %}nope{% endmacro %}", "q.sql": "select * from {{ t() }}"}
    project = compiled(files)
    assert project.at(project.only().span) == ("models/q.sql", "{{ t() }}")


def test_a_name_that_both_renderings_lack_is_said_once() -> None:
    text = "{{ config(materialized='incremental') }}select * from nope"
    assert compiled({"q.sql": text}).only().message == "unknown table `nope`"


def test_a_name_that_only_the_incremental_rendering_lacks_is_said() -> None:
    text = (
        "{{ config(materialized='incremental') }}select * from {{ 'nope' if is_incremental() else 'orders' }}"
    )
    assert compiled({"q.sql": text, "orders.sql": ONE}).only().message == "unknown table `nope`"


def test_a_python_models_parameter() -> None:
    text = "import pyarrow\n\ndef p(ordres: pyarrow.Table) -> pyarrow.Table:\n    return ordres\n"
    project = compiled({"p.py": text, "orders.sql": ONE})
    assert project.shown()[0][0] == "unknown table `ordres`"
    assert project.at(project.only().span)[1].startswith("ordres")


# --- several answers


def test_two_sources_with_a_table_of_one_name() -> None:
    yml = "sources: [{name: a, tables: [{name: t}]}, {name: b, tables: [{name: t}]}]"
    project = compiled({"q.sql": "select * from t", "s.yml": yml})
    diagnostic = project.only()
    assert diagnostic.code is Code.AMBIGUOUS_REFERENCE
    assert diagnostic.message == "`t` could be `a.t` or `b.t`"
    assert project.at(diagnostic.span) == ("models/q.sql", "t")
    assert [project.at(label.span)[0] for label in diagnostic.labels] == ["models/s.yml"] * 2
    assert diagnostic.help == "write the source's name before it: `a.t`"
    assert compiled({"q.sql": "select * from b.t", "s.yml": yml}).clean().parents(Q) == ["source.shop.b.t"]


# --- switched off, broken


def test_a_disabled_model_is_not_unknown() -> None:
    files = {"off.sql": "{{ config(enabled=false) }}select 1", "q.sql": "select * from off"}
    project = compiled(files)
    diagnostic = project.only()
    assert (diagnostic.code, diagnostic.message) == (Code.DISABLED_REFERENCE, "`off` is disabled")
    assert project.at(diagnostic.span) == ("models/q.sql", "off")
    assert project.at(diagnostic.labels[0].span)[0] == "models/off.sql"


def test_a_disabled_model_is_no_node_and_has_no_tests() -> None:
    yml = "models: [{name: unused, config: {enabled: false}, columns: [{name: a, data_tests: [unique]}]}]"
    project = compiled({"unused.sql": "select * from nope", "unused.yml": yml}).clean()
    assert (dict(project.graph.nodes), dict(project.graph.tests)) == ({}, {})


@pytest.mark.parametrize("broken", ["select from from", "select {{ nope }}", "{% if %}", "drop table x"])
def test_a_broken_model_is_known_to_those_that_read_it(broken: str) -> None:
    files = {"bad.sql": broken, "q.sql": "select * from bad join {{ ref('bad') }} b using (id)"}
    project = compiled(files)
    assert [project.at(d.span)[0] for d in project.diagnostics] == ["models/bad.sql"]


# --- one name in the warehouse


def test_two_models_that_would_be_one_table() -> None:
    files = {"a.sql": "{{ config(alias='T') }}select 1", "b.sql": "{{ config(alias='t') }}select 2"}
    project = compiled(files)
    diagnostic = project.only()
    assert diagnostic.code is Code.SAME_RELATION
    assert diagnostic.message == "`a` and `b` would both be `main.t`"
    assert compiled(files, settings=POSTGRES).diagnostics == ()
    assert [project.at(s)[0] for s in (diagnostic.span, diagnostic.labels[0].span)] == [
        "models/b.sql",
        "models/a.sql",
    ]


def test_a_model_and_a_seed_that_would_be_one_table() -> None:
    files = {"a.sql": "{{ config(alias='colours') }}select 1", "seeds/colours.csv": "id\n1\n"}
    assert compiled(files).only().code is Code.SAME_RELATION


def test_an_ephemeral_model_has_no_name_in_the_warehouse() -> None:
    files = {
        "a.sql": "{{ config(alias='t', materialized='ephemeral') }}select 1",
        "b.sql": "{{ config(alias='t') }}select 2",
    }
    assert compiled(files).diagnostics == ()
