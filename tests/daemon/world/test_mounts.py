"""Which file system a path is on: the two kernels' lists, covered mounts, odd names."""

from __future__ import annotations

import pytest

from agentd.world.mounts import NETWORK_TYPES, kind_of, parse_mount_command, parse_mountinfo

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /proc rw - proc proc rw
40 22 0:36 / /home rw master:2 propagate_from:3 - nfs4 server:/home rw,vers=4.2
41 40 254:1 / /home/me/local\\040disk rw - xfs /dev/vdb rw
42 22 0:40 / /mnt rw - ext4 /dev/vdc rw
43 42 0:41 / /mnt rw - fuse.sshfs me@far: rw
broken line
"""

MOUNT_COMMAND = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//me@server/share on /Volumes/my share (smbfs, nodev, nosuid, mounted by me)
server:/x (y) on /Volumes/n (nfs)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/homestead", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/x", "nfs4"),
        ("/home/me/local disk/x", "xfs"),
        ("/mnt/x", "fuse.sshfs"),
        ("/proc/1", "proc"),
    ],
)
def test_the_longest_and_latest_mount_holds_a_path(path: str, kind: str) -> None:
    assert kind_of(path, parse_mountinfo(MOUNTINFO)) == kind


def test_the_mount_command_of_macos_is_read() -> None:
    assert parse_mount_command(MOUNT_COMMAND) == [
        ("/", "apfs"),
        ("/Volumes/my share", "smbfs"),
        ("/Volumes/n", "nfs"),
        ("/System/Volumes/Data/home", "autofs"),
    ]


def test_no_mounts_no_kind() -> None:
    assert kind_of("/x", []) is None


def test_what_is_local_is_not_among_the_network_types() -> None:
    assert NETWORK_TYPES & {"ext4", "xfs", "btrfs", "apfs", "tmpfs", "overlay", "zfs", "virtiofs", "f2fs"} == set()
