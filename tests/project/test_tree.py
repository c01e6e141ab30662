from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.digest import digest
from sqlflow.core.source import SourceTree
from sqlflow.project.tree import read_text, read_tree
from sqlflow.system.local import LocalSystem
from sqlflow.system.memory import MemorySystem
from tests.project.reading import SETTINGS, covered, settings_of

Files = Mapping[str, str | bytes]


def read(files: Files, system: MemorySystem | None = None) -> tuple[SourceTree, tuple[Diagnostic, ...]]:
    system = system or MemorySystem({"sqlflow.yml": SETTINGS, **files})
    chosen, wrong = settings_of(system.files["sqlflow.yml"].decode())
    assert chosen is not None and wrong == ()
    return read_tree(system, chosen)


def test_files_of_the_configured_folders() -> None:
    files: Files = {
        "models/b.sql": "select 1",
        "models/a/x.py": "def x(): ...",
        "models/a/p.yml": "a: 1",
        "models/q.yaml": "b: 1",
        "models/readme.md": "no",
        "seeds/s.csv": "a\n1\n",
        "seeds/s.parquet": b"PAR1\xff",
        "macros/m.sql": "m",
        "tests/t.sql": "t",
        "elsewhere/e.sql": "no",
    }
    tree, diagnostics = read(files)
    assert diagnostics == ()
    assert list(tree.files) == [
        "macros/m.sql",
        "models/a/p.yml",
        "models/a/x.py",
        "models/b.sql",
        "models/q.yaml",
        "seeds/s.csv",
        "seeds/s.parquet",
        "sqlflow.yml",
        "tests/t.sql",
    ]
    assert tree.files["models/b.sql"].text == "select 1"
    assert tree.files["models/b.sql"].digest == digest("select 1")
    csv, parquet = tree.files["seeds/s.csv"], tree.files["seeds/s.parquet"]
    assert (csv.text, csv.digest) == (None, digest("a\n1\n"))
    assert (parquet.text, parquet.digest) == (None, digest(b"PAR1\xff"))


def test_the_target_folder_is_not_read() -> None:
    text = SETTINGS + "model-paths: [.]\ntarget-path: out\n"
    tree, diagnostics = read({"sqlflow.yml": text, "out/compiled/a.sql": "x", "outer/b.sql": "y"})
    assert diagnostics == ()
    assert list(tree.files) == ["outer/b.sql", "sqlflow.yml"]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    tree, diagnostics = read({"models/a.sql": b"\xef\xbb\xbfselect 1"})
    assert diagnostics == ()
    assert tree.files["models/a.sql"].text == "select 1"
    assert tree.files["models/a.sql"].digest == digest(b"\xef\xbb\xbfselect 1")


def test_a_file_that_is_not_utf8() -> None:
    tree, (found,) = read({"models/a.sql": "é\nselect 'caf".encode() + b"\xe9' as \xff"})
    assert found.code is Code.NOT_UTF8
    assert found.message == "models/a.sql is not UTF-8: byte 0xe9 in line 2, at offset 14"
    text = tree.files["models/a.sql"].text
    assert text == "é\nselect 'caf\ufffd' as \ufffd"
    assert covered(found.span, text) == "\ufffd"


def test_the_offset_counts_the_byte_order_mark() -> None:
    text, (found,) = read_text(b"\xef\xbb\xbfa\xff", "f.sql")
    assert text == "a\ufffd" and found.message.endswith("at offset 4")


@given(st.binary(max_size=40))
def test_any_bytes_become_text(content: bytes) -> None:
    text, diagnostics = read_text(content, "f")
    for diagnostic in diagnostics:
        assert covered(diagnostic.span, text) == "\ufffd"
    if not diagnostics:
        assert text.encode() in (content, content.removeprefix(b"\xef\xbb\xbf"))


class BrokenSystem(MemorySystem):
    """Files of which some can't be read."""

    def read(self, path: str) -> bytes:
        if path.endswith("locked.sql"):
            raise PermissionError(13, "Permission denied", path)
        return super().read(path)

    def digest(self, path: str) -> str:
        raise OSError(5, "Input/output error", path)

    def walk(self, folder: str) -> Iterator[str]:
        if folder == "macros":
            raise PermissionError(13, "Permission denied", folder)
        return super().walk(folder)

    def is_dir(self, path: str) -> bool:
        if path == "macros":
            raise PermissionError(13, "Permission denied", path)
        return super().is_dir(path)


def test_what_can_not_be_read() -> None:
    files: Files = {"sqlflow.yml": SETTINGS, "models/locked.sql": "", "models/b.sql": "b", "seeds/s.csv": "a"}
    tree, diagnostics = read({}, BrokenSystem(files))
    assert [(d.code, d.span.path if d.span else None, d.message) for d in diagnostics] == [
        (Code.UNREADABLE_FILE, "macros", "macros cannot be read: Permission denied"),
        (
            Code.UNREADABLE_FILE,
            "models/locked.sql",
            "models/locked.sql cannot be read: Permission denied",
        ),
        (Code.UNREADABLE_FILE, "seeds/s.csv", "seeds/s.csv cannot be read: Input/output error"),
    ]
    assert list(tree.files) == ["models/b.sql", "sqlflow.yml"]


def test_a_named_folder_that_is_missing_is_a_warning() -> None:
    text = SETTINGS + "model-paths: [models, more]\nseed-paths: data\n"
    _, diagnostics = read({"sqlflow.yml": text, "models/a.sql": ""})
    assert [(d.code, covered(d.span, text), d.is_error) for d in diagnostics] == [
        (Code.FOLDER_MISSING, "more", False),
        (Code.FOLDER_MISSING, "data", False),
    ]
    assert diagnostics[0].message == "there is no folder `more`"


def test_a_default_folder_may_be_missing() -> None:
    assert read({})[1] == ()


def test_on_a_disk(tmp_path: Path) -> None:
    for path, text in {"sqlflow.yml": SETTINGS, "models/b/x.sql": "1", "models/a.sql": "2"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "s.csv").write_bytes(b"a\n" * 200_000)
    (tmp_path / "models" / "gone.sql").symlink_to(tmp_path / "nowhere")
    chosen, _ = settings_of(SETTINGS)
    assert chosen is not None
    tree, diagnostics = read_tree(LocalSystem(tmp_path), chosen)
    assert list(tree.files) == ["models/a.sql", "models/b/x.sql", "seeds/s.csv", "sqlflow.yml"]
    assert tree.files["seeds/s.csv"].digest == digest(b"a\n" * 200_000)
    assert [(d.code, d.message) for d in diagnostics] == [
        (Code.UNREADABLE_FILE, "models/gone.sql cannot be read: No such file or directory")
    ]


PATHS = st.sampled_from(["models/a.sql", "models/p.yml", "macros/m.sql"])


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["models/a.sql", "models/p.yml", "macros/m.sql"]), st.binary(max_size=30))
)
def test_any_bytes_in_files(files: dict[str, bytes]) -> None:
    tree, _ = read(files)
    assert set(tree.files) == {*files, "sqlflow.yml"}


@pytest.mark.parametrize("path", ["models/.hidden.sql", "models/__pycache__/x.py", ".git/models/x.sql"])
def test_hidden_files_are_left_out_on_a_disk(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("x")
    assert list(LocalSystem(tmp_path).walk(".")) == []
