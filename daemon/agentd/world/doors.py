"""The doors: the only ways by which time, chance and the outside enter the daemon.

Each door is a small Protocol. `agentd.world.real` builds the production world; `agentd.world.fake` builds a
deterministic one in memory, in which every door call has a number and can be made to fail or to crash
(`agentd.world.faults`). Nothing above this floor imports time, random, os, pathlib, subprocess or httpx; the keeper
in `tests/house` holds the list.

Foreign exceptions do not pass a door: an OSError comes out as an `agentd.errors.DiskError` (or a leaf of it), an httpx
error as a `NetworkError`, so that above it nobody catches anything foreign.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agentd.errors import DiskError

__all__ = [
    "Box",
    "Clock",
    "Exit",
    "FileInfo",
    "Files",
    "Handle",
    "Http",
    "HttpRequest",
    "HttpResponse",
    "Ids",
    "Journal",
    "Lock",
    "NoBox",
    "Processes",
    "Spawn",
    "World",
]


class Clock(Protocol):
    """Time. Wall time for people and logs, monotonic for waits, boot time (counts sleep) for schedules."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds that never go back; the zero is arbitrary."""
        ...

    def boot_ms(self) -> int:
        """Milliseconds since boot, time asleep included."""
        ...

    def perf_us(self) -> int:
        """Microseconds that never go back; for measuring short spans."""
        ...

    async def sleep(self, ms: int) -> None:
        """Wait `ms` milliseconds; cancellation ends it at once."""
        ...

    def deadline(self, ms: int) -> AbstractAsyncContextManager[None]:
        """A block that is cancelled after `ms` milliseconds and then raises `agentd.errors.DeadlineError`."""
        ...


class Ids(Protocol):
    """Chance. Everything that has to be unguessable or unique comes from here."""

    def session(self, now_ms: int) -> str:
        """A new session id: 's', 9 characters of time, 7 of chance (Crockford base 32, lower case). Sortable."""
        ...

    def token(self, size: int) -> bytes:
        """`size` unguessable bytes."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1), for retries."""
        ...


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What `lstat` says: kind, size in bytes, mtime in ns, permission bits, owner's uid, device and inode."""

    kind: Literal["file", "dir", "link", "device", "pipe", "socket"]
    size: int
    mtime_ns: int
    mode: int
    uid: int
    device: int
    inode: int


class Handle(Protocol):
    """One open file. Positions are explicit: there is no shared offset to get wrong."""

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`; empty at the end."""
        ...

    def append(self, data: bytes) -> int:
        """Write all of `data` at the end; returns the offset it begins at. A short write is finished or raised."""
        ...

    def truncate(self, size: int) -> None: ...

    def size(self) -> int: ...

    def sync(self) -> None:
        """`fdatasync` on Linux, `F_FULLFSYNC` on macOS. Blocks; only a Journal's thread and start-up call it."""
        ...

    def duplicate(self) -> Handle:
        """Another handle of the same opened file, which outlives this one's closing and has to be closed itself."""
        ...

    def close(self) -> None: ...


class Lock(Protocol):
    """A held kernel lock (`flock`). It dies with the process, never by age."""

    def release(self) -> None: ...


class Files(Protocol):
    """Disk. Paths are absolute text. All calls are synchronous and short: work over 20 ms goes to the worker process.

    Errors: `agentd.errors.MissingFileError`, `ForbiddenFileError`, `DiskFullError`, `DiskError` (all others), each
    naming the path.
    """

    def read(self, path: str, limit: int = ...) -> bytes:
        """The whole file; `TooLargeError` above `limit` bytes (default 64 MiB). Follows links."""
        ...

    def read_below(self, root: str, relative: str, limit: int = ...) -> bytes:
        """Read a regular file below `root` without following any link below it; `LinkInPathError` where one is met,
        `NotRegularFileError` for devices, pipes and folders (checked on the opened descriptor, opened O_NONBLOCK)."""
        ...

    def write_below(self, root: str, relative: str, data: bytes, *, create: bool, mode: int | None = None) -> None:
        """Replace (or, with `create`, make; missing parent folders too) a regular file below `root`, link-free, by a
        temporary file beside it, sync, rename, folder sync. `create` with an existing file is `FileExistsError_`.
        The old file's permission bits are kept; `mode` serves a new one (default 0o644 less the umask)."""
        ...

    def write_atomic(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """Temporary file, sync, rename, folder sync."""
        ...

    def write_scratch(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """Temporary file and rename without any sync: for what may be lost (indexes, heads)."""
        ...

    def create_exclusive(self, path: str, data: bytes = b"", mode: int = 0o600) -> None:
        """Make a new file, synced with its folder; `FileExistsError_` when something has that name."""
        ...

    def open_append(self, path: str, *, create: bool = False) -> Handle:
        """Open for append and positioned reads, close-on-exec, no link followed at the end. With `create` a missing file
        is made (0600), its name durable."""
        ...

    def open_read(self, path: str) -> Handle: ...

    def lock(self, path: str) -> Lock | None:
        """Take an exclusive `flock` on the file (made when missing); None when another holds it."""
        ...

    def info(self, path: str, *, follow: bool = False) -> FileInfo | None:
        """None when nothing has that name."""
        ...

    def list(self, path: str) -> Sequence[tuple[str, FileInfo]]:
        """Names and infos (`lstat`) of a folder, sorted by name."""
        ...

    def make_folder(self, path: str, mode: int = 0o700) -> None:
        """With parents, each durable; no error when it is there."""
        ...

    def sync_folder(self, path: str) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def remove(self, path: str) -> None:
        """A file, a link, or an empty folder. No error when it is missing."""
        ...

    def set_mode(self, path: str, mode: int) -> None: ...

    def set_mtime(self, path: str, mtime_ns: int) -> None: ...

    def real(self, path: str) -> str:
        """Absolute, links resolved as far as the path exists."""
        ...

    def user_id(self) -> int:
        """The effective uid of this process."""
        ...

    def network_kind(self, path: str) -> str | None:
        """The file system's type when it is a network one (nfs, cifs, smb3, 9p, fuse.sshfs ...), else None."""
        ...

    def free_bytes(self, path: str) -> int: ...


class Journal(Protocol):
    """The one writer. Appends wait in one queue; a thread writes and syncs, and entries that wait share one sync.

    A failed sync is never retried as if it had worked: the call raises and the handle is poisoned (every later
    append on it raises `ReadOnlyLogError`).
    """

    def relax(self, within_ms: Callable[[], int], failed: Callable[[DiskError], None]) -> None:
        """Durability level `interval`: while `within_ms()` is above 0, an append that asks for a sync is acknowledged
        when its bytes are with the kernel, and their sync is done so many ms later at the most, as far as the disk keeps
        up; so much may be lost in a power cut, nothing in a crash of the daemon. Asked at each append: a change holds
        from the next one on. When a sync that is owed fails, its handle is poisoned as by any other, and `failed` is
        told, in the event loop. Until this is called every sync is waited for."""
        ...

    async def append(self, handle: Handle, data: bytes, *, sync: bool) -> int:
        """Append `data`; returns its offset when it is written (and, with `sync`, durable; but see `relax`). Order of
        calls on one handle is the order in the file. `sync=False` returns as soon as the bytes are with the kernel."""
        ...

    async def close(self) -> None:
        """Write what waits, sync what is owed (also of handles that were closed since), end the thread."""
        ...


@dataclass(frozen=True, slots=True)
class NoBox:
    """No sandbox: the child runs with the user's own rights. Loud in status, hello and every question."""

    level: Literal["none"] = "none"


Box = NoBox
"""What a child is put in. One form today; a sandbox adds its own here, and each spawn already has to say which."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """A child to run: argument vector (never a shell string), folder, whole environment, box, limits."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    box: Box
    timeout_ms: int
    output_limit: int = 64 * 1024 * 1024
    """Bytes of stdout and stderr together that are kept; beyond it the group is ended by `output_limit`."""
    stdin: bytes = b""
    terminal: bool = False
    """Give it a PTY as its controlling terminal (stdout and stderr are then one)."""
    pass_fds: Sequence[int] = ()
    nice: int = 0
    merge_stderr: bool = True
    """stderr is delivered with stdout in the order of arrival; else it is kept apart and `on_output` does not hear it."""
    label: str = ""
    """Who asked (a call id); recorded so that a next start can end what a killed daemon left behind."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended: exit code (negative: the signal), output, why it was ended by us if it was."""

    code: int
    output: bytes
    errors: bytes
    duration_ms: int
    ended_by: Literal["itself", "timeout", "output_limit", "cancelled"] = "itself"


class Processes(Protocol):
    """Children. Each has its own session and process group; the whole group is ended with it, with the turn, and with
    the daemon (also after kill -9: at the next start, by the record of its group and start time)."""

    async def run(self, spawn: Spawn, on_output: Callable[[bytes], None] | None = None) -> Exit:
        """Run to the end. Cancelling the awaiting task ends the group (TERM, 200 ms, KILL) before it returns.
        `MissingProgramError` when argv[0] is not found. Timeouts do not raise: see `Exit.ended_by`."""
        ...

    def find(self, program: str, path: str) -> str | None:
        """Absolute path of a program on the given PATH (absolute entries only), or None."""
        ...

    def program(self, module: str) -> Sequence[str]:
        """The beginning of an argument vector that runs `main()` of one of our own modules in an interpreter of its own;
        arguments follow it."""
        ...

    async def end_all(self) -> None:
        """End every running child; returns when they are reaped."""
        ...

    def sweep(self) -> int:
        """End what an earlier, killed daemon left running; how many groups were ended."""
        ...

    async def job(self, name: str, arguments: Mapping[str, object], timeout_ms: int) -> object:
        """Run a named pure job (`agentd.worker` registers them) in the one worker process: started when needed by
        exec, nice 10, ended after 30 s idle, killed and started anew on timeout or cancellation. Results are plain
        msgpack values. A job's own exception comes out as `WorkerError` with its text; `DeadlineError` when it takes
        longer than `timeout_ms`, counted from when the worker turns to it."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    connect_ms: int = 10_000
    stall_ms: int = 120_000
    """No byte for this long is a broken stream."""
    total_ms: int = 3_600_000


class HttpResponse(Protocol):
    """A response whose body has not been read yet."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. `NetworkError` when it breaks (`bytes_seen` says how far it came)."""
        ...

    async def read(self, limit: int = 4 * 1024 * 1024) -> bytes: ...


class Http(Protocol):
    """The network. One keep-alive pool a daemon, HTTP/1.1, redirects never followed, proxies from settings only."""

    def send(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpResponse]:
        """`NetworkError` (with `phase` connect, headers or body) for everything that goes wrong below HTTP."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """All doors in one frozen value; handed to the rooms by `agentd.app`."""

    clock: Clock
    ids: Ids
    files: Files
    journal: Journal
    processes: Processes
    http: Http
