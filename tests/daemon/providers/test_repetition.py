"""A reply that repeats itself is stopped; what may well be equal many times over is not."""

from __future__ import annotations

import json
import random
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.providers.repetition import ROWS, WINDOW, Repetition
from house.tree import ROOT

SENTENCES = (
    "Let me look at the file once more to be sure about it.",
    "I will now check whether the test still fails.",
    "It seems that the function is not called from anywhere.",
    "So I have to read the configuration again before I go on.",
)
PARAGRAPH = " ".join(f"{sentence} And then number {n} follows." for n, sentence in enumerate(SENTENCES * 3))
BEGINNING = "Here is what I found out about the program and its tests, in short.\n\n"


def stopped_at(text: str, size: int = 3) -> tuple[int, str]:
    """After how many characters, and why; (-1, "") when never."""
    found = Repetition()
    for at in range(0, len(text), size):
        why = found.feed(text[at : at + size])
        if why is not None:
            return at + size, why
    return -1, ""


LOOPS: dict[str, tuple[str, int]] = {
    "one token": ("the " * 5_000, 4_300),
    "one sign": ("=" * 9_000, 4_300),
    "empty lines": ("\n" * 5_000, 1_800),
    "blanks": (" " * 5_000, 1_800),
    "a line": ("I will read the file now.\n" * 400, 1_300),
    "a sentence in one line": ("I think that this is right. " * 400, 1_300),
    "another script": ("我现在要读这个文件。" * 2_000, 4_300),
    "two lines in turn": ("I will read the file now.\nLet me check it again here.\n" * 400, 1_500),
    "a paragraph": ((PARAGRAPH + "\n\n") * 30, 6 * len(PARAGRAPH)),
    "a row of a table": ("| the same | and | again |\n" * 2_000, 6_000),
    "code": ("```\n" + "value = compute(value)\n" * 3_000, 6_000),
    "an array": ("[" + "0, " * 9_000, 9_000),
    "a loop behind much text": (PARAGRAPH + "Go on with it then. " * 500, len(PARAGRAPH) + 1_300),
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=list(LOOPS))
def test_a_loop_is_stopped_soon_after_it_is_one(loop: tuple[str, int]) -> None:
    text, latest = loop
    at, why = stopped_at(BEGINNING + text)
    assert 0 < at <= len(BEGINNING) + latest
    assert why


def test_the_reason_says_what_repeats() -> None:
    assert stopped_at("I will read the file now.\n" * 400)[1] == (
        "a phrase of 26 characters comes again and again (35 times)"
    )


def test_a_loop_without_order_is_stopped() -> None:
    chance = random.Random(7)
    text = "\n".join(chance.choice(SENTENCES) for _ in range(200))
    at, why = stopped_at(text)
    assert 0 < at < 3_500
    assert why == "the last 40 lines are the same 4 over and over"


def table() -> str:
    rows = "\n".join(f"| step {n} | yes | no | yes | yes |" for n in range(400))
    return f"| name | a | b | c | d |\n| --- | --- | --- | --- | --- |\n{rows}\n"


def equal_table() -> str:
    return "| a | b | c |\n|---|---|---|\n" + "| yes it is | no it is not | yes |\n" * 60


def code() -> str:
    cases = "\n".join(f"    case {n}:\n        return None\n" for n in range(300))
    return "```python\n" + "        return None\n" * 40 + cases + "    pass\n" * 100 + "}\n" * 60 + "```\n"


def drawing() -> str:
    wide = "#" * 200 + "\n" + ("#" + " " * 198 + "#\n") * 12 + "#" * 200 + "\n"
    return wide + "+" + "-" * 78 + "+\n" + ("|" + " " * 78 + "|\n") * 20


def array() -> str:
    return (
        json.dumps([0] * 1_000) + "\n" + json.dumps([[0, 1] * 20] * 20) + json.dumps([{"ok": True, "error": None}] * 60)
    )


def pretty() -> str:
    return json.dumps([{"name": f"n{n}", "value": None, "deep": {"ok": True}} for n in range(200)], indent=2)


def list_of_files() -> str:
    return "\n".join(f"- tests/daemon/room/test_thing_{n}.py: passed without any fault" for n in range(2_000))


def counting() -> str:
    return (
        " ".join(str(n) for n in range(5_000))
        + "\n"
        + "\n".join(f"Line number {n} of the long list." for n in range(500))
    )


def log() -> str:
    return "\n".join(f"12:00:{n % 60:02} INFO the worker is waiting for the next job" for n in range(900))


def binary() -> str:
    return "".join(f"{n:032b}\n" for n in range(300)) + "00" * 1_500


def poem() -> str:
    verse = "And when the night comes down again\nthe river sings the old refrain\n"
    return "\n".join(f"{verse}Verse {n} is another one\nand tells of what is left undone\n" for n in range(12))


HONEST = [table, equal_table, code, drawing, array, pretty, list_of_files, counting, log, binary, poem]


@pytest.mark.parametrize("make", HONEST, ids=lambda make: make.__name__)
def test_what_people_ask_for_is_not_stopped(make: object) -> None:
    assert callable(make)
    assert stopped_at(BEGINNING + make()) == (-1, "")


def own_files() -> list[str]:
    named = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    names = [ROOT / name for name in named.split("\0") if name] or sorted(
        path for folder in ("proto", "daemon", "clients", "tests", "docs") for path in (ROOT / folder).rglob("*.*")
    )
    texts = []
    for path in names:
        if path.is_file() and path.stat().st_size < 400_000:
            data = path.read_bytes()
            if b"\0" not in data:
                texts.append(data.decode("utf-8", "replace"))
    return texts


def test_this_repositorys_own_files_raise_no_alarm() -> None:
    texts = own_files()
    assert len(texts) > 200
    assert [text[:80] for text in texts if Repetition().feed(text)] == []
    assert [text[:80] for text in texts if Repetition().feed("Here it is:\n```\n" + text)] == []


def test_no_row_asks_for_more_than_is_kept() -> None:
    asked = [max(row.times * row.most, row.chars) * row.in_code + row.most for row in ROWS if row.kind != "a phrase"]
    phrase = next(row for row in ROWS if row.kind == "a phrase")
    assert max(*asked, phrase.times * phrase.most * phrase.in_code + phrase.most) <= WINDOW
    assert all(row.reason for row in ROWS)


def test_memory_is_bounded() -> None:
    found = Repetition()
    for n in range(40_000):
        assert found.feed(f"{n * n} {n} ") is None
    kept = [getattr(found, name) for name in ("_tail", "_line")]
    assert max(map(len, kept)) <= 2 * WINDOW


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=60), st.lists(st.integers(1, 500), min_size=1, max_size=20))
def test_every_piece_is_stopped_in_the_end_however_it_comes(piece: str, sizes: list[int]) -> None:
    text = piece * (30_000 // len(piece))
    found = Repetition()
    at = turn = 0
    why = None
    while at < len(text) and why is None:
        size = sizes[turn % len(sizes)]
        why, at, turn = found.feed(text[at : at + size]), at + size, turn + 1
    assert why is not None
