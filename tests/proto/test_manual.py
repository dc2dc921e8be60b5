"""docs/protocol.md: its tables are fresh, its example is true, and nothing of the table is missing in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agentproto.api.session import ListParams
from agentproto.codec import decode_map
from agentproto.endpoints import Connection
from agentproto.envelope import Hello, Kind
from agentproto.framing import to_frames
from agentproto.manual import tables, type_name, weave
from agentproto.table import EVENTS, METHODS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
TEXT = PAGE.read_text(encoding="utf-8")


def run(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "agentproto.manual", *arguments],
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    return done.stdout


def test_the_page_is_fresh() -> None:
    """`python -m agentproto.manual - < docs/protocol.md` prints it anew."""
    assert weave(TEXT) == TEXT


def test_the_script_prints_every_table_and_weaves_a_page() -> None:
    printed = run()
    assert [name for name, text in tables().items() if text not in printed] == []
    assert run("-", given=TEXT) == TEXT


def test_a_stale_table_is_made_anew_and_prose_is_kept() -> None:
    stale = TEXT.replace("| 3 | `request` |", "| 4 | `demand` |")
    assert stale != TEXT
    assert weave(stale) == TEXT


@pytest.mark.parametrize(
    "broken",
    [
        "no parts",
        TEXT.replace("<!-- made: kinds -->", ""),
        TEXT + "<!-- made: poems -->\n<!-- end: poems -->\n",
        TEXT.replace("<!-- end: kinds -->", ""),
    ],
    ids=["none", "one missing", "one unknown", "one without end"],
)
def test_a_page_without_the_right_parts_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="part"):
        weave(broken)


def test_the_worked_example_is_what_is_sent() -> None:
    shown = re.findall(r"^frame \d +((?:[0-9a-f]{2} ?)+)$", TEXT, re.MULTILINE)
    frames = to_frames(Kind.REQUEST, 1, "session.read", {"session": "s1"})
    assert shown == [frame.hex(" ") for frame in frames]


def test_each_letter_of_the_example_stands_under_its_byte() -> None:
    lines = TEXT.splitlines()
    for number, line in enumerate(lines):
        if found := re.match(r"frame \d +(?=[0-9a-f]{2} )", line):
            begin = found.end()
            for column in range(begin, len(line), 3):
                under = lines[number + 1][column : column + 1].strip()
                letter = chr(int(line[column : column + 2], 16))
                assert under in ("", "|", letter)


def test_the_connection_file_of_the_page_has_the_fields_of_the_real_one() -> None:
    found = re.search(r"```json\n(\{\"endpoint\".+?\})\n```", TEXT, re.DOTALL)
    assert found is not None
    shown = json.loads(found.group(1))
    assert list(shown) == list(Connection.__struct_fields__)
    assert msgspec.convert(shown, Connection, strict=True).role == "owner"


@pytest.mark.parametrize("name", [*METHODS, *EVENTS])
def test_every_method_and_event_has_a_row_and_a_description(name: str) -> None:
    assert f"\n| `{name}` |" in TEXT
    assert re.search(rf"^####? `{re.escape(name)}`$", TEXT, re.MULTILINE)


def test_every_structure_that_is_named_is_described() -> None:
    named = set(re.findall(r"^\w+ +.*?\b([A-Z][A-Za-z]+)\b", "\n".join(_blocks()), re.MULTILINE))
    described = set(re.findall(r"^### `([A-Z]\w+)`$", TEXT, re.MULTILINE))
    assert named <= described
    assert {"Question", "TextBlock", "WireError", "Hello", "Welcome"} <= described


def _blocks() -> list[str]:
    begin = TEXT.index("<!-- made: methods -->")
    return re.findall(r"```text\n(.+?)\n```", TEXT[begin:], re.DOTALL)


def test_links_inside_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str, "text"),
        (int, "int"),
        (bytes, "bin"),
        (object, "any"),
        (int | None, "int or nil"),
        (tuple[str, ...], "list of text"),
        (dict[str, object], "map of text to any"),
        (dict[str, tuple[int, ...]], "map of text to list of int"),
        (Hello, "Hello"),
        (ListParams, "ListParams"),
    ],
    ids=str,
)
def test_types_in_words(kind: object, words: str) -> None:
    assert type_name(msgspec.inspect.type_info(kind)) == words


def test_the_codec_reads_the_examples_body() -> None:
    assert decode_map(bytes.fromhex("81a773657373696f6ea27331")) == {"session": "s1"}
