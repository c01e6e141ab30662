from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlflow.core.digest import digest
from sqlflow.system.local import LocalSystem
from sqlflow.system.memory import MemorySystem
from sqlflow.system.protocol import System

Maker = Callable[[], System]


@pytest.fixture(params=["local", "memory"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    """Gives each kind of system in turn, without any files."""
    return LocalSystem(tmp_path) if request.param == "local" else MemorySystem({})


def test_writing_and_reading(system: System) -> None:
    system.write("a/b/c.txt", b"one")
    assert system.read("a/b/c.txt") == b"one"
    system.write("a/b/c.txt", b"two")
    assert system.read("a/b/c.txt") == b"two"
    system.append("a/b/c.txt", b"!")
    system.append("new/d.txt", b"d")
    assert (system.read("a/b/c.txt"), system.read("new/d.txt")) == (b"two!", b"d")


def test_a_missing_file(system: System) -> None:
    with pytest.raises(OSError, match=r"none\.txt"):
        system.read("none.txt")
    with pytest.raises(OSError, match=r"none\.txt"):
        system.digest("none.txt")
    assert system.stat("none.txt") is None
    assert not system.is_dir("none")


def test_digests(system: System) -> None:
    content = bytes(range(256)) * 10_000
    system.write("large.bin", content)
    system.write("empty", b"")
    assert system.digest("large.bin") == digest(content)
    assert system.digest("empty") == digest(b"")


def test_stat_and_folders(system: System) -> None:
    system.write("a/b.txt", b"four")
    stat = system.stat("a/b.txt")
    assert stat is not None and stat.size == 4
    assert system.is_dir("a") and not system.is_dir("a/b.txt") and not system.is_dir("ab")


def test_walking_is_sorted_and_by_relative_paths(system: System) -> None:
    for path in ("m/z.sql", "m/a/b.sql", "m/a.sql", "m/a-b/c.sql", "mm/x.sql", "top.sql"):
        system.write(path, b"")
    assert list(system.walk("m")) == ["m/a-b/c.sql", "m/a.sql", "m/a/b.sql", "m/z.sql"]
    assert list(system.walk("m/a")) == ["m/a/b.sql"]
    assert list(system.walk("none")) == []
    everything = ["m/a-b/c.sql", "m/a.sql", "m/a/b.sql", "m/z.sql", "mm/x.sql", "top.sql"]
    assert list(system.walk(".")) == everything


def test_removing_a_folder(system: System) -> None:
    system.write("out/a/b.txt", b"")
    system.write("outer/c.txt", b"")
    assert system.remove_tree("out") is True
    assert system.remove_tree("out") is False
    assert list(system.walk(".")) == ["outer/c.txt"]


def test_absolute_paths(system: System) -> None:
    assert system.absolute("a/b.csv") == f"{system.root}/a/b.csv"


def test_the_clocks(system: System) -> None:
    assert system.now().tzinfo is UTC
    assert system.monotonic() <= system.monotonic()


def test_what_a_memory_system_is_given() -> None:
    moment = datetime(2020, 2, 2, tzinfo=UTC)
    system = MemorySystem({"a": "é"}, environment={"X": "1"}, now=moment, root="/somewhere")
    assert (system.read("a"), dict(system.environment())) == ("é".encode(), {"X": "1"})
    assert (system.now(), system.root) == (moment, "/somewhere")


def test_the_environment_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLFLOW_TEST_VALUE", "x")
    assert LocalSystem(tmp_path).environment()["SQLFLOW_TEST_VALUE"] == "x"


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = LocalSystem(tmp_path)
    system.write("a.txt", b"old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        system.write("a.txt", b"new")
    assert system.read("a.txt") == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_written_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    LocalSystem(tmp_path).write("a.txt", b"")
    (tmp_path / "b.txt").write_bytes(b"")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root" / "m").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.sql").write_text("x")
    (tmp_path / "root" / "m" / "loop").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    system = LocalSystem(tmp_path / "root")
    assert list(system.walk(".")) == []
    assert system.remove_tree("link") is False
    with pytest.raises(OSError, match="not a folder below the project"):
        system.remove_tree("../outside")
    with pytest.raises(OSError, match="not a folder below the project"):
        system.remove_tree(".")
    assert (tmp_path / "outside" / "x.sql").read_text() == "x"


def test_a_folder_that_can_not_be_listed_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        list(LocalSystem(tmp_path).walk("m"))
