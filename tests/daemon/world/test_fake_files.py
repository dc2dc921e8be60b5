"""What the in-memory disk has besides the door: ends, refusals, scenery; and the same steps as the real one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentd.errors import DiskFullError, ForbiddenFileError, MissingFileError
from agentd.world.doors import Files
from agentd.world.fake import fake_world
from support.skips import need


def test_a_disk_that_is_full_refuses_and_keeps_the_old_state() -> None:
    world = fake_world()
    world.files.write_atomic("/a", b"12345")
    log = world.files.open_append("/log", create=True)
    world.files.disk.capacity = 10
    assert world.files.free_bytes("/") == 5
    with pytest.raises(DiskFullError, match="/a"):
        world.files.write_atomic("/a", b"123456")
    with pytest.raises(DiskFullError, match="/log"):
        log.append(b"123456")
    assert log.append(b"12345") == 0
    assert world.files.paths() == {"/a": b"12345", "/log": b"12345"}


def test_a_disk_that_is_read_only_refuses_every_change() -> None:
    world = fake_world()
    world.files.add_file("/d/a", b"1")
    world.files.disk.read_only = True
    changes: list[Callable[[], object]] = [
        lambda: world.files.write_atomic("/d/a", b"2"),
        lambda: world.files.write_below("/d", "b", b"2", create=True),
        lambda: world.files.rename("/d/a", "/d/b"),
        lambda: world.files.remove("/d/a"),
        lambda: world.files.make_folder("/d/e"),
        lambda: world.files.set_mode("/d/a", 0o600),
        lambda: world.files.open_append("/d/a").append(b"x"),
    ]
    for change in changes:
        with pytest.raises(ForbiddenFileError):
            change()
    assert world.files.paths() == {"/d/a": b"1"}


def test_a_path_can_be_forbidden() -> None:
    world = fake_world()
    world.files.add_file("/d/a", b"1")
    world.files.disk.forbidden.add("/d/a")
    with pytest.raises(ForbiddenFileError, match="/d/a"):
        world.files.read("/d/a")
    with pytest.raises(MissingFileError):
        world.files.read("/d/b")


def test_a_network_disk_names_its_kind() -> None:
    world = fake_world()
    world.files.network = "nfs4"
    assert world.restart().files.network_kind("/") == "nfs4"


STEPS: dict[str, Callable[[Files, str], object]] = {
    "write_atomic": lambda files, root: files.write_atomic(f"{root}/new", b"x"),
    "write_scratch": lambda files, root: files.write_scratch(f"{root}/new", b"x"),
    "create_exclusive": lambda files, root: files.create_exclusive(f"{root}/new", b"x"),
    "open_append": lambda files, root: files.open_append(f"{root}/new", create=True),
    "make_folder": lambda files, root: files.make_folder(f"{root}/a/b"),
    "add_below": lambda files, root: files.write_below(root, "d/new", b"x", create=True),
    "replace_below": lambda files, root: files.write_below(root, "old", b"x", create=False),
    "rename": lambda files, root: files.rename(f"{root}/old", f"{root}/new"),
    "remove": lambda files, root: files.remove(f"{root}/old"),
}

KERNEL_NAMES = {
    "write": "files.write",
    "fdatasync": "files.sync",
    "fsync": "files.sync_folder",
    "rename": "files.rename",
    "renameat": "files.rename",
    "linkat": "files.link",
    "unlink": "files.unlink",
    "unlinkat": "files.unlink",
    "mkdir": "files.mkdir",
    "mkdirat": "files.mkdir",
    "openat": "files.create",
    "open": "files.create",
}


@pytest.mark.parametrize("step", sorted(STEPS))
def test_the_double_takes_the_steps_that_the_kernel_sees(home: Path, step: str) -> None:
    """The crash harness is worth as much as this: its numbered calls are the system calls of the real door."""
    need(_strace_works(), "strace with the right to trace", "apt-get install strace, and allow ptrace")
    (home / "root").mkdir()
    (home / "root" / "old").write_bytes(b"")
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from daemon.world.test_fake_files import STEPS\n"
        "from agentd.world.files import RealFiles\n"
        "import os; files = RealFiles(); os.write(2, b'begin')\n"
        "STEPS[sys.argv[3]](files, sys.argv[1]); os.write(2, b'end')"
    )
    trace = home / "trace"
    command = ["strace", "-o", str(trace), "-e", f"trace={','.join(KERNEL_NAMES)}", sys.executable, "-c", code]
    tests = str(Path(__file__).parents[2])
    subprocess.run([*command, f"{home}/root", tests, step], check=True, capture_output=True)
    seen = trace.read_text().partition('"begin"')[2].partition('"end"')[0].splitlines()[1:-1]
    names = []
    for line in seen:
        call = re.match(r"(\w+)\(", line)
        assert call is not None, line
        failed = " = -1 " in line
        if not failed and (call[1] not in ("openat", "open") or "O_EXCL" in line):
            names.append(KERNEL_NAMES[call[1]])

    world = fake_world()
    world.files.add_folder("/root")
    world.files.add_file("/root/old", b"")
    STEPS[step](world.files, "/root")
    assert [name for name in world.calls if name != "files.open"] == names


def _strace_works() -> bool:
    try:
        done = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
