"""Rule 8: policy is data, with a reason beside each number.

Every TOML file of the packages parses and opens with a comment that says what it decides; every key of the shipped
defaults has its reason on the line directly above it.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from house.tree import CONTAINERS, ROOT, none

TABLES = sorted(path for container in CONTAINERS for path in (ROOT / container).rglob("*.toml"))
DEFAULTS = ROOT / "daemon" / "agentd" / "config" / "defaults.toml"
KEY = re.compile(r"""\s*(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*\s*=""")
SHORTEST_REASON = 12  # characters; fewer cannot say why


def unreasoned(text: str) -> list[str]:
    """`line: key` of each key whose line above is no comment of substance."""
    faults = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        if not KEY.match(line):
            number += 1
            continue
        above = lines[number - 1].strip() if number else ""
        if not above.startswith("#") or len(above.lstrip("# ")) < SHORTEST_REASON:
            faults.append(f"{number + 1}: {line.partition('=')[0].strip()}")
        number += length_of_value(lines[number:])
    return faults


def length_of_value(lines: list[str]) -> int:
    """How many lines the first key's value takes."""
    for count in range(1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        return count
    raise AssertionError(f"no value ends after {lines[0]!r}")


def unopened(text: str) -> bool:
    """Whether the file does not begin with a comment of substance."""
    first = text.lstrip("\n").partition("\n")[0]
    return not first.startswith("#") or len(first.lstrip("# ")) < SHORTEST_REASON


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_table_parses_and_says_what_it_decides(path: Path) -> None:
    text = path.read_text()
    assert tomllib.loads(text) != {}
    assert not unopened(text)


def test_the_defaults_are_there_and_every_key_has_its_reason() -> None:
    none(unreasoned(DEFAULTS.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "a = 1\n",
        "# why a is one, in words\na = 1\nb = 2\n",
        "# why a is one, in words\n\na = 1\n",
        "# no\na = 1\n",
        '[t]\n# the reason of a list\na = [\n  1,\n]\n"b c".d = 2\n',
        "# the reason of the table, in words\n[t]\na = 1\n",
    ],
)
def test_a_key_without_a_reason_is_found(text: str) -> None:
    assert len(unreasoned(text)) == 1


def test_a_key_with_its_reason_is_not() -> None:
    text = '# why a is a list of ones\na = [\n  1, # b = 2\n]\n# why the text is long, in words\nt = """\nc = 3\n"""\n'
    assert unreasoned(text) == []


def test_a_file_that_does_not_say_what_it_decides_is_found() -> None:
    assert unopened("[limits]\n")
    assert unopened("# x\n")
    assert not unopened("# How long each thing may take.\n[limits]\n")
