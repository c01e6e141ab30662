"""`sqlflow diff`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def changed(run: Run, library: Path) -> Run:
    """A project with an environment of which one model differs from prod's."""
    path = library / "models" / "more.sql"
    path.write_text("{{ config(materialized='table') }} select 1 as id, 1.5::double as size")
    assert run("build").exit_code == 0
    path.write_text("{{ config(materialized='table') }} select 1 as id, 1.6::double as size")
    assert run("--env", "dev", "build").exit_code == 0
    return run


def test_what_differs_is_shown(changed: Run) -> None:
    result = changed("diff", "prod", "dev", "--on", "id", "more")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "diff of prod and dev: 1 model, 1 differ, 0 equal"
    assert lines[2:5] == [
        "~ more  by id (--on)",
        "    rows    1 and 1: 0 only in prod, 0 only in dev, 0 equal, 1 different",
        "    ~ value   size in 1 row",
    ]
    assert changed("diff", "prod", "dev", "more", "--exit-code").exit_code == 3
    near = changed("diff", "prod", "dev", "more", "--on", "id", "--tolerance", "0.2", "--exit-code")
    assert (near.exit_code, near.stdout) == (0, "diff of prod and dev: 1 model, 0 differ, 1 equal\n")


def test_as_data_and_for_a_pull_request(changed: Run) -> None:
    [record] = [json.loads(line) for line in changed("diff", "prod", "dev", "--json").stdout.splitlines()]
    assert (record["event"], record["equal"]) == ("diff", False)
    assert [one["name"] for one in record["models"] if not one["equal"]] == ["more"]
    result = changed("diff", "prod", "dev", "more", "--markdown")
    assert result.stdout.startswith("### diff of prod and dev: 1 model, 1 differ, 0 equal\n")
    assert "| more | 1 and 1 | 1 | 1 | 0 | 0 |" in result.stdout


def test_wrong_use(changed: Run) -> None:
    assert changed("diff", "prod").exit_code == 2
    assert changed("diff", "prod", "dev", "--markdown", "--json").exit_code == 2
    assert changed("diff", "prod", "dev", "--tolerance", "-1").exit_code == 2
    result = changed("diff", "prod", "stage")
    assert result.exit_code == 1
    assert "there is no environment `stage`" in result.stderr
    result = changed("diff", "prod", "dev", "more", "--on", "key")
    assert result.exit_code == 1
    assert "error[SF0301]: `more` has no column `key` on both sides to match rows by" in result.stderr
