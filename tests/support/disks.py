"""Disks to test with: the real one and its double behind one face, and a small real one that fills up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentd.world.doors import Files
from agentd.world.fake import fake_world
from agentd.world.fake_files import FakeFiles
from agentd.world.files import RealFiles
from support.skips import need

__all__ = ["Disk", "fake_disk", "real_disk", "small_disk"]


@dataclass(frozen=True, slots=True)
class Disk:
    """A `Files` door with an empty folder `root`, and what the door itself cannot make."""

    files: Files
    root: str

    def link(self, path: str, target: str) -> None:
        if isinstance(self.files, FakeFiles):
            self.files.add_link(path, target)
        else:
            os.symlink(target, path)

    def pipe(self, path: str) -> None:
        if isinstance(self.files, FakeFiles):
            self.files.add_special(path, "pipe")
        else:
            os.mkfifo(path)


def real_disk(folder: Path) -> Disk:
    return Disk(RealFiles(), str(folder))


def fake_disk() -> Disk:
    files = fake_world().files
    files.add_folder("/root")
    return Disk(files, "/root")


@contextmanager
def small_disk(folder: Path, size: str = "256k") -> Iterator[Path]:
    """A tmpfs of `size` at `folder` (made), gone afterwards."""
    need(os.geteuid() == 0, "root, to mount a small tmpfs", "run the tests as root, in a container for instance")
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    need(done.returncode == 0, f"the right to mount ({done.stderr.decode().strip()})", "run with CAP_SYS_ADMIN")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
