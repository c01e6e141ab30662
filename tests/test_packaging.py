"""What is in the wheel and in the source distribution."""

from __future__ import annotations

import csv
import email
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email.message import Message
from pathlib import Path

import pytest

import sqlflow
from sqlflow.core.codes import Code
from tests.sources import ROOT, tracked_files

BUILD_SECONDS = 240


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the wheel and the source distribution from a copy; gives their folder."""
    folder = tmp_path_factory.mktemp("packaging")
    copy = folder / "copy"
    for path in tracked_files():
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    out = folder / "dist"
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--sdist",
            "--no-isolation",
            "--outdir",
            str(out),
            str(copy),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    """The wheel, which is the only one."""
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    """The names of the wheel's files."""
    return {name for name in wheel.namelist() if not name.endswith("/")}


def dist_info(name: str) -> str:
    return f"sqlflow-{sqlflow.__version__}.dist-info/{name}"


def metadata(wheel: zipfile.ZipFile) -> Message:
    return email.message_from_bytes(wheel.read(dist_info("METADATA")))


def test_the_wheel_holds_only_the_packages(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops == {"sqlflow", "sqlflow_duckdb", "sqlflow_postgres", dist_info("").rstrip("/")}


def test_the_wheel_holds_all_of_the_packages(names: set[str]) -> None:
    wanted: set[str] = set()
    for path in tracked_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] == "sqlflow":
            wanted.add(relative.as_posix())
        elif relative.parts[0] == "adapters":
            wanted.add(relative.relative_to("adapters").as_posix())
    assert wanted == {name for name in names if ".dist-info/" not in name}


def test_the_package_data_are_in_the_wheel(names: set[str]) -> None:
    assert "sqlflow/py.typed" in names
    assert {f"sqlflow/core/pages/{code.value}.md" for code in Code} <= names
    assert {"sqlflow/starter/sqlflow.yml", "sqlflow/starter/gitignore"} <= names
    assert any(name.startswith("sqlflow/starter/models/") and name.endswith(".sql") for name in names)


def test_the_entry_points_are_right(wheel: zipfile.ZipFile) -> None:
    parser = ConfigParser()
    parser.read_string(wheel.read(dist_info("entry_points.txt")).decode())
    assert {section: dict(parser[section]) for section in parser.sections()} == {
        "console_scripts": {"sqlflow": "sqlflow.cli.main:main"},
        "sqlflow.adapters": {"duckdb": "sqlflow_duckdb:ADAPTER", "postgres": "sqlflow_postgres:ADAPTER"},
    }


def test_the_licence_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert metadata(wheel)["License-Expression"] == "Apache-2.0"
    text = wheel.read(dist_info("licenses/LICENSE")).decode()
    assert text == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text


def test_the_metadata_name_the_version_and_what_is_needed(wheel: zipfile.ZipFile) -> None:
    found = metadata(wheel)
    assert (found["Name"], found["Version"], found["Requires-Python"]) == (
        "sqlflow",
        sqlflow.__version__,
        ">=3.11",
    )
    extras = {"dev", "example", "ibis", "pandas", "polars", "postgres"}
    assert set(found.get_all("Provides-Extra") or ()) == extras
    needed = [text for text in found.get_all("Requires-Dist") or () if "extra ==" not in text]
    assert {text.split(">")[0].split("<")[0].strip() for text in needed} == {
        "click", "duckdb", "jinja2", "pyarrow", "pyyaml", "rich", "sqlglot",
    }  # fmt: skip


def test_the_record_lists_every_file(wheel: zipfile.ZipFile, names: set[str]) -> None:
    rows = csv.reader(io.StringIO(wheel.read(dist_info("RECORD")).decode()))
    assert {row[0] for row in rows if row} == names


def test_the_source_distribution_can_be_tested(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "sqlflow/py.typed",
        "tests/test_packaging.py",
        "adapters/sqlflow_duckdb/__init__.py", "example_project/sqlflow.yml", ".ci/run",
    } <= inside  # fmt: skip
