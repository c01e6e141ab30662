"""Sources as the warehouse has them, on both engines."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.apply.pull import PulledSources
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import ProjectError
from sqlflow.project.catalog import CATALOG_FILE
from tests.apply.projects import Project, source_text

_SOURCES = """
sources:
  - name: raw
    schema: landing
    tables: [{name: orders}, {name: people, identifier: person}]
"""
_TABLES = (
    "create schema landing",
    "create table landing.orders (id bigint not null, amount decimal(18, 2), note varchar(20))",
    "create view landing.person as select 1 as id, 'Ada' as name",
)


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with two sources, and a warehouse that has them."""
    project.warehouse.execute(*_TABLES)
    return project.write({"models/sources.yml": _SOURCES, "q": "select * from {{ source('raw', 'orders') }}"})


def opened(project: Project) -> LoadedProject:
    """The project, whatever is wrong with it."""
    settings = {"name": "shop", "targets": {"dev": {**project.warehouse.target}}, **project.settings}
    (project.root / "sqlflow.yml").write_text(json.dumps(settings))
    return sqlflow.load(project.root)


def pulled(project: Project, *select: str, write: bool = True) -> PulledSources:
    return opened(project).pull_sources(select, write=write)


def lines(project: Project) -> list[str]:
    """The file without its heading."""
    return (project.root / CATALOG_FILE).read_text().splitlines()[4:]


def changes(result: PulledSources) -> dict[str, list[tuple[str, str | None, str | None]]]:
    return {table.name: [tuple(change) for change in table.changes] for table in result.tables}


def codes(diagnostics: Sequence[sqlflow.Diagnostic]) -> list[Code]:
    return [diagnostic.code for diagnostic in diagnostics]


def test_sources_are_written_down_with_types_and_nulls(shop: Project) -> None:
    result = pulled(shop)
    assert (result.written, result.is_current, result.diagnostics) == (True, False, ())
    text = "character varying" if shop.warehouse.is_postgres else "VARCHAR"
    cut = f"{text}(20)" if shop.warehouse.is_postgres else text
    number, big, amount = (
        ("integer", "bigint", "numeric(18,2)")
        if shop.warehouse.is_postgres
        else ("INTEGER", "BIGINT", "DECIMAL(18,2)")
    )
    name = "text" if shop.warehouse.is_postgres else text
    assert lines(shop) == [
        f"  {shop.warehouse.engine}:",
        "    raw:",
        "      orders:",
        f"        id: {big} NOT NULL",
        f"        amount: {amount} NULL",
        f"        note: {cut} NULL",
        "      people:",
        f"        id: {number}",
        f"        name: {name}",
    ]


def test_compile_knows_what_was_pulled_and_does_not_connect(shop: Project) -> None:
    pulled(shop)
    shop.warehouse.execute("drop schema landing cascade")
    (column, *_), types = (lambda s: (s.columns, [str(c.type) for c in s.columns]))(opened(shop).schema("q"))
    assert (column.name, column.null.value, column.type and column.type.name) == ("id", "not_null", "BIGINT")
    assert len(types) == 3
    shop.write({"q": "select amuont from {{ source('raw', 'orders') }}"})
    (diagnostic,) = opened(shop).diagnostics
    assert (diagnostic.code, source_text(shop, diagnostic)) == (Code.UNKNOWN_COLUMN, "amuont")


def test_a_second_pull_changes_nothing(shop: Project) -> None:
    pulled(shop)
    before = (shop.root / CATALOG_FILE).stat()
    again = pulled(shop)
    assert (again.written, again.is_current, changes(again)) == (
        False,
        True,
        {"raw.orders": [], "raw.people": []},
    )
    assert (shop.root / CATALOG_FILE).stat().st_mtime_ns == before.st_mtime_ns


def test_what_has_changed_is_told_and_a_check_writes_nothing(shop: Project) -> None:
    pulled(shop)
    before = lines(shop)
    big, text = ("bigint", "text") if shop.warehouse.is_postgres else ("BIGINT", "VARCHAR")
    shop.warehouse.execute(
        "alter table landing.orders drop column note",
        f"alter table landing.orders add column memo {text}",
        "alter table landing.orders alter column amount type bigint",
    )
    checked = pulled(shop, write=False)
    assert (checked.written, checked.is_current, lines(shop)) == (False, False, before)
    found = changes(checked)
    assert found["raw.people"] == []
    amount, memo, note = found["raw.orders"]
    assert amount == ("amount", amount[1], f"{big} NULL")
    assert memo == ("memo", None, f"{text} NULL")
    assert (note[0], note[2]) == ("note", None)
    assert pulled(shop).written
    assert pulled(shop, write=False).is_current


def test_a_change_of_order_is_a_change(duck: Project) -> None:
    duck.warehouse.execute(*_TABLES)
    duck.write({"models/sources.yml": _SOURCES})
    pulled(duck)
    duck.warehouse.execute(
        "create or replace table landing.orders (amount decimal(18, 2), id bigint not null, note varchar)"
    )
    result = pulled(duck)
    assert [change.name for change in result.tables[0].changes] == ["amount", "id"]
    assert lines(duck)[3].strip() == "amount: DECIMAL(18,2) NULL"


def test_a_table_that_is_not_there_is_told_and_the_rest_written(shop: Project) -> None:
    pulled(shop)
    shop.warehouse.execute("drop view landing.person", "create table landing.peron (id int)")
    result = pulled(shop)
    (diagnostic,) = result.diagnostics
    assert (diagnostic.code, diagnostic.help) == (Code.SOURCE_MISSING, "did you mean `peron`?")
    assert (
        diagnostic.message == "the warehouse has no table `landing.person`, which is declared as `raw.people`"
    )
    assert source_text(shop, diagnostic) == "people"
    assert [(table.name, table.now is None) for table in result.tables] == [
        ("raw.orders", False),
        ("raw.people", True),
    ]
    assert "people" not in "".join(lines(shop))


def test_a_schema_that_is_not_there_is_named(shop: Project) -> None:
    shop.write({"models/sources.yml": _SOURCES.replace("landing", "arrivals")})
    result = pulled(shop)
    assert codes(result.diagnostics) == [Code.SOURCE_MISSING, Code.SOURCE_MISSING]
    assert "no schema `arrivals`" in result.diagnostics[0].help
    assert (result.tables, result.written) == ((), False)
    assert not (shop.root / CATALOG_FILE).exists()


def test_a_project_can_make_a_missing_source_a_warning(shop: Project) -> None:
    shop.warehouse.execute("drop view landing.person")
    shop.settings["diagnostics"] = {"SF0325": "warning"}
    (diagnostic,) = pulled(shop).diagnostics
    assert not diagnostic.is_error


def test_a_selection_leaves_the_others_as_they_were(shop: Project) -> None:
    pulled(shop)
    before = lines(shop)
    shop.warehouse.execute("alter table landing.orders drop column note", "drop view landing.person")
    result = pulled(shop, "source:raw.orders")
    assert [table.name for table in result.tables] == ["raw.orders"]
    assert lines(shop) == [line for line in before if "note" not in line]


def test_what_is_no_source_any_more_is_taken_out_by_a_whole_pull(shop: Project) -> None:
    pulled(shop)
    shop.write({"models/sources.yml": _SOURCES.replace("{name: orders}, ", ""), "q": "select 1 as a"})
    assert pulled(shop, "source:raw.people").is_current
    assert "      orders:" in lines(shop)
    assert [(table.name, table.now) for table in pulled(shop).tables if table.is_changed] == [
        ("raw.orders", None)
    ]
    assert "      orders:" not in lines(shop)


def test_the_columns_of_another_dialect_stay(shop: Project) -> None:
    other = "version: 1\ndialects:\n  snowflake:\n    raw:\n      orders:\n        ID: NUMBER(38,0)\n"
    shop.write({CATALOG_FILE: other})
    pulled(shop)
    assert "        ID: NUMBER(38,0)" in lines(shop)
    assert f"  {shop.warehouse.engine}:" in lines(shop)


def test_mistakes_of_models_and_of_the_file_itself_are_no_hindrance(shop: Project) -> None:
    shop.write({CATALOG_FILE: "version: 1\n<<<<<<< HEAD\n", "q": "select nothing from no_table"})
    assert codes(opened(shop).diagnostics) == [Code.BROKEN_YAML, Code.UNKNOWN_REFERENCE]
    assert pulled(shop).written
    assert codes(opened(shop).diagnostics) == [Code.UNKNOWN_REFERENCE]


def test_mistakes_of_declarations_are(shop: Project) -> None:
    pulled(shop)
    before = lines(shop)
    shop.write({"models/more.yml": "sources: [{nmae: x}]\n"})
    with pytest.raises(ProjectError) as caught:
        pulled(shop)
    assert set(codes(caught.value.diagnostics)) == {Code.UNKNOWN_KEY, Code.MISSING_SETTING}
    assert lines(shop) == before


def test_a_project_without_tables_does_not_connect(duck: Project) -> None:
    duck.write(
        {"models/s.yml": "sources: [{name: f, tables: [{name: t, location: t.csv}]}]\n", "t.csv": "a\n1\n"}
    )
    result = pulled(duck)
    assert (result.tables, result.diagnostics, result.written) == ((), (), False)
    assert not (duck.root / "shop.duckdb").exists()


def test_a_warehouse_that_is_not_there_is_not_made(duck: Project) -> None:
    duck.write({"models/sources.yml": _SOURCES})
    with pytest.raises(ProjectError) as caught:
        pulled(duck)
    assert codes(caught.value.diagnostics) == [Code.NO_CONNECTION]
    assert not (duck.root / "shop.duckdb").exists()


def test_a_view_that_is_broken_is_told_in_the_words_of_the_engine(duck: Project) -> None:
    duck.warehouse.execute(*_TABLES, "create or replace view landing.person as select id from landing.orders",
                           "alter table landing.orders rename column id to key")  # fmt: skip
    duck.write({"models/sources.yml": _SOURCES})
    result = pulled(duck)
    assert codes(result.diagnostics) == [Code.SOURCE_MISSING]
    assert result.diagnostics[0].message.startswith("the columns of `raw.people` can't be read: ")
    assert [table.name for table in result.tables] == ["raw.orders"]


def test_rows_of_inheriting_and_foreign_tables_need_not_keep_a_constraint(pg: Project) -> None:
    pg.warehouse.execute(
        "create schema landing",
        "create table landing.orders (id int)",
        "create table landing.child () inherits (landing.orders)",
        "alter table only landing.orders alter column id set not null",
        "insert into landing.child values (null)",
        "create table landing.person (id int not null) partition by list (id)",
    )
    pg.write({"models/sources.yml": _SOURCES})
    pulled(pg)
    assert [line.strip() for line in lines(pg) if "id:" in line] == ["id: integer", "id: integer NOT NULL"]
    assert pg.rows("select count(*) from landing.orders where id is null") == [(1,)]
