"""A project as `init` makes it, built once, and copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sqlflow.cli.main import cli

Run = Callable[..., Result]


def invoke(*args: str) -> Result:
    return CliRunner().invoke(cli, list(args), prog_name="sqlflow")


@pytest.fixture(scope="session")
def built_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter project after a build; to be read only."""
    folder = tmp_path_factory.mktemp("starter") / "library"
    assert invoke("init", str(folder)).exit_code == 0
    result = invoke("build", "--project", str(folder))
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture
def library(built_library: Path, tmp_path: Path) -> Path:
    """A copy of the starter project after a build."""
    folder = tmp_path / "library"
    shutil.copytree(built_library, folder)
    return folder


@pytest.fixture
def run(library: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in the folder of a copy of the starter project."""
    monkeypatch.chdir(library)
    return invoke
