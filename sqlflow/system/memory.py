"""A system in memory, for tests and for hosts that have no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from sqlflow.core.digest import digest
from sqlflow.system.protocol import FileStat


class MemorySystem:
    """Files in a dictionary, a clock that stands still, an environment that is given."""

    def __init__(
        self,
        files: Mapping[str, str | bytes],
        *,
        environment: Mapping[str, str] | None = None,
        now: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        root: str = "/project",
    ) -> None:
        self.files: dict[str, bytes] = {
            path: text.encode() if isinstance(text, str) else text for path, text in files.items()
        }
        self._environment = dict(environment or {})
        self._now = now
        self._root = root

    @property
    def root(self) -> str:
        """The made-up root."""
        return self._root

    def read(self, path: str) -> bytes:
        """Reads a file."""
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def digest(self, path: str) -> str:
        """Gives the SHA-256 of a file's content."""
        return digest(self.read(path))

    def write(self, path: str, content: bytes) -> None:
        """Writes a file."""
        self.files[path] = content

    def append(self, path: str, content: bytes) -> None:
        """Appends to a file."""
        self.files[path] = self.files.get(path, b"") + content

    def remove_tree(self, path: str) -> bool:
        """Removes all files below a folder."""
        inside = [name for name in self.files if name.startswith(path.rstrip("/") + "/")]
        for name in inside:
            del self.files[name]
        return bool(inside)

    def stat(self, path: str) -> FileStat | None:
        """Gives a file's size; its time is 0."""
        content = self.files.get(path)
        return None if content is None else FileStat(len(content), 0)

    def is_dir(self, path: str) -> bool:
        """Whether any file lies below the path."""
        return any(name.startswith(path.rstrip("/") + "/") for name in self.files)

    def walk(self, folder: str) -> Iterator[str]:
        """Gives the files below a folder."""
        prefix = "" if folder in ("", ".") else folder.rstrip("/") + "/"
        return iter(sorted(name for name in self.files if name.startswith(prefix)))

    def absolute(self, path: str) -> str:
        """Gives the path below the made-up root."""
        return f"{self._root}/{path}"

    def environment(self) -> Mapping[str, str]:
        """The given environment."""
        return self._environment

    def now(self) -> datetime:
        """The given time."""
        return self._now

    def process(self) -> str:
        """Gives a made-up name."""
        return "memory:1"

    def monotonic(self) -> float:
        """Stands still."""
        return 0.0
