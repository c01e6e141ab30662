"""`sqlflow intervals`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
MODEL = """{{ config(materialized='incremental', incremental_strategy='time_range', event_time='moment',
          begin='2024-03-01') }}
select timestamp '2024-03-02 10:00:00' as moment, 1 as id
"""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: datetime(2024, 3, 5, 3, tzinfo=UTC))


def test_what_is_built_and_what_is_missing(library: Path, run: Run) -> None:
    (library / "models" / "daily.sql").write_text(MODEL)
    assert run("build", "-s", "daily", "--start", "2024-03-02", "--end", "2024-03-03").exit_code == 0

    shown = run("intervals").stdout.splitlines()
    assert [" ".join(line.split()) for line in shown if "daily" in line] == [
        "daily | day | 2024-03-01 00:00:00 | 2024-03-02 00:00:00 | missing",
        "daily | day | 2024-03-02 00:00:00 | 2024-03-03 00:00:00 | built",
        "daily | day | 2024-03-03 00:00:00 | 2024-03-05 00:00:00 | missing",
    ]
    record = json.loads(run("intervals", "-s", "daily", "--json").stdout)
    assert record["covered"] == [["2024-03-02T00:00:00Z", "2024-03-03T00:00:00Z"]]
    assert len(record["missing"]) == 2

    assert run("build", "-s", "daily").exit_code == 0
    assert json.loads(run("intervals", "--json").stdout)["missing"] == []


def test_without_such_a_model(run: Run) -> None:
    result = run("intervals")
    assert result.exit_code == 0
    assert "no model that is built by time range is selected" in result.stderr
