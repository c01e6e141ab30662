"""Projects written in one dialect, built on the engine of another: the rows are those of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sqlflow
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import ProjectError
from tests.apply.engines import duckdb_warehouse, postgres_warehouse
from tests.apply.projects import Project, source_text
from tests.pairs.ask import same

SALES = (
    "id,customer,amount,sold_on,sold_at\n"
    "1,Ann,10.50,2024-01-31,2024-01-31 23:59:59\n"
    "2,Bob,7.25,2024-02-29,2024-02-29 00:00:00\n"
    "3,Ann,,2024-03-01,2024-03-01 12:30:00\n"
    "4,Celik,0.01,2023-12-31,2023-12-31 18:00:00\n"
    "5,,3.33,2024-01-15,2024-01-15 06:00:00\n"
)
SEEDS = (
    "seeds: [{name: sales, config: {column_types: {id: integer, customer: CUSTOMER, amount: 'decimal(10,2)', "
    "sold_on: date, sold_at: timestamp}}, columns: [{name: id, data_tests: [unique, not_null]}]}]"
)
IN_DUCKDB = {
    "seeds/sales.csv": SALES,
    "seeds/seeds.yml": SEEDS.replace("CUSTOMER", "varchar"),
    "named": "{{ config(materialized='ephemeral') }}\n"
    "select ID as Sale_ID, coalesce(customer, '?') as Customer, amount, sold_on, sold_at from sales",
    "monthly": "{{ config(materialized='table') }}\n"
    "select customer, date_trunc('month', sold_on) as month, year(sold_on) as y, sum(amount) as total,\n"
    "    count(*) as n, avg(amount) as mean, max(sold_at) as last_at, total * 2 as twice\n"
    "from named group by all",
    "ratios": "select sale_id, 7 / sale_id as share, sale_id // 2 as half, round(amount, 1) as rounded,\n"
    "    sold_on - date '2024-01-01' as days, date_diff('day', date '2024-01-01', sold_on) as days_too,\n"
    "    sold_on + interval 1 month as next_month, customer || '!' as loud, length(customer) as letters,\n"
    "    case when amount > 5 then 'much' else 'little' end as size, strftime(sold_on, '%Y-%m') as label\n"
    "from {{ ref('named') }}",
    "ranked": "select customer, sale_id as id,\n"
    "    row_number() over (partition by customer order by amount desc) as place\n"
    "from named qualify place = 1",
    "events": "{{ config(materialized='incremental', unique_key='id') }}\n"
    "select id, amount / 2 as half from sales\n"
    "{% if is_incremental() %} where id > (select max(id) from {{ this }}) - 1 {% endif %}",
    "tests/no_negative.sql": "select * from {{ ref('ratios') }} where half < 0",
}
IN_POSTGRES = {
    "seeds/sales.csv": SALES,
    "seeds/seeds.yml": SEEDS.replace("CUSTOMER", "text"),
    "named": "{{ config(materialized='ephemeral') }}\n"
    "select ID as Sale_ID, coalesce(customer, '?') as Customer, amount, sold_on, sold_at from sales",
    "monthly": "{{ config(materialized='table') }}\n"
    "select customer, extract(year from sold_on) as y, sum(amount) as total, count(*) as n,\n"
    "    max(sold_at) as last_at\n"
    "from named group by customer, extract(year from sold_on)",
    "ratios": "select sale_id, 7 / sale_id as share, sale_id / 2 as half, round(amount, 1) as rounded,\n"
    "    sold_on - date '2024-01-01' as days, sold_on + interval '1 month' as next_month,\n"
    "    customer || '!' as loud, length(customer) as letters, to_char(sold_on, 'YYYY-MM') as label,\n"
    "    amount::double precision as float_amount\n"
    'from {{ ref(\'named\') }} as "N" where "N".sale_id <> 100',
    "ranked": "select distinct on (customer) customer, sale_id as id from named\n"
    "-- sqlflow: ignore SF0320 names begin with letters of ASCII\n"
    "order by customer, amount desc",
    "events": "{{ config(materialized='incremental', unique_key='id') }}\n"
    "select id, amount * 2 as double from sales\n"
    "{% if is_incremental() %} where id > (select max(id) from {{ this }}) - 1 {% endif %}",
    "tests/no_negative.sql": "select * from {{ ref('ratios') }} where half < 0",
}
MODELS = ("monthly", "ratios", "ranked", "events")


@pytest.fixture
def both(tmp_path: Path, postgres_database: dict[str, Any]) -> dict[str, Project]:
    """An empty project on each engine."""
    for name in ("duckdb", "postgres"):
        (tmp_path / name).mkdir()
    return {
        "duckdb": Project(tmp_path / "duckdb", duckdb_warehouse(tmp_path / "duckdb")),
        "postgres": Project(tmp_path / "postgres", postgres_warehouse(postgres_database)),
    }


def rows(project: Project, model: str) -> list[tuple[Any, ...]]:
    return project.rows(f"select * from {project.warehouse.schema}.{model} order by 1, 2")


@pytest.mark.parametrize(("dialect", "files"), [("duckdb", IN_DUCKDB), ("postgres", IN_POSTGRES)])
def test_the_rows_are_those_of_the_models_own_dialect(
    both: dict[str, Project], dialect: str, files: dict[str, str]
) -> None:
    for project in both.values():
        project.settings = {"dialect": dialect}
        project.built(files)
        project.built({"seeds/sales.csv": SALES + "6,Bob,2.00,2024-04-01,2024-04-01 00:00:00\n"})
    own = both[dialect]
    other = both["postgres" if dialect == "duckdb" else "duckdb"]
    assert own.load().diagnostics == other.load().diagnostics == ()
    for model in MODELS:
        assert list(own.warehouse.columns(model)) == list(other.warehouse.columns(model)), model
        assert same(rows(own, model), rows(other, model)), (model, rows(own, model), rows(other, model))
    assert len(rows(own, "events")) == 6


def test_what_was_not_verified_is_told_with_its_place(pg: Project) -> None:
    pg.settings = {"dialect": "duckdb"}
    pg.write({"a": "select 'abc' as s", "b": "select list_sort([2, 1]) as l,\n  soundex(s) as x from a"})
    found = pg.load().diagnostics
    assert {d.code for d in found} == {Code.UNVERIFIED_TRANSLATION}
    assert "soundex(s)" in [source_text(pg, d) for d in found]


def test_a_line_accepts_what_was_not_verified(pg: Project) -> None:
    pg.settings = {"dialect": "duckdb"}
    pg.write({"a": "select 'abc' as s", "b": "-- sqlflow: ignore SF0320\nselect md5(upper(s)) as x from a"})
    assert pg.load().diagnostics == ()


def test_an_error_of_the_warehouse_leads_back_to_the_model(pg: Project) -> None:
    pg.settings = {"dialect": "duckdb"}
    run = pg.build({"a": "select 1 as one,\n  no_such_function(2) as two"})
    (diagnostic,) = run.nodes["a"].diagnostics
    assert diagnostic.code is Code.STATEMENT_FAILED
    assert source_text(pg, diagnostic) == "no_such_function"


def test_hooks_are_sent_as_they_are_written(pg: Project) -> None:
    pg.settings = {"dialect": "duckdb"}
    hook = "{{ config(materialized='table', post_hook='comment on table {{ this }} is $$x$$') }}"
    run = pg.built({"a": hook + " select 1 as one"})
    assert any("comment on table" in sql and "$$x$$" in sql for sql in run.statements)


def test_an_inline_query_is_translated_too(pg: Project) -> None:
    pg.settings = {"dialect": "duckdb"}
    pg.built({"a": "select 7 as n"})
    assert pg.load().show_inline("select n / 2 as half from a").rows == ((3.5,),)


def test_declarations_name_columns_as_the_models_dialect_does(pg: Project) -> None:
    pg.settings = {"dialect": "duckdb"}
    columns = "[{name: ID, data_tests: [unique, not_null, {relationships: {to: \"ref('a')\", field: iD}}]}]"
    files = {
        "a": "{{ config(materialized='table') }} select 1 as Id, 'x' as Name",
        "b": "{{ config(materialized='incremental', unique_key='iD') }} select id, name from a",
        "b.yml": "models: [{name: b, columns: COLUMNS}]".replace("COLUMNS", columns),
    }
    files["models/b.yml"] = files.pop("b.yml")
    pg.built(files)
    run = pg.built({}, force=True)
    assert [status for name, status in run.statuses.items() if "_ID" in name] == ["success"] * 3
    assert list(pg.warehouse.columns("b")) == ["Id", "Name"]
    assert pg.rows("select * from b") == [(1, "x")]


def test_what_was_compiled_for_another_dialect_is_not_built(duck: Project) -> None:
    duck.write({"a": "select 1 as one"}).load()
    project = sqlflow.load(duck.root, dialect="postgres")
    assert project.compile()[0].sql == 'SELECT\n  1 AS "one"'
    with pytest.raises(ProjectError) as raised:
        project.build()
    (found,) = raised.value.diagnostics
    assert found.code is Code.UNSUPPORTED_BY_ENGINE
    assert found.message == "the project was compiled for postgres, and the target `dev` speaks duckdb"
