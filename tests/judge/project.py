"""The models of example_project as queries over plain tables, which have the columns that the engine says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import sqlflow
from tests.judge.engine import Engine, create_table, quoted
from tests.judge.subject import Tables

PROJECT = Path(__file__).resolve().parents[2] / "example_project"
_READ_FILE = re.compile(r"read_(?:parquet|csv)\('[^']*/([^/'.]+)\.\w+'\)")
_RELATION = re.compile(r'"main"\."(\w+)"')


class Queries(NamedTuple):
    """Tables, and named queries over them."""

    tables: Tables
    queries: Mapping[str, str]


def project_queries() -> Queries:
    """Compiles example_project; a source `x` becomes the table `raw_x`, every other node one of its name.

    A table has the columns that the engine describes its query with, whatever anybody else says, so that
    one mistake is counted once.
    """
    nodes: Mapping[str, Any] = sqlflow.load(PROJECT).manifest()["nodes"]  # pyright: ignore
    engine = Engine({})
    tables: dict[str, tuple[tuple[str, str, bool], ...]] = {}
    queries: dict[str, str] = {}
    for node in nodes.values():
        name = node["name"].replace("raw.", "raw_")
        sql = node.get("compiled_sql")
        if node["kind"] == "source":
            columns = _described(engine, f"SELECT * FROM {_file(node['name'])}")
        elif node["kind"] == "seed":
            columns = _seed_columns(engine, node)
        elif sql is not None:
            queries[name] = _RELATION.sub(r'"\1"', _READ_FILE.sub(r'"raw_\1"', sql))
            columns = _described(engine, queries[name])
        elif node["kind"] == "model":
            columns = tuple((c["name"], c["data_type"], False) for c in node["columns"])
        else:
            continue
        if node.get("materialized") != "ephemeral":
            tables[name] = columns
            engine.connection.execute(create_table(name, columns))
    return Queries(tables, queries)


def _file(source: str) -> str:
    path = next((PROJECT / "data").glob(source.rsplit(".", 1)[-1] + ".*"))
    return f"read_{path.suffix[1:]}('{path.as_posix()}')"


def _seed_columns(engine: Engine, node: Mapping[str, Any]) -> tuple[tuple[str, str, bool], ...]:
    path = (PROJECT / node["path"]).as_posix()
    return _described(engine, f"SELECT * FROM read_csv('{path}', header = true)")


def _described(engine: Engine, sql: str) -> tuple[tuple[str, str, bool], ...]:
    columns = engine.describe(sql)
    if columns is None:
        raise ValueError(f"{quoted(sql)}: {engine.why_invalid(sql)}")
    return tuple((name, kind, False) for name, kind in columns)
