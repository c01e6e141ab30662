"""What was pulled of sources, and what is declared of them, as the compiler takes it."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.core.ids import NodeId
from sqlflow.project.catalog import CATALOG_FILE as TOP
from tests.compiler.projects import DUCKDB, POSTGRES, Compiled, compiled

_LOCK = """
version: 1
dialects:
  duckdb:
    raw:
      orders:
        id: BIGINT NOT NULL
        amount: DECIMAL(18,2) NULL
        Note: VARCHAR
  postgres:
    raw:
      orders:
        id: bigint NOT NULL
        Note: character varying(20) NULL
        amount: numeric(10,2)
        mood: mood
"""
_PLAIN = "sources: [{name: raw, tables: [{name: orders}]}]\n"


def _orders(
    sql: str = "select * from {{ source('raw', 'orders') }}",
    columns: str = "",
    *,
    settings: str = "name: shop\ntargets: {dev: {type: duckdb}}\n",
    lock: str = _LOCK,
) -> Compiled:
    declared = _PLAIN.replace("{name: orders}", f"{{name: orders, columns: [{columns}]}}")
    return compiled({"sources.yml": declared, "q.sql": sql, TOP: lock}, settings=settings)


def _schema(project: Compiled, node: str = "model.shop.q") -> list[tuple[str | None, str, str]]:
    schema = project.program.schemas[NodeId(node)]
    assert not schema.open
    return [(c.name, str(c.type) if c.type else c.why, c.null.value) for c in schema.columns]


def test_a_pulled_table_is_known_with_types_and_nulls() -> None:
    found = _orders().clean()
    assert _schema(found) == [
        ("id", "BIGINT", "not_null"),
        ("amount", "DECIMAL(18,2)", "nullable"),
        ("Note", "VARCHAR", "unknown"),
    ]


def test_an_unknown_column_of_a_pulled_table_is_an_error() -> None:
    found = _orders("select amuont from {{ source('raw', 'orders') }}")
    assert found.only().code is Code.UNKNOWN_COLUMN
    assert found.only().help == "did you mean `amount`?"


def test_an_undeclared_column_of_a_table_that_was_not_pulled_is_none() -> None:
    other = _LOCK.replace("orders:", "refunds:")
    _orders("select amuont from {{ source('raw', 'orders') }}", lock=other).clean()


def test_each_dialect_has_what_its_warehouse_said() -> None:
    found = _orders(settings=POSTGRES).clean()
    assert _schema(found) == [
        ("id", "BIGINT", "not_null"),
        ("Note", "CHARACTER VARYING(20)", "nullable"),
        ("amount", "NUMERIC(10,2)", "unknown"),
        ("mood", "mood is no type that is known", "unknown"),
    ]


@pytest.mark.parametrize("type", ["integer", "double", "decimal(10,2)"])
def test_a_declared_type_wins_and_that_it_differs_is_told(type: str) -> None:
    found = _orders(columns=f"{{name: AMOUNT, data_type: '{type}'}}")
    diagnostic = found.only()
    assert (diagnostic.code, diagnostic.severity) == (Code.SOURCE_DIFFERS, Severity.WARNING)
    assert diagnostic.message == f"`AMOUNT` is DECIMAL(18,2) in the warehouse, and {type} is declared"
    assert found.at(diagnostic.span) == ("models/sources.yml", f"'{type}'")
    assert [found.at(label.span) for label in diagnostic.labels] == [("sources.lock.yml", "amount")]
    assert _schema(found)[1] == ("amount", type.upper(), "nullable")


@pytest.mark.parametrize(
    "columns", ["{name: amount, data_type: 'numeric(18,2)'}", "{name: ID}", "{name: note}"]
)
def test_a_declaration_that_says_the_same_is_quiet(columns: str) -> None:
    assert _schema(_orders(columns=columns).clean()) == _schema(_orders())


def test_a_declared_type_without_its_precision_does_not_differ() -> None:
    found = _orders(columns="{name: amount, data_type: numeric}", settings=POSTGRES).clean()
    assert _schema(found)[2] == ("amount", "NUMERIC(10,2)", "unknown")


def test_a_declared_column_that_the_warehouse_lacks_is_told_and_kept() -> None:
    found = _orders("select idd from {{ source('raw', 'orders') }}", "{name: idd, data_type: date}")
    diagnostic = found.only()
    assert (diagnostic.code, diagnostic.help) == (Code.SOURCE_DIFFERS, "did you mean `id`?")
    assert found.at(diagnostic.span) == ("models/sources.yml", "idd")
    assert _schema(found) == [("idd", "DATE", "unknown")]


def test_the_file_of_a_file_source_says_more_than_what_was_pulled() -> None:
    files = {
        "sources.yml": "sources: [{name: raw, tables: [{name: orders, location: data/o.csv}]}]\n",
        "data/o.csv": "x\n1\n",
        "q.sql": "select x from {{ source('raw', 'orders') }}",
        TOP: _LOCK,
    }
    found = compiled(files, settings=DUCKDB).clean()
    assert [c.name for c in found.program.schemas[NodeId("source.shop.raw.orders")].columns] == ["x"]


def test_a_mistake_in_the_file_hides_what_would_follow_from_it() -> None:
    found = _orders("select nothing from {{ source('raw', 'orders') }}", lock=_LOCK + "extra: 1\n")
    assert found.only().code is Code.UNKNOWN_KEY
    assert found.at(found.only().span) == ("sources.lock.yml", "extra")


def test_the_file_is_no_properties_file_where_models_lie_at_the_top() -> None:
    settings = "name: shop\nmodel-paths: [.]\ntargets: {dev: {type: duckdb}}\n"
    assert _schema(_orders(settings=settings).clean())[0] == ("id", "BIGINT", "not_null")


@pytest.mark.parametrize(
    ("column", "said"), [("id", None), ("amount", Code.CONTRACT_NULL), ("Note", Code.CONTRACT_UNPROVEN)]
)
def test_a_contract_rests_on_what_the_warehouse_holds_its_tables_to(column: str, said: Code | None) -> None:
    types = {"id": "bigint", "amount": "decimal(18,2)", "Note": "varchar"}
    contract = (
        "models: [{name: q, config: {contract: {enforced: true}}, columns: "
        f"[{{name: {column}, data_type: '{types[column]}', constraints: [{{type: not_null}}]}}]}}]\n"
    )
    files = {
        "sources.yml": _PLAIN,
        "q.yml": contract,
        "q.sql": f"select {column} from {{{{ source('raw', 'orders') }}}}",
        TOP: _LOCK,
    }
    found = compiled(files, settings=DUCKDB)
    assert [d.code for d in found.diagnostics] == ([said] if said is not None else [])
