"""The first look over a log that is handed over: what secrets it has, which files they were in, whether it is at rest.

It decides which entries have to be cut again, and of which files nothing may be told any more, not even a digest: who
knows all of a text but a short password can find the password by trying until the digest fits. Pure but for what it
remembers; it sees each line once. Caller: `session.handover_copy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from agentd.chain.frame import Line
from agentd.session.asking import Asked
from agentd.session.entries import (
    Assembled,
    Begun,
    Called,
    Checkpoint,
    Done,
    Entry,
    Judged,
    Partial,
    PrefixRecorded,
    Replied,
    Requested,
    Started,
)
from agentd.session.fold import fold
from agentd.session.revisions import Reverted, Reverting
from agentd.session.state import SessionState
from agentd.telemetry.detect_marks import Marks
from agentproto.content import ImageBlock, ToolResultBlock, ToolUseBlock

__all__ = ["DIGESTS", "UNKNOWN", "ModelUse", "Survey", "is_structure", "unrest"]

_STRUCTURE = frozenset(
    {
        *("type", "turn", "step", "call", "question", "item", "blob", "prefix", "hash", "key", "session", "model_id"),
        *(
            "mode",
            "kind",
            "status",
            "stop",
            "verdict",
            "next",
            "decision",
            "scope",
            "role",
            "code",
            "recovery",
            "maker",
        ),
        *("media_type", "purpose", "turns", "calls", "touches"),
    }
)
"""Fields of entries that hold names which the daemon gave, never what anybody wrote."""


DIGESTS = frozenset({"before", "touched", "changed"})
"""Fields of entries that hold digests of files by their paths: the paths are looked at, the digests are none."""

UNKNOWN = "unknown"
"""What stands for the digest of a content that nobody knows."""


class ModelUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the log shows of one model connection: its window and calls in tokens, what they cost in micro-dollars."""

    window: int = 0
    calls: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    usd_micros: int = 0


def is_structure(field: str, value: object) -> bool:
    """Whether an entry's field holds a name that the daemon gave: nothing to look for, and nothing to change."""
    if field not in _STRUCTURE:
        return False
    return isinstance(value, list) or (isinstance(value, str) and len(value) <= 80 and not set(value) & set(" \n\"'="))


def unrest(state: SessionState) -> str:
    """Why a session can't be handed over as it is; empty when it is at rest."""
    if state.turn is not None:
        return f"turn {state.turn.id} is running"
    if state.queue:
        return f"turn {state.queue[0].turn} waits to be run"
    if state.questions:
        return f"question {state.questions[0][0].question} is open"
    return "a taking back of turns has begun and not ended" if state.reverting is not None else ""


class Survey:
    """`marks` None: nothing is looked for (the log is handed over with its secrets)."""

    def __init__(self, marks: Marks | None) -> None:
        self.state = SessionState()
        self.flagged: set[int] = set()
        self.outputs: set[str] = set()
        self.prefixes: set[str] = set()
        self.models: dict[str, ModelUse] = {}
        self.rules: set[tuple[str, str]] = set()
        self.limits: dict[str, int] = {}
        self.secret_paths: set[str] = set()
        self._marks = marks
        self._secret_calls: set[str] = set()
        self._paths_of: dict[str, set[str]] = {}
        self._paths_with: dict[str, set[str]] = {}
        self._calls_with: dict[str, set[str]] = {}
        self._model = ""

    def see(self, line: Line[Entry]) -> None:
        """Take the next line."""
        entry = line.entry
        self.state = fold(self.state, line.seq, line.at_ms, entry)
        self._note(entry)
        if self._marks is None or isinstance(entry, Partial | Checkpoint):
            return
        plain = msgspec.to_builtins(entry)
        found = [
            self._marks.look_into(list(value) if field in DIGESTS and isinstance(value, dict) else value)
            for field, value in plain.items()
            if not is_structure(field, value)
        ]
        if any(found):
            self.flagged.add(line.seq)
            self._blame(entry)

    def blobs_with_secrets(self, digests: Iterable[str]) -> None:
        """These blobs hold secrets: nothing is told of the files that had these contents."""
        for digest in digests:
            self.secret_paths |= self._paths_with.get(digest, set())

    def output_with_secrets(self, digest: str) -> None:
        """This whole output of a call holds secrets, though what the model was given of it may not."""
        self._secret_calls |= self._calls_with.get(digest, set())

    def settle(self) -> None:
        """Everything was seen: which files had to do with a secret."""
        for call in self._secret_calls:
            self.secret_paths |= self._paths_of.get(call, set())

    def _note(self, entry: Entry) -> None:
        match entry:
            case PrefixRecorded():
                self.prefixes.add(entry.blob)
            case Started():
                self._model = entry.model
                self.limits = {
                    "max_steps": entry.max_steps,
                    "max_faults": entry.max_faults,
                    "parallel_calls": entry.parallel_calls,
                }
            case Assembled():
                self._use(self._model, window=entry.window)
            case Called():
                self._model = entry.model
                self._use(entry.model, calls=1)
            case Replied():
                self._replied(entry)
            case Requested():
                self.rules |= {("allow", rule) for rule in entry.allow} | {("deny", rule) for rule in entry.deny}
                for path, digest, _ in entry.files:
                    self._holds(path, digest)
                for path, image in entry.pictures:
                    self._holds(path, image.blob)
                    self.outputs.add(image.blob)
            case Judged() if entry.target.startswith("/"):
                self._paths_of.setdefault(entry.call, set()).add(entry.target)
            case Begun():
                self._touches(entry.call, {path: (digest,) for path, digest in entry.before.items()})
            case Done():
                self._touches(entry.call, entry.touched)
                self._touches(entry.call, entry.changed)
                self.outputs |= {image.blob for image in entry.images}
                if entry.blob is not None:
                    self.outputs.add(entry.blob)
                    self._calls_with.setdefault(entry.blob, set()).add(entry.call)
            case Reverting():
                for step in entry.files:
                    self._holds(step.path, step.now, step.then)
            case Reverted():
                for outcome in entry.files:
                    self._holds(outcome.path, outcome.before, outcome.after)
            case _:
                return

    def _replied(self, entry: Replied) -> None:
        usage = entry.usage
        self._use(self._model, input=usage.input, output=usage.output, cached=usage.cached, usd_micros=usage.usd_micros)
        for block in entry.blocks:
            if isinstance(block, ImageBlock):
                self.outputs.add(block.blob)
            elif isinstance(block, ToolResultBlock):
                self.outputs |= {image.blob for image in block.images}
                if block.blob is not None:
                    self.outputs.add(block.blob)

    def _use(self, model: str, *, window: int = 0, **more: int) -> None:
        had = self.models.get(model, ModelUse())
        sums = {name: getattr(had, name) + value for name, value in more.items()}
        self.models[model] = msgspec.structs.replace(had, window=window or had.window, **sums)

    def _touches(self, call: str, digests: Mapping[str, tuple[str | None, ...]]) -> None:
        for path, found in digests.items():
            self._paths_of.setdefault(call, set()).add(path)
            self._holds(path, *found)

    def _holds(self, path: str, *digests: str | None) -> None:
        for digest in digests:
            if digest is not None:
                self._paths_with.setdefault(digest, set()).add(path)

    def _blame(self, entry: Entry) -> None:
        """The calls and files that an entry with a secret in it speaks of."""
        match entry:
            case Replied():
                self._secret_calls |= {block.call for block in entry.blocks if isinstance(block, ToolUseBlock)}
            case Done() | Begun() | Judged() | Asked():
                self._secret_calls.add(entry.call)
            case Requested():
                self.secret_paths |= {path for path, _, _ in entry.files} | {path for path, _ in entry.pictures}
            case Reverting() | Reverted():
                self.secret_paths |= {one.path for one in entry.files}
            case _:
                return
