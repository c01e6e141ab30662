"""The machine itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath

from sqlflow.system.protocol import FileStat


class LocalSystem:
    """The files below a folder, the machine's clock and this process's environment."""

    def __init__(self, root: str | PurePath) -> None:
        self._root = Path(root).absolute()

    @property
    def root(self) -> str:
        """The absolute path of the root."""
        return str(self._root)

    def read(self, path: str) -> bytes:
        """Reads a file."""
        return (self._root / path).read_bytes()

    def digest(self, path: str) -> str:
        """Reads a file piece by piece, so that one larger than memory has a digest too."""
        with (self._root / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def write(self, path: str, content: bytes) -> None:
        """Writes beside the file, then renames."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            # mkstemp gives 0600: what sqlflow writes has the mode of any other new file.
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def append(self, path: str, content: bytes) -> None:
        """Appends to a file."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.write(content)

    def remove_tree(self, path: str) -> bool:
        """Removes a folder below the root; a link is not followed, and the root itself is refused."""
        target = self._root / path
        if target.is_symlink() or not target.is_dir():
            return False
        if (
            not target.resolve().is_relative_to(self._root.resolve())
            or target.resolve() == self._root.resolve()
        ):
            raise OSError(f"{path} is not a folder below the project")
        shutil.rmtree(target)
        return True

    def stat(self, path: str) -> FileStat | None:
        """Gives a file's size and time."""
        try:
            found = (self._root / path).stat()
        except (OSError, ValueError):
            return None
        return FileStat(found.st_size, found.st_mtime_ns)

    def is_dir(self, path: str) -> bool:
        """Whether there is a folder of that path."""
        return (self._root / path).is_dir()

    def walk(self, folder: str) -> Iterator[str]:
        """Gives the files below a folder; links to folders are not followed, so a loop of links ends."""
        return iter(sorted(self._below(self._root / folder)))

    def _below(self, top: Path) -> Iterator[str]:
        if not top.is_dir():
            return
        for here, folders, files in os.walk(top, onerror=_raise):
            folders[:] = (name for name in folders if not name.startswith(".") and name != "__pycache__")
            for name in files:
                if not name.startswith("."):
                    yield (Path(here) / name).relative_to(self._root).as_posix()

    def absolute(self, path: str) -> str:
        """Gives the absolute path."""
        return str(self._root / path)

    def environment(self) -> Mapping[str, str]:
        """This process's environment."""
        return os.environ

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC)

    def process(self) -> str:
        """Gives `machine:1234`."""
        # Few commands need it, and it takes a while to load.
        import platform

        return f"{platform.node()}:{os.getpid()}"

    def monotonic(self) -> float:
        """The machine's monotonic clock."""
        return time.monotonic()


def _raise(error: OSError) -> None:
    """Passes on what `os.walk` would swallow: a folder that can't be read is not an empty one."""
    raise error


def _umask() -> int:
    """Reads the umask, which can only be read by setting it."""
    current = os.umask(0o022)
    os.umask(current)
    return current
