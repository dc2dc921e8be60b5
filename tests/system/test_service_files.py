"""The shipped service files are accepted by the programs that read them and say what the daemon promises."""

from __future__ import annotations

import configparser
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.skips import need

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd" / "agentd.service"
PLIST = ROOT / "launchd" / "dev.agentd.plist"
INSTALLED = "%h/.local/bin/agentd"
PROGRAM = Path(sys.executable).with_name("agentd")
# Another daemon holds this home; a folder, file or setting is refused.
HOPELESS_EXITS = {"75", "78"}
LONGEST_DRAIN_S = 10


def complaints(folder: Path, unit: str) -> str:
    """Everything that systemd-analyze says about a user unit. A bad value alone is only a warning to it, so its exit
    code is not enough: any word is a complaint."""
    path = folder / "agentd.service"
    path.write_text(unit)
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr + (f"exit {done.returncode}" if done.returncode else "")


def unit_here() -> str:
    """The unit with the program of this environment, because systemd looks whether it is there."""
    need(
        shutil.which("systemd-analyze") is not None,
        "systemd-analyze, which reads unit files",
        "apt-get install systemd",
    )
    text = UNIT.read_text()
    assert text.count(f"ExecStart={INSTALLED} run\n") == 1
    return text.replace(INSTALLED, str(PROGRAM))


def settings(section: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",))
    parser.optionxform = str
    parser.read_string(UNIT.read_text())
    return dict(parser[section])


def test_systemd_has_no_complaint(home: Path) -> None:
    assert complaints(home, unit_here()) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Type=notify", "Type=notifyy"),
        ("WatchdogSec=30", "WatchdogSec=often"),
        ("KillMode=mixed", "KilMode=mixed"),
        (f"ExecStart={INSTALLED}", "ExecStart=/nonexistent/agentd"),
    ],
)
def test_systemd_complains_about_a_fault(home: Path, old: str, new: str) -> None:
    unit = unit_here().replace(old.replace(INSTALLED, str(PROGRAM)), new)
    assert complaints(home, unit) != ""


def test_the_unit_starts_the_daemon_in_the_foreground_and_waits_for_its_notice() -> None:
    service = settings("Service")
    assert (service["Type"], service["ExecStart"]) == ("notify", f"{INSTALLED} run")
    assert int(service["WatchdogSec"]) > 0


def test_the_unit_does_not_try_again_what_cannot_work() -> None:
    service = settings("Service")
    assert service["Restart"] == "on-failure"
    assert set(service["RestartPreventExitStatus"].split()) == HOPELESS_EXITS


def test_the_unit_gives_the_daemon_time_to_drain_and_leaves_its_children_to_it() -> None:
    service = settings("Service")
    assert int(service["TimeoutStopSec"]) > LONGEST_DRAIN_S
    assert service["KillMode"] == "mixed"


def test_the_hardening_leaves_workspaces_and_a_sandbox_possible() -> None:
    """Each of these would hold for every command of the agent too."""
    breaking = {
        *("ProtectHome", "ProtectSystem", "PrivateTmp", "PrivateUsers", "PrivateNetwork", "ReadOnlyPaths"),
        *("RestrictNamespaces", "MemoryDenyWriteExecute", "SystemCallFilter", "RestrictAddressFamilies", "UMask"),
    }
    assert breaking & set(settings("Service")) == set()
    assert settings("Service")["NoNewPrivileges"] == "yes"


def test_the_unit_belongs_to_a_user() -> None:
    assert settings("Install") == {"WantedBy": "default.target"}
    assert {"User", "Group"} & set(settings("Service")) == set()


def test_the_plist_is_whole() -> None:
    with PLIST.open("rb") as file:
        told = plistlib.load(file)
    assert told == {
        "Label": "dev.agentd",
        "ProgramArguments": ["/bin/sh", "-c", 'exec "$HOME/.local/bin/agentd" run'],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        "ExitTimeOut": 15,
        "ProcessType": "Standard",
        "LimitLoadToSessionType": "Aqua",
        "EnvironmentVariables": {"PATH": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
        "HardResourceLimits": {"Core": 0},
    }
    assert told["Label"] == PLIST.stem
    assert told["ExitTimeOut"] > LONGEST_DRAIN_S


def test_the_plists_command_replaces_the_shell(home: Path) -> None:
    """launchd watches and signals the process that it started, so that process has to become the daemon."""
    program = home / ".local" / "bin" / "agentd"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho $$ $*\n")
    program.chmod(0o700)
    with PLIST.open("rb") as file:
        command = plistlib.load(file)["ProgramArguments"]
    with subprocess.Popen(command, env={"HOME": str(home)}, stdout=subprocess.PIPE, text=True) as started:
        told = started.communicate(timeout=20)[0]
    assert told.split() == [str(started.pid), "run"]
