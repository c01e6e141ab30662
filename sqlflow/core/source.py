"""The files of a project as they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlflow.core.span import LineIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file: `path` relative to the project's root with forward slashes, and the digest of its bytes.

    `text` is None where the file holds data that is not read at compile time (parquet, large csv).
    """

    path: str
    text: str | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """All files of a project by path, in the order of their paths."""

    root: str
    files: Mapping[str, SourceFile]

    def under(self, folder: str, *suffixes: str) -> tuple[SourceFile, ...]:
        """Gives the files below a folder whose names end with one of the suffixes."""
        prefix = "" if folder in ("", ".") else folder.rstrip("/") + "/"
        return tuple(
            file for path, file in self.files.items() if path.startswith(prefix) and path.endswith(suffixes)
        )

    def lines(self, path: str) -> LineIndex | None:
        """Gives a line index of a file's text, or None where there is no such text."""
        file = self.files.get(path)
        return LineIndex(file.text) if file is not None and file.text is not None else None
