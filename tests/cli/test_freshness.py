"""`sqlflow freshness`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
SOURCES = """sources:
  - name: raw
    freshness: {warn_after: 1 day, error_after: 1 week}
    tables:
      - {name: old, location: data/old.csv}
      - {name: new, location: data/new.csv}
      - {name: absent, location: data/absent.csv}
      - {name: quiet, location: data/new.csv, freshness: null}
"""


@pytest.fixture(autouse=True)
def files(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlflow.system.local.LocalSystem.now", lambda _: datetime(2026, 3, 10, tzinfo=UTC))
    (library / "models" / "raw.yml").write_text(SOURCES)
    (library / "data").mkdir()
    for name, moment in (
        ("old", datetime(2026, 1, 1, 6, tzinfo=UTC)),
        ("new", datetime(2026, 3, 8, tzinfo=UTC)),
    ):
        path = library / "data" / f"{name}.csv"
        path.write_text("id\n1\n")
        os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_a_line_for_each_source(run: Run) -> None:
    result = run("freshness", "--exclude", "source:raw.absent")
    assert result.exit_code == 1
    assert [" ".join(line.split()) for line in result.stdout.splitlines()[2:]] == [
        "raw.new | 2026-03-08 00:00:00 | 2 days | warn | warn after 1 day",
        "raw.old | 2026-01-01 06:00:00 | 67 days 18 h | error | error after 1 week",
    ]
    # A warning is no failure.
    assert run("freshness", "-s", "source:raw.new").exit_code == 0


def test_a_source_that_cant_tell(run: Run) -> None:
    result = run("freshness", "-s", "source:raw.absent")
    assert result.exit_code == 1
    assert "raw.absent | none" in result.stdout and "unknown" in result.stdout
    assert "error[SF0712]: `raw.absent` can't tell" in result.stderr


def test_records(run: Run) -> None:
    record = json.loads(run("freshness", "-s", "source:raw.old", "--json").stdout)
    assert record == {
        "event": "freshness",
        "id": "source.library.raw.old",
        "name": "raw.old",
        "status": "error",
        "loaded_at": "2026-01-01T06:00:00+00:00",
        "age": 67.75 * 86400,
        "warn_after": 86400.0,
        "error_after": 7 * 86400.0,
    }


def test_nothing_selected(run: Run) -> None:
    result = run("freshness", "-s", "source:raw.quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no source that declares its `freshness` is selected" in result.stderr
