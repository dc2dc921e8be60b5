"""`read`: a text file with line numbers, whole or in part; a picture as such.

It decides what a model sees of a file: which lines, how long, a picture, and the words for what cannot be shown. It must never
open anything but a regular file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated

import msgspec

from agentd.errors import ToolError
from agentd.policy.access import Access, Read
from agentd.tools.arguments import narrow
from agentd.tools.base import Probe, Progress, ToolContext, ToolResult, ToolSpec
from agentd.tools.picture_file import Picture, look, too_large
from agentd.tools.places import Place, read_place, resolve, size_words
from agentd.tools.prompt_text import prompt_text
from agentd.tools.text_file import decode, kind_of_binary, lines_of, printable, sha256
from agentproto.content import ImageBlock

__all__ = ["LARGE_LINES", "LINE_CHARS", "RESULT_CHARS", "ReadArguments", "ReadTool"]

LINE_CHARS = 2_000
"""Characters of one line that are shown: beyond it is data or code made by a machine."""

LARGE_LINES = 2_000
"""A file with more lines is told to be large, and comes in parts of so many."""

RESULT_CHARS = 60_000
"""Characters of one result: some 15,000 tokens, more than 1,000 lines of usual code."""

_NOTICE_CHARS = 300  # kept free for the words at the end


class ReadArguments(msgspec.Struct, frozen=True):
    path: Annotated[str, msgspec.Meta(min_length=1)]
    offset: Annotated[int, msgspec.Meta(ge=1)] = 1
    limit: Annotated[int, msgspec.Meta(ge=1)] = LARGE_LINES


class ReadTool:
    """See `agentd.tools.base.Tool`."""

    def __init__(self) -> None:
        text = prompt_text("read")
        self.spec = ToolSpec(
            name="read",
            summary="Read a text file with line numbers, or a picture",
            description=text.description,
            arguments=ReadArguments,
            example={"path": "src/app.py", "offset": 1, "limit": 200},
            access_words="reads one file",
            read_only=True,
            concurrency_safe=True,
            recovery="rerun",
            max_result_chars=RESULT_CHARS,
            compactable=True,
            timeout_ms=30_000,
            argument_words=text.arguments,
        )

    def target(self, arguments: msgspec.Struct) -> str:
        return narrow(arguments, ReadArguments).path

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        return (Read(resolve(narrow(arguments, ReadArguments).path, context).real),)

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        return f"read {resolve(narrow(arguments, ReadArguments).path, context).real}"

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        return {}

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        given = narrow(arguments, ReadArguments)
        place = resolve(given.path, context)
        data = read_place(place, context)
        if (picture := look(data)) is not None:
            yield _shown(place, data, picture)
            return
        file = decode(data)
        if file is None:
            raise _not_text(place, data)
        digest = sha256(data)
        lines = lines_of(file.text)
        text, shown = _numbered(place, lines, given)
        if "\ufffd" in text and "\ufffd" not in file.text:
            text += "\n[some bytes are no UTF-8 and are shown as \ufffd; an edit elsewhere in the file keeps them]"
        yield ToolResult(
            text=text,
            summary=f"{shown} of {len(lines)} lines of {place.shown}",
            touched={place.real: (digest, digest)},
        )

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        return Probe("not_done", "nothing was changed; it can be read again")


def _numbered(place: Place, lines: Sequence[str], given: ReadArguments) -> tuple[str, int]:
    """The asked lines as text with what there is to say about the rest, and how many they are."""
    total = len(lines)
    if total == 0:
        return f"[{place.shown} is empty]", 0
    if given.offset > total:
        return f"[{place.shown} has {total} lines; there is no line {given.offset}]", 0
    rows: list[str] = []
    room = RESULT_CHARS - _NOTICE_CHARS
    for number in range(given.offset, min(given.offset + given.limit, total + 1)):
        row = f"{number:>6}\t{_short(lines[number - 1])}"
        room -= len(row) + 1
        if room < 0 and rows:
            break
        rows.append(row)
    last = given.offset + len(rows) - 1
    if last < total:
        large = "this file is large: " if total > LARGE_LINES else ""
        rows.append(f"[{large}lines {given.offset} to {last} of {total}; go on with offset={last + 1}]")
        return "\n".join(rows), len(rows) - 1
    return "\n".join(rows), len(rows)


def _short(line: str) -> str:
    text = printable(line)
    return text if len(text) <= LINE_CHARS else f"{text[:LINE_CHARS]}… [line cut: {len(text):,} characters]"


def _shown(place: Place, data: bytes, picture: Picture) -> ToolResult:
    digest = sha256(data)
    words = f"{kind_of_binary(data)}, {picture.width}x{picture.height} pixels"
    if why := too_large(data, picture):
        raise ToolError(
            f"{place.shown} is {words}, {size_words(len(data))}; it is too large to be shown",
            why=f"{why[0].upper()}{why[1:]}.",
            remedy="Make a smaller copy of it with a shell command, and read that.",
        )
    return ToolResult(
        text=f"[{place.shown} is {words}, {size_words(len(data))}]",
        summary=f"{place.shown}, {words}",
        images=(ImageBlock(picture.media_type, digest, picture.width, picture.height),),
        touched={place.real: (digest, digest)},
        blobs={digest: data},
    )


def _not_text(place: Place, data: bytes) -> ToolError:
    kind = kind_of_binary(data)
    words = f"{place.shown} is {kind}, {size_words(len(data))}"
    if kind.startswith("an image"):
        return ToolError(f"{words}, but its header is damaged; it is not shown")
    return ToolError(f"{words}, not text; it is not shown")
