"""What the command line must not import before it has to."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "duckdb", "ibis", "jinja2", "numpy", "pandas", "polars", "psycopg", "pyarrow", "rich", "sqlglot", "yaml",
}  # fmt: skip

# Runs the command line in a process of its own; gives the modules that are loaded at its end.
PROBE = """
import json, sys
from sqlflow.cli.main import cli
code = 0
try:
    cli(prog_name="sqlflow")
except SystemExit as end:
    code = end.code or 0
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def loaded(*args: str) -> set[str]:
    """Runs a command that must end well; gives the names of the modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *args], capture_output=True, text=True, check=True, timeout=60
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert done.stdout
    return set(modules)


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] in HEAVY}


@pytest.mark.parametrize(
    "args",
    [("--help",), ("--version",)]
    + [(name, "--help") for name in ("init", "compile", "build", "test", "seed", "ls", "show", "clean")],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(args: tuple[str, ...]) -> None:
    assert heavy(loaded(*args)) == set()


def test_help_imports_no_command_and_no_stage() -> None:
    own = {name for name in loaded("--help") if name.startswith("sqlflow")}
    assert own <= {"sqlflow", "sqlflow.cli", "sqlflow.cli.main", "sqlflow.cli.options"}


def test_the_help_of_a_command_imports_no_other_one() -> None:
    commands = {name for name in loaded("build", "--help") if name.startswith("sqlflow.cli.commands.")}
    assert commands == {"sqlflow.cli.commands.build"}


def test_explaining_loads_neither_a_project_nor_a_driver() -> None:
    modules = loaded("explain", "SF0203")
    assert heavy(modules) == set()
    assert "sqlflow.api" not in modules


def test_importing_sqlflow_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sqlflow, sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert heavy(set(done.stdout.split())) == set()


def test_the_probe_sees_what_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import yaml, sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "yaml" in heavy(set(done.stdout.split()))
