"""The project's own files, for the tests that look at how they are written."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_NOT_TRACKED = {
    ".git", ".hypothesis", ".pytest_cache", ".ruff_cache", ".sqlflow", ".venv", "__pycache__", "build",
    "dist", "target", "venv",
}  # fmt: skip


class Module(NamedTuple):
    """A Python file: its dotted name, its path relative to the root, its text and its tree."""

    name: str
    path: str
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether it is a package's `__init__`."""
        return self.path.endswith("__init__.py")


def module(name: str, text: str, *, is_package: bool = False) -> Module:
    """Makes a module of a text, as if it lay in the project."""
    path = name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
    return Module(name, path, text, ast.parse(text))


def modules(*folders: str) -> tuple[Module, ...]:
    """Reads all modules below folders of the root; those of `adapters` are named from there."""
    found: list[Module] = []
    for folder in folders:
        top = ROOT / folder
        base = top if folder == "adapters" else ROOT
        for path in sorted(top.rglob("*.py")):
            parts = list(path.relative_to(base).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text, filename=str(path))
            found.append(Module(".".join(parts), path.relative_to(ROOT).as_posix(), text, tree))
    return tuple(found)


def tracked_files() -> tuple[Path, ...]:
    """Gives the files that git knows or would add; without git, all but what the tools write."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        files = [path for path in ROOT.rglob("*") if not _NOT_TRACKED & set(path.relative_to(ROOT).parts)]
    else:
        files = [ROOT / name for name in listed.split("\0") if name]
    return tuple(sorted(path for path in files if path.is_file()))
