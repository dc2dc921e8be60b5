"""What a command changes in a workspace: the files are noted before it, and compared with what is there after it.

It decides which files are noted (what is tracked or not ignored, to a number), which contents are held for an undo (the
smallest first: that is the most files, and the same ones each time), and what counts as changed. It must never follow a
link below the workspace, write into it, or let one broken file end a look. Named in `agentd.worker.JOBS`; the worker
has no doors, so this module reads the disk and the clock directly. The turn calls `snapshot-take` before an approved
command and `snapshot-compare` after it.

A file whose size, times, inode and mode are what they were is taken for unchanged, unless its inode was changed within
RACY_NS before the look: then a second change can have the same times, and the contents are compared (git's rule for
such files, with the change time in place of the modification time, because no program can set that back). A file whose
content is not held is judged by size, modification time and inode alone. So a change is overlooked only in a file over
the limits, when a program has put its modification time back and the size is the same.

Which of two programs changed a file while the command ran cannot be told: it counts as the command's. Folders are not
noted: an undo leaves empty ones behind. Names that are no UTF-8 cannot be recorded and are passed by.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

from agentd.tools.snapshot_looking import OPEN_TO_READ, RACY_NS, Found, Holding, RealFolders, racy, sayable, tracked
from agentd.tools.snapshot_store import LATEST, SUFFIX, Blobs, Contents, Manifest, Noted, trim
from agentd.tools.walking import RecordedRules, Until, walk

__all__ = ["UNKNOWN", "snapshot_compare", "snapshot_take"]

UNKNOWN = "unknown"
"""In place of a hash: something is, or was, there, and its content is not known (not held, no regular file, not
readable). It is no hash, and differs from None: nothing is, or was, there."""

_CHUNK = 1024 * 1024
_UNSEEN = Noted(-1, -1, -1, -1, 0, "")


def snapshot_take(
    root: str,
    store: str,
    manifest: str,
    most_files: int,
    most_bytes: int,
    budget_ms: int,
    most_image: int = 8 * 1024 * 1024,
    skip: Sequence[str] = (),
) -> dict[str, object]:
    """Note the files below `root` and hold their contents in `store`.

    `root`: the workspace, real and absolute. `store`: a private folder for this workspace alone; made when missing.
    `manifest`: `<store>/<a name for this call>.manifest`, one for each call, because commands of two sessions may run
    in one workspace; the caller removes it after the comparison, what is forgotten goes after a day. `most_bytes`: of
    all contents together; `most_image`: of one. `skip`: absolute folders that are passed by (the daemon's own home).
    Contents that the newest manifest of the store holds are not read again.

    Answers `{"files": noted, "held": with content, "held_bytes": their sum, "read": contents read now, "large": over
    most_image, "over": not held because most_bytes or the time was reached, "unreadable": could not be looked at or
    read, "stopped": why not everything was noted, or ""}`. A file that is not noted can still be told from a new one.
    """
    if os.path.dirname(manifest) != store or not manifest.endswith(SUFFIX) or manifest == f"{store}/{LATEST}":
        raise ValueError(f"the manifest has to be {store}/NAME{SUFFIX}")
    until = Until(budget_ms, f"stopped after {budget_ms / 1_000:g} s")
    taken_ns = time.time_ns()
    with closing(Contents(store)) as contents:
        found = Found(root, most_files, until, (*skip, store))
        earlier = Manifest.read(f"{store}/{LATEST}")
        holding = Holding(root, contents, earlier if earlier is not None and earlier.root == root else None, until)
        holding.fill(found.files, most_bytes, most_image)
        made = Manifest(root, taken_ns, found.reached, tuple(found.closed), found.rules, found.files)
        packed = made.packed()
        for name in (os.path.basename(manifest), LATEST):
            contents.write_manifest(name, packed)
        trim(store, contents, made, os.path.basename(manifest), most_bytes)
    held = [one.size for one in found.files.values() if one.sha256]
    return {
        "files": len(found.files),
        "held": len(held),
        "held_bytes": sum(held),
        "read": holding.read,
        "large": holding.large,
        "over": holding.over,
        "unreadable": len(found.closed) + found.nameless + holding.unreadable,
        "stopped": found.stopped,
    }


def snapshot_compare(
    root: str,
    store: str,
    manifest: str,
    blobs: str,
    most_touched: int,
    most_bytes: int = 256 * 1024 * 1024,
    budget_ms: int = 10_000,
    skip: Sequence[str] = (),
) -> dict[str, object]:
    """What was made, changed and deleted below `root` since `manifest` was taken; nothing is written but `blobs`.

    `blobs`: the session's folder of before-images; each that a row calls held is durable there when this answers (a
    file named by its sha256, 0600). `most_bytes`: what may be added to it. `most_touched`: rows and modes together. The
    other arguments are those of `snapshot_take`.

    Answers `{"touched": rows, "modes": [[path, bits before, bits after], ...], "more": how many further files look
    touched and are not listed, "added_bytes": to blobs, "unreadable": files, "stopped": why something may be missing,
    or ""}`. A row is `[path, before, after, held, mode]`: path absolute; before and after a sha256, None (there was, or
    is, no file) or `UNKNOWN`; held only where before is a sha256 and its bytes are in blobs; mode the permission bits
    before, or of a new file its own. It can be undone when held, or when before is None. `modes` are files with the
    same content and other permission bits; they are in no row. ValueError when there is no such manifest, or it is of
    another root.
    """
    before = Manifest.read(manifest)
    if before is None or before.root != root:
        raise ValueError(f"{manifest} holds no snapshot of {root}")
    until = Until(budget_ms, f"stopped after {budget_ms / 1_000:g} s; files may have changed that are not listed")
    look = _Comparison(before, until, most_touched)
    look.at_noted()
    look.at_new((*skip, store))
    with closing(Contents(store)) as contents:
        rows, added, failed = _keep(look.rows, contents, blobs, most_bytes)
    return {
        "touched": rows,
        "modes": look.modes,
        "more": look.more,
        "added_bytes": added,
        "unreadable": look.unreadable,
        "stopped": until.reached or failed,
    }


class _Comparison:
    """What is there now against what was noted: rows without `held`, which only their keeping can settle."""

    def __init__(self, before: Manifest, until: Until, most_touched: int) -> None:
        self._before = before
        self._root = before.root
        self._until = until
        self._most = most_touched
        self._real = RealFolders(before.root)
        self._ignored = RecordedRules(before.rules)
        self.rows: list[tuple[str, str | None, str | None, int]] = []
        self.modes: list[list[object]] = []
        self.more = self.unreadable = 0

    def at_noted(self) -> None:
        """Changed and deleted files. Looking at them all takes a moment and is never cut short; reading them may be."""
        for path, then in sorted(self._before.files.items()):
            now = self._status(path)
            if now is not None and self._looks_same(then, now):
                continue
            if len(self.rows) + len(self.modes) >= self._most:
                self.more += 1
                continue
            was = then.sha256 or UNKNOWN
            after = None if now is None else self._hash(path, now)
            if now is None or after == UNKNOWN or after != was:
                self._add(path, was, after, then.mode)
            elif stat.S_IMODE(now.mode) != stat.S_IMODE(then.mode):
                self.modes.append([os.path.join(self._root, path), stat.S_IMODE(then.mode), stat.S_IMODE(now.mode)])

    def at_new(self, skip: Sequence[str]) -> None:
        """Files that the earlier look has not seen."""
        for path in self._new(skip):
            now = self._status(path)
            if now is None or stat.S_ISDIR(now.mode):
                continue
            doubtful = not self._was_covered(path)
            if doubtful and now.ctime_ns < self._before.taken_ns - RACY_NS:
                continue
            if len(self.rows) + len(self.modes) >= self._most:
                self.more += 1
                continue
            self._add(path, UNKNOWN if doubtful else None, self._hash(path, now), now.mode)

    def _new(self, skip: Sequence[str]) -> Iterator[str]:
        known = self._before.files
        fresh = set()
        for seen in walk(self._root, self._root, self._until, skip=frozenset(skip)):
            if seen.kind != "dir" and seen.path not in known and sayable(seen.path):
                fresh.add(seen.path)
                yield seen.path
        for path in tracked(self._root, skip):
            if path not in known and path not in fresh and sayable(path):
                fresh.add(path)
                yield path

    def _add(self, path: str, before: str | None, after: str | None, mode: int) -> None:
        self.rows.append((os.path.join(self._root, path), before, after, stat.S_IMODE(mode)))

    def _looks_same(self, then: Noted, now: Noted) -> bool:
        if then.sha256:
            return then[:5] == now[:5] and not racy(then, self._before)
        kind = stat.S_IFMT(then.mode) == stat.S_IFMT(now.mode)
        return kind and (then.size, then.mtime_ns, then.inode) == (now.size, now.mtime_ns, now.inode)

    def _was_covered(self, path: str) -> bool:
        """Whether the earlier look would have noted the path, had there been anything."""
        before = self._before
        names = path.split("/")
        if before.reached is not None and names > before.reached.split("/"):
            return False
        closed = (one.split("/") if one else [] for one in before.closed)
        return not any(names[: len(one)] == one for one in closed) and not self._ignored.passed_by(path)

    def _status(self, path: str) -> Noted | None:
        try:
            return Noted.of(os.lstat(os.path.join(self._root, path))) if self._real.holds(path) else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            self.unreadable += 1
            return _UNSEEN

    def _hash(self, path: str, now: Noted) -> str:
        """UNKNOWN for what is no regular file, cannot be read, changes meanwhile, or would take too long."""
        if not now.regular() or self._until.over():
            return UNKNOWN
        try:
            descriptor = os.open(os.path.join(self._root, path), OPEN_TO_READ)
        except OSError:
            self.unreadable += 1
            return UNKNOWN
        try:
            hasher = hashlib.sha256()
            while part := os.read(descriptor, _CHUNK):
                hasher.update(part)
                if self._until.over():
                    return UNKNOWN
            same = Noted.of(os.fstat(descriptor))[:5] == now[:5]
            return hasher.hexdigest() if same else UNKNOWN
        except OSError:
            self.unreadable += 1
            return UNKNOWN
        finally:
            os.close(descriptor)


def _keep(
    rows: Sequence[tuple[str, str | None, str | None, int]], contents: Contents, blobs: str, most_bytes: int
) -> tuple[list[list[object]], int, str]:
    """Rows with `held`, the bytes that were added to `blobs`, and what went wrong with them."""
    wanted = list(dict.fromkeys(before for _, before, _, _ in rows if before is not None and before in contents))
    if not wanted:
        return [[path, before, after, False, mode] for path, before, after, mode in rows], 0, ""
    kept: set[str] = set()
    added, failed = 0, ""
    try:
        with closing(Blobs(blobs)) as images:
            for sha256 in wanted:
                data = contents.get(sha256)
                if data is None:
                    continue
                if not images.has(sha256, data):
                    if added + len(data) > most_bytes:
                        continue
                    images.put(sha256, data)
                    added += len(data)
                kept.add(sha256)
            images.finish()
    except OSError as error:
        kept, failed = set(), f"the before-images could not be kept: {error.strerror}"
    return [[path, before, after, before in kept, mode] for path, before, after, mode in rows], added, failed
