"""Options: where they may stand, what they mean, what is wrong usage."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import pytest
from click.testing import Result

from sqlflow.cli.main import COMMANDS, cli
from sqlflow.cli.options import Given, MappingType, spread
from tests.cli.conftest import invoke

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("args", "spread_out"),
    [
        (["-s", "a", "b", "c"], ["-s", "a", "-s", "b", "-s", "c"]),
        (["--select", "a", "b", "--exclude", "c", "d", "--json"],
         ["--select", "a", "--select", "b", "--exclude", "c", "--exclude", "d", "--json"]),
        (["--select=a", "b"], ["--select=a", "--select", "b"]),
        (["-s", "+a", "@b", "2+c+1"], ["-s", "+a", "-s", "@b", "-s", "2+c+1"]),
        (["--threads", "2", "-s", "a"], ["--threads", "2", "-s", "a"]),
        (["-s", "a", "--threads", "2"], ["-s", "a", "--threads", "2"]),
        (["-s", "a", "--", "b"], ["-s", "a", "--", "b"]),
        (["--fail-fast"], ["--fail-fast"]),
        (["-s"], ["-s"]),
    ],
)  # fmt: skip
def test_select_takes_several_words(args: list[str], spread_out: list[str]) -> None:
    assert spread(args) == spread_out


def test_several_words_select_together(run: Run) -> None:
    together = run("ls", "-s", "stg_books", "stg_loans", "--exclude", "resource_type:test", "--json")
    assert {json.loads(line)["name"] for line in together.stdout.splitlines()} == {"stg_books", "stg_loans"}
    repeated = run("ls", "-s", "stg_books", "-s", "stg_loans", "--exclude", "resource_type:test", "--json")
    quoted = run("ls", "-s", "stg_books stg_loans", "--exclude", "resource_type:test", "--json")
    assert together.stdout == repeated.stdout == quoted.stdout


def test_options_may_stand_before_and_after_the_command(library: object) -> None:
    before = invoke("--project", str(library), "--json", "ls")
    after = invoke("ls", "--project", str(library), "--json")
    assert before.exit_code == after.exit_code == 0
    assert before.stdout == after.stdout != ""


def test_what_stands_after_the_command_goes_over_what_stands_before() -> None:
    outer = Given(project="a", target="t", vars={"x": 1, "y": 1})
    inner = Given(project="b", vars={"y": 2})
    merged = inner.over(outer)
    assert (merged.project, merged.target, merged.vars) == ("b", "t", {"x": 1, "y": 2})


@pytest.mark.parametrize(
    "args",
    [
        ("--json", "ls", "--output", "plain"),
        ("ls", "--json", "--output", "plain"),
        ("--json", "--output", "human", "ls"),
        ("ls", "--output", "xml"),
        ("build", "--threads", "0"),
        ("build", "--threads", "many"),
        ("show",),
        ("show", "a", "--inline", "select 1"),
        ("show", "a", "--limit", "0"),
        ("ls", "surplus"),
        ("build", "--no-such-option"),
        ("biuld",),
        ("init",),
        ("--target", "dev", "explain"),
        ("--project", "x", "init", "y"),
        ("--vars", "{a: 1}", "explain"),
        ("seed", "--full-refresh"),
        ("ls", "--vars", "a"),
        ("ls", "--vars", "[1]"),
        ("ls", "--vars", "{"),
        ("ls", "--vars", "{1: 2}"),
        ("ls", "--vars", "[" * 3000),
    ],
    ids=lambda args: " ".join(args)[:40],
)
def test_wrong_usage_ends_with_2_and_says_so(args: tuple[str, ...]) -> None:
    result = invoke(*args)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_command_that_is_not_there_suggests() -> None:
    assert "did you mean build?" in invoke("biuld").stderr


@pytest.mark.parametrize("args", [("--json", "--output", "json", "explain"), ("--json", "explain", "--json")])
def test_the_same_form_may_be_asked_for_twice(args: tuple[str, ...]) -> None:
    result = invoke(*args)
    assert result.exit_code == 0
    assert json.loads(result.stdout.splitlines()[0])["event"] == "code"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{a: 1, b: [x, y]}", {"a": 1, "b": ["x", "y"]}),
        ('{"a": {"b": null}}', {"a": {"b": None}}),
        ("a: text", {"a": "text"}),
        ("", {}),
        ("{}", {}),
    ],
)
def test_variables_are_read_as_yaml_or_json(text: str, values: dict[str, object]) -> None:
    assert MappingType().convert(text, None, None) == values


def test_variables_that_are_wrong_are_not_shown_again() -> None:
    with pytest.raises(click.BadParameter) as caught:
        MappingType().convert("{password: [hunter2", None, None)
    assert "hunter2" not in caught.value.format_message()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_takes_json(name: str) -> None:
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert COMMANDS[name] in result.stdout
    command = cli.get_command(cli.make_context("sqlflow", ["--version"], resilient_parsing=True), name)
    parts = list(command.commands) if isinstance(command, click.Group) else []
    for words in [[name, part] for part in parts] or [[name]]:
        assert "--json" in invoke(*words, "--help").stdout


def test_the_version_is_shown() -> None:
    from sqlflow import __version__

    assert invoke("--version").stdout == f"sqlflow {__version__}\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--start", "soon"], "'soon' is neither a date nor a time"),
        (["--start", "2024-01-02", "--end", "2024-01-02"], "--end has to be later than --start"),
        (["--start", "2024-01-02", "--full-refresh"], "it excludes --start and --end"),
    ],
)
def test_intervals_that_are_wrong_usage(run: Run, args: list[str], said: str) -> None:
    result = run("build", *args)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_an_interval_needs_a_model_that_is_built_by_time_range(run: Run) -> None:
    result = run("build", "--start", "2024-01-02")
    assert result.exit_code == 1
    assert "SF0502" in result.stderr
