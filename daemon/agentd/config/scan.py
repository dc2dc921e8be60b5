"""Where in a TOML text each key stands, and the comment directly above it: what tomllib does not tell.

It decides line numbers, nothing else. The text must have been accepted by tomllib before: this is no second parser, it
only walks over comments, strings and brackets to find where statements begin, and lets tomllib read the key itself. A
key inside an inline table is known by the line of the statement that holds it. Pure. Callers: `layers`, `manual`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Place", "place_of", "scan"]

_STRINGS = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:""|")?'
    r"|'''.*?'''(?:''|')?"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^\"'#\[\]{}\n=]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A line, counted from 1, and the text of the comment lines directly above it, joined by spaces."""

    line: int
    comment: str


def scan(text: str) -> dict[tuple[str, ...], Place]:
    """Path of a key or of a table's header -> its place. The first of several headers of one table counts."""
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    found: dict[tuple[str, ...], Place] = {}
    table: tuple[str, ...] = ()
    for line, head in _statements(text):
        if head.startswith("["):
            table = _path(head.strip("[]"))
            path = table
        else:
            path = table + _path(head)
        found.setdefault(path, Place(line, _comment_above(lines, line)))
    return found


def place_of(path: tuple[str, ...], places: Mapping[tuple[str, ...], Place]) -> Place:
    """The place of a key, or of the nearest statement that holds it; line 1 when nothing does."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return Place(1, "")


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """(line, `[header]` or the key in front of its `=`) of each statement."""
    line = 1
    at = 0
    depth = 0
    head: list[str] = []
    key_done = False
    while at < len(text):
        character = text[at]
        if character == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        if character in "\"'":
            match = _STRINGS.match(text, at)
            piece = match.group() if match else character
        elif plain := _PLAIN.match(text, at):
            piece = plain.group()
        else:
            piece = character
        at += len(piece)
        if piece == "\n":
            if depth == 0:
                if not key_done and (header := "".join(head).strip()):
                    yield line, header
                head, key_done = [], False
        elif piece == "=" and depth == 0 and not key_done:
            yield line, "".join(head).strip()
            key_done = True
        elif key_done:
            depth += (piece in "[{") - (piece in "]}")
        if not key_done and piece != "\n":
            head.append(piece)
        line += piece.count("\n")
    if not key_done and (header := "".join(head).strip()):
        yield line, header


def _path(key: str) -> tuple[str, ...]:
    node: object = tomllib.loads(f"{key} = 0")
    path: list[str] = []
    while isinstance(node, dict):
        name, node = next(iter(node.items()))
        path.append(name)
    return tuple(path)


def _comment_above(lines: list[str], line: int) -> str:
    words: list[str] = []
    for number in range(line - 2, -1, -1):
        text = lines[number].strip()
        if not text.startswith("#"):
            break
        words.insert(0, text.lstrip("#").strip())
    return " ".join(words)
