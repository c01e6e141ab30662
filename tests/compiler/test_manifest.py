"""The manifest is plain data about every node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sqlflow.api import load
from sqlflow.system.memory import MemorySystem
from tests.compiler.projects import DUCKDB

FILES = {
    "sqlflow.yml": DUCKDB,
    "models/orders.sql": "{{ config(tags=['x'], meta={'owner': 'sales'}) }}select * from raw.events",
    "models/part.sql": "{{ config(materialized='ephemeral') }}select * from orders",
    "models/top.sql": "{{ config(alias='t_top', schema='s') }}select * from part, colours",
    "models/p.py": "import pyarrow\ndef p(top: pyarrow.Table) -> pyarrow.Table:\n    return top\n",
    "seeds/colours.csv": "id\n1\n",
    "tests/none.sql": "select * from top where false",
    "models/s.yml": """
sources: [{name: raw, description: what lands, tables: [{name: events, description: one a row}]}]
models:
  - name: orders
    description: "Every\\norder."
    columns:
      - name: id
        description: the key
        data_type: integer
        meta: {since: 2024-01-01, list: [1, 2.5, true, null]}
        tags: [key]
        data_tests: [unique]
""",
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    project = load(system=MemorySystem(FILES))
    assert project.diagnostics == ()
    return project.manifest()


def test_it_is_what_json_can_hold(manifest: dict[str, Any]) -> None:
    def plain(value: object) -> bool:
        match value:
            case dict():
                return all(isinstance(key, str) and plain(item) for key, item in value.items())
            case list():
                return all(plain(item) for item in value)
            case _:
                return value is None or isinstance(value, (str, int, float, bool))

    assert plain(manifest)
    assert json.loads(json.dumps(manifest, allow_nan=False)) == manifest


def test_it_has_every_node_after_those_that_it_reads(manifest: dict[str, Any]) -> None:
    nodes = manifest["nodes"]
    assert set(nodes) == {
        "model.shop.orders",
        "model.shop.part",
        "model.shop.top",
        "model.shop.p",
        "seed.shop.colours",
        "source.shop.raw.events",
        "test.shop.none",
        "test.shop.unique_orders_id",
    }
    seen: set[str] = set()
    for id, node in nodes.items():
        assert node["id"] == id
        assert set(node["reads"]) <= seen
        seen.add(id)


def test_what_it_says_of_a_project(manifest: dict[str, Any]) -> None:
    assert {key: value for key, value in manifest.items() if key != "nodes"} == {
        "manifest_version": 1,
        "project": "shop",
        "target": "dev",
        "dialect": "duckdb",
    }


def test_what_it_says_of_a_model(manifest: dict[str, Any]) -> None:
    assert manifest["nodes"]["model.shop.orders"] == {
        "id": "model.shop.orders",
        "kind": "model",
        "name": "orders",
        "path": "models/orders.sql",
        "tags": ["x"],
        "materialized": "view",
        "description": "Every\norder.",
        "reads": ["source.shop.raw.events"],
        "relation": {"database": None, "schema": "main", "identifier": "orders"},
        "meta": {"owner": "sales"},
        "columns": [
            {
                "name": "id",
                "description": "the key",
                "data_type": "integer",
                "tags": ["key"],
                "meta": {"since": "2024-01-01", "list": [1, 2.5, True, None]},
            }
        ],
        "compiled_sql": 'select * from "raw"."events"',
    }


def test_names_in_the_warehouse(manifest: dict[str, Any]) -> None:
    relations = {
        node["name"]: node.get("relation", {}).get("identifier") for node in manifest["nodes"].values()
    }
    assert relations == {
        "orders": "orders",
        "part": None,
        "top": "t_top",
        "p": "p",
        "colours": "colours",
        "raw.events": "events",
        "none": None,
        "unique_orders_id": None,
    }
    assert manifest["nodes"]["model.shop.top"]["relation"]["schema"] == "main_s"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("2024-01-01 10:00:00", "2024-01-01T10:00:00"),
        (".nan", "nan"),
        ("-.inf", "-inf"),
        ("{a: [2024-01-01]}", {"a": ["2024-01-01"]}),
    ],
)
def test_what_json_has_no_word_for_is_text(written: str, plain: object) -> None:
    text = FILES["models/s.yml"].replace("since: 2024-01-01", f"since: {written}")
    made: Any = load(system=MemorySystem({**FILES, "models/s.yml": text})).manifest()
    assert made["nodes"]["model.shop.orders"]["columns"][0]["meta"]["since"] == plain
