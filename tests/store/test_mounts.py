"""A file over a network is told by the mount table."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlflow.core.codes import Code
from sqlflow.store.failures import StoreError
from sqlflow.store.mounts import mount_table, network_file_system
from sqlflow.store.open import open_log
from tests.store.stores import FILE, home

TABLE = r"""
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/you/disk ext4 rw 0 0
//nas/share /mnt/my\040share cifs rw 0 0
host:/x /srv fuse.sshfs rw 0 0
tmpfs /srv tmpfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/shop/state.db", None),
        ("/home/you/shop/state.db", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/x", None),
        ("/home/you/disk/state.db", None),
        ("/mnt/my share/state.db", "cifs"),
        ("/mnt/my", None),
        # A later mount hides the one before.
        ("/srv/state.db", None),
    ],
)
def test_the_deepest_mount_counts(path: str, kind: str | None) -> None:
    assert network_file_system(path, TABLE) == kind


def test_nothing_is_refused_where_there_is_no_table() -> None:
    assert network_file_system("/home/x", "") is None


def test_a_file_over_a_network_is_refused(tmp_path: Path) -> None:
    table = f"server:/x {tmp_path} nfs4 rw 0 0"
    with pytest.raises(StoreError) as error:
        open_log(FILE, home(tmp_path), mounts=table)
    found = error.value.diagnostic
    assert found.code is Code.STATE_UNREACHABLE
    assert "`.sqlflow/state.db`" in found.message and "nfs4" in found.message
    assert "state: warehouse" in found.help
    assert not (tmp_path / ".sqlflow").exists()


def test_a_link_leads_to_the_network(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".sqlflow").symlink_to(tmp_path / "far")
    with pytest.raises(StoreError):
        open_log(FILE, home(tmp_path / "project"), mounts=f"server:/x {tmp_path / 'far'} nfs rw 0 0")


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="this system has no such table")
def test_the_machine_has_a_table() -> None:
    assert " / " in mount_table()
