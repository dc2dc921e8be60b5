"""Settings while the daemon runs: taken whole or refused whole, each value with its place."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from agentproto.api import config, log
from support.conversations import follow
from support.daemon import RealDaemon
from support.waiting import until


def shown(daemon: RealDaemon, key: str) -> tuple[str, str]:
    """Value of a setting, and where it was set."""
    with daemon.client() as client:
        (row,) = client.call("config.show", config.ShowParams(key), config.ShowResult).settings
    return row.value, row.where


def notices(daemon: RealDaemon, name: str) -> list[str]:
    """Texts of what happened under `name`, from the daemon's own stream."""
    found: list[str] = []
    with daemon.client() as client:
        head = client.call("log.subscribe", log.SubscribeParams(stream="daemon"), log.SubscribeResult).head_seq
        while (event := client.next_event(2_000)) is not None:
            if event.body["name"] == name:
                found.append(str(event.body["text"]))
            if event.body["seq"] == head:
                break
    return found


def test_a_value_that_is_set_is_shown_with_its_file_and_line(daemon: RealDaemon) -> None:
    before = shown(daemon, "turn.max_steps")
    ran = daemon.agentctl("config", "set", "turn.max_steps", "9")
    rows = daemon.agentctl("config", "show", "turn.max_steps", "--json").rows
    daemon.restart()

    file = Path(daemon.folders.config, "settings.toml")
    line = file.read_text().splitlines().index("max_steps = 9") + 1
    assert before == ("50", "default")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"turn.max_steps: 50 -> 9 ({file})\n"
    assert [(row["key"], row["value"], row["where"]) for row in rows] == [("turn.max_steps", "9", f"{file}:{line}")]
    assert shown(daemon, "turn.max_steps") == ("9", f"{file}:{line}")


def test_a_change_on_disk_is_taken_without_a_restart(daemon: RealDaemon) -> None:
    file = daemon.settings("[turn]\nmax_steps = 7\n")

    until(lambda: shown(daemon, "turn.max_steps") == ("7", f"{file}:2"), "the new value holds")
    assert notices(daemon, "settings.changed") == ["changed: turn.max_steps"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[turn]\nmax_steps = 7\nmax_step = 8\n", 3, "max_steps"),
        ('[turn]\nparallel_calls = 3\nmax_steps = "many"\n', 3, "turn.max_steps"),
        ("[turn]\nparallel_calls = 3\nmax_steps = \n", 3, ""),
        ('[permissions]\nallow = ["shel(ls)"]\n', 2, "shel"),
        ("\x00\xff", 1, ""),
    ],
    ids=["unknown key", "wrong type", "no TOML", "bad rule", "garbage"],
)
def test_a_broken_file_is_refused_whole_and_the_old_settings_stay(
    daemon: RealDaemon, text: str, line: int, words: str
) -> None:
    good = daemon.settings("[turn]\nmax_steps = 9\nparallel_calls = 4\n")
    daemon.signal(signal.SIGHUP)
    until(lambda: shown(daemon, "turn.max_steps")[0] == "9", "the good file holds")
    with daemon.client() as client:
        client.call("log.subscribe", log.SubscribeParams(stream="daemon", after_seq=-1), log.SubscribeResult)
        daemon.settings(text)
        daemon.signal(signal.SIGHUP)
        (_, body) = follow(client, "daemon.happened")[-1]

    assert (body["category"], body["name"]) == ("settings", "settings.refused")
    assert f"{good}:{line}" in str(body["text"])
    assert words in str(body["text"])
    assert str(body["text"]).endswith("the old settings stay")
    assert [shown(daemon, f"turn.{key}")[0] for key in ("max_steps", "parallel_calls")] == ["9", "4"]
    assert daemon.agentctl("ask", "hello").code == 0

    daemon.kill()
    with daemon.launch(stderr=subprocess.PIPE) as started:
        err = started.communicate(timeout=30)[1].decode()
    assert started.returncode == 78
    assert f"{good}:{line}" in err.splitlines()[0]
    assert "Traceback" not in err
    by_client = daemon.agentctl("daemon", "start")
    assert by_client.code == 3
    assert f"{good}:{line}" in by_client.err


def test_a_broken_value_by_the_command_line_changes_nothing(daemon: RealDaemon) -> None:
    refused = [
        daemon.agentctl("config", "set", *pair)
        for pair in (("turn.max_steps", "many"), ("turn.max_step", "3"), ("permissions.allow", '["shel(ls)"]'))
    ]

    assert [ran.code for ran in refused] == [1, 1, 1]
    assert "turn.max_steps" in refused[1].err
    assert not Path(daemon.folders.config, "settings.toml").exists()
    assert shown(daemon, "turn.max_steps") == ("50", "default")


def test_sighup_reads_the_settings_at_once(daemon: RealDaemon) -> None:
    with daemon.client() as client:
        client.call("log.subscribe", log.SubscribeParams(stream="daemon", after_seq=-1), log.SubscribeResult)
        daemon.settings("[turn]\nmax_steps = 11\n")
        daemon.signal(signal.SIGHUP)
        (_, body) = follow(client, "daemon.happened")[-1]

    assert (body["name"], body["text"]) == ("settings.changed", "changed: turn.max_steps")
    assert shown(daemon, "turn.max_steps")[0] == "11"


def test_a_deny_rule_of_the_settings_holds_from_the_moment_it_is_read(daemon: RealDaemon, workspace: Path) -> None:
    daemon.settings('[permissions]\ndeny = ["shell"]\n')
    daemon.signal(signal.SIGHUP)
    until(lambda: "shell" in shown(daemon, "permissions.deny")[0], "the rule holds")
    ran = daemon.agentctl("ask", "--no-input", "run: touch made.txt", cwd=workspace)

    assert ran.code == 6
    assert not (workspace / "made.txt").exists()
