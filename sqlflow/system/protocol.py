"""What sqlflow asks of the machine it runs on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol


class FileStat(NamedTuple):
    """A file's size in bytes and its time of last change in nanoseconds since 1970."""

    size: int
    modified_ns: int


class System(Protocol):
    """Files below one root, by paths relative to it with forward slashes, the clock and the environment."""

    @property
    def root(self) -> str:
        """The absolute path of the root, or a made-up name where there is none."""
        ...

    def read(self, path: str) -> bytes:
        """Reads a file; raises OSError."""
        ...

    def digest(self, path: str) -> str:
        """Gives the SHA-256 of a file's content as hex digits, of any size; raises OSError."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Writes a file whole, with its folders: readers see the old content or the new; raises OSError."""
        ...

    def append(self, path: str, content: bytes) -> None:
        """Appends to a file, which it makes with its folders where there is none; raises OSError."""
        ...

    def remove_tree(self, path: str) -> bool:
        """Removes a folder below the root with all it holds; says whether there was one."""
        ...

    def stat(self, path: str) -> FileStat | None:
        """Gives a file's size and time, or None where there is no such file."""
        ...

    def is_dir(self, path: str) -> bool:
        """Whether there is a folder of that path."""
        ...

    def walk(self, folder: str) -> Iterator[str]:
        """Gives the paths of all files below a folder, sorted, hidden names left out; raises OSError."""
        ...

    def absolute(self, path: str) -> str:
        """Gives the path in the form that other programs (an engine reading a file) understand."""
        ...

    def environment(self) -> Mapping[str, str]:
        """The environment variables."""
        ...

    def now(self) -> datetime:
        """The current time in UTC, with its zone."""
        ...

    def process(self) -> str:
        """Names this process to people: its machine and its number."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back, for durations."""
        ...
