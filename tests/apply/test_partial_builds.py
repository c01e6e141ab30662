"""What a build of some of the models does about tests that read others."""

from __future__ import annotations

from tests.apply.projects import Project

FILES = {
    "orders": "select 1 as order_id, 7 as customer_id",
    "customers": "select 8 as customer_id",
    "both": "select order_id from orders join customers using (customer_id)",
    "models/shop.yml": """
models:
  - name: orders
    columns:
      - name: customer_id
        tests:
          - relationships: {to: ref('customers'), field: customer_id, name: known_customer}
""",
}


def test_a_test_that_reads_what_is_not_built_is_not_run(project: Project) -> None:
    run = project.built(FILES, "orders")
    ended = run.nodes["known_customer"]
    assert run.statuses == {"orders": "success", "known_customer": "warn"}
    assert ended.reason == "not run"
    (diagnostic,) = ended.diagnostics
    assert diagnostic.code == "SF0706"
    assert f"`{project.warehouse.schema}.customers`" in diagnostic.message


def test_it_runs_once_what_it_reads_is_there(project: Project) -> None:
    project.built(FILES, "customers")
    run = project.build(None, "orders")
    assert run.statuses == {"orders": "success", "known_customer": "fail"}


def test_a_build_of_all_runs_every_test(project: Project) -> None:
    run = project.build(FILES)
    assert run.statuses["known_customer"] == "fail"
    assert run.statuses["both"] == "skipped"


def test_kept_rows_go_when_there_is_nothing_wrong_any_more(project: Project) -> None:
    project.write(
        {"orders": "select 1 as id", "tests/large.sql": "select * from orders where id > {{ var('most') }}"}
    )
    project.settings["vars"] = {"most": 0}
    assert project.build(store_failures=True).statuses["large"] == "fail"
    assert "large" in project.warehouse.names()
    project.settings["vars"] = {"most": 5}
    assert project.build(store_failures=True).statuses["large"] == "success"
    assert "large" not in project.warehouse.names()
