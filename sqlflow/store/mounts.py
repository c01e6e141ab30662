"""What kind of file system a file lies on, as far as the machine tells."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Where locks are of the other machine, or of nobody; the names are those of Linux' mount table.
_NETWORK = frozenset(
    {
        "afs", "beegfs", "beeond", "ceph", "cifs", "coda", "davfs", "fuse.cephfs", "fuse.davfs",
        "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.rclone",
        "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
        "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs",
    }
)  # fmt: skip
_TABLE = "/proc/self/mounts"
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_file_system(path: str, table: str) -> str | None:
    """Gives the type of the file system that an absolute path lies on, if it is one over a network.

    `table` is the machine's mount table, a line a mount: device, folder, type; of two on one folder the
    later one is seen.
    """
    best, kind = "", None
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        folder = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1])
        inside = path == folder or path.startswith(folder.rstrip("/") + "/")
        if inside and len(folder) >= len(best):
            best, kind = folder, fields[2]
    return kind if kind in _NETWORK else None


def mount_table() -> str:
    """Reads the machine's mount table; empty where it has none to read, as on macOS."""
    try:
        return Path(_TABLE).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def real_path(path: str) -> str:
    """Gives the path that links lead to, of a file that need not be there."""
    return os.path.realpath(path)
