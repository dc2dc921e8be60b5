"""The home's folders: made, tightened, or refused with the command that cures it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentd.errors import HomeError
from agentd.lifecycle.home_check import check_home
from agentd.world.fake import fake_world
from agentd.world.fake_files import FakeFiles
from agentd.world.files import RealFiles
from agentproto.homes import Folders
from support.skips import need

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("config", "data", "state", "cache", "run")
OURS = 1000


def below(home: str) -> Folders:
    return Folders(*(f"{home}/{name}" for name in NAMES), home=home)


def refused(files: FakeFiles | RealFiles, folders: Folders, uid: int) -> tuple[str, str, str]:
    with pytest.raises(HomeError) as caught:
        check_home(files, folders, uid)
    return caught.value.what, caught.value.why, caught.value.remedy


def modes(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): f"{path.stat().st_mode & 0o7777:o}" for path in sorted(home.rglob("*"))}


def test_a_new_home_is_made_and_closed(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    assert check_home(RealFiles(), below(str(home)), os.geteuid()) == []
    assert modes(home) == dict.fromkeys(NAMES, "700")
    assert f"{home.stat().st_mode & 0o777:o}" == "700"


def test_what_others_could_only_read_is_tightened_and_told_once(tmp_path: Path) -> None:
    folders = below(str(tmp_path))
    skill = tmp_path / "config" / "skills" / "one"
    skill.mkdir(parents=True, mode=0o755)
    for path, mode in ((tmp_path / "config/settings.toml", 0o644), (skill / "run", 0o755), (skill / "mine", 0o600)):
        path.write_text("")
        path.chmod(mode)
    told = check_home(RealFiles(), folders, os.geteuid())
    assert told == [
        f"{tmp_path}/config/settings.toml could be read by others (mode 644); it is 600 now",
        f"{skill}/run could be read by others (mode 755); it is 700 now",
    ]
    assert modes(tmp_path / "config") == {
        "settings.toml": "600",
        "skills": "700",
        "skills/one": "700",
        "skills/one/mine": "600",
        "skills/one/run": "700",
    }
    assert check_home(RealFiles(), folders, os.geteuid()) == []


BREAKS: dict[str, Callable[[Path], object]] = {
    "chmod go-w {}/data": lambda home: (home / "data").chmod(0o777),
    "chmod -R go-w {}/data": lambda home: (home / "data").chmod(0o722),
    "chmod go-w {}/config/settings.toml": lambda home: (home / "config/settings.toml").chmod(0o620),
    "chmod -R go-w {}/config/skills/x": lambda home: ((home / "config/skills/x").mkdir(parents=True), (home / "config/skills/x").chmod(0o770)),
    "rm {}/data && mv {}/elsewhere {}/data": lambda home: ((home / "data").rename(home / "elsewhere"), (home / "data").symlink_to(home / "elsewhere")),
    "rm {}/cache": lambda home: ((home / "cache").rmdir(), (home / "cache").symlink_to(home / "nowhere")),
    "rm {}/config/settings.toml && mv {}/there {}/config/settings.toml": lambda home: ((home / "config/settings.toml").rename(home / "there"), (home / "config/settings.toml").symlink_to(home / "there")),
    "mv {}/state {}/state.old": lambda home: ((home / "state").rmdir(), (home / "state").write_text("")),
    "chmod -R go-w {}": lambda home: home.chmod(0o1777),
}  # fmt: skip


@pytest.mark.parametrize("cure", [key for key in BREAKS if key != "chmod go-w {}/data"])
def test_the_command_that_is_named_cures_it(tmp_path: Path, cure: str) -> None:
    home = tmp_path / "a home"
    folders = below(str(home))
    check_home(RealFiles(), folders, os.geteuid())
    (home / "config/settings.toml").write_text("")
    (home / "config/settings.toml").chmod(0o600)
    BREAKS[cure](home)
    _, _, remedy = refused(RealFiles(), folders, os.geteuid())
    command = remedy.partition(": ")[2]
    assert command.replace("'", "") == cure.replace("{}", str(home))
    subprocess.run(["sh", "-c", command], check=True, timeout=10)
    check_home(RealFiles(), folders, os.geteuid())


def test_a_home_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "home").symlink_to(tmp_path / "real")
    assert refused(RealFiles(), below(f"{tmp_path}/home"), os.geteuid())[0] == f"{tmp_path}/home is a link"


def test_another_owner_is_refused(tmp_path: Path) -> None:
    check_home(RealFiles(), below(str(tmp_path)), os.geteuid())
    other = os.geteuid() + 1
    assert refused(RealFiles(), below(str(tmp_path)), other) == (
        f"{tmp_path} belongs to somebody else (user {os.geteuid()})",
        f"this daemon runs as user {other}, and an owner can always change a file",
        f"Make it yours: sudo chown -R {other} {shlex.quote(str(tmp_path))}",
    )


def test_a_network_file_system_is_refused_with_the_reason() -> None:
    files = fake_world().files
    files.network = "nfs4"
    assert refused(files, below("/h"), OURS) == (
        "/h/config lies on a network file system (nfs4)",
        "locks and syncs promise too little there: two machines could write one session",
        "Keep the home on a local disk: AGENTD_HOME=/a/local/folder agentd run",
    )


def test_folders_may_lie_in_one_another_or_be_one() -> None:
    files = fake_world().files
    assert check_home(files, Folders("/h", "/h", "/h", "/h/cache", "/h/run"), OURS) == []
    assert check_home(files, Folders("/h", "/h", "/h", "/h/cache", "/h/run"), OURS) == []


def test_sessions_are_not_walked_through() -> None:
    """However many there are: their folders are closed at the top."""
    files = fake_world().files
    check_home(files, below("/h"), OURS)
    for number in range(50):
        files.add_file(f"/h/data/sessions/2026/01/s{number}/log.jsonl", b"", 0o644)
    calls = len(files.disk.points.calls)
    check_home(files, below("/h"), OURS)
    assert len(files.disk.points.calls) - calls < 20


AS_NOBODY = """
import os, sys
from agentd.errors import HomeError
from agentd.lifecycle.home_check import check_home
from agentd.world.files import RealFiles
from agentproto.homes import Folders
os.setgroups([]); os.setgid(65534); os.setuid(65534)
home = sys.argv[1]
try:
    check_home(RealFiles(), Folders(*(home + "/" + n for n in ("config", "data", "state", "cache", "run")), home=home), 65534)
    print("good")
except HomeError as fault:
    print(fault.what + " | " + fault.remedy)
"""


def as_nobody(home: Path) -> str:
    command = [sys.executable, "-c", AS_NOBODY, str(home)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/daemon:{ROOT}/proto"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_ordinary_user_has_a_home_of_their_own_and_none_of_another_s(home: Path) -> None:
    need(os.geteuid() == 0, "root, to become an ordinary user", "run the tests as root, in a container for instance")
    home.chmod(0o755)
    (home / "mine").mkdir(mode=0o755)
    assert as_nobody(home / "mine") == (
        f"{home}/mine belongs to somebody else (user 0) | Make it yours: sudo chown -R 65534 {home}/mine"
    )
    os.chown(home / "mine", 65534, 65534)
    assert as_nobody(home / "mine") == "good"
    assert modes(home / "mine") == dict.fromkeys(NAMES, "700")
    (home / "mine" / "state" / "events.jsonl").write_text("")
    assert as_nobody(home / "mine") == (
        f"{home}/mine/state/events.jsonl belongs to somebody else (user 0) | "
        f"Make it yours: sudo chown -R 65534 {home}/mine/state/events.jsonl"
    )
