"""What a command changed: every file that differs is told, and what was held of it is byte for byte what was there."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentd.errors import WorkerError
from agentd.tools.snapshot_jobs import UNKNOWN, snapshot_compare, snapshot_take
from agentd.tools.snapshot_store import LATEST, MOST_AGE_NS, Manifest, Noted
from agentd.worker import JOBS
from agentd.world.real import real_world
from support.skips import need
from support.tool_ground import plant

Row = tuple[str, str | None, str | None, bool, int]

DAY_NS = MOST_AGE_NS
LATER_NS = 3_600 * 1_000_000_000


def sha(data: bytes | str) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


@dataclass
class Ground:
    """A workspace, its store, and a session's blobs."""

    home: Path
    limits: dict[str, object] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.home / "work"

    @property
    def store(self) -> Path:
        return self.home / "cache" / "work"

    @property
    def blobs(self) -> Path:
        return self.home / "session" / "blobs"

    def manifest(self, call: str = "c1") -> str:
        return f"{self.store}/{call}.manifest"

    def take(self, call: str = "c1", **changed: object) -> dict[str, object]:
        limits = {"most_files": 1_000, "most_bytes": 1_000_000, "budget_ms": 60_000, **self.limits, **changed}
        return snapshot_take(str(self.root), str(self.store), self.manifest(call), **limits)  # type: ignore[arg-type]

    def compare(self, call: str = "c1", **changed: object) -> dict[str, object]:
        limits = {"most_touched": 1_000, "budget_ms": 60_000, **changed}
        (self.blobs.parent).mkdir(exist_ok=True)
        return snapshot_compare(
            str(self.root), str(self.store), self.manifest(call), str(self.blobs), **limits  # type: ignore[arg-type]
        )  # fmt: skip

    def touched(self, call: str = "c1", **changed: object) -> list[Row]:
        """Rows with paths relative to the workspace; every image that is called held is looked at."""
        answer = self.compare(call, **changed)
        rows = answer["touched"]
        assert isinstance(rows, list)
        for _, before, _, held, _ in rows:
            if held:
                path = self.blobs / before
                assert sha(path.read_bytes()) == before
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
        prefix = f"{self.root}/"
        assert all(row[0].startswith(prefix) for row in rows)
        return [(row[0].removeprefix(prefix), *row[1:]) for row in rows]

    def age(self, call: str = "c1", ns: int = LATER_NS) -> None:
        """As if the look had been so much later: no file is as young any more."""
        for name in (self.manifest(call), f"{self.store}/{LATEST}"):
            made = Manifest.read(name)
            assert made is not None
            Path(name).write_bytes(replace(made, taken_ns=made.taken_ns + ns).packed())

    def contents(self) -> set[str]:
        return {name for name in os.listdir(self.store) if not name.endswith(".manifest")}


@pytest.fixture
def made(home: Path) -> Ground:
    made = Ground(home)
    made.root.mkdir()
    return made


def git(folder: Path, *words: str, given: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", *words],
        cwd=folder, input=given, capture_output=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def begin(folder: Path) -> None:
    """The least that git takes for a repository; quicker than asking it to make one."""
    plant(folder, {".git/HEAD": "ref: refs/heads/main\n"})
    (folder / ".git/objects").mkdir()
    (folder / ".git/refs").mkdir()


def put(path: Path, data: bytes | str) -> None:
    """In place, so that the inode stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


# --- one thing at a time ---


def test_the_worker_knows_them() -> None:
    assert {name: JOBS[name] for name in JOBS if name.startswith("snapshot-")} == {
        "snapshot-compare": "agentd.tools.snapshot_jobs:snapshot_compare",
        "snapshot-take": "agentd.tools.snapshot_jobs:snapshot_take",
    }


def test_it_runs_in_the_worker_process(made: Ground) -> None:
    plant(made.root, {"a.txt": "one\n", "b/c.txt": "two\n"})
    limits: Mapping[str, object] = {"root": str(made.root), "store": str(made.store), "manifest": made.manifest()}

    async def story() -> list[object]:
        world = real_world(str(made.home / "run"))
        try:
            job = world.processes.job
            take = {**limits, "most_files": 9, "most_bytes": 99, "most_image": 50, "budget_ms": 9_000, "skip": []}
            taken = await job("snapshot-take", take, 60_000)
            put(made.root / "a.txt", "1\n")
            compare = {**limits, "blobs": str(made.blobs), "most_touched": 9, "most_bytes": 99, "budget_ms": 9_000}
            found = await job("snapshot-compare", {**compare, "skip": []}, 60_000)
            with pytest.raises(WorkerError) as caught:
                await job("snapshot-compare", {**compare, "manifest": f"{made.store}/no.manifest"}, 60_000)
            return [taken, found, caught.value.why]
        finally:
            await world.processes.end_all()

    made.blobs.parent.mkdir()
    assert asyncio.run(story()) == [
        {
            "files": 2,
            "held": 2,
            "held_bytes": 8,
            "read": 2,
            "large": 0,
            "over": 0,
            "unreadable": 0,
            "stopped": "",
        },
        {
            "touched": [[f"{made.root}/a.txt", sha("one\n"), sha("1\n"), True, 0o644]],
            "modes": [],
            "more": 0,
            "added_bytes": 4,
            "unreadable": 0,
            "stopped": "",
        },
        f"ValueError: {made.store}/no.manifest holds no snapshot of {made.root}",
    ]


def test_what_was_made_changed_and_deleted_is_told(made: Ground) -> None:
    plant(made.root, {"changed": "a", "deleted": "b", "same": "c", "d/moved": "d", ".env": "e"})
    (made.root / "changed").chmod(0o755)
    made.take()
    put(made.root / "changed", "A")
    (made.root / "deleted").unlink()
    put(made.root / "n/new", "n")
    (made.root / "n/new").chmod(0o600)
    os.rename(made.root / "d", made.root / "e")
    put(made.root / ".env", "E")
    assert made.touched() == [
        (".env", sha("e"), sha("E"), True, 0o644),
        ("changed", sha("a"), sha("A"), True, 0o755),
        ("d/moved", sha("d"), None, True, 0o644),
        ("deleted", sha("b"), None, True, 0o644),
        ("e/moved", None, sha("d"), False, 0o644),
        ("n/new", None, sha("n"), False, 0o600),
    ]
    assert sorted(os.listdir(made.blobs)) == sorted(map(sha, "abde"))


def test_nothing_is_told_where_nothing_changed(made: Ground) -> None:
    plant(made.root, {"a": "a", "b": "b", "c": "c"})
    made.take()
    os.utime(made.root / "a", ns=(5, 5))
    (made.root / "b").unlink()
    put(made.root / "b", "b")
    assert made.compare() == {
        "touched": [], "modes": [], "more": 0, "added_bytes": 0, "unreadable": 0, "stopped": ""
    }  # fmt: skip
    assert not made.blobs.exists()


def test_other_permission_bits_alone_are_told_apart(made: Ground) -> None:
    plant(made.root, {"a": "a"})
    made.take()
    (made.root / "a").chmod(0o755)
    answer = made.compare()
    assert (answer["touched"], answer["modes"]) == ([], [[f"{made.root}/a", 0o644, 0o755]])


def test_a_change_that_keeps_size_and_time_is_seen_by_the_change_time(made: Ground) -> None:
    plant(made.root, {"a": "one"})
    made.take()
    made.age()
    seen = (made.root / "a").stat()
    while (made.root / "a").stat().st_ctime_ns == seen.st_ctime_ns:
        put(made.root / "a", "two")
        os.utime(made.root / "a", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert (made.root / "a").stat().st_mtime_ns == seen.st_mtime_ns
    assert made.touched() == [("a", sha("one"), sha("two"), True, 0o644)]


def test_a_change_in_the_same_tick_of_the_clock_is_seen(made: Ground) -> None:
    """As where times are coarse: the look has noted the very times that the change has."""
    plant(made.root, {"a": "one"})
    made.take()
    put(made.root / "a", "two")
    manifest = Manifest.read(made.manifest())
    assert manifest is not None
    same = Noted.of((made.root / "a").lstat(), sha("one"))
    Path(made.manifest()).write_bytes(replace(manifest, files={"a": same}).packed())
    assert made.touched() == [("a", sha("one"), sha("two"), True, 0o644)]
    made.age()
    assert made.touched() == []


def test_what_version_control_ignores_is_left_out(made: Ground) -> None:
    plant(made.root, {".gitignore": "out/\n*.log\n", ".git/HEAD": "x", "out/a": "a", "b.log": "b", "c": "c"})
    assert made.take()["files"] == 2
    for name in (".git/HEAD", "out/a", "out/new", "b.log", "new.log"):
        put(made.root / name, "X")
    assert made.touched() == []


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_what_is_tracked_is_noted_although_it_is_ignored(made: Ground, version: str) -> None:
    plant(made.root, {".gitignore": "out/\n", "out/kept": "a", "out/other": "b", "c": "c"})
    git(made.root, "init", "-q", "--template=")
    git(made.root, "add", "-f", "out/kept", "c", ".gitignore")
    git(made.root, "update-index", "--index-version", version)
    assert made.take()["files"] == 3
    put(made.root / "out/kept", "A")
    put(made.root / "out/other", "B")
    assert made.touched() == [("out/kept", sha("a"), sha("A"), True, 0o644)]


def test_what_is_tracked_only_since_is_not_called_new(made: Ground) -> None:
    plant(made.root, {".gitignore": "out/\n", "out/kept": "a"})
    git(made.root, "init", "-q", "--template=")
    made.take()
    git(made.root, "add", "-f", "out/kept")
    assert made.touched() == [("out/kept", UNKNOWN, sha("a"), False, 0o644)]


def test_a_worktree_has_an_index_of_its_own(made: Ground) -> None:
    main = made.home / "main"
    plant(main, {".gitignore": "out/\n", "out/kept": "a"})
    git(main, "init", "-q", "--template=")
    git(main, "add", "-f", "out/kept", ".gitignore")
    git(main, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "x")
    made.root.rmdir()
    git(main, "worktree", "add", "-q", str(made.root))
    made.take()
    put(made.root / "out/kept", "A")
    assert made.touched() == [("out/kept", sha("a"), sha("A"), True, 0o644)]


def test_an_index_cannot_lead_out_of_the_workspace(made: Ground) -> None:
    plant(made.home, {"outside": "a"})
    plant(made.root, {"c": "c"})
    git(made.root, "init", "-q", "--template=")
    git(made.root, "add", "c")
    index = made.root / ".git" / "index"
    data = index.read_bytes()
    # The same entry, whose name now leads up.
    index.write_bytes(data[:72] + b"\0\x0a../outside" + b"\0" * 8)
    assert made.take()["files"] == 1
    (made.root / "sub").symlink_to(made.home)
    index.write_bytes(data[:72] + b"\0\x0bsub/outside" + b"\0" * 7)
    assert made.take()["files"] == 2  # c and the link itself


def test_files_that_a_changed_rule_lays_open_are_not_called_new(made: Ground) -> None:
    """An undo would delete them."""
    plant(made.root, {".gitignore": "secret\nout/\n", "secret": "s", "out/a": "a"})
    made.take()
    put(made.root / ".gitignore", "")
    put(made.root / "out/b", "b")
    rules = (".gitignore", sha("secret\nout/\n"), sha(""), True, 0o644)
    assert made.touched() == [
        rules,
        ("out/a", UNKNOWN, sha("a"), False, 0o644),
        ("out/b", UNKNOWN, sha("b"), False, 0o644),
        ("secret", UNKNOWN, sha("s"), False, 0o644),
    ]
    made.age()
    assert made.touched() == [rules]


def test_a_new_project_with_rules_of_its_own_is_new(made: Ground) -> None:
    plant(made.root, {"a": "a"})
    made.take()
    plant(made.root, {"app/.gitignore": "out/\n", "app/src/x": "x", "app/out/y": "y", "app/.git/HEAD": ""})
    assert made.touched() == [
        ("app/.gitignore", None, sha("out/\n"), False, 0o644),
        ("app/src/x", None, sha("x"), False, 0o644),
    ]


def test_files_that_a_changed_rule_hides_are_still_compared(made: Ground) -> None:
    plant(made.root, {"a": "a", "b": "b"})
    made.take()
    put(made.root / ".gitignore", "*\n")
    put(made.root / "a", "A")
    assert made.touched() == [("a", sha("a"), sha("A"), True, 0o644)]


def test_links_are_not_followed_and_told_as_unknown(made: Ground) -> None:
    plant(made.home, {"outside/x": "x"})
    plant(made.root, {"a": "a", "d/x": "y"})
    (made.root / "link").symlink_to("a")
    (made.root / "out").symlink_to(made.home / "outside")
    os.mkfifo(made.root / "pipe")
    assert (made.take()["files"], made.contents()) == (5, {sha("a"), sha("y")})
    (made.root / "a").unlink()
    (made.root / "a").symlink_to(made.home / "outside" / "x")
    shutil.rmtree(made.root / "d")
    (made.root / "d").symlink_to(made.home / "outside")
    (made.root / "link").unlink()
    put(made.root / "link", "file")
    (made.root / "pipe").unlink()
    (made.root / "new").symlink_to("a")
    assert made.touched() == [
        ("a", sha("a"), UNKNOWN, True, 0o644),
        ("d/x", sha("y"), None, True, 0o644),
        ("link", UNKNOWN, sha("file"), False, 0o777),
        ("pipe", UNKNOWN, None, False, 0o644),
        ("d", None, UNKNOWN, False, 0o777),
        ("new", None, UNKNOWN, False, 0o777),
    ]


def test_a_link_that_leads_elsewhere_is_told(made: Ground) -> None:
    (made.root / "same").symlink_to("a")
    (made.root / "link").symlink_to("a")
    made.take()
    (made.root / "link").unlink()
    (made.root / "link").symlink_to("elsewhere")
    assert made.touched() == [("link", UNKNOWN, UNKNOWN, False, 0o777)]


def test_a_file_in_whose_place_a_folder_stands_is_told(made: Ground) -> None:
    plant(made.root, {"a": "a"})
    made.take()
    (made.root / "a").unlink()
    put(made.root / "a/b", "b")
    assert made.touched() == [("a", sha("a"), UNKNOWN, True, 0o644), ("a/b", None, sha("b"), False, 0o644)]


def test_contents_over_the_limits_are_unknown_and_the_smallest_are_held_first(made: Ground) -> None:
    plant(made.root, {"a": "a" * 40, "b": "b" * 10, "c": "c" * 20, "d": "d" * 90, "e": "e" * 41, "f": "f" * 41})
    answer = made.take(most_bytes=75, most_image=80)
    assert (answer["held"], answer["held_bytes"], answer["large"], answer["over"]) == (3, 70, 1, 2)
    for name in "abcd":
        put(made.root / name, "new")
    os.unlink(made.root / "e")
    (made.root / "f").chmod(0o600)  # what is not held is not read again for this
    assert made.touched() == [
        ("a", sha("a" * 40), sha("new"), True, 0o644),
        ("b", sha("b" * 10), sha("new"), True, 0o644),
        ("c", sha("c" * 20), sha("new"), True, 0o644),
        ("d", UNKNOWN, sha("new"), False, 0o644),
        ("e", UNKNOWN, None, False, 0o644),
    ]


def test_what_lies_beyond_the_number_of_files_is_not_called_new(made: Ground) -> None:
    plant(made.root, {"a": "a", "b/1": "1", "b/2": "2", "c": "c"})
    answer = made.take(most_files=2)
    assert (answer["files"], answer["stopped"]) == (2, "stopped at 2 files")
    plant(made.root, {"a2": "n", "b/0": "n", "b/2": "N", "b0": "n"})
    assert made.touched() == [
        ("a2", None, sha("n"), False, 0o644),
        ("b/0", None, sha("n"), False, 0o644),
        ("b/2", UNKNOWN, sha("N"), False, 0o644),
        ("b0", UNKNOWN, sha("n"), False, 0o644),
        ("c", UNKNOWN, sha("c"), False, 0o644),
    ]


def test_without_time_nothing_is_noted_and_nothing_is_called_new(made: Ground) -> None:
    plant(made.root, {"a": "a"})
    answer = made.take(budget_ms=0)
    assert (answer["files"], answer["held"], answer["stopped"]) == (0, 0, "stopped after 0 s")
    put(made.root / "b", "b")
    assert made.touched() == [("a", UNKNOWN, sha("a"), False, 0o644), ("b", UNKNOWN, sha("b"), False, 0o644)]


def test_a_comparison_without_time_still_tells_what_is_certain(made: Ground) -> None:
    plant(made.root, {"a": "a", "b": "b"})
    made.take()
    made.age()
    (made.root / "a").unlink()
    put(made.root / "b", "other")
    put(made.root / "c", "c")
    assert made.touched(budget_ms=0) == [("a", sha("a"), None, True, 0o644), ("b", sha("b"), UNKNOWN, True, 0o644)]
    assert made.compare(budget_ms=0)["stopped"] == "stopped after 0 s; files may have changed that are not listed"


def test_a_folder_that_could_not_be_listed_holds_no_new_files(made: Ground) -> None:
    plant(made.root, {"a/x": "x"})
    (made.root / "a").chmod(0)
    answer = made.take()
    (made.root / "a").chmod(0o755)
    if os.geteuid() == 0:
        assert (answer["files"], answer["unreadable"]) == (1, 0)
    else:
        assert (answer["files"], answer["unreadable"]) == (0, 1)
        assert made.touched() == [("a/x", UNKNOWN, sha("x"), False, 0o644)]


def test_a_file_that_cannot_be_read_is_counted(made: Ground) -> None:
    plant(made.root, {"a": "x"})
    (made.root / "a").chmod(0)
    answer = made.take()
    root = os.geteuid() == 0
    assert (answer["held"], answer["unreadable"]) == ((1, 0) if root else (0, 1))


def test_names_that_are_no_text_are_passed_by(made: Ground) -> None:
    plant(made.root, {"a": "a"})
    name = os.fsencode(made.root) + b"/\xff"
    with open(name, "wb") as file:
        file.write(b"1")
    answer = made.take()
    assert (answer["files"], answer["unreadable"]) == (1, 1)
    os.rename(name, os.fsencode(made.root) + b"/\xfe")
    assert made.touched() == []


def test_own_folders_are_passed_by(made: Ground) -> None:
    inside = Ground(made.home)
    home = made.root / "state"
    plant(made.root, {"a": "a", "state/log": "l", "sub/state": "s"})
    git(made.root, "init", "-q", "--template=")
    git(made.root, "add", ".")
    store = made.root / "cache"
    limits: dict[str, object] = {"most_files": 99, "most_bytes": 99, "budget_ms": 60_000, "skip": [str(home)]}
    taken = snapshot_take(str(made.root), str(store), f"{store}/c.manifest", **limits)  # type: ignore[arg-type]
    assert taken["files"] == 2
    put(home / "log", "L")
    put(home / "new", "n")
    answer = snapshot_compare(
        str(made.root), str(store), f"{store}/c.manifest", str(inside.blobs), 99, skip=[str(home)]
    )
    assert answer["touched"] == []


def test_a_path_of_very_many_folders_is_no_fault(made: Ground) -> None:
    git(made.root, "init", "-q", "--template=")
    deep = "a/" * 2_000 + "a"
    sha1 = git(made.root, "hash-object", "-w", "--stdin").decode().strip()
    git(made.root, "update-index", "--add", "--cacheinfo", f"100644,{sha1},{deep}")
    assert made.take()["files"] == 0


# --- limits of the answer and of the blobs ---


def test_rows_beyond_the_limit_are_counted(made: Ground) -> None:
    plant(made.root, {"a": "a", "b": "b"})
    made.take()
    plant(made.root, {"a": "A", "b": "B", "c": "c", "d": "d"})
    answer = made.compare(most_touched=1)
    assert (answer["touched"], answer["more"]) == ([[f"{made.root}/a", sha("a"), sha("A"), True, 0o644]], 3)


def test_permission_bits_count_too(made: Ground) -> None:
    plant(made.root, {"a": "a", "b": "b", "c": "c"})
    made.take()
    for name in "abc":
        (made.root / name).chmod(0o600)
    answer = made.compare(most_touched=2)
    assert answer["modes"] == [[f"{made.root}/{name}", 0o644, 0o600] for name in "ab"]
    assert (answer["touched"], answer["more"]) == ([], 1)


def test_blobs_get_no_more_than_they_may(made: Ground) -> None:
    plant(made.root, {"a": "a" * 10, "b": "b" * 10, "c": "c" * 10})
    made.take()
    made.blobs.mkdir(parents=True)
    (made.blobs / sha("c" * 10)).write_bytes(b"c" * 10)
    (made.blobs / sha("c" * 10)).chmod(0o600)
    for name in "abc":
        (made.root / name).unlink()
    answer = made.compare(most_bytes=15)
    rows = answer["touched"]
    assert isinstance(rows, list)
    assert ([row[3] for row in rows], answer["added_bytes"]) == ([True, False, True], 10)
    assert sorted(os.listdir(made.blobs)) == sorted([sha("a" * 10), sha("c" * 10)])


def test_a_before_image_that_cannot_be_kept_is_not_called_held(made: Ground) -> None:
    plant(made.root, {"a": "a"})
    plant(made.home, {"session": "a file where a folder should be"})
    made.take()
    put(made.root / "a", "A")
    answer = snapshot_compare(str(made.root), str(made.store), made.manifest(), str(made.blobs), 9)
    assert answer["touched"] == [[f"{made.root}/a", sha("a"), sha("A"), False, 0o644]]
    assert answer["stopped"] == "the before-images could not be kept: Not a directory"


# --- the store ---


def test_the_store_is_private_and_named_by_content(made: Ground) -> None:
    plant(made.root, {"a": "same", "b": "same", "c": "other"})
    made.take()
    assert made.contents() == {sha("same"), sha("other")}
    modes = {stat.S_IMODE(path.lstat().st_mode) for path in made.store.iterdir()}
    assert (modes, stat.S_IMODE(made.store.stat().st_mode)) == ({0o600}, 0o700)


def test_what_is_held_is_not_read_again_unless_it_was_too_young(made: Ground) -> None:
    plant(made.root, {"a": "a", "b": "b"})
    assert made.take()["read"] == 2
    assert made.take("c2")["read"] == 2
    made.age("c2")
    assert made.take("c3")["read"] == 0
    made.age("c3")
    put(made.root / "a", "A")
    assert made.take("c4")["read"] == 1
    put(made.root / "b", "B")
    assert made.touched("c4") == [("b", sha("b"), sha("B"), True, 0o644)]


def test_calls_side_by_side_have_manifests_of_their_own(made: Ground) -> None:
    plant(made.root, {"a": "1"})
    made.take("c1")
    put(made.root / "a", "2")
    made.take("c2")
    put(made.root / "a", "3")
    assert made.touched("c1") == [("a", sha("1"), sha("3"), True, 0o644)]
    assert made.touched("c2") == [("a", sha("2"), sha("3"), True, 0o644)]


def test_contents_that_no_manifest_names_are_removed(made: Ground) -> None:
    plant(made.root, {"a": "1"})
    made.take("c1")
    put(made.root / "a", "2")
    put(made.store / "left behind", "x")
    made.take("c2")
    assert made.contents() == {sha("1"), sha("2")}
    os.unlink(made.manifest("c1"))
    made.take("c3")
    assert made.contents() == {sha("2")}


def test_manifests_of_yesterday_are_removed(made: Ground) -> None:
    plant(made.root, {"a": "1"})
    made.take("c1")
    made.age("c1", -2 * DAY_NS)
    put(made.root / "a", "2")
    made.take("c2")
    assert (os.path.exists(made.manifest("c1")), made.contents()) == (False, {sha("2")})


def test_the_oldest_manifests_go_when_the_store_is_full(made: Ground) -> None:
    for number in range(8):
        put(made.root / "a", str(number) * 90)
        made.take(f"c{number}", most_bytes=100)
    left = [number for number in range(8) if os.path.exists(made.manifest(f"c{number}"))]
    assert (left, made.contents()) == ([4, 5, 6, 7], {sha(str(number) * 90) for number in left})


def test_a_content_that_was_damaged_is_not_called_held_and_read_anew(made: Ground) -> None:
    plant(made.root, {"a": "a", "b": "b"})
    made.take("c1")
    made.age("c1")
    (made.store / sha("a")).write_bytes(b"")
    (made.store / sha("b")).unlink()
    plant(made.root, {"a": "A", "b": "B"})
    assert made.touched("c1") == [("a", sha("a"), sha("A"), False, 0o644), ("b", sha("b"), sha("B"), False, 0o644)]
    plant(made.root, {"a": "a", "b": "b"})
    made.take("c2")
    assert made.contents() == {sha("a"), sha("b")}


def packed_otherwise(manifest: Manifest) -> bytes:
    return replace(manifest, root="/elsewhere").packed()


@pytest.mark.parametrize(
    "damage", [lambda m: b"", lambda m: m.packed()[:-9], lambda m: b"\x91\x01", lambda m: b"\x01", packed_otherwise]
)
def test_a_damaged_manifest_is_no_snapshot_and_no_cache(made: Ground, damage: Callable[[Manifest], bytes]) -> None:
    plant(made.root, {"a": "a"})
    made.take()
    made.age()
    manifest = Manifest.read(made.manifest())
    assert manifest is not None
    for name in (made.manifest(), made.store / LATEST):
        Path(name).write_bytes(damage(manifest))
    with pytest.raises(ValueError, match=r"c1\.manifest holds no snapshot of "):
        made.compare()
    assert made.take("c2")["read"] == 1


@pytest.mark.parametrize("name", ["elsewhere/c.manifest", "cache/work/c", "cache/work/latest.manifest"])
def test_a_manifest_lies_in_its_store(made: Ground, name: str) -> None:
    with pytest.raises(ValueError, match="the manifest has to be"):
        snapshot_take(str(made.root), str(made.store), str(made.home / name), 9, 9, 9)


def test_a_file_whose_size_is_no_truth_is_not_held(made: Ground) -> None:
    """Files of the kernel say that they are empty and are not; like one that grows while it is read."""
    need(os.path.isdir("/proc/self/task"), "files whose size is no truth", "run this on Linux")
    taken = snapshot_take("/proc/self/task", str(made.store), made.manifest(), 20, 10_000_000, 60_000)
    assert (taken["files"], made.contents() - {sha("")}) == (20, set())


# --- scripts that nobody chose, against an oracle that reads everything ---

NAMES = ("a", "b", "d/a", "d/b", "d/e/c", "f.log", "out/g", "n", "d/n", "out/n")
RULES = ("", "*.log\n", "out/\n", "d\n", "*\n!a\n", "d/e\n")
FILES = st.sampled_from(NAMES)
DATA = st.sampled_from([b"", b"1", b"22", b"two", b"33", b"x" * 70])

Step = tuple[str, str, str, bytes]
STEPS = st.tuples(
    st.sampled_from(
        [
            *("write", "write", "exchange", "forge", "delete", "delete", "rename", "swap", "chmod", "link", "hard"),
            *("touch", "folder", "rename folder", "rules"),
        ]
    ),
    FILES,
    FILES,
    DATA,
)


def act(root: Path, step: Step) -> None:
    """One step of a command; one that does not fit is passed by."""
    kind, first, second, data = step
    path, other = root / first, root / second
    try:
        match kind:
            case "write":
                put(path, data)
            case "exchange":
                put(root / "tmp", data)
                os.replace(root / "tmp", path)
            case "forge":
                seen = path.lstat()
                put(path, bytes(byte ^ 1 for byte in path.read_bytes()))
                os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
            case "delete":
                path.unlink()
            case "rename":
                os.replace(path, other)
            case "swap":
                os.replace(path, root / "tmp")
                os.replace(other, path)
                os.replace(root / "tmp", other)
            case "chmod":
                path.chmod(0o600 if path.stat().st_mode & 0o40 else 0o755)
            case "link":
                os.symlink(second, root / "tmp")
                os.replace(root / "tmp", path)
            case "hard":
                os.link(other, path, follow_symlinks=False)
            case "touch":
                os.utime(path, ns=(7, 7), follow_symlinks=False)
            case "folder":
                path.unlink()
                path.mkdir()
            case "rename folder":
                os.rename(path.parent, other.parent)
            case "rules":
                put((path if path.is_dir() else path.parent) / ".gitignore", RULES[len(data) % len(RULES)])
            case _:
                raise AssertionError(kind)
    except OSError:
        with suppress(OSError):
            (root / "tmp").unlink()


@dataclass(frozen=True)
class There:
    """What a name stood for: `data` None for what is no regular file; `looks` is all that a look without reading sees."""

    data: bytes | None
    bits: int
    looks: tuple[int, ...]
    brief: tuple[int, ...]

    def hash(self) -> str:
        return UNKNOWN if self.data is None else sha(self.data)


def everything(root: Path) -> dict[str, There]:
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in (*files, *(one for one in folders if os.path.islink(f"{folder}/{one}"))):
            path = Path(folder, name)
            seen = path.lstat()
            data = path.read_bytes() if stat.S_ISREG(seen.st_mode) else None
            brief = (stat.S_IFMT(seen.st_mode), seen.st_size, seen.st_mtime_ns, seen.st_ino)
            found[str(path.relative_to(root))] = There(
                data, stat.S_IMODE(seen.st_mode), (*brief, seen.st_ctime_ns, seen.st_mode), brief
            )
    return found


def visible(root: Path) -> set[str]:
    return set(filter(None, git(root, "ls-files", "-zo", "--exclude-standard").decode().split("\0")))


def hidden_by(rules: Mapping[str, bytes], paths: list[str], folder: Path) -> set[str]:
    """Which paths git would ignore, had it only these `.gitignore` files."""
    plant(folder, dict(rules))
    begin(folder)
    given_ = "\0".join(paths).encode()
    return set(
        filter(None, git(folder, "check-ignore", "--no-index", "-z", "--stdin", given=given_).decode().split("\0"))
    )


def expected(
    before: Mapping[str, There], seen: set[str], after: Mapping[str, There], now: set[str], hidden: set[str], old: bool
) -> tuple[list[Row], list[tuple[str, int, int]]]:
    rows: list[Row] = []
    modes = []
    for path in sorted(seen):
        then, there = before[path], after.get(path)
        held = then.data is not None
        if there is None:
            rows.append((path, then.hash(), None, held, then.bits))
        elif then.data is None and there.data is None:
            if then.brief != there.brief:
                rows.append((path, UNKNOWN, UNKNOWN, False, then.bits))
        elif then.data != there.data:
            # Once files are old, looking alone decides: what looks the same is not read.
            if not (old and then.looks == there.looks):
                rows.append((path, then.hash(), there.hash(), held, then.bits))
        elif then.bits != there.bits:
            modes.append((path, then.bits, there.bits))
    for path in sorted(now - seen, key=lambda one: one.split("/")):
        there = after[path]
        doubtful = path in hidden
        if not doubtful:
            rows.append((path, None, there.hash(), False, there.bits))
        elif not old:
            rows.append((path, UNKNOWN, there.hash(), False, there.bits))
    return rows, modes


@settings(max_examples=250)
@given(st.dictionaries(FILES, DATA, min_size=2), st.sampled_from(RULES), st.lists(STEPS, max_size=12), st.booleans())
@example({"a": b"1", "b": b"2"}, "", [("swap", "a", "b", b"")], True)
@example({"a": b"1", "d/a": b"1"}, "", [("forge", "a", "a", b""), ("rename folder", "d/a", "out/g", b"")], True)
@example({"a": b"1", "out/g": b"1"}, "out/\n", [("rules", "a", "a", b"")], False)
def test_the_comparison_is_what_reading_everything_shows(
    files: dict[str, bytes], rules: str, steps: list[Step], old: bool
) -> None:
    home = Path(tempfile.mkdtemp(prefix="ad")).resolve()
    try:
        made = Ground(home)
        made.root.mkdir()
        for name, data in {".gitignore": rules.encode(), **files}.items():
            put(made.root / name, data)
        begin(made.root)
        before, seen = everything(made.root), visible(made.root)
        made.take()
        if old:
            made.age()
        for step in steps:
            act(made.root, step)
        after = everything(made.root)
        gone = {path for path in seen if (made.root / path).is_dir() and not (made.root / path).is_symlink()}
        for path in gone:
            bits = stat.S_IMODE((made.root / path).stat().st_mode)
            after[path] = There(None, bits, (), ())
        old_rules = {
            path: there.data or b"" for path, there in before.items() if path.rpartition("/")[2] == ".gitignore"
        }
        hidden = hidden_by(old_rules, sorted(after), home / "judge")
        now = {path for path in visible(made.root) if not path.endswith("/")}
        want = expected(before, seen, after, now, hidden, old)
        answer = made.compare()
        modes = answer["modes"]
        assert isinstance(modes, list)
        found = [(Path(path).relative_to(made.root).as_posix(), was, now_) for path, was, now_ in modes]
        assert (made.touched(), found) == want
        assert (answer["more"], answer["unreadable"], answer["stopped"]) == (0, 0, "")
        # What an undo would delete was not there before.
        assert [row for row in made.touched() if row[1] is None and row[0] in before] == []
        for path, was, _, held, _ in made.touched():
            if held:
                assert (made.blobs / str(was)).read_bytes() == before[path].data
    finally:
        shutil.rmtree(home)
