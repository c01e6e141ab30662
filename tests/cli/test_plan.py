"""`sqlflow plan` and `sqlflow apply`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def changed(library: Path) -> str:
    path = library / "models" / "more.sql"
    path.write_text("select 2 as id where true")
    return "more"


def test_a_plan_is_shown_saved_and_applied(run: Run, library: Path) -> None:
    (library / "models" / "more.sql").write_text("select 1 as id")
    assert run("build").exit_code == 0
    assert run("plan", "--exit-code").exit_code == 0
    changed(library)
    result = run("plan", "-o", "plan.json", "--exit-code")
    assert result.exit_code == 3
    head, *lines = result.stdout.splitlines()
    assert head.startswith("plan for target dev: 1 changed, 0 added, 0 removed, 1 to build, ")
    assert "~ more  breaking: its rows may be others  models/more.sql" in lines
    assert "    + WHERE  TRUE" in lines
    assert "saved: sqlflow apply plan.json" in result.stderr
    result = run("apply", "plan.json")
    assert result.exit_code == 0, result.stderr
    assert run("plan").stdout.startswith("target dev: nothing to do")
    result = run("apply", "plan.json")
    assert result.exit_code == 1
    assert "SF0716" in result.stderr


def test_the_plan_as_data(run: Run, library: Path) -> None:
    changed(library)
    [record] = [json.loads(line) for line in run("plan", "--json").stdout.splitlines()]
    assert (record["event"], record["target"]) == ("plan", "dev")
    [change] = record["changes"]
    assert (change["name"], change["category"], change["path"]) == ("more", "added", "models/more.sql")
    [work] = record["work"]
    assert (work["name"], work["reason"], work["seconds"]) == ("more", "not built yet", None)


def test_the_plan_for_a_pull_request(run: Run, library: Path) -> None:
    changed(library)
    text = run("plan", "--markdown").stdout
    assert text.startswith("### plan for target dev: 0 changed, 1 added")
    assert "| more | view | not built yet |  |  |" in text
    assert run("plan", "--markdown", "--json").exit_code == 2


def test_what_is_left_as_it_is(run: Run, library: Path) -> None:
    models = {
        "wide": "select 1 as id, 2 as amount",
        "narrow": "select id from wide",
        "sums": "select amount from wide",
    }
    for name, text in models.items():
        (library / "models" / f"{name}.sql").write_text(text)
    assert run("build").exit_code == 0
    (library / "models" / "wide.sql").write_text("select 1 as id, 3 as amount")
    why = "reads none of the changed columns of wide (amount)"
    text = run("plan", "-o", "plan.json").stdout
    assert text.startswith("plan for target dev: 1 changed, 0 added, 0 removed, 2 to build, 1 pruned, ")
    assert "~ wide  breaking: its rows stay, but not what they have in amount" in text
    lines = [[part.strip() for part in line.split("|")] for line in text.splitlines()]
    assert ["narrow", why] in lines
    assert ["sums", "view", "wide.amount -> sums.amount"] in [line[:3] for line in lines]
    assert f"| narrow | {why} |" in run("plan", "--markdown").stdout
    saved = json.loads((library / "plan.json").read_text())
    for record in (json.loads(run("plan", "--json").stdout), saved["review"]):
        [pruned] = record["pruned"]
        assert (pruned["name"], pruned["why"], pruned["unread"]) == ("narrow", why, {"wide": ["amount"]})
        columns = {work["name"]: work["columns"] for work in record["work"]}
        assert columns["sums"] == [{"from": "wide.amount", "to": "sums.amount"}]
    result = run("apply", "plan.json")
    assert result.exit_code == 0, result.stderr
    assert why in result.stderr
    assert run("plan").stdout.startswith("target dev: nothing to do")


def test_rows_are_told(run: Run, library: Path) -> None:
    text = "{{ config(materialized='table') }} select 1 as id from range(1234)"
    (library / "models" / "many.sql").write_text(text)
    assert run("build", "-s", "many").exit_code == 0
    (library / "models" / "many.sql").write_text(text.replace("1 as", "2 as"))
    line = next(line for line in run("plan", "-s", "many").stdout.splitlines() if line.startswith("many "))
    assert "| 1,234 |" in line
    assert "|  | 1,234 |" in run("plan", "-s", "many", "--markdown").stdout
    (record,) = (json.loads(line) for line in run("plan", "-s", "many", "--json").stdout.splitlines())
    assert [work["rows"] for work in record["work"]] == [1234]


def test_nobody_is_asked_where_nobody_is(run: Run, library: Path) -> None:
    changed(library)
    result = run("apply")
    assert result.exit_code == 2
    assert "nobody to ask" in result.stderr
    assert run("plan", "--exit-code").exit_code == 3
    assert run("apply", "--yes").exit_code == 0
    assert run("plan", "--exit-code").exit_code == 0


def test_files_that_are_no_plans(run: Run, library: Path) -> None:
    (library / "plan.json").write_text("{")
    for name, said in (
        ("plan.json", "is no plan"),
        ("none.json", "can't be read"),
        ("models", "can't be read"),
    ):
        result = run("apply", name)
        assert result.exit_code == 2
        assert said in result.stderr
    result = run("plan", "-o", "no/such/folder.json")
    assert result.exit_code == 2
    assert "can't be written" in result.stderr


def test_no_secret_is_in_a_plan(run: Run, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLFLOW_SECRET_PATH", "secret-7421.duckdb")
    config = library / "sqlflow.yml"
    text = config.read_text()
    template = "path: \"{{ env_var('SQLFLOW_SECRET_PATH') }}\""
    config.write_text(text.replace("path: library.duckdb", template))
    assert template in config.read_text()
    changed(library)
    result = run("plan", "-o", "plan.json", "--json")
    assert result.exit_code == 0, result.stderr
    assert "7421" not in result.stdout + result.stderr + (library / "plan.json").read_text()


def test_a_first_plan_lists_what_is_new_once(run: Run, library: Path) -> None:
    changed(library)
    lines = run("plan").stdout.splitlines()
    assert len([line for line in lines if "more" in line.split()]) == 1
    assert lines[0].startswith("plan for target dev: 0 changed, 1 added")


@pytest.mark.parametrize("command", ["plan", "build"])
def test_rows_stay_or_are_made_anew(run: Run, library: Path, command: str) -> None:
    result = run(command, "--forward-only", "--full-refresh")
    assert result.exit_code == 2
    assert "--forward-only keeps the rows that --full-refresh makes anew" in result.stderr


@pytest.mark.parametrize("command", ["plan", "build"])
@pytest.mark.parametrize("option", ["--full-refresh", "--start=2024-01-01", "--restate=grows"])
def test_rows_are_not_left_out_and_asked_for(run: Run, library: Path, command: str, option: str) -> None:
    result = run(command, "--skip-backfill", option)
    assert result.exit_code == 2
    assert option.partition("=")[0] in result.stderr


def test_what_is_not_filled_is_told(run: Run, library: Path) -> None:
    (library / "models" / "rows.sql").write_text("{{ config(materialized='table') }} select 1 as id")
    (library / "models" / "above.sql").write_text("select id from rows")
    (library / "models" / "apart.sql").write_text("select 2 as id")
    text = run("plan", "-s", "rows", "above", "apart", "--skip-backfill").stdout
    assert "1 to build, 2 not filled" in text
    assert "not filled: rows, above; left for later by --skip-backfill" in text
    words = ("-s", "rows", "above", "apart", "--skip-backfill")
    assert (
        "not filled: rows, above; left for later by --skip-backfill"
        in run("plan", *words, "--markdown").stdout
    )
    (record,) = (json.loads(line) for line in run("plan", *words, "--json").stdout.splitlines())
    assert [(one["name"], one["reason"]) for one in record["not_filled"]] == [
        ("rows", "not built yet"),
        ("above", "not built yet"),
    ]
    assert "not filled, by --skip-backfill: 2 nodes" in run("build", *words).stderr


def test_a_rename_is_told(run: Run, library: Path) -> None:
    (library / "models" / "was.sql").write_text("{{ config(materialized='table') }} select 1 as id")
    (library / "models" / "above.sql").write_text("select id from was")
    assert run("build", "-s", "was", "above").exit_code == 0
    (library / "models" / "was.sql").unlink()
    text = "{{ config(materialized='table', renamed_from='was') }} select 1 as id"
    (library / "models" / "has_been.sql").write_text(text)
    (library / "models" / "above.sql").write_text("select id from has_been")
    said = "renamed: was -> has_been, its table is kept; now read under that name by above"
    words = ("-s", "has_been", "above")
    found = run("plan", *words)
    assert said in found.stdout
    assert "1 renamed, 0 to build" in found.stdout
    assert said in run("plan", *words, "--markdown").stdout
    (record,) = (json.loads(line) for line in run("plan", *words, "--json").stdout.splitlines())
    assert [(one["from"], one["name"], one["readers"]) for one in record["renamed"]] == [
        ("was", "has_been", ["above"])
    ]
    assert run("plan", *words, "--exit-code").exit_code == 3
    assert "renamed: was -> has_been" in run("build", *words).stderr


def test_rows_that_stay_are_told(run: Run, library: Path) -> None:
    (library / "sqlflow.yml").write_text((library / "sqlflow.yml").read_text() + "\nlayout: virtual\n")
    (library / "models" / "base.sql").write_text("select 1 as id")
    text = "{{ config(materialized='incremental') }} select id from base"
    (library / "models" / "grows.sql").write_text(text)
    assert run("build").exit_code == 0
    (library / "models" / "base.sql").write_text("select 2 as id")
    assert "and 1 more; its rows stay" in run("plan", "--forward-only").stdout
    assert "its rows stay" not in run("plan").stdout.partition("build ")[2]
    assert run("build", "--forward-only").exit_code == 0
    result = run("show", "grows", "--json")
    assert [json.loads(line)["rows"] for line in result.stdout.splitlines()] == [[[1], [2]]]


def test_columns_are_lost_where_that_is_allowed(run: Run, library: Path) -> None:
    config = (
        "{{ config(materialized='incremental', on_schema_change='sync_all_columns', full_refresh=false) }} "
    )

    def write(columns: str) -> None:
        (library / "models" / "grows.sql").write_text(f"{config}select {columns}")

    write("1 as id, 2 as a, 3 as b, 4 as c")
    assert run("build").exit_code == 0
    write("1 as id, 2 as a, 3 as b")
    for command in (("plan",), ("build",), ("apply", "--yes")):
        result = run(*command)
        assert result.exit_code == 1
        assert "SF0718" in result.stderr and "--allow-destructive grows" in result.stderr
    assert run("build", "--allow-destructive", "grows").exit_code == 0
    write("1 as id, 2 as a")
    assert run("apply", "--yes", "--allow-destructive", "grows").exit_code == 0
    write("1 as id")
    assert run("plan", "--allow-destructive", "grows", "-o", "plan.json").exit_code == 0
    assert run("apply", "plan.json").exit_code == 0
    assert run("plan").stdout.startswith("target dev: nothing to do")


@pytest.mark.parametrize("command", ["plan", "build"])
def test_an_interval_is_restated(run: Run, library: Path, command: str) -> None:
    (library / "models" / "days.sql").write_text(
        "{{ config(materialized='incremental', incremental_strategy='time_range', event_time='ts', "
        "begin='2024-01-01', batch_size='year') }} select timestamp '2024-02-02' as ts"
    )
    assert run("build").exit_code == 0
    assert run(command, "--restate", "days").exit_code == 2
    result = run(command, "--restate", "days", "--start", "2024-01-01", "--end", "2025-01-01")
    assert result.exit_code == 0
    assert ("restated" if command == "plan" else "1 batch") in result.stdout + result.stderr


def test_what_is_read_as_prod_has_it(run: Run, library: Path) -> None:
    settings = library / "sqlflow.yml"
    settings.write_text(f"{settings.read_text()}\nlayout: direct\n")
    assert run("build").exit_code == 0
    (library / "models" / "other.sql").write_text("select 1 as id")
    assert run("build", "-s", "other").exit_code == 0
    (library / "models" / "other.sql").write_text("select 2 as id")
    (library / "models" / "more.sql").write_text("select other.id from other cross join book_loans")
    result = run("plan", "dev", "--defer", "-s", "more", "-o", "plan.json")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "read as prod has it: other, book_loans" in lines
    assert "reads prod's other, built of other code" in lines
    [record] = [
        json.loads(line) for line in run("plan", "dev", "--defer", "-s", "more", "--json").stdout.splitlines()
    ]
    assert [
        (one["name"], one["source"], one["relation"], one["other_code"]) for one in record["deferred"]
    ] == [
        ("other", "prod", "main.other", ["other"]),
        ("book_loans", "prod", "main.book_loans", []),
    ]
    text = run("plan", "dev", "--defer", "-s", "more", "--markdown").stdout
    assert "\nread as prod has it: other, book_loans\n" in text
    result = run("apply", "plan.json")
    assert result.exit_code == 0, result.stderr
    assert "1 ok" in result.stderr + result.stdout
    assert run("show", "more", "--env", "dev").exit_code == 0
    assert run("show", "other", "--env", "dev").exit_code == 1
    assert run("show", "other", "--env", "dev", "--defer").exit_code == 0
    assert run("test", "--env", "dev", "--defer").exit_code == 0
    assert run("build", "--env", "dev", "-s", "more", "--defer", "--favor-state").exit_code == 0


def test_deferring_is_refused_where_it_means_nothing(run: Run, library: Path) -> None:
    for command in ("build", "plan", "test"):
        assert run(command, "--favor-state").exit_code == 2
        result = run(command, "--defer")
        assert (result.exit_code, "SF0018" in result.stderr) == (1, True)
    assert run("show", "--failed", "x", "--defer").exit_code == 2
    assert run("build", "--defer-to", "nowhere").exit_code == 1
