"""`edit`: exact replacement in a file that this session has read.

It decides nothing about whether it may: a file that was not read, has changed, or does not hold the old text exactly
once is refused. It must never change a byte that was not asked for: line ends, encoding, mark and permissions stay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from agentd.errors import ToolError
from agentd.policy.access import Access, Write
from agentd.tools.arguments import narrow
from agentd.tools.base import Probe, Progress, ToolContext, ToolResult, ToolSpec
from agentd.tools.diffs import unified
from agentd.tools.places import Place, read_place, resolve, well_formed
from agentd.tools.prompt_text import prompt_text
from agentd.tools.replacing import Replacement, apply, undone
from agentd.tools.schema import HIDDEN, REQUIRED
from agentd.tools.text_file import decode, encode, kind_of_binary, printable, sha256
from agentd.tools.writing import hash_now, put, unchanged

__all__ = ["EditArguments", "EditTool", "OneEdit"]


class OneEdit(msgspec.Struct, frozen=True):
    """One of several replacements in one file."""

    old_string: str
    new_string: str
    all: bool = False


class EditArguments(msgspec.Struct, frozen=True):
    """`edits` is a second way of saying the same, for models that have learnt it; the schema shows the first alone."""

    path: Annotated[str, msgspec.Meta(min_length=1)]
    old_string: Annotated[str, msgspec.Meta(extra=REQUIRED)] = ""
    new_string: Annotated[str, msgspec.Meta(extra=REQUIRED)] = ""
    all: bool = False
    edits: Annotated[tuple[OneEdit, ...], msgspec.Meta(extra=HIDDEN)] = ()

    def __post_init__(self) -> None:
        if self.edits and (self.old_string or self.new_string):
            raise ValueError("give either `old_string` and `new_string`, or the list `edits`, not both")
        for one in self.replacements():
            if not one.old:
                raise ValueError(
                    "the argument `old_string` is empty; it has to be the text to replace "
                    "(to make a file or to fill an empty one use write)"
                )
            if not well_formed(one.old + one.new):
                raise ValueError("the new or old text holds half a surrogate pair, which no file can hold")

    def replacements(self) -> tuple[Replacement, ...]:
        """What is asked for, in either way of saying it."""
        if self.edits:
            return tuple(Replacement(one.old_string, one.new_string, one.all) for one in self.edits)
        return (Replacement(self.old_string, self.new_string, self.all),)


@dataclass(frozen=True, slots=True)
class _Planned:
    place: Place
    before: bytes
    after: bytes
    diff: str
    lines: tuple[int, ...]


class EditTool:
    """See `agentd.tools.base.Tool`."""

    def __init__(self) -> None:
        text = prompt_text("edit")
        self.spec = ToolSpec(
            name="edit",
            summary="Replace text in a file",
            description=text.description,
            arguments=EditArguments,
            example={"path": "src/app.py", "old_string": "timeout = 10", "new_string": "timeout = 30"},
            access_words="changes one file",
            recovery="probe",
            timeout_ms=30_000,
            argument_words=text.arguments,
        )

    def target(self, arguments: msgspec.Struct) -> str:
        return narrow(arguments, EditArguments).path

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        return (Write(resolve(narrow(arguments, EditArguments).path, context).real),)

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        return _plan(narrow(arguments, EditArguments), context).diff

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        place = resolve(narrow(arguments, EditArguments).path, context)
        return {place.real: hash_now(place, context)}

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        plan = _plan(narrow(arguments, EditArguments), context)
        put(plan.place, plan.after, context, create=False)
        lines = ", ".join(map(str, plan.lines))
        where = f"{plan.place.shown}, line {lines}" if len(plan.lines) == 1 else f"{plan.place.shown}, lines {lines}"
        yield ToolResult(
            text=f"edited {where}\n{plan.diff}",
            summary=f"edited {where}",
            diff=plan.diff,
            touched={plan.place.real: (sha256(plan.before), sha256(plan.after))},
        )

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        given = narrow(arguments, EditArguments)
        place = resolve(given.path, context)
        then = before.get(place.real)
        try:
            data = read_place(place, context)
        except ToolError as error:
            return Probe("unknown", error.what)
        if sha256(data) == then:
            return Probe("not_done", f"{place.shown} is as it was before")
        file = decode(data)
        if file is not None:
            for text in undone(file.text, given.replacements()):
                if sha256(encode(file, text)) == then:
                    return Probe("done", f"{place.shown} holds the edit and nothing else has changed")
        return Probe("unknown", f"{place.shown} is not as before, and it cannot be told who changed it; read it again")


def _plan(given: EditArguments, context: ToolContext) -> _Planned:
    """What the edit would make; ToolError, in words for the model, when it cannot be made."""
    place = resolve(given.path, context)
    before = read_place(place, context)
    file = decode(before)
    if file is None:
        raise ToolError(f"{place.shown} is {kind_of_binary(before)}, not text; it is not edited")
    unchanged(place, before, context, "edited")
    text, lines = apply(file.text, given.replacements(), place.shown)
    diff = unified(place.shown, printable(file.text), printable(text))
    return _Planned(place, before, encode(file, text), diff, lines)
