"""Writes the project that `sqlflow init` makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

# Stands for the project's name in the files of the starter.
_TOKEN = "STARTER_NAME"  # noqa: S105  (a word in a template, not a secret)
# A file that begins with a dot might get lost in a package.
_RENAMED = {"gitignore": ".gitignore"}
# What may lie in a folder that counts as empty.
_HARMLESS = frozenset({".git"})


class Made(NamedTuple):
    """A new project: its name, its folder as it was given, the files in it."""

    name: str
    folder: str
    files: tuple[str, ...]


class StarterError(Exception):
    """Says why no project can be made, and what to do."""

    def __init__(self, message: str, help_: str) -> None:
        self.message = message
        self.help = help_
        super().__init__(message)


def write_starter(folder: str) -> Made:
    """Makes the folder, if need be, and writes a project into it; never writes over a file.

    Raises StarterError where the folder is not empty or its name gives no name for a project.
    """
    top = Path(folder)
    name = project_name(top.resolve().name)
    if name is None:
        raise StarterError(
            f"the folder's name `{top.resolve().name}` gives no name for a project",
            "use letters, digits and underscores",
        )
    _check_empty(top, folder)
    written: list[str] = []
    try:
        top.mkdir(parents=True, exist_ok=True)
        for path, content in _contents():
            target = top / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(content.replace(_TOKEN, name).encode("utf-8"))
            written.append(target.as_posix())
    except OSError as error:
        raise StarterError(
            f"cannot write {error.filename or folder}: {error.strerror}", "choose another folder"
        ) from error
    return Made(name, folder, tuple(written))


def project_name(folder: str) -> str | None:
    """Makes a project's name of a folder's: `My Shop-2` becomes `my_shop_2`."""
    name = re.sub(r"[^a-z0-9_]+", "_", folder.lower()).strip("_")
    if not name:
        return None
    return f"p_{name}" if name[0].isdigit() else name


def _check_empty(top: Path, folder: str) -> None:
    try:
        present = {entry.name for entry in top.iterdir()} - _HARMLESS
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise StarterError(f"{folder} is a file", "choose another name") from error
    except OSError as error:
        raise StarterError(f"cannot read {folder}: {error.strerror}", "choose another folder") from error
    if present:
        raise StarterError(
            f"the folder {folder} is not empty",
            "choose another name: files that are there are never written over",
        )


def _contents() -> Iterator[tuple[str, str]]:
    top = files("sqlflow").joinpath("starter")
    for path, file in sorted(_walk(top, "")):
        yield path, file.read_text(encoding="utf-8")


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + _RENAMED.get(entry.name, entry.name), entry
