"""Which file system a path lies on, from the kernel's own list of mounts.

It decides which types count as network file systems (locks and syncs of those promise too little for a home). The two
parsers are pure; `agentd.world.files` reads the list and asks. Called once at start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["NETWORK_TYPES", "kind_of", "parse_mount_command", "parse_mountinfo"]

NETWORK_TYPES = frozenset(
    {
        "9p",
        "acfs",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fuse.cephfs",
        "fuse.davfs",
        "fuse.glusterfs",
        "fuse.gvfsd-fuse",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "macfuse",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "osxfuse",
        "pvfs2",
        "smb3",
        "smbfs",
        "webdav",
    }
)
"""Types whose server is elsewhere, or may be (macOS's generic FUSE types): `flock` there is advisory at best."""


def parse_mountinfo(text: str) -> list[tuple[str, str]]:
    """(mount point, type) of each line of `/proc/self/mountinfo`, in order; see proc(5). Later mounts cover earlier."""
    mounts = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) >= 5:
            mounts.append((_unescape(fields[4]), after.split(" ")[0]))
    return mounts


def parse_mount_command(text: str) -> list[tuple[str, str]]:
    """The same from the output of macOS's `mount`: `source on /point (type, options)`."""
    found = re.findall(r"^.*? on (/.*) \(([^,)]+)[^)]*\)$", text, re.MULTILINE)
    return [(point, kind.strip()) for point, kind in found]


def kind_of(path: str, mounts: Sequence[tuple[str, str]]) -> str | None:
    """The type of the mount that holds the real path `path`; the longest point wins, the latest of equals."""
    best = -1
    kind = None
    for point, its_kind in mounts:
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, kind = len(point), its_kind
    return kind


def _unescape(field: str) -> str:
    r"""mountinfo writes space, tab, newline and backslash as \040 and so on."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), field)
