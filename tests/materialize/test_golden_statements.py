"""The exact statements that each kind of node sends, first and again, on each engine.

With SQLFLOW_UPDATE_GOLDEN=1 the files in `golden/` are written anew.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sqlflow.adapter.protocol import Session
from tests.apply.projects import Project

GOLDEN = Path(__file__).parent / "golden"
RUN = "0123456789abcdef0123456789abcdef"
INDEX = "indexes=[{'columns': ['id'], 'unique': true}]"
ROW = "select 1 as id, 'a' as name"
CHANGED = "select 1 as id, 'a' as name, timestamp '2024-04-01 00:00:00' as changed"
TIME_RANGE = "materialized='incremental', incremental_strategy='time_range', event_time='changed', lookback=1"
PARENT = "models: [{name: p, config: {event_time: changed}}]"
DOCS = "persist_docs={'relation': true, 'columns': true}"
BY_KEY = "materialized='incremental', unique_key='id', incremental_strategy="


def model(config: str, text: str = ROW) -> str:
    return f"{{{{ config({config}) }}}}\n{text}"


def described(model: str, column: str) -> str:
    columns = f"[{{name: id, description: {column}}}]"
    return f"models: [{{name: m, description: {model}, columns: {columns}}}]"


# Name to files of the first build and of the second.
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "view": ({"m": model("materialized='view'")}, {}),
    "view_other_columns": ({"m": model("materialized='view'")}, {"m": "select 'b' as name"}),
    "table": ({"m": model("materialized='table'")}, {}),
    "table_indexed": ({"m": model(f"materialized='table', {INDEX}")}, {}),
    "append": ({"m": model("materialized='incremental'")}, {}),
    "delete_insert": ({"m": model(BY_KEY + "'delete+insert'")}, {}),
    "insert_overwrite": (
        {"m": model("materialized='incremental', incremental_strategy='insert_overwrite', "
                    "partition_by=['id', {'field': 'changed', 'granularity': 'day'}]", CHANGED)},
        {},
    ),
    "insert_overwrite_one": (
        {"m": model("materialized='incremental', incremental_strategy='insert_overwrite', "
                    "partition_by='id'")},
        {},
    ),
    "merge": ({"m": model(BY_KEY + "'merge'")}, {}),
    "merge_columns": (
        {"m": model(BY_KEY + "'merge', merge_exclude_columns=['first'], "
                    "incremental_predicates=['DBT_INTERNAL_DEST.id > 0']",
                    "select 1 as id, 'a' as name, 'b' as first")},
        {},
    ),
    "delete_insert_predicates": (
        {"m": model(BY_KEY + "'delete+insert', incremental_predicates=['DBT_INTERNAL_DEST.id > 0', 'true']")},
        {},
    ),
    "sync_all_columns": (
        {"m": model(f"materialized='incremental', on_schema_change='sync_all_columns', {INDEX}")},
        {"m": model(f"materialized='incremental', on_schema_change='sync_all_columns', {INDEX}",
                    "select cast(2 as bigint) as id, 'x' as extra")},
    ),
    "snapshot_timestamp": (
        {"snapshots/m.sql": model("unique_key='id', strategy='timestamp', updated_at='changed', "
                                  "hard_deletes='invalidate'", CHANGED)},
        {},
    ),
    "snapshot_check": (
        {"snapshots/m.sql": model("unique_key=['id', 'name'], strategy='check', check_cols='all', "
                                  "hard_deletes='new_record'", ROW)},
        {"snapshots/m.sql": model("unique_key=['id', 'name'], strategy='check', check_cols=['changed'], "
                                  "hard_deletes='new_record', dbt_valid_to_current="
                                  "\"CAST('9999-12-31' AS TIMESTAMP)\"", CHANGED)},
    ),
    "time_range": (
        {"m": model(f"{TIME_RANGE}, begin='2024-04-29'", "select id, name, changed from p"),
         "models/m.yml": PARENT, "p": model("materialized='table'", CHANGED)},
        {"m": model(f"{TIME_RANGE}, begin='2024-04-30'", "select p.id, p.name, p.changed from p "
                    "where p.changed >= {{ start }} and p.changed < {{ end }}")},
    ),
    "view_to_table": ({"m": model("materialized='view'")}, {"m": model("materialized='table'")}),
    "table_to_view": ({"m": model("materialized='table'")}, {"m": model("materialized='view'")}),
    "hooks": (
        {"m": model("materialized='table', pre_hook='select 1', post_hook='select 2 from {{ this }}'")},
        {},
    ),
    "persist_docs": (
        {"m": model(f"materialized='incremental', {DOCS}"), "models/m.yml": described("All.", "It.")},
        {"models/m.yml": described("All.", "Another.")},
    ),
    "persist_docs_view": (
        {"m": model(f"materialized='view', {DOCS}"), "models/m.yml": described("All.", "It.")}, {},
    ),
    "persist_docs_table": (
        {"m": model(f"materialized='table', {DOCS}"), "models/m.yml": described("All.", "It.")}, {},
    ),
    "seed": ({"seeds/m.csv": "id,name\n1,a\n"}, {}),
    "python": ({"models/m.py": "import pyarrow\n\ndef m():\n    return pyarrow.table({'id': [1]})\n"}, {}),
    "test": (
        {"m": ROW, "models/m.yml": "models: [{name: m, columns: [{name: id, tests: [{unique: "
         "{config: {store_failures: true}}}]}]}]"},
        {"m": f"{ROW} union all {ROW}"},
    ),
    "audited_table": (
        {"m": model("materialized='table'"), "tests/t.sql": "select m.id from m where m.id > 1"},
        {"m": model("materialized='table'", "select 2 as id, 'a' as name")},
    ),
}  # fmt: skip


def sent(project: Project, files: dict[str, str]) -> str:
    run = project.build(files, force=True, allow_destructive=["m"])
    assert "error" not in run.statuses.values(), run.diagnostics
    statements = [f"{statement.rstrip()}\n;" for statement in run.statements]
    return "\n".join(statements) + "\n"


@pytest.fixture(autouse=True)
def fixed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.apply.run.new_run_id", lambda: RUN)
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: datetime(2024, 5, 1, tzinfo=UTC))


@pytest.mark.parametrize("case", CASES)
def test_statements(project: Project, case: str) -> None:
    compare(project, case, *CASES[case])


GRANTS = "grants={'select': ['pg_monitor', 'pg_read_all_data'], '+insert': 'public'}"
FEWER = GRANTS.replace(", 'pg_read_all_data'", "")


@pytest.mark.parametrize("kind", ["table", "view", "incremental"])
def test_statements_of_grants(pg: Project, kind: str) -> None:
    before = {"m": model(f"materialized='{kind}', {FEWER}")}
    compare(pg, f"grants_{kind}", before, {"m": model(f"materialized='{kind}', {GRANTS}")})


FOREIGN = "create view theirs as select id from m"


@pytest.mark.parametrize("case", ["view_on_same_columns", "view_on_other_columns"])
def test_statements_under_a_foreign_view(pg: Project, case: str) -> None:
    table = model(f"materialized='table', {INDEX}")
    after = {} if case == "view_on_same_columns" else {"m": table + ", 5 as more"}
    compare(pg, case, {"m": table}, after, FOREIGN)


def compare(
    project: Project, case: str, first: dict[str, str], second: dict[str, str], between: str = ""
) -> None:
    have = f"-- first build\n{sent(project, first)}"
    if between:
        project.warehouse.execute(between)
    have += f"\n-- second build\n{sent(project, second)}"
    path = GOLDEN / f"{case}.{project.warehouse.engine}.sql"
    if os.environ.get("SQLFLOW_UPDATE_GOLDEN") == "1":
        path.write_text(have)
    assert have == path.read_text()


class Counting:
    """Counts the calls of an adapter's sessions by name."""

    def __init__(self, adapter: Any, calls: Counter[str]) -> None:
        self._adapter, self.calls = adapter, calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def open(self, *arguments: Any) -> Any:
        return CountingWarehouse(self._adapter.open(*arguments), self.calls)


class CountingWarehouse:
    def __init__(self, warehouse: Any, calls: Counter[str]) -> None:
        self._warehouse, self.calls = warehouse, calls

    def session(self) -> Any:
        return CountingSession(self._warehouse.session(), self.calls)

    def close(self) -> None:
        self._warehouse.close()


class CountingSession:
    def __init__(self, session: Session, calls: Counter[str]) -> None:
        self._session, self.calls = session, calls

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._session, name)


@pytest.mark.parametrize("kind", ["view", "table", "incremental"])
def test_calls_per_model(project: Project, kind: str) -> None:
    """What is asked once is asked once a run; a model that is rebuilt asks for no more than it needs."""
    project.threads = 2
    # In a file, so that only what models ask of the warehouse is counted.
    project.settings["state"] = "sqlite:///.sqlflow/state.db"
    names = [f"m{i}" for i in range(20)]
    project.built({name: model(f"materialized='{kind}'") for name in names})
    loaded = project.load()
    calls: Counter[str] = Counter()
    compiled: Any = loaded._work.compiled  # pyright: ignore[reportPrivateUsage]
    object.__setattr__(compiled, "adapter", Counting(compiled.adapter, calls))
    assert list(loaded.build(force=True))[-1].ok  # pyright: ignore
    per_model = {name: count // len(names) for name, count in calls.items() if count >= len(names)}
    # What is published, and that it is.
    statements = {"begin": 1, "execute": 2, "commit": 1}
    if project.warehouse.is_postgres:
        # Where others can write, too: take a lease, read its epoch and the publish log, give it back.
        statements |= {"execute": 4, "fetch": 2}
    asked: dict[tuple[str, bool], dict[str, int]] = {
        ("view", False): {},
        ("table", False): {},
        ("incremental", False): {"columns": 1, "describe": 1},
        ("view", True): {"columns": 1, "describe": 1, "dependents": 1, "grants": 1},
        # Fill, two renames, drop.
        ("table", True): {"dependents": 1, "grants": 1, "execute": 7},
        ("incremental", True): {"columns": 1, "describe": 1, "dependents": 1},
    }
    assert per_model == statements | asked[(kind, project.warehouse.is_postgres)]
    assert calls["relations"] == 2
