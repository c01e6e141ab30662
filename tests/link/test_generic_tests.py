"""The nodes that declared tests become: their names, what they read, what is said about them."""

from __future__ import annotations

from sqlflow.core.codes import Code
from sqlflow.core.ids import NodeId
from tests.compiler.projects import DUCKDB, Compiled, compiled

SQL = {"orders.sql": "select 1 as id, 'a' as k", "items.sql": "select 1 as order_id"}


def with_tests(yml: str, **more: str) -> Compiled:
    return compiled({**SQL, **more, "s.yml": yml})


def reads_of(project: Compiled) -> dict[str, list[str]]:
    """The name of each generic test and what it reads."""
    return {
        project.graph.nodes[test].name: [name.split(".", 2)[2] for name in project.parents(test)]
        for test in project.graph.tests
    }


def test_names_say_what_is_tested() -> None:
    yml = """
models:
  - name: orders
    columns:
      - name: id
        data_tests: [unique, not_null]
      - name: k
        data_tests:
          - accepted_values: {values: [a, "b c", 1]}
          - not_null: {name: k_is_there}
  - name: items
    columns:
      - name: order_id
        data_tests:
          - relationships: {to: ref('orders'), field: id}
sources:
  - name: raw
    tables:
      - name: events
        columns: [{name: id, data_tests: [unique]}]
"""
    assert reads_of(with_tests(yml).clean()) == {
        "unique_orders_id": ["orders"],
        "not_null_orders_id": ["orders"],
        "accepted_values_orders_k__a__b_c__1": ["orders"],
        "k_is_there": ["orders"],
        "relationships_items_order_id__id__ref_orders": ["items", "orders"],
        "unique_raw_events_id": ["raw.events"],
    }


def test_a_long_name_is_cut_and_stays_one_of_its_own() -> None:
    values = ", ".join(f"value_{i}" for i in range(40))
    yml = f"""
models:
  - name: orders
    columns:
      - name: k
        data_tests:
          - accepted_values: {{values: [{values}]}}
          - accepted_values: {{values: [{values}, x]}}
"""
    names = list(reads_of(with_tests(yml).clean()))
    assert len(set(names)) == 2
    assert all(len(name) == 120 and name.startswith("accepted_values_orders_k__value_0__") for name in names)


def test_a_test_that_is_declared_twice() -> None:
    yml = "models: [{name: orders, columns: [{name: id, data_tests: [unique, unique]}]}]"
    project = with_tests(yml)
    diagnostic = project.only()
    assert diagnostic.code is Code.DUPLICATE_NAME
    assert diagnostic.message == "the test `unique_orders_id` is declared twice"
    assert project.at(diagnostic.span) == project.at(diagnostic.labels[0].span) == ("models/s.yml", "unique")
    assert diagnostic.span != diagnostic.labels[0].span


def test_a_generic_and_a_singular_test_of_one_name() -> None:
    yml = "models: [{name: orders, columns: [{name: id, data_tests: [{unique: {name: mine}}]}]}]"
    project = with_tests(yml, **{"tests/mine.sql": "select * from orders where false"})
    diagnostic = project.only()
    assert (diagnostic.code, diagnostic.message) == (Code.DUPLICATE_NAME, "the test `mine` is declared twice")


def test_a_relationship_to_nothing() -> None:
    yml = """
models:
  - name: items
    columns:
      - {name: order_id, data_tests: [{relationships: {to: ref('ordres'), field: id}}]}
"""
    project = with_tests(yml)
    assert project.only().code is Code.UNKNOWN_REFERENCE
    assert project.only().message == "unknown model `ordres`"
    assert project.only().help == "did you mean `orders`?"
    assert project.at(project.only().span)[0] == "models/s.yml"


def test_a_relationship_to_a_disabled_model() -> None:
    yml = """
models:
  - name: items
    columns: [{name: order_id, data_tests: [{relationships: {to: ref('unused'), field: id}}]}]
"""
    project = with_tests(yml, **{"unused.sql": "{{ config(enabled=false) }}select 1 as id"})
    assert project.only().code is Code.DISABLED_REFERENCE


def test_a_relationship_to_a_source() -> None:
    yml = """
models:
  - name: items
    columns: [{name: order_id, data_tests: [{relationships: {to: "source('raw', 'e')", field: id}}]}]
sources: [{name: raw, tables: [{name: e}]}]
"""
    assert list(reads_of(with_tests(yml).clean()).values()) == [["items", "raw.e"]]


def test_settings_come_from_the_project_then_from_the_test() -> None:
    settings = DUCKDB + "tests: {+severity: warn, +tags: [nightly]}\n"
    yml = """
models:
  - name: orders
    columns:
      - name: id
        data_tests:
          - unique
          - not_null: {config: {severity: error, tags: [quick]}}
          - not_null: {name: not_run, config: {enabled: false}}
"""
    project = compiled({**SQL, "s.yml": yml}, settings=settings).clean()
    found = {
        project.graph.nodes[id].name: (test.config.severity.value, project.graph.nodes[id].tags)
        for id, test in project.graph.tests.items()
    }
    assert found == {
        "unique_orders_id": ("warn", ("nightly",)),
        "not_null_orders_id": ("error", ("nightly", "quick")),
    }


def test_the_node_of_a_test() -> None:
    yml = "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]"
    project = with_tests(yml).clean()
    node = project.graph.nodes[NodeId("test.shop.unique_orders_id")]
    assert (node.attached, node.path) == (NodeId("model.shop.orders"), "models/s.yml")
    assert project.graph.children[NodeId("model.shop.orders")] == (node.id,)


def test_a_test_of_a_broken_model_is_said_nothing_about() -> None:
    yml = "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]"
    project = compiled({"orders.sql": "select from from", "s.yml": yml})
    assert [d.code for d in project.diagnostics] == [Code.SQL_SYNTAX]
