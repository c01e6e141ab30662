"""What each command does to a project, and what it says."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import Result

from sqlflow.cli import commands
from sqlflow.cli.main import COMMANDS, cli
from tests.cli.conftest import invoke

Run = Callable[..., Result]


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def add(folder: Path, path: str, text: str) -> None:
    (folder / path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_their_own_help_says(name: str) -> None:
    command = cli.get_command(cli.make_context("sqlflow", ["--version"], resilient_parsing=True), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").splitlines()[0] == COMMANDS[name]


def test_there_is_no_command_that_the_list_does_not_have() -> None:
    assert {module.name for module in pkgutil.iter_modules(commands.__path__)} == set(COMMANDS)


# init


def test_init_makes_a_project_that_builds(built_library: Path) -> None:
    with duckdb.connect(str(built_library / "library.duckdb"), read_only=True) as connection:
        loans = connection.execute(
            "select title, loans from book_loans order by loans desc, title"
        ).fetchall()
        late = connection.execute("select loan_id, days_late from late_returns order by loan_id").fetchall()
    assert loans == [
        ("The Lighthouse Keeper's Year", 3),
        ("The Silent Orchard", 3),
        ("A Field Guide to Moss", 2),
        ("Bread in Twelve Steps", 2),
        ("Knots and How to Tie Them", 1),
        ("Rivers of the North", 0),
    ]
    assert late == [(102, 14), (106, 14), (108, 20)]


def test_everything_in_the_new_project_is_described(built_library: Path) -> None:
    import sqlflow

    nodes = sqlflow.load(built_library).nodes()
    assert {node.kind.value for node in nodes} == {"model", "seed", "test"}
    assert [node.name for node in nodes if node.kind.value != "test" and not node.description] == []


def test_the_new_project_keeps_what_it_writes_out_of_git(built_library: Path) -> None:
    assert "target/" in (built_library / ".gitignore").read_text().splitlines()
    assert not (built_library / "gitignore").exists()


def test_init_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    add(tmp_path, "notes.txt", "mine")
    result = invoke("init", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: the folder {tmp_path} is not empty\n  help: ")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_init_refuses_a_file(tmp_path: Path) -> None:
    add(tmp_path, "shop", "mine")
    assert invoke("init", str(tmp_path / "shop")).exit_code == 1
    assert (tmp_path / "shop").read_text() == "mine"


def test_init_takes_a_folder_with_nothing_but_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "shop")
    result = invoke("init", ".")
    assert result.exit_code == 0
    assert "name: shop\n" in (tmp_path / "shop" / "sqlflow.yml").read_text()
    assert result.stderr == "\nmade the project shop; next:\n\n  sqlflow build\n\n"


@pytest.mark.parametrize(
    ("folder", "name"), [("My Shop-2", "my_shop_2"), ("2024", "p_2024"), ("éa", "a"), ("_x_", "x")]
)
def test_the_name_of_the_project_comes_from_the_folder(tmp_path: Path, folder: str, name: str) -> None:
    result = invoke("init", str(tmp_path / folder), "--json")
    assert result.exit_code == 0
    assert records(result)[0]["name"] == name
    assert invoke("ls", "--project", str(tmp_path / folder)).exit_code == 0


def test_init_refuses_a_name_that_gives_none(tmp_path: Path) -> None:
    result = invoke("init", str(tmp_path / "---"), "--json")
    assert result.exit_code == 1
    assert "gives no name" in records(result)[0]["message"]
    assert list(tmp_path.iterdir()) == []


# compile


def test_compile_writes_and_lists_files(run: Run, library: Path) -> None:
    result = run("compile")
    assert result.exit_code == 0
    paths = result.stdout.splitlines()
    assert "target/compiled/models/marts/late_returns.sql" in paths
    assert "28 as days_late" in (library / "target/compiled/models/marts/late_returns.sql").read_text()
    assert all((library / path).is_file() for path in paths)
    assert result.stderr == "compiled 4 models and 1 test into target/compiled\n"


def test_compile_of_one_model_shows_its_sql(run: Run, library: Path) -> None:
    result = run("compile", "-s", "late_returns")
    assert (
        result.stdout
        == (library / "target/compiled/models/marts/late_returns.sql").read_text().rstrip() + "\n"
    )
    assert 'from "main"."stg_loans" as loans' in result.stdout


def test_compile_in_json_has_the_sql(run: Run) -> None:
    found = {record["name"]: record for record in records(run("compile", "--json"))}
    assert found["late_returns"]["event"] == "compiled"
    assert found["late_returns"]["id"] == "model.library.late_returns"
    assert "28 as days_late" in found["late_returns"]["sql"]


def test_compile_needs_no_warehouse(run: Run, library: Path) -> None:
    (library / "library.duckdb").unlink()
    assert run("compile").exit_code == 0
    assert not (library / "library.duckdb").exists()


# build, test, seed


def test_build_tells_each_node(run: Run) -> None:
    result = run("build", "-s", "late_returns", "--force")
    assert result.exit_code == 0
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0] == "build on target dev: 4 steps, 4 threads"
    assert lines[1].startswith("1/4 ok         test not_null_late_returns_")
    assert lines[4].startswith("4/4 ok         model late_returns  table, 3 rows, ")
    assert lines[-1].startswith("done: 4 ok in ")


def test_build_says_what_is_unchanged(run: Run, library: Path) -> None:
    lines = run("build").stderr.splitlines()
    assert lines == [
        "build on target dev: 0 steps, 4 threads",
        "unchanged: 6 nodes and 19 tests",
        "",
        lines[-1],
    ]
    assert lines[-1].startswith("done: 25 unchanged in ")
    found = records(run("build", "--json"))
    assert [record["event"] for record in found] == ["run_started", "unchanged", "run_finished"]
    assert len(found[1]["nodes"]) == 25
    add(library, "models/sources.yml", "sources: [{name: raw, schema: main, tables: [{name: raw_books}]}]\n")
    add(library, "models/marts/outside.sql", "select * from {{ source('raw', 'raw_books') }}\n")
    told = run("build", "-s", "outside").stderr
    assert "always built is what reads a source that can't tell whether it changed: raw.raw_books\n" in told


def test_variables_reach_the_build(run: Run, library: Path) -> None:
    assert run("build", "-s", "late_returns", "--vars", "{loan_days: 33}").exit_code == 0
    with duckdb.connect(str(library / "library.duckdb"), read_only=True) as connection:
        assert connection.execute("select loan_id from late_returns order by 1").fetchall() == [
            (102,), (106,), (108,),
        ]  # fmt: skip
        assert connection.execute("select max(days_late) from late_returns").fetchall() == [(15,)]


def test_a_failure_is_told_with_its_place_and_skips_what_depends_on_it(run: Run, library: Path) -> None:
    add(
        library,
        "models/staging/stg_loans.sql",
        "select loan_id, book_id, member, lent_on, returned_on,\n"
        "    wrong_function() as days_away,\n    false as is_away\nfrom raw_loans\n",
    )
    result = run("build")
    assert result.exit_code == 1
    account = result.stderr.partition("\n\n")[2]
    assert "ERROR model stg_loans\nerror[SF0701]: the warehouse refused a statement of `stg_loans`" in account
    assert "  --> models/staging/stg_loans.sql:2:5\n" in account
    assert "    wrong_function() as days_away" in account
    assert "late_returns" in account.partition("skipped")[2]
    assert account.splitlines()[-1].startswith("failed: 1 error, ")


def test_a_failing_test_fails_the_run_and_keeps_its_rows(run: Run, library: Path) -> None:
    seed = library / "seeds/raw_loans.csv"
    seed.write_text(seed.read_text() + "101,1,m-07,2024-05-08,2024-05-01\n")
    result = run("build", "-s", "raw_loans", "--store-failures")
    assert result.exit_code == 1
    assert "FAIL test unique_raw_loans_loan_id (" in result.stderr
    assert "kept in" in result.stderr
    shown = run("show", "--failed", "raw_loans")
    assert shown.stdout.splitlines()[0] == "unique_raw_loans_loan_id"
    assert "101" in shown.stdout
    # What is published is as it was before.
    only_test = run("test", "-s", "raw_loans")
    assert only_test.exit_code == 0
    assert "seed raw_loans" not in only_test.stderr.partition("\n\n")[0]


def test_show_failed_wants_a_name_and_says_that_there_is_nothing(run: Run) -> None:
    assert run("show", "--failed", "--inline", "select 1").exit_code == 2
    run("build", "-s", "raw_loans")
    result = run("show", "--failed", "raw_loans")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "the tests of raw_loans have kept no rows\n"


def test_seed_loads_and_tests_seeds_alone(run: Run) -> None:
    result = run("seed", "--json", "--force")
    assert result.exit_code == 0
    ended = [record for record in records(result) if record["event"] == "node_finished"]
    assert {record["kind"] for record in ended} == {"seed", "test"}
    assert all("_raw_" in record["name"] for record in ended if record["kind"] == "test")


@pytest.mark.parametrize("command", [("build", "--force"), ("test",), ("seed", "--force")])
def test_runs_in_json_are_lines_that_end_with_the_summary(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    found = records(result)
    assert found[0]["event"] == "run_started"
    assert found[-1]["event"] == "run_finished"
    assert found[-1]["ok"] is True
    assert found[-1]["counts"] == {"success": found[0]["actions"]}


def test_a_selection_of_nothing_warns_and_does_nothing(run: Run) -> None:
    result = run("build", "-s", "late_retruns")
    assert result.exit_code == 0
    assert "warning[SF0502]: `late_retruns` selects nothing" in result.stderr
    assert "did you mean `late_returns`" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("done: nothing to do in ")


def test_a_selector_that_is_none_ends_the_command(run: Run) -> None:
    for command in ("build", "test", "seed", "ls", "compile"):
        result = run(command, "-s", "tags:marts")
        assert result.exit_code == 1
        assert "error[SF0501]" in result.stderr


# mistakes of the project


def test_all_mistakes_are_told_at_once_and_nothing_runs(run: Run, library: Path) -> None:
    add(library, "models/marts/a.sql", "select * from stg_lons\n")
    add(library, "models/marts/b.sql", "select {{ 1 + }}\n")
    add(library, "models/marts/c.sql", "select 1 +\n")
    result = run("build")
    assert result.exit_code == 1
    for code, path in (("SF0203", "a.sql:1:15"), ("SF0101", "b.sql:1:"), ("SF0201", "c.sql:1:")):
        assert f"error[{code}]" in result.stderr
        assert f"  --> models/marts/{path}" in result.stderr
    assert result.stderr.splitlines()[-1] == "3 errors"
    assert "build on target" not in result.stderr


def test_mistakes_in_json_end_with_a_summary_too(run: Run, library: Path) -> None:
    add(library, "models/marts/a.sql", "select * from stg_lons\n")
    result = run("build", "--json")
    assert result.exit_code == 1
    assert result.stderr == ""
    diagnostic, last = records(result)
    assert (diagnostic["event"], diagnostic["code"]) == ("diagnostic", "SF0203")
    assert (diagnostic["path"], diagnostic["line"], diagnostic["column"]) == ("models/marts/a.sql", 1, 15)
    assert (last["event"], last["ok"]) == ("run_finished", False)


def test_warnings_do_not_stop_a_command(run: Run, library: Path) -> None:
    add(library, "models/marts/more.yml", "models:\n  - name: late_return\n")
    result = run("ls", "-s", "late_returns")
    assert result.exit_code == 0
    assert "warning[SF0011]" in result.stderr
    assert result.stdout.splitlines()[0] == "late_returns"


def test_a_folder_without_a_project_is_said(tmp_path: Path) -> None:
    result = invoke("build", "--project", str(tmp_path), "--json")
    assert result.exit_code == 1
    assert [record["event"] for record in records(result)] == ["diagnostic", "run_finished"]
    assert invoke("ls", "--project", str(tmp_path / "nowhere")).exit_code == 1


def test_an_unknown_target_is_said(run: Run) -> None:
    result = run("ls", "--target", "dve")
    assert result.exit_code == 1
    assert "error[SF0009]" in result.stderr
    assert "did you mean `dev`" in result.stderr


# ls, show, clean


def test_ls_lists_names_in_order(run: Run) -> None:
    result = run("ls", "-s", "+late_returns", "--exclude", "resource_type:test")
    assert result.stderr == ""
    names = result.stdout.splitlines()
    assert sorted(names) == ["late_returns", "raw_books", "raw_loans", "stg_books", "stg_loans"]
    assert names.index("raw_loans") < names.index("stg_loans") < names.index("late_returns")


def test_ls_in_json_has_what_selection_knows(run: Run) -> None:
    assert records(
        run("ls", "-s", "tag:marts,late_returns", "--exclude", "resource_type:test", "--json")
    ) == [
        {
            "event": "node",
            "id": "model.library.late_returns",
            "name": "late_returns",
            "kind": "model",
            "path": "models/marts/late_returns.sql",
            "tags": ["marts"],
            "materialized": "table",
        }
    ]


def test_show_draws_rows(run: Run) -> None:
    result = run("show", "raw_books", "--limit", "2")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "book_id | title                 | subject | acquired",
        "--------+-----------------------+---------+-----------",
        "      1 | A Field Guide to Moss | nature  | 2021-03-02",
        "      2 | Bread in Twelve Steps | cooking | 2020-11-17",
    ]


def test_show_of_a_query_may_use_what_a_model_may(run: Run) -> None:
    sql = "select count(*) as n, {{ var('loan_days') }} as days from {{ ref('stg_loans') }}"
    (record,) = records(run("show", "--inline", sql, "--json"))
    assert [column["name"] for column in record["columns"]] == ["n", "days"]
    assert record["rows"] == [[11, 28]]


def test_show_without_rows_says_so(run: Run) -> None:
    result = run("show", "--inline", "select 1 as a where false")
    assert result.stdout == "a\n-\n"
    assert result.stderr == "no rows\n"


def test_a_mistake_in_a_query_points_into_it(run: Run) -> None:
    result = run("show", "--inline", "select *\nfrom stg_lons")
    assert result.exit_code == 1
    assert "  --> <inline>:2:6\n" in result.stderr
    assert " 2 | from stg_lons\n   |      ^^^^^^^^" in result.stderr


def test_show_of_an_unknown_name_suggests(run: Run) -> None:
    result = run("show", "late_retruns")
    assert result.exit_code == 1
    assert "did you mean `late_returns`" in result.stderr


def test_clean_removes_what_was_written_and_nothing_else(run: Run, library: Path) -> None:
    before = {path for path in library.rglob("*") if "target" not in path.relative_to(library).parts}
    assert (library / "target").is_dir()
    assert records(run("clean", "--json")) == [{"event": "cleaned", "removed": True}]
    assert set(library.rglob("*")) == before
    assert run("clean").stderr == "there was nothing to remove\n"


def test_clean_works_on_a_project_with_mistakes(run: Run, library: Path) -> None:
    add(library, "models/marts/a.sql", "select * from nowhere\n")
    assert run("clean").exit_code == 0
    assert not (library / "target").exists()


# explain


@pytest.mark.parametrize("text", ["SF0203", "sf0203", "0203", " Sf0203 "])
def test_explain_shows_a_page(text: str) -> None:
    result = invoke("explain", text)
    assert result.exit_code == 0
    assert result.stdout.startswith("# SF0203: unknown reference\n")


def test_explain_lists_all_codes() -> None:
    lines = invoke("explain").stdout.splitlines()
    assert "SF0203  unknown reference" in lines
    assert len(lines) == len(records(invoke("explain", "--json")))


def test_explain_of_an_unknown_code_suggests_close_ones() -> None:
    result = invoke("explain", "SF0230")
    assert result.exit_code == 2
    assert "SF0203" in result.stderr


def test_explain_in_json() -> None:
    (record,) = records(invoke("explain", "SF0205", "--json"))
    assert (record["event"], record["code"], record["title"]) == ("page", "SF0205", "cycle")
    assert record["text"].startswith("# SF0205: cycle\n")


def test_an_on_run_end_that_fails_is_told_and_fails_the_command(run: Run, library: Path) -> None:
    with (library / "sqlflow.yml").open("a") as settings:
        settings.write("on-run-end: delete from nowhere\n")
    result = run("build", "--force", "-s", "stg_*")
    assert result.exit_code == 1
    assert "ERROR      on-run-end  1 statement" in result.stderr
    assert "on-run-end: delete from nowhere\n" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("failed: ")
    found = records(run("build", "--force", "-s", "stg_*", "--json"))
    assert [r["status"] for r in found if r["event"] == "run_hooks_finished"] == ["error"]
    assert found[-1]["diagnostics"][0]["path"] == "sqlflow.yml"
    assert run("build", "-s", "stg_*").exit_code == 0  # nothing is to be done, and nothing runs
