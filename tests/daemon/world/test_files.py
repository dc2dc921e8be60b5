"""The Files door: one contract for the real disk and its double, then what only a real disk can show."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentd.errors import (
    BadInputError,
    DiskError,
    DiskFullError,
    FileExistsError_,
    ForbiddenFileError,
    LinkInPathError,
    MissingFileError,
    NotRegularFileError,
    TooLargeError,
)
from agentd.world.below import components, parent_below
from agentd.world.files import RealFiles
from support.disks import Disk, fake_disk, real_disk, small_disk
from support.skips import need


@pytest.fixture(params=["real", "fake"])
def disk(request: pytest.FixtureRequest, home: Path) -> Disk:
    return real_disk(home) if request.param == "real" else fake_disk()


def names(disk: Disk, path: str = "") -> list[str]:
    return [name for name, _ in disk.files.list(disk.root + path)]


# --- whole files ---


def test_what_is_written_is_read_and_nothing_is_left_beside_it(disk: Disk) -> None:
    path = f"{disk.root}/a"
    disk.files.write_atomic(path, b"one")
    disk.files.write_atomic(path, b"two")
    disk.files.write_scratch(f"{disk.root}/b", b"three", mode=0o640)
    assert (disk.files.read(path), disk.files.read(f"{disk.root}/b")) == (b"two", b"three")
    assert names(disk) == ["a", "b"]
    found = [disk.files.info(f"{disk.root}/{name}") for name in "ab"]
    assert [(i.kind, i.size, i.mode) for i in found if i] == [("file", 3, 0o600), ("file", 5, 0o640)]


def test_a_read_over_its_limit_is_refused(disk: Disk) -> None:
    path = f"{disk.root}/a"
    disk.files.write_atomic(path, b"12345")
    assert disk.files.read(path, 5) == b"12345"
    with pytest.raises(TooLargeError, match="more than 4 bytes"):
        disk.files.read(path, 4)
    with pytest.raises(TooLargeError):
        disk.files.read_below(disk.root, "a", 4)


def test_a_read_follows_links_and_refuses_what_is_no_file(disk: Disk) -> None:
    disk.files.write_atomic(f"{disk.root}/a", b"x")
    disk.link(f"{disk.root}/to_a", "a")
    disk.link(f"{disk.root}/loop", "loop")
    disk.pipe(f"{disk.root}/pipe")
    assert disk.files.read(f"{disk.root}/to_a") == b"x"
    for name in ("pipe", ""):
        with pytest.raises(NotRegularFileError):
            disk.files.read(f"{disk.root}/{name}")
    with pytest.raises(LinkInPathError):
        disk.files.read(f"{disk.root}/loop")
    for name in ("none", "a/below_a_file", "none/below_nothing"):
        with pytest.raises(MissingFileError, match=name):
            disk.files.read(f"{disk.root}/{name}")


@pytest.mark.parametrize("call", ["read", "write_atomic", "info", "real", "open_read"])
def test_a_nul_in_a_name_is_the_callers_fault(disk: Disk, call: str) -> None:
    arguments = (b"",) if call == "write_atomic" else ()
    with pytest.raises(BadInputError):
        getattr(disk.files, call)(f"{disk.root}/a\0b", *arguments)


def test_an_atomic_write_replaces_a_link_and_not_its_target(disk: Disk) -> None:
    disk.files.write_atomic(f"{disk.root}/a", b"old")
    disk.link(f"{disk.root}/to_a", "a")
    disk.files.write_atomic(f"{disk.root}/to_a", b"new")
    assert (disk.files.read(f"{disk.root}/a"), disk.files.read(f"{disk.root}/to_a")) == (b"old", b"new")


def test_a_write_into_no_folder_names_the_path(disk: Disk) -> None:
    for write in (disk.files.write_atomic, disk.files.write_scratch, disk.files.create_exclusive):
        with pytest.raises(MissingFileError, match="/no/a"):
            write(f"{disk.root}/no/a", b"")


def test_a_write_over_a_folder_is_refused_and_leaves_nothing(disk: Disk) -> None:
    disk.files.make_folder(f"{disk.root}/d")
    with pytest.raises(NotRegularFileError):
        disk.files.write_atomic(f"{disk.root}/d", b"x")
    assert names(disk) == ["d"]


def test_an_exclusive_create_happens_once(disk: Disk) -> None:
    path = f"{disk.root}/a"
    disk.files.create_exclusive(path, b"first", mode=0o640)
    with pytest.raises(FileExistsError_, match="/a"):
        disk.files.create_exclusive(path, b"second")
    info = disk.files.info(path)
    assert info is not None
    assert (disk.files.read(path), info.mode) == (b"first", 0o640)


# --- below a root ---


def test_a_file_below_a_root_is_made_read_and_replaced(disk: Disk) -> None:
    disk.files.write_below(disk.root, "a/b/c.txt", b"one", create=True)
    disk.files.set_mode(f"{disk.root}/a/b/c.txt", 0o755)
    disk.files.write_below(disk.root, "a/./b//c.txt", b"two", create=False)
    assert disk.files.read_below(disk.root, "a/b/c.txt") == b"two"
    assert names(disk, "/a/b") == ["c.txt"]
    info = disk.files.info(f"{disk.root}/a/b/c.txt")
    assert info is not None
    assert info.mode == 0o755


def test_creating_below_a_root_never_replaces(disk: Disk) -> None:
    disk.files.write_below(disk.root, "a", b"one", create=True, mode=0o600)
    disk.link(f"{disk.root}/dangling", "nowhere")
    for name in ("a", "dangling"):
        with pytest.raises(FileExistsError_):
            disk.files.write_below(disk.root, name, b"two", create=True)
    assert (disk.files.read(f"{disk.root}/a"), names(disk)) == (b"one", ["a", "dangling"])


def test_replacing_below_a_root_needs_a_file_there(disk: Disk) -> None:
    with pytest.raises(MissingFileError):
        disk.files.write_below(disk.root, "a", b"x", create=False)
    with pytest.raises(MissingFileError):
        disk.files.write_below(disk.root, "d/a", b"x", create=False)
    assert names(disk) == []


def test_no_link_below_a_root_is_followed(disk: Disk) -> None:
    disk.files.make_folder(f"{disk.root}/real")
    disk.files.write_atomic(f"{disk.root}/real/a", b"x")
    disk.link(f"{disk.root}/folder", "real")
    disk.link(f"{disk.root}/file", "real/a")
    for relative in ("folder/a", "file"):
        with pytest.raises(LinkInPathError):
            disk.files.read_below(disk.root, relative)
        with pytest.raises(LinkInPathError):
            disk.files.write_below(disk.root, relative, b"y", create=False)
    with pytest.raises(LinkInPathError):
        disk.files.write_below(disk.root, "folder/new", b"y", create=True)
    assert (disk.files.read(f"{disk.root}/real/a"), names(disk, "/real")) == (b"x", ["a"])


def test_the_root_itself_may_be_a_link(disk: Disk) -> None:
    disk.files.make_folder(f"{disk.root}/real")
    disk.files.write_atomic(f"{disk.root}/real/a", b"x")
    disk.link(f"{disk.root}/root", "real")
    assert disk.files.read_below(f"{disk.root}/root", "a") == b"x"


@pytest.mark.parametrize("relative", ["../a", "a/../../b", "/etc/passwd", "", ".", "a/.."])
def test_a_path_that_leaves_its_root_is_refused(disk: Disk, relative: str) -> None:
    with pytest.raises(ForbiddenFileError):
        disk.files.read_below(disk.root, relative)
    with pytest.raises(ForbiddenFileError):
        disk.files.write_below(disk.root, relative, b"x", create=True)


def test_devices_pipes_and_folders_below_a_root_are_refused_at_once(disk: Disk) -> None:
    disk.pipe(f"{disk.root}/pipe")
    disk.files.make_folder(f"{disk.root}/d")
    for name in ("pipe", "d"):
        with pytest.raises(NotRegularFileError):
            disk.files.read_below(disk.root, name)
        with pytest.raises(NotRegularFileError):
            disk.files.write_below(disk.root, name, b"x", create=False)


# --- opened files ---


def test_appends_tell_where_they_begin(disk: Disk) -> None:
    handle = disk.files.open_append(f"{disk.root}/log", create=True)
    assert [handle.append(b"abc"), handle.append(b""), handle.append(b"de")] == [0, 3, 3]
    assert (handle.size(), handle.read(2, 2), handle.read(4, 10), handle.read(9, 1)) == (5, b"cd", b"e", b"")
    handle.truncate(1)
    assert handle.append(b"z") == 1
    handle.sync()
    handle.close()
    assert disk.files.read(f"{disk.root}/log") == b"az"
    info = disk.files.info(f"{disk.root}/log")
    assert info is not None
    assert info.mode == 0o600


def test_two_handles_append_to_one_end(disk: Disk) -> None:
    one = disk.files.open_append(f"{disk.root}/log", create=True)
    two = disk.files.open_append(f"{disk.root}/log")
    assert [one.append(b"1"), two.append(b"2"), one.append(b"3")] == [0, 1, 2]
    one.close()
    two.close()


def test_a_duplicate_outlives_its_handle(disk: Disk) -> None:
    handle = disk.files.open_append(f"{disk.root}/log", create=True)
    handle.append(b"a")
    twin = handle.duplicate()
    handle.close()
    assert (twin.append(b"b"), twin.read(0, 9)) == (1, b"ab")
    twin.sync()
    twin.close()
    assert disk.files.read(f"{disk.root}/log") == b"ab"


def test_a_closed_handle_refuses_everything_but_another_close(disk: Disk) -> None:
    handle = disk.files.open_append(f"{disk.root}/log", create=True)
    handle.close()
    handle.close()
    uses: list[Callable[[], object]] = [
        lambda: handle.append(b"x"),
        lambda: handle.read(0, 1),
        handle.sync,
        handle.size,
        handle.duplicate,
        lambda: handle.truncate(0),
    ]
    for use in uses:
        with pytest.raises(DiskError, match="closed"):
            use()


def test_a_handle_for_reading_does_not_write(disk: Disk) -> None:
    disk.files.write_atomic(f"{disk.root}/a", b"x")
    handle = disk.files.open_read(f"{disk.root}/a")
    with pytest.raises(DiskError):
        handle.append(b"y")
    handle.close()
    assert disk.files.read(f"{disk.root}/a") == b"x"


def test_only_regular_files_that_are_no_links_are_opened_for_append(disk: Disk) -> None:
    disk.files.write_atomic(f"{disk.root}/a", b"x")
    disk.link(f"{disk.root}/to_a", "a")
    disk.pipe(f"{disk.root}/pipe")
    with pytest.raises(LinkInPathError):
        disk.files.open_append(f"{disk.root}/to_a")
    with pytest.raises(NotRegularFileError):
        disk.files.open_append(f"{disk.root}/pipe")
    with pytest.raises(NotRegularFileError):
        disk.files.open_append(disk.root)
    with pytest.raises(MissingFileError):
        disk.files.open_append(f"{disk.root}/none")


# --- locks, looking, names ---


def test_a_lock_is_held_once_until_it_is_released(disk: Disk) -> None:
    lock = disk.files.lock(f"{disk.root}/lock")
    assert lock is not None
    assert disk.files.lock(f"{disk.root}/lock") is None
    lock.release()
    lock.release()
    again = disk.files.lock(f"{disk.root}/lock")
    assert again is not None
    again.release()


def test_info_tells_kinds_and_never_raises_for_what_is_missing(disk: Disk) -> None:
    disk.files.make_folder(f"{disk.root}/d")
    disk.files.write_atomic(f"{disk.root}/f", b"12")
    disk.link(f"{disk.root}/l", "f")
    disk.pipe(f"{disk.root}/p")
    kinds = {name: info.kind for name, info in disk.files.list(disk.root)}
    assert kinds == {"d": "dir", "f": "file", "l": "link", "p": "pipe"}
    followed = disk.files.info(f"{disk.root}/l", follow=True)
    assert followed is not None
    assert (followed.kind, followed.size, followed.uid) == ("file", 2, disk.files.user_id())
    assert [disk.files.info(f"{disk.root}/{name}") for name in ("none", "f/below", "none/below")] == [None, None, None]


def test_folders_are_made_with_their_parents_and_private(disk: Disk) -> None:
    disk.files.make_folder(f"{disk.root}/a/b/c")
    disk.files.make_folder(f"{disk.root}/a/b/c", 0o755)
    found = [disk.files.info(f"{disk.root}/{path}") for path in ("a", "a/b", "a/b/c")]
    assert [(i.kind, i.mode) for i in found if i] == [("dir", 0o700)] * 3
    disk.files.write_atomic(f"{disk.root}/f", b"")
    with pytest.raises(FileExistsError_):
        disk.files.make_folder(f"{disk.root}/f")


def test_rename_and_remove(disk: Disk) -> None:
    disk.files.write_atomic(f"{disk.root}/a", b"1")
    disk.files.write_atomic(f"{disk.root}/b", b"2")
    disk.files.make_folder(f"{disk.root}/full/inner")
    disk.files.rename(f"{disk.root}/a", f"{disk.root}/b")
    disk.files.sync_folder(disk.root)
    assert (names(disk), disk.files.read(f"{disk.root}/b")) == (["b", "full"], b"1")
    with pytest.raises(MissingFileError):
        disk.files.rename(f"{disk.root}/none", f"{disk.root}/c")
    with pytest.raises(DiskError):
        disk.files.remove(f"{disk.root}/full")
    for path in ("b", "full/inner", "full", "none", "none/below"):
        disk.files.remove(f"{disk.root}/{path}")
    assert names(disk) == []


def test_times_and_modes_can_be_set(disk: Disk) -> None:
    disk.files.write_atomic(f"{disk.root}/a", b"1")
    disk.files.set_mtime(f"{disk.root}/a", 1_700_000_000_123_456_789)
    disk.files.set_mode(f"{disk.root}/a", 0o644)
    info = disk.files.info(f"{disk.root}/a")
    assert info is not None
    assert (info.mtime_ns, info.mode) == (1_700_000_000_123_456_789, 0o644)
    with pytest.raises(MissingFileError):
        disk.files.set_mode(f"{disk.root}/none", 0o600)


def test_the_real_path_is_resolved_as_far_as_it_exists(disk: Disk) -> None:
    disk.files.make_folder(f"{disk.root}/a")
    disk.link(f"{disk.root}/l", "a")
    assert disk.files.real(f"{disk.root}/l/../l/none/x") == f"{disk.root}/a/none/x"
    assert disk.files.real(f"{disk.root}/l") == f"{disk.root}/a"


def test_there_is_room_and_the_disk_is_local(disk: Disk) -> None:
    assert disk.files.free_bytes(disk.root) > 0
    assert disk.files.network_kind(disk.root) is None
    with pytest.raises(MissingFileError):
        disk.files.free_bytes(f"{disk.root}/none")


# --- only on a real disk ---


def test_a_full_disk_says_so_and_leaves_the_old_state_whole(home: Path) -> None:
    files = RealFiles()
    with small_disk(home / "small") as root:
        files.write_atomic(f"{root}/kept", b"old")
        log = files.open_append(f"{root}/log", create=True)
        log.append(b"entry")
        big = bytes(1_000_000)
        with pytest.raises(DiskFullError, match="log"):
            log.append(big)
        with pytest.raises(DiskFullError, match="kept"):
            files.write_atomic(f"{root}/kept", big)
        with pytest.raises(DiskFullError, match="new"):
            files.create_exclusive(f"{root}/new", big)
        with pytest.raises(DiskFullError, match="below"):
            files.write_below(str(root), "below", big, create=True)
        with pytest.raises(DiskFullError, match="kept"):
            files.write_below(str(root), "kept", big, create=False)
        assert log.append(b"!") == 5
        log.close()
        content = {name: files.read(f"{root}/{name}") for name, _ in files.list(str(root))}
        assert content == {"kept": b"old", "log": b"entry!"}


def test_a_read_only_disk_is_forbidden(home: Path) -> None:
    files = RealFiles()
    with small_disk(home / "small") as root:
        files.write_atomic(f"{root}/a", b"old")
        subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
        with pytest.raises(ForbiddenFileError):
            files.write_atomic(f"{root}/a", b"new")
        with pytest.raises(ForbiddenFileError):
            files.open_append(f"{root}/a")
        assert files.read(f"{root}/a") == b"old"


def test_a_rename_across_file_systems_is_a_plain_disk_error(home: Path) -> None:
    files = RealFiles()
    with small_disk(home / "small") as root:
        files.write_atomic(f"{root}/a", b"x")
        with pytest.raises(DiskError, match="rename"):
            files.rename(f"{root}/a", f"{home}/a")


def test_a_lock_keeps_other_processes_out_and_dies_with_them(home: Path) -> None:
    files = RealFiles()
    path = f"{home}/lock"
    code = (
        "import sys; from agentd.world.files import RealFiles\n"
        "held = RealFiles().lock(sys.argv[1])\n"
        "print('held' if held else 'busy', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        assert files.lock(path) is None
        child.kill()
        child.wait()
        lock = files.lock(path)
        assert lock is not None
        other = subprocess.run([sys.executable, "-c", code, path], input="", capture_output=True, text=True, check=True)
        assert other.stdout == "busy\n"
        lock.release()


def test_a_lock_file_that_was_replaced_does_not_count(home: Path) -> None:
    files = RealFiles()
    first = files.lock(f"{home}/lock")
    os.unlink(home / "lock")
    second = files.lock(f"{home}/lock")
    assert first is not None
    assert second is not None
    assert files.lock(f"{home}/lock") is None
    first.release()
    assert files.lock(f"{home}/lock") is None
    second.release()


def test_children_inherit_no_descriptor(home: Path) -> None:
    files = RealFiles()
    log = files.open_append(f"{home}/log", create=True)
    lock = files.lock(f"{home}/lock")
    assert lock is not None
    listing = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True, check=True, close_fds=False)
    assert (f"{home}/log" in listing.stdout, f"{home}/lock" in listing.stdout) == (False, False)
    log.close()
    lock.release()


def test_a_socket_is_no_file(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{home}/s")
        with pytest.raises(NotRegularFileError):
            RealFiles().read(f"{home}/s")
        with pytest.raises(NotRegularFileError):
            RealFiles().read_below(str(home), "s")


def test_a_device_is_refused_without_touching_it() -> None:
    with pytest.raises(NotRegularFileError):
        RealFiles().read("/dev/zero")
    with pytest.raises(NotRegularFileError):
        RealFiles().read_below("/dev", "zero")


def test_files_of_proc_are_read_whole() -> None:
    assert RealFiles().read("/proc/self/stat").startswith(b"%d " % os.getpid())


def test_a_new_file_below_a_root_obeys_the_umask_and_an_explicit_mode_does_not(home: Path) -> None:
    before = os.umask(0o027)
    try:
        RealFiles().write_below(str(home), "plain", b"", create=True)
        RealFiles().write_below(str(home), "told", b"", create=True, mode=0o666)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((home / name).stat().st_mode) for name in ("plain", "told")]
    assert modes == [0o640, 0o666]


def test_a_replaced_file_keeps_its_owner(home: Path) -> None:
    need(os.geteuid() == 0, "root, to give a file away", "run the tests as root, in a container for instance")
    path = home / "theirs"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    path.chmod(0o4755)
    RealFiles().write_below(str(home), "theirs", b"new", create=False)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 4321, 0o4755)


def test_a_folder_that_turns_into_a_link_during_the_walk_is_not_left_behind(home: Path) -> None:
    """The folder is exchanged for a link after it was entered: the write lands in the folder that was entered."""
    (home / "root" / "d").mkdir(parents=True)
    (home / "outside").mkdir()
    with parent_below(str(home / "root"), components("d/f")) as folder:
        (home / "root" / "d").rename(home / "root" / "moved")
        (home / "root" / "d").symlink_to(home / "outside")
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    assert (list((home / "outside").iterdir()), [p.name for p in (home / "root" / "moved").iterdir()]) == ([], ["f"])


def test_a_name_of_the_longest_kind_can_be_replaced(home: Path) -> None:
    name = "n" * 255
    RealFiles().write_atomic(f"{home}/{name}", b"x")
    RealFiles().write_below(str(home), name, b"y", create=False)
    assert [(p.name, p.read_bytes()) for p in home.iterdir()] == [(name, b"y")]


def test_names_that_are_no_text_come_back_as_they_went(home: Path) -> None:
    raw = os.fsencode(home) + b"/\xff\xfe"
    with open(raw, "wb") as file:
        file.write(b"x")
    ((name, _),) = RealFiles().list(str(home))
    assert RealFiles().read(f"{home}/{name}") == b"x"


def test_no_descriptor_is_left_open_by_refusals(home: Path) -> None:
    files = RealFiles()
    (home / "d").mkdir()
    os.mkfifo(home / "pipe")
    (home / "l").symlink_to("d")

    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = opened()
    for relative in ("d", "pipe", "l/x", "none", "none/x"):
        for attempt in (
            lambda r: files.read_below(str(home), r),
            lambda r: files.write_below(str(home), r, b"", create=False),
            lambda r: files.open_append(f"{home}/{r}"),
            lambda r: files.read(f"{home}/{r}"),
        ):
            with pytest.raises(DiskError):
                attempt(relative)
    assert opened() == before
