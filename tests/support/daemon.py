"""A real daemon for a test: `agentd run` as a process in a private home, its clients as processes, kill -9, restart.

Nothing here knows what the daemon does. Whatever runs in the home when the block ends (also a daemon that a client
started) is ended, its children too, and what the daemon wrote is printed: pytest shows it when the test failed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agentclient import blocking
from agentclient.blocking import BlockingClient
from agentclient.discover import folders_of, lock_holder, read
from agentclient.errors import ClientError
from agentclient.starting import is_alive
from agentd.session.entries import Entry
from agentd.session.store import SessionStore
from agentd.world.processes import RealProcesses
from agentd.world.real import real_world
from agentproto.endpoints import Connection
from support.waiting import until

__all__ = ["Ran", "RealDaemon", "real_daemon", "repository"]

LOG_CHARS = 6_000


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)

    @property
    def fields(self) -> dict[str, object]:
        """`json`, when that is one object."""
        found = self.json
        assert isinstance(found, dict), self
        return found

    @property
    def rows(self) -> list[dict[str, object]]:
        """`json`, when that is a list of objects."""
        found = self.json
        assert isinstance(found, list), self
        return found


class RealDaemon:
    """`root` is a private, short folder: the daemon's home and its user's home are made in it."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.home = root / "home"
        self.user = root / "user"
        self.environment = {
            "AGENTD_HOME": str(self.home),
            "HOME": str(self.user),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "TMPDIR": str(root),
            **environment,
        }
        self.said = root / "agentd.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.folders = folders_of(self.environment)
        for folder in (self.home, self.user):
            folder.mkdir(mode=0o700, exist_ok=True)

    # -- the process -------------------------------------------------------------------------------------------

    def launch(self, stderr: int | None = None) -> subprocess.Popen[bytes]:
        """Start `agentd run` and wait for nothing. What it says goes to the log, unless `stderr` says otherwise."""
        with self.said.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "agentd", "run"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said if stderr is None else stderr,
                env=self.environment,
                cwd="/",
                start_new_session=True,
            )

    def start(self) -> int:
        """Start one and wait until it answers; its process id."""
        process = self.process = self.launch()
        until(lambda: self.answers or process.poll() is not None, "the daemon answers", 30)
        assert process.poll() is None, f"the daemon ended with {process.returncode}:\n{self.log}"
        return process.pid

    @property
    def answers(self) -> bool:
        """Whether a daemon of this home can be talked to now, by a client that starts none."""
        try:
            with self.client(ready_ms=1_000) as client:
                return bool(self.process is None or client.welcome.pid == self.process.pid)
        except ClientError:
            return False

    @property
    def pid(self) -> int | None:
        """Of whatever holds this home now."""
        held, pid = lock_holder(self.folders)
        return pid if held else None

    def signal(self, number: signal.Signals) -> None:
        pid = self.pid
        assert pid is not None, f"no daemon runs:\n{self.log}"
        os.kill(pid, number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone; also one that is only starting. No error when none runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(15)
        until(self._killed, "nothing holds the home any more")

    def _killed(self) -> bool:
        """A child of the daemon holds the lock for the moment between fork and exec; the pid is then a dead one's."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self._gone(pid)
        return not lock_holder(self.folders)[0]

    def stop(self, seconds: float = 15) -> int | None:
        """SIGTERM, and wait until it is gone; its exit code (None: a client had started it, so it isn't our child)."""
        pid = self.pid
        self.signal(signal.SIGTERM)
        assert pid is not None
        self._gone(pid, seconds)
        return self.process.returncode if self.process is not None and self.process.pid == pid else None

    def restart(self) -> int:
        """kill -9 and start."""
        self.kill()
        return self.start()

    def _gone(self, pid: int, seconds: float = 15) -> None:
        if self.process is not None and self.process.pid == pid:
            self.process.wait(seconds)
        else:
            until(lambda: not is_alive(pid), f"process {pid} ends", seconds)

    @property
    def log(self) -> str:
        """The end of what was written by daemons that were started here, and by those that clients started."""
        texts = [
            path.read_text("utf-8", "replace")
            for path in (self.said, Path(self.folders.state, "agentd.log"))
            if path.exists()
        ]
        return "\n--- started by a client ---\n".join(texts)[-LOG_CHARS:]

    def close(self) -> None:
        """End the daemon and what it left behind."""
        self.kill()
        RealProcesses(f"{self.folders.run}/children").sweep()

    # -- clients -----------------------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        found = read(self.folders)
        assert found is not None, "no daemon has written a connection file"
        return found

    def client(self, name: str = "a test", ready_ms: int = 20_000) -> BlockingClient:
        """A client of the library; it never starts a daemon, and takes up a conversation with the next one."""
        return blocking.connect(name, environment=self.environment, start=False, ready_ms=ready_ms)

    def spawn(self, *arguments: str, cwd: Path | None = None, **more: str) -> subprocess.Popen[str]:
        """Start a command line of `agentctl` with pipes. Whoever starts it waits for it, or kills it."""
        return subprocess.Popen(
            [sys.executable, "-m", "agentctl", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environment, **more},
            cwd=cwd or self.user,
        )

    def agentctl(
        self, *arguments: str, cwd: Path | None = None, stdin: str = "", seconds: float = 30, **more: str
    ) -> Ran:
        """Run a command line of `agentctl` to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "agentctl", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**self.environment, **more},
            cwd=cwd or self.user,
            timeout=seconds,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    # -- files -------------------------------------------------------------------------------------------------

    def settings(self, text: str) -> Path:
        """Write the user's settings file."""
        folder = Path(self.folders.config)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "settings.toml"
        path.write_text(text)
        path.chmod(0o600)
        return path

    def model(self, name: str, *replies: Mapping[str, object], **script: object) -> str:
        """Write a script for the scripted model; the lines for the settings that make it the connection `name`."""
        path = self.root / f"{name}.json"
        path.write_text(json.dumps({"replies": replies, **script}))
        return f'[models.{name}]\nkind = "scripted"\nurl = "file:{path}"\n'

    def entries(self, session: str) -> list[Entry]:
        """All entries of a session, read as a start reads them; damage fails. Only while no daemon runs."""
        assert self.pid is None, "a daemon writes this log"
        log = SessionStore(real_world(self.folders.run), self.folders.data, self.folders.state).open(
            session, writable=False
        )
        try:
            assert log.problem is None, log.problem
            return [line.entry for line in log.lines_after(0, 1_000_000)]
        finally:
            log.close()

    def lines(self, session: str) -> list[dict[str, object]]:
        """The whole lines of a session's log as they are on the disk now, also while a daemon writes."""
        (path,) = Path(self.folders.data, "sessions").glob(f"*/*/{session}/log.jsonl")
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


@contextmanager
def real_daemon(root: Path, *, started: bool = True, **environment: str) -> Iterator[RealDaemon]:
    """A home with a daemon that answers (or, not `started`, without one)."""
    daemon = RealDaemon(root, environment)
    try:
        if started:
            daemon.start()
        yield daemon
    finally:
        daemon.close()
        print(f"--- the daemon of {daemon.home} wrote ---\n{daemon.log}")


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """A git repository with one commit of `files`."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    identity = ["-c", "user.name=A Test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "First"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)
    return folder
