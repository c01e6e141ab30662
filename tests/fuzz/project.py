"""The project that is broken: one file of every kind, over the tables of the random queries."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.project.catalog import CATALOG_FILE, Catalog, CatalogColumn, catalog_text
from tests.judge.world import TABLES

Files = Mapping[str, bytes]


def _sources() -> str:
    lines = ["sources:", "- name: shop", "  tables:"]
    for table, columns in TABLES.items():
        lines += [f"  - name: {table}", "    columns:"]
        for name, kind, required in columns:
            lines.append(
                f"    - {{name: {name}, data_type: '{kind}'{', data_tests: [not_null]' * required}}}"
            )
    return "\n".join(lines) + "\n"


def _pulled() -> str:
    """What was pulled of the sources: all their columns are known, so an engine is asked for what is not."""
    tables = {
        ("shop", table): tuple(CatalogColumn(name, kind, not required) for name, kind, required in columns)
        for table, columns in TABLES.items()
    }
    return catalog_text(Catalog(dialects={"duckdb": tables}))


_SETTINGS = """\
name: shop
targets:
  dev: {type: duckdb, path: "{{ env_var('FILE', 'x.duckdb') }}"}
vars: {since: 2020-01-01, kinds: [a, b]}
models:
  +materialized: view
  marts: {+materialized: table, +tags: [daily]}
diagnostics: {SF0310: warning}
"""
_PROPERTIES = """\
models:
- name: marts_items
  description: "Items, {{ doc }} as they are."
  config: {contract: {enforced: true}}
  columns:
  - {name: id, data_type: integer, data_tests: [unique, not_null]}
  - name: label
    data_type: varchar
    data_tests:
    - accepted_values: {values: [a, b], config: {severity: warn}}
    - relationships: {to: "source('shop', 'items')", field: id}
"""
_MACROS = """\
{% macro cents(column, scale=2) %}({{ column }} * 100)::decimal(16, {{ scale }}){% endmacro %}
{% macro all_of(names) -%}
  {% for name in names %}{{ name }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endmacro %}
"""
_PYTHON = '''\
"""Models."""

import pandas as pd
import sqlflow
from typing import Annotated
from sqlflow import ref

DAYS = 7


def _help(frame):
    return frame


@sqlflow.model(materialized="table", columns={"id": "integer"}, tags=["x"])
def marts_frame(items: pd.DataFrame, other: Annotated[pd.DataFrame, ref("marts_items")]) -> pd.DataFrame:
    """Joins."""
    return _help(items)
'''
_TEMPLATED = """\
{{ config(materialized='incremental', unique_key='id', tags=['a']) }}
-- The newest.
select id, {{ cents('price') }} as cents, {{ all_of(['label', 'tags']) }}
from {{ source('shop', 'items') }}
{% if is_incremental() %} where seen > (select max(seen) from {{ this }}) {% endif %}
"""

FILES: Files = {
    "sqlflow.yml": _SETTINGS.encode(),
    "models/sources.yml": _sources().encode(),
    CATALOG_FILE: _pulled().encode(),
    "models/marts/marts.yml": _PROPERTIES.encode(),
    "models/marts/marts_items.sql": b"select q.id, q.label from {{ ref('q') }} join items using (id)",
    "models/marts/marts_frame.py": _PYTHON.encode(),
    "models/q.sql": _TEMPLATED.encode(),
    "macros/all.sql": _MACROS.encode(),
    "seeds/colors.csv": 'color,rank\nred,1\n"blue, dark",2\ngrün,\n'.encode(),
    "tests/none.sql": b"select * from {{ ref('marts_items') }} where id < 0",
}

QUERIES: tuple[bytes, ...] = tuple(
    text.strip().encode()
    for text in (
        _TEMPLATED,
        "select i.*, s.qty * price as total from items i left join sales s on i.id = s.item_id",
        "with a as (select * from items), b as (select id from a where id > 1) select a.name, b.* from a, b",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r",
        "select * exclude (doc) replace (upper(name) as name) rename (label as tag) from items",
        "select columns('i.*') from items",
        "select sum(price) over w as s from items window w as (partition by label order by id) qualify s > 1",
        "select distinct on (label) label, id from items order by label, id desc limit 3 offset 1",
        "pivot sales on paid using sum(qty) as q group by item_id",
        "select * from (select id, qty from sales) unpivot (v for k in (id, qty))",
        "select label, grouping(label) as g, count(*) as n from items group by rollup (label) having n > 1",
        "select u.x, info.color as c, props['a'] as p, doc->>'a' as d from items, unnest(tags) as u(x)",
        "select list_transform(tags, lambda t: upper(t)) as t, [x for x in tags if x > 'a'] as f from items",
        "select id, name from items union all by name select name, id from people",
        "(select id from items except select id from sales) intersect select id from people order by 1",
        "select case when exists (from sales where item_id = items.id) then 1 end as has from items",
        "select * from sales asof join items on sales.item_id = items.id and sales.sold >= items.made",
        "from items select id, name where id in (select item_id from sales) order by all",
        "select cast('2020-01-01' as date) + interval 1 day as d, date '2020-01-01' - made as n from items",
        "select {'a': 1, 'b': [1, 2]} as s, map {'k': 1} as m, struct_pack(x := 1).x as x",
        "select * from (values (1, 'a'), (2, 'b')) as t(a, b) natural join (select 1 as a) u",
        "select {{ var('since') }} as v {% for k in var('kinds') %}, '{{ k }}' as {{ k }}{% endfor %}",
        "{% set x = ['a', 'b'] %}select {{ all_of(x) }} from (select 1 as a, 2 as b)",
        "{%- macro m(a) -%}{{ a }} + 1{%- endmacro -%}\nselect {{ m('id') }} as x from items",
        "select 'it''s' as a, e'\\n' as b, $$x$$ as c, \"id\" as d, 1e3 as e, .5 as f, 0x1F as g from items",
    )
)
