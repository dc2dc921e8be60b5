"""The words of the offline engine: what it found, as quoted lines with their place, or what went wrong.

It decides how an answer looks: one sentence that leads, then lines as `path:line: text`, then where else to look. It
says nothing that is not quoted from a tool's result or from `offline.toml`. Pure. Callers: `offline_plan`,
`offline_search`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentd.providers.offline_command import Command, Edit, Find, GitLog, Grep, List, Read, Recall, Remember, Run, Write
from agentd.providers.offline_rank import Line, Scored, score_line
from agentd.providers.offline_turn import Done
from agentd.providers.offline_words import Question, table

__all__ = [
    "answer",
    "fenced",
    "no_memory",
    "not_offered",
    "nothing_found",
    "overview",
    "report",
    "report_trouble",
    "say",
    "show_heads",
]

_QUOTED = 8  # lines of one answer; what does not show in eight does not show in more
_FROM_BEST = 6  # of them from the best file, the rest from those after it
_ALSO = 6  # other files that are named
_ALSO_SHARE = 0.35  # of the best file's score; below it a file only mentions a word
_LINE_CHARS = 160  # of a quoted line
_HEAD_QUOTED = 12  # lines of a file that was asked for as a whole
_LISTED = 40  # entries of a folder


def say(name: str, **words: object) -> str:
    """A text of the table."""
    text = table().text[name].strip("\n")
    return text.format(**words) if words else text


def not_offered(tool: str) -> str:
    return say("not_offered", tool=tool)


def no_memory(tool: str) -> str:
    return say("no_memory", verb="keep" if tool == "remember" else "search")


def fenced(text: str) -> str:
    """`text` in a fence that it can't end itself."""
    longest = 2
    run = 0
    for sign in text:
        run = run + 1 if sign == "`" else 0
        longest = max(longest, run)
    fence = "`" * (longest + 1)
    body = text.rstrip("\n")
    return f"{fence}\n{body}\n{fence}"


def report_trouble(done: Done) -> str:
    """What a denied or failed call said, in its own words."""
    status = done.result.status if done.result is not None else "unknown"
    lead = say(
        {"denied": "denied", "interrupted": "interrupted", "unknown": "unknown"}.get(status, "failed"),
        tool=done.use.name,
    )
    return f"{lead}\n\n{done.text.strip() or say('missing_result')}"


def report(command: Command, done: Done) -> str:
    """What a command brought, verbatim."""
    text = done.text
    match command:
        case Run() | GitLog():
            return _shell(str(done.use.arguments.get("command", "")), text)
        case Read(path):
            return f"`{path}`:\n\n{fenced(text)}"
        case List() | Find() | Grep():
            return fenced(text) if text.strip() else say("nothing", words=_target(command))
        case Write() | Edit() | Remember() | Recall():
            return text.strip()
        case _:
            return text.strip()


def _target(command: List | Find | Grep) -> str:
    return f"`{command.path or '.'}`" if isinstance(command, List) else f"`{command.pattern}`"


def _shell(command: str, text: str) -> str:
    first, _, rest = text.partition("\n")
    shown = f"`{command}`" if "`" not in command and "\n" not in command else "The command"
    if first.startswith("exit code:"):
        ended, output = f"{shown} ended with {first.replace(':', '', 1).strip()}", rest
    else:
        ended, output = f"{shown} ended", text
    return f"{ended}:\n\n{fenced(output)}" if output.strip() else f"{ended} and printed nothing."


def answer(
    question: Question, ordered: Sequence[Scored], lines: Mapping[str, Sequence[Line]], missing: Sequence[str]
) -> str:
    """The best file, its telling lines, and where else."""
    best = ordered[0]
    parts = [f"Most likely: {best.path}"]
    quoted = _chosen(question, ordered, lines)
    if quoted:
        parts.append(fenced("\n".join(f"{line.path}:{line.number}: {_short(line.text)}" for line in quoted)))
    if missing:
        parts.append(say("partly", words=_listed(missing)))
    also = [one.path for one in ordered[1:] if one.score >= best.score * _ALSO_SHARE][:_ALSO]
    if also:
        parts.append(f"Also: {', '.join(also)}")
    return "\n\n".join(parts)


def _chosen(question: Question, ordered: Sequence[Scored], lines: Mapping[str, Sequence[Line]]) -> list[Line]:
    """The best file's best lines in their order, then the best line of the next ones."""
    mine = [line for line in lines.get(ordered[0].path, ()) if line.text.strip()]
    hits = [line for line in mine if line.hit][:_FROM_BEST]
    near = {line.number + 1 for line in hits}
    beside = [line for line in mine if not line.hit and line.number in near][: max(0, 4 - len(hits))]
    chosen = sorted([*hits, *beside], key=lambda line: line.number)
    for other in ordered[1:]:
        if len(chosen) >= _QUOTED:
            break
        chosen += [line for line in lines.get(other.path, ())[:1] if line.hit and score_line(line, question.terms) > 1]
    return chosen


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LINE_CHARS else text[: _LINE_CHARS - 1] + "…"


def _listed(words: Sequence[str]) -> str:
    quoted = [f"“{word}”" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def nothing_found(question: Question) -> str:
    """That nothing was found, what was searched for (words without their endings, and their kin), and what to try."""
    words = [term.text for term in question.terms] or list(question.paths)
    searched = [word for term in question.terms for word in ((term.text,) if term.exact else term.stems)]
    searched += [path for path in question.paths if path not in searched]
    shown = ", ".join(f"`{word}`" for word in dict.fromkeys(searched))
    return " ".join([say("nothing", words=_listed(words)), say("searched", patterns=shown), say("suggest")])


def show_heads(paths: Sequence[str], lines: Sequence[Line]) -> str:
    """How the files that were asked for begin."""
    parts = []
    for path in paths:
        mine = [line for line in lines if line.path == path and line.text.strip()][:_HEAD_QUOTED]
        if mine:
            quoted = "\n".join(f"{line.path}:{line.number}: {line.text.rstrip()[:_LINE_CHARS]}" for line in mine)
            parts.append(f"{path} begins:\n\n{fenced(quoted)}")
    return "\n\n".join(parts) or f"Found: {', '.join(paths)}"


def overview(listing: str, lines: Sequence[Line]) -> str:
    """What introduces the folder, and what is in it."""
    parts = []
    if lines:
        quoted = "\n".join(f"{line.path}:{line.number}: {_short(line.text)}" for line in lines if line.text.strip())
        parts.append(f"{lines[0].path} says:\n\n" + fenced("\n".join(quoted.splitlines()[:_HEAD_QUOTED])))
    entries = listing.strip().splitlines()
    shown = entries[:_LISTED]
    if len(entries) > _LISTED:
        shown.append(f"… and {len(entries) - _LISTED} more")
    parts.append("The folder holds:\n\n" + fenced("\n".join(shown)) if shown else "The folder is empty.")
    return "\n\n".join(parts)
