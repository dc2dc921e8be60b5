"""A daemon that a client starts: its own session, the log as its voice, and a clean environment."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from agentclient.errors import DaemonStartError
from agentclient.starting import inherited, is_alive, launch, log_size, log_tail
from clients.scene import folders

# LC_CTYPE is the interpreter's own doing in a C locale (PEP 538).
TELL = """\
import json, os, sys
facts = {
    "pid": os.getpid(), "leads its session": os.getsid(0) == os.getpid(), "parent": os.getppid(), "cwd": os.getcwd(),
    "environment": sorted({*os.environ} - {"LC_CTYPE"}), "umask": os.umask(0), "stdin": os.read(0, 1).decode(),
}
sys.stderr.write("to stderr\\n")
sys.stdout.write("to stdout\\n")
sys.stdout.flush()
with open(sys.argv[1], "w") as pipe:
    json.dump(facts, pipe)
"""


def test_only_listed_variables_are_inherited() -> None:
    given = {
        "HOME": "/h",
        "LC_ALL": "C",
        "XDG_STATE_HOME": "/s",
        "ANTHROPIC_API_KEY": "x",
        "PYTHONPATH": "/p",
        "A": "b",
    }
    assert inherited(given, None) == {"HOME": "/h", "LC_ALL": "C", "XDG_STATE_HOME": "/s"}
    assert inherited({"AGENTD_HOME": "rel", "AGENTD_DEBUG": "1"}, "/abs/rel") == {
        "AGENTD_HOME": "/abs/rel",
        "AGENTD_DEBUG": "1",
    }


def test_it_runs_apart_from_the_client_and_speaks_into_the_log(home: Path) -> None:
    our_umask = os.umask(0)
    os.umask(our_umask)
    where = folders(home)
    os.makedirs(where.state)
    pipe = home / "told"
    os.mkfifo(pipe)
    environment = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "x", "HOME": str(home)}
    pid = launch(where, environment, (sys.executable, "-c", TELL, str(pipe)))
    facts = json.loads(pipe.read_text())
    parent = facts.pop("parent")
    assert parent != os.getpid()
    assert facts == {
        "pid": pid,
        "leads its session": False,  # so that it can never get a terminal of its own
        "cwd": "/",
        "environment": ["AGENTD_HOME", "HOME", "PATH"],
        "umask": our_umask,  # files that the agent makes in a workspace get the rights their user is used to
        "stdin": "",
    }
    assert sorted(log_tail(where, 0).splitlines()) == ["to stderr", "to stdout"]
    assert stat.S_IMODE(os.stat(f"{where.state}/agentd.log").st_mode) == 0o600


def test_a_start_that_is_not_even_possible_says_why(home: Path) -> None:
    with pytest.raises(DaemonStartError) as caught:
        launch(folders(home), {}, ("/bin/true",))
    assert "No such file" in caught.value.why


def test_a_process_that_ended_is_not_alive(home: Path) -> None:
    assert is_alive(os.getpid())
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not is_alive(child), "a zombie is not alive"
    os.waitpid(child, 0)
    assert not is_alive(child)


def test_the_tail_of_the_log_begins_where_the_start_did_and_is_short(home: Path) -> None:
    where = folders(home)
    os.makedirs(where.state)
    log = Path(where.state) / "agentd.log"
    assert (log_size(where), log_tail(where, 0)) == (0, "")
    log.write_text("old\n" + "".join(f"line {number}\n" for number in range(20)))
    assert log_tail(where, 4) == "\n".join(f"line {number}" for number in range(12, 20))
    assert log_tail(where, log_size(where)) == ""
