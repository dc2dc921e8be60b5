"""Recorded frames of wire version 1: what was sent once can be read for ever, and is still what is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentproto.envelope import Credit, Hello, Kind, Message, Ping, Welcome
from agentproto.errors import WireError
from agentproto.framing import from_frames, to_frames
from agentproto.shape import request, to_plain, typed
from agentproto.table import EVENTS, METHODS
from golden.frames.regenerate import FOLDER, samples

FILES = sorted(FOLDER.glob("*.json"))
SCRIPT = FOLDER.parent / "regenerate.py"
BODIES = {
    "hello": Hello,
    "welcome": Welcome,
    "error": WireError,
    "credit": Credit,
    "ping": Ping,
}


def recorded(path: Path) -> tuple[Message, list[bytes]]:
    """The message that a golden file describes, and its frames."""
    document = json.loads(path.read_text(encoding="utf-8"), object_hook=_bytes)
    frames = [bytes.fromhex(text) for text in document["frames"]]
    kind = Kind[document["kind"].upper()]
    message = Message(kind, document["id"], document["name"], document["body"], tuple(frames[2:]), len(frames[1]))
    return message, frames


def _bytes(value: dict[str, object]) -> object:
    return bytes.fromhex(str(value["$hex"])) if value.keys() == {"$hex"} else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recorded_bytes_decode_to_the_recorded_values(path: Path) -> None:
    message, frames = recorded(path)
    assert from_frames(frames) == message


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_recorded_values_encode_to_the_same_bytes(path: Path) -> None:
    message, frames = recorded(path)
    assert to_frames(message.kind, message.id, message.name, message.body, message.blobs) == frames


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_body_fits_its_structure_and_nothing_of_it_is_lost(path: Path) -> None:
    """Structures may have grown since; what was recorded has to come out of them as it went in."""
    message, _ = recorded(path)
    side, _, name = path.stem.partition(".")
    if side == "event":
        structure = typed(message.body, EVENTS[name].body)
    elif side == "request":
        structure = request(message.body, METHODS[name].params)
    elif side == "reply":
        structure = typed(message.body, METHODS[name].result)
    elif name in BODIES:
        structure = typed(message.body, BODIES[name])
    else:
        assert name in {"cancel", "pong", "request-with-blobs"}
        return
    sent = from_frames(to_frames(message.kind, message.id, message.name, to_plain(structure))).body
    assert {key: sent[key] for key in message.body} == message.body


def test_every_kind_method_and_event_has_a_golden_frame() -> None:
    """`python tests/golden/frames/regenerate.py --add` writes what is missing."""
    assert sorted(path.stem for path in FILES) == sorted(samples())
    assert {recorded(path)[0].kind for path in FILES} == set(Kind)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--replace", "no.such"]],
    ids=["nothing asked", "an unknown name"],
)
def test_the_script_writes_nothing_unless_it_is_told_to(arguments: list[str]) -> None:
    before = {path.name: path.read_bytes() for path in FILES}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*"))} == before
