"""The doctor's findings: facts in, a finding with its cure out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentctl import checks
from agentctl.checks import Check
from clients.scene import double, folders


def test_versions_that_differ_want_a_restart() -> None:
    assert [one.level for one in checks.versions((3, 11), None)] == ["ok", "note"]
    assert checks.versions((3, 11), "0.0.0")[1].do == "agentctl daemon restart"
    assert checks.versions((3, 10), None)[0].level == "broken"


@pytest.mark.parametrize(
    ("mode", "level", "do"), [(0o700, "ok", ""), (0o755, "warn", "chmod 700"), (0o777, "broken", "chmod 700")]
)
def test_rights_of_a_folder(home: Path, mode: int, level: str, do: str) -> None:
    (home / "state").mkdir()
    os.chmod(home / "state", mode)
    found = {one.name: one for one in checks.folders_rights(folders(home), os.geteuid())}
    assert (found["state folder"].level, found["state folder"].do) == (level, f"{do} {home}/state" if do else "")
    assert found["data folder"] == Check("data folder", "ok", f"{home}/data (not made yet)")


def test_a_link_or_a_foreign_owner_is_broken(home: Path) -> None:
    os.symlink("/tmp", home / "data")
    (home / "state").mkdir()
    found = {one.name: one.level for one in checks.folders_rights(folders(home), os.geteuid() + 1)}
    assert (found["data folder"], found["state folder"]) == ("broken", "broken")


def test_the_lock_and_the_connection_are_seen(home: Path) -> None:
    where = folders(home)

    def never() -> None:
        raise AssertionError("nobody is asked where nobody is")

    assert checks.lock(where).level == "note"
    assert checks.connection(where, never, False) == ([Check("connection", "note", "no connection file")], None)  # type: ignore[arg-type]
    with double(home):
        assert checks.lock(where) == Check("lock", "ok", f"held by pid {os.getpid()}")


@pytest.mark.parametrize(("free", "level"), [(5 * 1024**3, "ok"), (500 * 1024**2, "warn"), (50 * 1024**2, "broken")])
def test_disk_space(free: int, level: str) -> None:
    assert checks.disk("/d", free).level == level


@pytest.mark.parametrize(
    ("now", "daemon", "level"),
    [
        (1_800_000_000_000, None, "ok"),
        (1_800_000_000_000, 1_800_000_001_000, "ok"),
        (1_800_000_000_000, 1_800_000_060_000, "broken"),
        (1_000, None, "broken"),
    ],
)
def test_the_clock(now: int, daemon: int | None, level: str) -> None:
    assert checks.clock(now, daemon).level == level


def test_the_longest_mount_point_counts_and_network_ones_are_broken() -> None:
    mounts = ["/dev/a / ext4 rw", "host:/x /home nfs4 rw", "/dev/b /home/me ext4 rw", "/dev/c /ho\\040me xfs rw", "odd"]
    assert checks.filesystem("/home/you/data", mounts).level == "broken"
    assert checks.filesystem("/home/me/data", mounts) == Check("file system", "ok", "ext4")
    assert checks.filesystem("/homeless", mounts) == Check("file system", "ok", "ext4")
    assert checks.filesystem("/ho me/x", mounts) == Check("file system", "ok", "xfs")


def test_programs_that_are_missing_are_graded_by_what_they_are_for() -> None:
    assert [one.level for one in checks.programs(lambda name: None)] == ["broken", "warn", "note"]
    assert [one.level for one in checks.programs(lambda name: f"/bin/{name}")] == ["ok", "ok", "ok"]


def test_no_sandbox_is_said_loudly() -> None:
    assert checks.sandbox("none").level == "warn"
    assert checks.sandbox("strict").level == "ok"


@pytest.mark.parametrize(
    ("platform", "unit"),
    [("linux", ".config/systemd/user/agentd.service"), ("darwin", "Library/LaunchAgents/dev.agentd.agentd.plist")],
)
def test_a_service_unit_is_found(home: Path, platform: str, unit: str) -> None:
    assert checks.service(str(home), platform).level == "note"
    (home / unit).parent.mkdir(parents=True)
    (home / unit).write_text("")
    assert checks.service(str(home), platform) == Check("service", "ok", f"~/{unit}")
