"""Rule 7: one thing, one file, one name. Its test and its page share the stem.

A place is a folder in which each file is one thing of a kind. For each file there: a test file in the mirrored part of
tests/ (or a story in tests/system) has the stem in its name, and a row or a heading of the manual's page has it in
backticks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from house.tree import ROOT, none


@dataclass(frozen=True, slots=True)
class Place:
    """`folder` holds one thing a file; `tests` are where its test may lie; `not_things` are files that serve all."""

    folder: str
    tests: Sequence[str]
    page: str
    not_things: Mapping[str, str] = field(default_factory=dict)


PLACES = [
    Place("proto/agentproto/api", ("tests/proto",), "docs/protocol.md"),
    Place("daemon/agentd/server/handlers", ("tests/daemon/server", "tests/system"), "docs/protocol.md"),
    Place("daemon/agentd/tools/builtin", ("tests/daemon/tools",), "docs/tools.md"),
    Place(
        "daemon/agentd/providers",
        ("tests/daemon/providers",),
        "docs/providers.md",
        not_things={
            "argument_repair": "serves whatever wrote the arguments (docs/small-models.md)",
            "base": "the words all providers share",
            "call": "the one caller",
            "canonical": "bytes in one order, for all of them",
            "catalog": "model facts",
            "connection": "one table of the settings",
            "failure_body": "what servers say when they fail",
            "failures": "classes of failure and their policy",
            "keys": "references to secrets",
            "prepared": "what alone can be sent",
            "registry": "the list of kinds",
            "repetition": "watches the text of all of them (docs/small-models.md)",
            "sse": "the stream parsers",
            "tool_text": "between a codec and the turn (docs/small-models.md)",
        },
    ),
    Place("clients/agentctl/commands", ("tests/clients/agentctl", "tests/system"), "docs/commands.md"),
]


def things(place: Place, root: Path = ROOT) -> list[str]:
    """Stems of the things in the place; empty when the room does not exist yet. A file whose stem goes on after
    another's (`offline_words` beside `offline`) is a part of that one."""
    stems = (path.stem for path in (root / place.folder).glob("*.py"))
    own = sorted(stem for stem in stems if not stem.startswith("_") and stem not in place.not_things)
    wholes = (*own, *place.not_things)
    return [stem for stem in own if not any(stem.startswith(other + "_") for other in wholes)]


def holds(name: str, stem: str) -> bool:
    """Whether a file's or span's words hold the stem's words in a row: `test_openai_chat_stream` holds `openai_chat`."""
    words = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
    return f"_{stem.lower()}_" in f"_{words}_"


def untested(stems: Sequence[str], test_stems: Sequence[str]) -> list[str]:
    return [stem for stem in stems if not any(holds(name, stem) for name in test_stems)]


def undocumented(stems: Sequence[str], page: str) -> list[str]:
    lines = [line for line in page.splitlines() if line.startswith(("|", "#"))]
    spans = [span for line in lines for span in re.findall(r"`([^`]+)`", line)]
    return [stem for stem in stems if not any(holds(span, stem) for span in spans)]


def stems_of_tests(place: Place, root: Path = ROOT) -> list[str]:
    return [path.stem for folder in place.tests for path in sorted((root / folder).rglob("test_*.py"))]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.folder)
def test_each_thing_has_a_test_of_its_name(place: Place) -> None:
    none(untested(things(place), stems_of_tests(place)))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.folder)
def test_each_thing_has_a_row_in_the_manual(place: Place) -> None:
    stems = things(place)
    page = ROOT / place.page
    none(undocumented(stems, page.read_text() if page.exists() else ""))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.folder)
def test_what_is_excused_is_there(place: Place) -> None:
    folder = ROOT / place.folder
    assert [stem for stem in place.not_things if folder.exists() and not (folder / f"{stem}.py").exists()] == []


def test_bad_samples_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "daemon" / "agentd" / "tools" / "builtin"
    folder.mkdir(parents=True)
    (folder / "read.py").touch()
    (folder / "__init__.py").touch()
    place = Place("daemon/agentd/tools/builtin", ("tests/daemon/tools",), "docs/tools.md")
    (folder / "read_lines.py").touch()
    assert things(place, tmp_path) == ["read"]
    assert untested(["read"], stems_of_tests(place, tmp_path)) == ["read"]
    assert untested(["read"], ["test_thread", "test_reading"]) == ["read"]
    assert untested(["read"], ["test_read_ranges"]) == []
    assert undocumented(["read"], "`read` reads a file\n| `thread` | no |\n") == ["read"]
    assert undocumented(["read", "web_fetch"], "| `read` | a file |\n## `web-fetch`\n") == []


def test_a_room_that_does_not_exist_yet_has_no_things(tmp_path: Path) -> None:
    assert [things(place, tmp_path) for place in PLACES] == [[] for _ in PLACES]
