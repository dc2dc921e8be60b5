"""The first minute of a newcomer: an empty home, no model, no settings, and a question about this very code."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.daemon import RealDaemon

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "which file defines the wire's size limits?"
ASK_FIELDS = ["session", "turn", "text", "stop_reason", "items", "usage", "cost_usd_micros"]
STATUS_FIELDS = {"pid", "version", "home", "endpoint", "sandbox", "model", "sessions"}
OFFLINE = "no language model is connected"


def copy_of_the_code(home: Path) -> Path:
    copy = home / "copy"
    for folder in ("proto", "daemon", "clients", "docs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_a_question_about_the_code_names_the_file_and_starts_the_daemon(idle: RealDaemon, home: Path) -> None:
    ran = idle.agentctl("ask", QUESTION, "--json", cwd=copy_of_the_code(home))

    assert ran.code == 0, ran.err
    said = ran.fields
    assert list(said) == ASK_FIELDS
    assert str(said["text"]).startswith("Most likely: proto/agentproto/limits.py\n")
    assert (said["stop_reason"], said["cost_usd_micros"]) == ("end", 0)
    assert str(said["turn"]).startswith(f"{said['session']}.")
    assert idle.pid is not None


def test_the_answer_alone_goes_to_stdout(idle: RealDaemon, workspace: Path) -> None:
    ran = idle.agentctl("ask", "which file defines LIMIT?", cwd=workspace)

    assert (ran.code, ran.out.splitlines()[0]) == (0, "Most likely: src/app.py")
    assert "* grep" in ran.err


def test_that_there_is_no_model_is_said_once_a_session(idle: RealDaemon, workspace: Path) -> None:
    first = idle.agentctl("ask", "which file defines LIMIT?", "--json", cwd=workspace)
    again = idle.agentctl("ask", "what is in README.md?", "--continue", "--json", cwd=workspace)
    other = idle.agentctl("ask", "which file defines LIMIT?", "--json", cwd=workspace)

    assert again.fields["session"] == first.fields["session"] != other.fields["session"]
    told = [str(ran.fields["text"]).count(OFFLINE) for ran in (first, again, other)]
    assert told == [1, 0, 1]


def test_status_has_its_documented_fields(idle: RealDaemon) -> None:
    assert idle.agentctl("daemon", "status", "--json").code == 3
    started = idle.agentctl("daemon", "start", "--json")
    status = idle.agentctl("daemon", "status", "--json").fields

    assert set(status) >= STATUS_FIELDS
    assert {name: status[name] for name in ("pid", "home", "sandbox", "model", "sessions")} == {
        "pid": started.fields["pid"],
        "home": str(idle.home),
        "sandbox": "none",
        "model": "offline",
        "sessions": 0,
    }
