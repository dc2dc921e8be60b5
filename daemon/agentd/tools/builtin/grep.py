"""`grep`: lines by a regular expression, by ripgrep where it is installed, else by the worker; the same answers.

It decides which of the two is asked: ripgrep when it can be told exactly the same rules, the worker in every other
case, also when ripgrep's answer is not whole. It must never let the two differ in what the model reads.
"""

from __future__ import annotations

import posixpath
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from agentd.errors import AgentdError, DiskError, MissingProgramError, ToolError
from agentd.policy.access import Access, Read
from agentd.policy.secrets import secret
from agentd.tools import ripgrep
from agentd.tools.arguments import narrow
from agentd.tools.base import Probe, Progress, ToolContext, ToolResult, ToolSpec
from agentd.tools.globs import compiled
from agentd.tools.hits import MOST_FILE_BYTES, MOST_RULE_BYTES, FileHits, Line, Mode, in_order, render
from agentd.tools.ignoring import ignored, layer
from agentd.tools.patterns import ignores_case, translate
from agentd.tools.places import Place, below, resolve, size_words
from agentd.tools.programs import find_program
from agentd.tools.prompt_text import prompt_text
from agentd.tools.searching import BUDGET_MS, run_grep_job, top_of
from agentd.world.doors import Exit, Spawn

__all__ = ["RIPGREP_BYTES", "GrepArguments", "GrepTool"]

_SHORT = 36  # characters of a pattern

RIPGREP_BYTES = 8 * 1024 * 1024
"""Of ripgrep's answer; a search that finds more is done by the worker, which stops at the limit."""


class GrepArguments(msgspec.Struct, frozen=True):
    pattern: Annotated[str, msgspec.Meta(min_length=1)]
    path: Annotated[str, msgspec.Meta(min_length=1)] = "."
    glob: str = ""
    ignore_case: bool = False
    mode: Mode = "content"
    context: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 200


class GrepTool:
    """See `agentd.tools.base.Tool`."""

    def __init__(self) -> None:
        text = prompt_text("grep")
        self.spec = ToolSpec(
            name="grep",
            summary="Find lines by a regular expression",
            description=text.description,
            arguments=GrepArguments,
            example={"pattern": "TODO|FIXME", "path": "src", "glob": "*.py"},
            access_words="reads everything below one folder but secrets",
            read_only=True,
            concurrency_safe=True,
            recovery="rerun",
            compactable=True,
            timeout_ms=60_000,
            argument_words=text.arguments,
        )

    def target(self, arguments: msgspec.Struct) -> str:
        given = narrow(arguments, GrepArguments)
        pattern = _short(given.pattern)
        return pattern if given.path == "." else f"{pattern} in {given.path}"

    def access(self, arguments: msgspec.Struct, context: ToolContext) -> tuple[Access, ...]:
        place = resolve(narrow(arguments, GrepArguments).path, context)
        info = context.world.files.info(place.real)
        if info is not None and info.kind != "dir":
            return (Read(place.real),)
        return (Read(place.real, tree=True, contents="no_secrets"),)

    async def preview(self, arguments: msgspec.Struct, context: ToolContext) -> str:
        given = narrow(arguments, GrepArguments)
        return f"grep {given.pattern} in {resolve(given.path, context).real}"

    def intent(self, arguments: msgspec.Struct, context: ToolContext) -> Mapping[str, str | None]:
        return {}

    async def call(self, arguments: msgspec.Struct, context: ToolContext) -> AsyncIterator[Progress | ToolResult]:
        given = narrow(arguments, GrepArguments)
        place = resolve(given.path, context)
        single = _is_file(place, context)
        rust = translate(given.pattern, "rust", ignore_case=given.ignore_case)
        if given.glob:
            compiled(given.glob)
        stopped = ""
        found = await _by_ripgrep(given, rust, place, single, context)
        if found is None:
            answer = await run_grep_job(
                context,
                {
                    "root": place.real,
                    "top": top_of(place, context),
                    "pattern": given.pattern,
                    "ignore_case": given.ignore_case,
                    "glob": given.glob,
                    "mode": given.mode,
                    "context": given.context,
                    "limit": given.limit,
                    "skip_secrets": True,
                },
            )
            stopped = answer.stopped
            found = [FileHits(path, count, tuple(Line(*line) for line in lines)) for path, count, lines in answer.files]
        shown = [FileHits(_shown(file.path, place), file.count, file.lines) for file in found]
        text = render(shown, given.mode, given.limit, stopped)
        files = "1 file" if len(found) == 1 else f"{len(found)} files"
        yield ToolResult(text=text, summary=f"{files} with {_short(given.pattern)}" if found else "nothing found")

    async def probe(self, arguments: msgspec.Struct, before: Mapping[str, str | None], context: ToolContext) -> Probe:
        return Probe("not_done", "nothing was changed; it can be searched again")


def _short(pattern: str) -> str:
    """A pattern as people see it beside the tool's name: its beginning is enough to know it again."""
    return pattern if len(pattern) <= _SHORT else pattern[: _SHORT - 1] + "…"


def _is_file(place: Place, context: ToolContext) -> bool:
    info = context.world.files.info(place.real)
    if info is None:
        raise ToolError(f"there is nothing named {place.shown}", remedy="Look with ls or glob for its name.")
    if info.kind not in ("file", "dir"):
        raise ToolError(f"{place.shown} is neither a file nor a folder")
    if info.kind == "file" and info.size > MOST_FILE_BYTES:
        raise ToolError(
            f"{place.shown} has {size_words(info.size)}; files up to {size_words(MOST_FILE_BYTES)} are searched",
            remedy="Use a shell command for it.",
        )
    return info.kind == "file"


def _shown(path: str, place: Place) -> str:
    """From the searched folder to the working folder's view."""
    if not path:
        return place.shown
    return path if place.shown == "." else posixpath.join(place.shown, path)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where ripgrep is started, what it is told to search, and the ignore files that hold from above, weakest first."""

    folder: str
    target: str
    ignore_files: tuple[str, ...] = ()


async def _by_ripgrep(
    given: GrepArguments, rust: str, place: Place, single: bool, context: ToolContext
) -> list[FileHits] | None:
    """What ripgrep finds, filtered as the worker filters; None when the worker has to be asked."""
    program = find_program("rg", context)
    start = _Start(*posixpath.split(place.real)) if single else _start(place, context)
    if program is None or start is None:
        return None
    target = f"./{start.target}" if start.target else "."
    if not single:
        asked = await _run(ripgrep.awkward_argv(program, target), start.folder, context)
        if asked is None or asked.code != 1 or asked.output:
            return None
    argv = ripgrep.search_argv(
        program,
        rust,
        target,
        ignore_case=ignores_case(given.pattern, given.ignore_case),
        context=given.context if given.mode == "content" else 0,
        ignore_files=start.ignore_files,
    )
    done = await _run(argv, start.folder, context)
    found = ripgrep.parse(done.output) if done is not None else None
    if found is None:
        return None
    if single:
        return [FileHits("", file.count, file.lines) for file in found]
    prefix = f"{start.target}/" if start.target else ""
    inside = (FileHits(file.path.removeprefix(prefix), file.count, file.lines) for file in found)
    wanted = compiled(given.glob) if given.glob else None
    return in_order(
        file for file in inside if (wanted is None or wanted.fullmatch(file.path)) and not secret(file.path)
    )


async def _run(argv: Sequence[str], folder: str, context: ToolContext) -> Exit | None:
    """None when it could not be run to its own end."""
    try:
        done = await context.world.processes.run(
            Spawn(
                argv=argv,
                cwd=folder,
                env={"PATH": context.env.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                box=context.box,
                timeout_ms=BUDGET_MS,
                output_limit=RIPGREP_BYTES,
                merge_stderr=False,
                label=context.call,
            )
        )
    except MissingProgramError:
        return None
    return done if done.ended_by == "itself" else None


def _start(place: Place, context: ToolContext) -> _Start | None:
    """None when the rules of this search cannot be told to ripgrep exactly.

    It takes rules from above only as relative to where it is started: those of the top folder can be told, those of
    folders between the top and the searched one cannot.
    """
    top = top_of(place, context)
    inside = below(place.real, top)
    if top == "/":
        return None
    try:
        exclude, own = (_rules(f"{place.real}/{name}", context) for name in (".git/info/exclude", ".gitignore"))
        if ripgrep.awkward(exclude) or ripgrep.awkward(own):
            return None
        if not inside or _there(f"{place.real}/.git", context):
            return _Start(place.real, "")
        folders = [top, *(f"{top}/{inside[:at]}" for at, character in enumerate(inside) if character == "/")]
        if any(_there(f"{folder}/{name}", context) for folder in folders[1:] for name in (".git", ".gitignore")):
            return None
        paths = [f"{top}/.git/info/exclude", f"{top}/.gitignore"]
        texts = [_rules(path, context) for path in paths]
    except DiskError:
        return None
    layers = [made for made in (layer("", text) for text in texts) if made is not None]
    ways = [folder[len(top) + 1 :] for folder in [*folders[1:], place.real]]
    if any(map(ripgrep.awkward, texts)) or any(ignored(layers, way, folder=True) for way in ways):
        return None
    return _Start(top, inside, tuple(path for path, text in zip(paths, texts, strict=True) if text))


def _there(path: str, context: ToolContext) -> bool:
    return context.world.files.info(path, follow=True) is not None


def _rules(path: str, context: ToolContext) -> str:
    """The text of an ignore file; a missing one has no rules. A broken one is read as awkward."""
    if not _there(path, context):
        return ""
    try:
        return context.world.files.read(path, MOST_RULE_BYTES).decode("utf-8", "surrogateescape")
    except AgentdError:
        return "\0"
