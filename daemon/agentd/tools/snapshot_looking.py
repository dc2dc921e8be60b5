"""How a workspace is looked at for a snapshot: which files there are, and which of their contents are held.

It decides that everything tracked or not ignored is noted, to a number; that contents are held smallest first, because
that is the most files, and the same ones each time; and when an earlier look's knowledge of a content still counts. It
must never follow a link below the workspace. Part of `snapshot_jobs`; it runs in the worker process, which has no
doors, and reads the disk directly.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from agentd.tools.git_index import tracked_paths
from agentd.tools.snapshot_store import Contents, Manifest, Noted
from agentd.tools.walking import FolderRules, Until, WalkNotes, git_places, read_regular, walk

__all__ = ["OPEN_TO_READ", "RACY_NS", "Found", "Holding", "RealFolders", "racy", "sayable", "tracked"]

RACY_NS = 2_000_000_000
"""Two seconds: the coarsest times that a file system in use keeps (FAT), and more than a kernel's tick anywhere."""

OPEN_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

_MOST_INDEX_BYTES = 64 * 1024 * 1024
_BAD_NAMES = frozenset({"", ".", "..", ".git"})


class Found:
    """One look at a workspace: everything in it but folders, with what was passed by and why."""

    def __init__(self, root: str, most_files: int, until: Until, skip: Sequence[str]) -> None:
        self.files: dict[str, Noted] = {}
        self.rules: dict[str, FolderRules] = {}
        self.closed: list[str] = []
        self.nameless = 0
        self.reached: str | None = None
        self.stopped = ""
        last = ""
        for seen in walk(root, root, until, skip=frozenset(skip), notes=WalkNotes(self.rules, self.closed)):
            if seen.kind != "dir":
                if len(self.files) == most_files:
                    self.stopped = f"stopped at {most_files} files"
                    break
                self._note(root, seen.path)
            last = seen.path
        self.stopped = self.stopped or until.reached
        if self.stopped:
            self.reached = last
            return
        real = RealFolders(root)
        for path in tracked(root, skip):
            if path not in self.files and len(self.files) < most_files and real.holds(path):
                self._note(root, path)

    def _note(self, root: str, path: str) -> None:
        if not sayable(path):
            self.nameless += 1
            return
        try:
            status = os.lstat(os.path.join(root, path))
            if not stat.S_ISDIR(status.st_mode):
                self.files[path] = Noted.of(status)
        except FileNotFoundError:
            return
        except OSError:
            self.closed.append(path)


class Holding:
    """Which contents are held: those that are there already, and those that are read now."""

    def __init__(self, root: str, contents: Contents, earlier: Manifest | None, until: Until) -> None:
        self._root = root
        self._contents = contents
        self._earlier = earlier
        self._until = until
        self._full = False
        self.read = self.large = self.over = self.unreadable = 0

    def fill(self, files: dict[str, Noted], most_bytes: int, most_image: int) -> None:
        """Give each file the hash of its content, where that is held."""
        left = most_bytes
        regular = sorted((one.size, path) for path, one in files.items() if one.regular())
        for size, path in regular:
            if size > most_image:
                self.large += 1
            elif size > left:
                self.over += 1
            elif (known := self._known(path, files[path])) is not None:
                files[path] = known
                left -= size
            elif self._full or self._until.over():
                self.over += 1
            elif (now := self._hold(path, most_image)) is not None:
                files[path] = now
                left -= now.size
                self.read += 1
            else:
                self.unreadable += 1

    def _known(self, path: str, now: Noted) -> Noted | None:
        """The earlier look's knowledge, when it is certain that nothing has happened since."""
        then = None if self._earlier is None else self._earlier.files.get(path)
        if then is None or self._earlier is None or not then.sha256 or then.sha256 not in self._contents:
            return None
        same = then[:5] == now[:5] and not racy(then, self._earlier)
        return then if same else None

    def _hold(self, path: str, most_image: int) -> Noted | None:
        """Read and hold one file; None when it cannot be had as it stands. What is noted is of the opened file."""
        try:
            descriptor = os.open(os.path.join(self._root, path), OPEN_TO_READ)
        except OSError:
            return None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > most_image:
                return None
            data = b""
            while len(data) <= status.st_size and (part := os.read(descriptor, status.st_size + 1 - len(data))):
                data += part
            if len(data) != status.st_size or Noted.of(os.fstat(descriptor)) != Noted.of(status):
                return None
        except OSError:
            return None
        finally:
            os.close(descriptor)
        try:
            return Noted.of(status, self._contents.put(data))
        except OSError:
            self._full = True
            return None


class RealFolders:
    """Which folders below a root are reached without a link; each is looked at once."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known = {"": True}

    def holds(self, path: str) -> bool:
        """Whether no folder that leads to `path` is a link, or missing."""
        whole = path.rpartition("/")[0]
        if whole not in self._known:
            good = True
            at = path.find("/")
            while at >= 0:
                folder = path[:at]
                if folder not in self._known:
                    self._known[folder] = good and self._is_folder(folder)
                good = self._known[folder]
                at = path.find("/", at + 1)
        return self._known[whole]

    def _is_folder(self, folder: str) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(os.path.join(self._root, folder)).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            # It is there, as far as can be told; whoever looks into it will meet the same fault.
            return True


def racy(then: Noted, look: Manifest) -> bool:
    return then.ctime_ns >= look.taken_ns - RACY_NS


def sayable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def tracked(root: str, skip: Sequence[str]) -> list[str]:
    """What the repository that begins at `root` tracks, whatever its rules say; those of repositories inside are not
    asked. The names come from a file that anybody may have written, so none may lead out of the root."""
    places = git_places(root)
    data = None if places is None else read_regular(os.path.join(places[0], "index"), _MOST_INDEX_BYTES, follow=True)
    paths = [] if data is None else tracked_paths(data)
    inside = tuple(f"{os.path.relpath(one, root)}/" for one in skip)
    return [path for path in paths if not path.startswith(inside) and not _BAD_NAMES.intersection(path.split("/"))]
