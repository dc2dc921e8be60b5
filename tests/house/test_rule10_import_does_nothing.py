"""Rule 10: importing any module does nothing, and the thin parts stay thin.

Both are asked of a fresh interpreter in an empty home: the first with an audit hook that writes down every attempt to
change the world, the second by looking at what one import has loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from house.tree import PACKAGES, ROOT, none, sources

# Runs in the child: modules to import come as JSON on stdin, the deeds come back as JSON on stdout.
WITNESS = """\
import importlib, json, os, signal, sys, threading
deeds = []
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.putenv",
           "os.unsetenv", "os.fork", "os.exec", "os.posix_spawn", "os.system", "subprocess.Popen", "socket.bind",
           "socket.connect", "socket.getaddrinfo", "shutil.", "tempfile.", "signal.", "sqlite3.connect")
now = ""
def witness(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            deeds.append(f"{now}: opens {path!r} for writing")
    elif event.startswith(CHANGES):
        deeds.append(f"{now}: {event} {arguments!r}")
modules = json.load(sys.stdin)
sys.stdout = sys.stderr
sys.addaudithook(witness)
def state():
    return dict(os.environ), threading.active_count(), os.getcwd(), [signal.getsignal(s) for s in signal.valid_signals()]
for now in modules:
    before = state()
    try:
        importlib.import_module(now)
    except BaseException as error:
        deeds.append(f"{now}: cannot be imported: {error!r}")
    if state() != before:
        deeds.append(f"{now}: changes the environment, the folder or a signal, or starts a thread")
import logging
if logging.getLogger().handlers:
    deeds.append("logging was set up")
print(json.dumps(deeds), file=sys.__stdout__)
"""
LOADED = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"

TERMINAL = ("rich", "prompt_toolkit")
# what is imported -> what that must not load (a name stands for everything inside it)
THIN = {
    "agentproto.table": ("zmq", "asyncio", "socket", "httpx", "threading", "agentd", *TERMINAL),
    "agentproto.link": ("zmq", "asyncio", "socket", "httpx", "threading", "agentd", *TERMINAL),
    "agentctl.cli": ("zmq", "asyncio", "httpx", "msgpack", "msgspec", "agentd", *TERMINAL),
    "agentclient.blocking": ("asyncio", "httpx", "agentd", *TERMINAL),
    "agentd.cli": ("httpx", "tomlkit", "agentctl", "agentclient", *TERMINAL),
    "agentd.app": ("httpx", "tomlkit", "agentctl", "agentclient", *TERMINAL),
    "agentd.worker": ("msgspec", "asyncio", "zmq", "httpx", "click", *TERMINAL),
    "agentd.turn.machine": ("asyncio", "zmq", "httpx", *TERMINAL),
    "agentd.world": ("asyncio", "httpx", "zmq", *TERMINAL),
}


def run(folder: Path, code: str, *arguments: str, stdin: str = "", path: str = "") -> list[str]:
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join([path, *(str(ROOT / name) for name in dict.fromkeys(PACKAGES.values()))]),
    }
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told: list[str] = json.loads(done.stdout)
    return told


def deeds(folder: Path, modules: list[str], path: str = "") -> list[str]:
    """What the imports did to the world, one line each; the folder is the child's home and where it stands."""
    home = folder / "home"
    home.mkdir()
    told = run(home, WITNESS, stdin=json.dumps(modules), path=path)
    return told + [f"left behind: {name.name}" for name in sorted(home.iterdir())]


def too_heavy(loaded: list[str], banned: tuple[str, ...]) -> list[str]:
    return sorted({name.partition(".")[0] for name in loaded} & set(banned))


def test_no_import_changes_anything(tmp_path: Path) -> None:
    none(deeds(tmp_path, [source.name for source in sources()]))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_there(package: str) -> None:
    """Otherwise the test above would have nothing to import."""
    assert sources(package) != ()


@pytest.mark.parametrize("module", THIN)
def test_a_thin_part_loads_nothing_heavy(tmp_path: Path, module: str) -> None:
    none(too_heavy(run(tmp_path, LOADED, module), THIN[module]))


INTERACTIVE = {"agentctl.commands.chat": "a line editor is what it is; imported when it is called, as every command"}
ONE_SHOT = [s.name for s in sources("agentctl") if ".commands." in s.name and s.name not in INTERACTIVE]


@pytest.mark.parametrize("module", ONE_SHOT)
def test_a_command_loads_no_event_loop_and_draws_nothing_yet(tmp_path: Path, module: str) -> None:
    """What a command shows on a terminal it loads when it knows that there is one."""
    none(too_heavy(run(tmp_path, LOADED, module), ("asyncio", "httpx", "agentd", *TERMINAL)))


@pytest.mark.parametrize(
    "text",
    [
        "open('left', 'w').close()\n",
        "import os\nos.mkdir('made')\n",
        "import os\nos.environ['SEEN'] = '1'\n",
        "import subprocess\nsubprocess.run(['true'])\n",
        "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.close()\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n",
        "import logging\nlogging.basicConfig()\n",
        "import a_library_that_nobody_has\n",
        "import sys\nsys.exit(2)\n",
        "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n",
    ],
)
def test_an_import_that_does_something_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "culprit.py").write_text(text)
    assert deeds(tmp_path, ["culprit"], path=str(tmp_path)) != []


def test_a_heavy_import_is_found(tmp_path: Path) -> None:
    (tmp_path / "culprit.py").write_text("import zmq\nimport asyncio.events\n")
    loaded = run(tmp_path, LOADED, "culprit", path=str(tmp_path))
    assert too_heavy(loaded, ("asyncio", "httpx", "zmq")) == ["asyncio", "zmq"]
