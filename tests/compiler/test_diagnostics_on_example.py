"""Each kind of mistake, made in a copy of the example: what the command line says, and where."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT

# Refuses to import PostgreSQL's driver, as on a machine that has it not.
WITHOUT_DRIVER = """
import sys
from importlib.abc import MetaPathFinder

class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "psycopg":
            raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

sys.meta_path.insert(0, Nothing())
from sqlflow.cli.main import main
main()
"""


class Example:
    """A copy of the example project, with mistakes made in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, content: str | bytes) -> Example:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def change(self, path: str, old: str, new: str) -> Example:
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text
        return self.write(path, text.replace(old, new, 1))

    def line(self, path: str, text: str) -> str:
        """The place of the first occurrence of a text, as it is printed."""
        content = (self.folder / path).read_text(encoding="utf-8")
        before = content[: content.index(text)]
        return f"{path}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"

    def run(self, *words: str, program: str | None = None) -> list[str]:
        """Runs a command that must fail for what is wrong with the project; gives the lines it prints."""
        start = ["-m", "sqlflow"] if program is None else ["-c", program]
        environment = {
            name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PGHOST")
        }
        paths = [str(ROOT), str(ROOT / "adapters"), environment.get("PYTHONPATH", "")]
        result = subprocess.run(
            [sys.executable, *start, *words, "--project", str(self.folder)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=120,
            env={**environment, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"},
        )
        assert result.returncode == 1, result.stdout + result.stderr
        assert "Traceback" not in result.stdout + result.stderr
        return [line.strip() for line in (result.stdout + result.stderr).splitlines()]


@pytest.fixture
def example(tmp_path: Path) -> Example:
    shutil.copytree(
        ROOT / "example_project", tmp_path / "flights", ignore=shutil.ignore_patterns("target", "*.duckdb*")
    )
    return Example(tmp_path / "flights")


def errors(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("error[")]


def places(lines: list[str]) -> list[str]:
    """The places that are pointed at, in order: first the diagnostic's, then its labels'."""
    return [line.split(" ", 1)[1] for line in lines if line.startswith(("-->", ":::"))]


MODEL = "models/marts/extra.sql"


def test_broken_yaml(example: Example) -> None:
    lines = example.write("models/extra.yml", "models:\n  - name: [stg_flights\n").run("compile")
    assert errors(lines)[0].startswith("error[SF0003]: broken YAML: ")
    assert places(lines)[0].startswith("models/extra.yml:")
    assert len(errors(lines)) == 1


def test_unknown_key(example: Example) -> None:
    lines = example.change("sqlflow.yml", "targets:", "targest:").run("compile")
    assert "error[SF0004]: unknown key `targest` in sqlflow.yml" in lines
    assert example.line("sqlflow.yml", "targest") in places(lines)
    assert any(line.startswith("help: did you mean `target` or `targets`") for line in lines)


def test_unknown_key_of_a_model(example: Example) -> None:
    lines = example.write(MODEL, "{{ config(materialised='table') }}\nselect 1 as a").run("compile")
    (error,) = errors(lines)
    assert error.startswith("error[SF0004]: unknown key `materialised`")
    assert places(lines) == [example.line(MODEL, "materialised")]
    assert any("did you mean `materialized`?" in line for line in lines)


def test_jinja_error(example: Example) -> None:
    lines = example.write(MODEL, "select 1\n{% if true %}\n").run("compile")
    (error,) = errors(lines)
    assert error.startswith("error[SF0101]: ")
    assert [place.split(":")[:2] for place in places(lines)] == [[MODEL, "2"]] * 2


def test_jinja_error_in_a_macro_has_both_places(example: Example) -> None:
    example.write("macros/bad.sql", "{% macro bad(a) %}\n  {{ a.b.c }}\n{% endmacro %}")
    lines = example.write(MODEL, "select\n  {{ bad('x') }}\n").run("compile")
    (error,) = errors(lines)
    assert error.startswith("error[SF0102]: ")
    assert [place.split(":")[:2] for place in places(lines)] == [[MODEL, "2"], ["macros/bad.sql", "2"]]


def test_sql_that_does_not_parse(example: Example) -> None:
    lines = example.write(MODEL, "select *\nfrom stg_flights\n  wehre x = 1").run("compile")
    assert errors(lines) == ["error[SF0201]: the SQL does not parse at `x`"]
    assert places(lines) == [f"{MODEL}:3:9"]
    assert "help: did you mean `WHERE` instead of `wehre`?" in lines


def test_sql_that_does_not_parse_in_a_macro(example: Example) -> None:
    example.write("macros/bad.sql", "{% macro bad() %}\n  (1 + + ) as a\n{% endmacro %}")
    lines = example.write(MODEL, "select\n  {{ bad() }}\nfrom stg_flights").run("compile")
    (error,) = errors(lines)
    assert error.startswith("error[SF0201]: ")
    assert [place.split(":")[:2] for place in places(lines)] == [[MODEL, "2"], ["macros/bad.sql", "2"]]


def test_unknown_reference(example: Example) -> None:
    lines = example.write(MODEL, "select *\nfrom stg_flihgts").run("compile")
    assert errors(lines) == ["error[SF0203]: unknown table `stg_flihgts`"]
    assert places(lines) == [f"{MODEL}:2:6"]
    assert any(line.startswith("help: did you mean `stg_flights`") for line in lines)


def test_a_cycle_has_the_whole_path(example: Example) -> None:
    example.write("models/a.sql", "select * from b").write("models/b.sql", "select *\nfrom {{ ref('c') }}")
    lines = example.write("models/c.sql", "select 1 as x\nfrom a").run("compile")
    assert errors(lines) == ["error[SF0205]: models read each other in a cycle: a -> b -> c -> a"]
    assert places(lines) == ["models/a.sql:1:15", "models/b.sql:2:9", "models/c.sql:2:6"]


def test_duplicate_model(example: Example) -> None:
    lines = example.write("models/marts/stg_flights.sql", "select 1 as a").run("compile")
    assert errors(lines) == [
        "error[SF0010]: the name `stg_flights` is taken: models, seeds and snapshots share their names"
    ]
    assert sorted(places(lines)) == ["models/marts/stg_flights.sql:1:1", "models/staging/stg_flights.sql:1:1"]


def test_missing_environment_variable(example: Example) -> None:
    example.change("sqlflow.yml", "path: flights.duckdb", "path: \"{{ env_var('NOT_THERE') }}\"")
    lines = example.run("compile")
    assert errors(lines) == ["error[SF0008]: environment variable `NOT_THERE` is not set"]
    assert places(lines) == [example.line("sqlflow.yml", "\"{{ env_var('NOT_THERE')")]
    assert "help: set it, or give a default: `env_var('NOT_THERE', 'value')`" in lines


def test_missing_environment_variable_in_a_model(example: Example) -> None:
    lines = example.write(MODEL, "select\n  '{{ env_var('NOT_THERE') }}' as a").run("compile")
    assert errors(lines) == ["error[SF0008]: environment variable `NOT_THERE` is not set"]
    assert places(lines)[0].startswith(f"{MODEL}:2:")


def test_wrong_type_of_a_setting(example: Example) -> None:
    lines = example.change("sqlflow.yml", "threads: 4", "threads: many").run("compile")
    assert errors(lines) == ["error[SF0005]: `threads` must be a whole number, not text"]
    assert places(lines) == [example.line("sqlflow.yml", "many")]


def test_a_file_that_is_not_utf8(example: Example) -> None:
    lines = example.write(MODEL, b"select\n  '\xff' as a").run("compile")
    (error,) = errors(lines)
    assert error.startswith(f"error[SF0002]: {MODEL} is not UTF-8: ")
    assert places(lines) == [f"{MODEL}:2:4"]
    assert "help: save the file as UTF-8" in lines


def test_a_driver_that_is_not_installed(example: Example) -> None:
    lines = example.run("build", "--target", "postgres", program=WITHOUT_DRIVER)
    assert errors(lines) == [
        "error[SF0013]: the target `postgres` needs the package psycopg, which is not installed"
    ]
    assert places(lines) == [example.line("sqlflow.yml", "postgres:")]
    assert "help: pip install 'sqlflow[postgres]'" in lines


def test_an_error_of_the_warehouse_points_at_the_template(example: Example) -> None:
    sql = "select\n  carrier_code,\n  -- {{ 'é' }}\n  no_such_function(carrier_code) as a\nfrom stg_carriers"
    lines = example.write(MODEL, sql).run("build", "-s", "+extra", "--exclude", "resource_type:test")
    (error,) = errors(lines)
    assert error.startswith("error[SF0701]: ")
    assert "no_such_function" in error
    assert places(lines)[-1] == f"{MODEL}:4:3"


def test_an_error_of_the_warehouse_in_a_macro_has_both_places(example: Example) -> None:
    example.write("macros/bad.sql", "{% macro bad(a) %}\n  {{ a }} + wrong_function()\n{% endmacro %}")
    example.write(MODEL, "select\n  {{ bad('1') }} as a\nfrom stg_carriers")
    lines = example.run("build", "-s", "+extra", "--exclude", "resource_type:test")
    assert [error[:15] for error in errors(lines)] == ["error[SF0701]: "]
    assert [place.split(":")[:2] for place in places(lines)] == [[MODEL, "2"], ["macros/bad.sql", "2"]]


def test_an_error_of_the_warehouse_in_an_ephemeral_model(example: Example) -> None:
    ephemeral = "{{ config(materialized='ephemeral') }}\nselect wrong_function() as a from stg_carriers"
    example.write("models/part.sql", ephemeral).write(MODEL, "select 1 as a\nfrom part")
    lines = example.run("build", "-s", "+extra", "--exclude", "resource_type:test")
    assert [error[:15] for error in errors(lines)] == ["error[SF0701]: "]
    assert places(lines) == [f"{MODEL}:2:6", "models/part.sql:2:8"]


def mistakes(example: Example) -> None:
    example.write("models/m1.sql", "select from").write("models/m2.sql", "select * from nope")
    example.write("models/m3.sql", "select {{ var('nope') }}").write("models/m4.sql", "{% if %}")
    example.write("models/m5.sql", b"select '\xff' as a").write("models/m6.yml", "models: {")
    example.write("models/m7.yml", "models: [{name: m1, colums: []}]")
    example.write("models/m8.sql", "create table x as select 1").write("models/m9.sql", "select * from m9")


def test_all_mistakes_are_said_at_once(example: Example) -> None:
    mistakes(example)
    lines = example.run("compile")
    assert sorted(error[6:12] for error in errors(lines)) == sorted(
        ["SF0201", "SF0203", "SF0104", "SF0101", "SF0002", "SF0003", "SF0004", "SF0202", "SF0203"]
    )
    assert sorted(place.split(":")[0].removeprefix("models/")[:2] for place in places(lines)) == [
        f"m{i}" for i in range(1, 10)
    ]
    assert "9 errors" in lines


@pytest.mark.parametrize("command", ["build", "test", "seed", "ls", "compile"])
def test_no_command_goes_on_with_a_mistake(example: Example, command: str) -> None:
    lines = example.write(MODEL, "select * from nope").run(command)
    assert errors(lines) == ["error[SF0203]: unknown table `nope`"]
    assert not list(example.folder.glob("*.duckdb"))


def test_json_says_the_same(example: Example) -> None:
    import json

    mistakes(example)
    lines = example.run("compile", "--json")
    found = [json.loads(line) for line in lines]
    codes = [entry.get("code") for entry in found if "code" in entry]
    assert len(codes) == 9
