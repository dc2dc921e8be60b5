"""A glob as models write it -> a regular expression over relative paths.

It decides what a glob means here: `*` and `?` stay within a name, `**` crosses folders, `{a,b}` is a choice, and a glob
without a slash is about the name at any depth. Pure; called by the worker's jobs and the grep tool.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agentd.errors import BadArgumentsError

__all__ = ["LONGEST", "compiled"]

LONGEST = 500
"""Characters of a glob."""


@lru_cache(maxsize=64)
def compiled(glob: str) -> re.Pattern[str]:
    """To be used with `fullmatch` on a path relative to the searched folder, with slashes."""
    if len(glob) > LONGEST:
        raise BadArgumentsError(f"the glob has {len(glob)} characters; at most {LONGEST} are taken")
    text = glob.removeprefix("./")
    if "/" not in text.rstrip("/"):
        text = "**/" + text
    return re.compile(_translate(text.strip("/"), glob), re.DOTALL)


def _translate(text: str, glob: str) -> str:
    out = []
    at = 0
    depth = 0
    while at < len(text):
        character = text[at]
        if text.startswith("**", at) and _alone(text, at):
            # `a/**/b` holds `a/b` too; `a/**` holds everything below a.
            if text.startswith("/", at + 2):
                out.append("(?:[^/]+/)*")
                at += 3
            else:
                out.append(".*")
                at += 2
            continue
        at += 1
        if character == "*":
            out.append("[^/]*")
        elif character == "?":
            out.append("[^/]")
        elif character == "[":
            end = text.find("]", at + 1 + (text[at : at + 1] in ("!", "^")))
            if end < 0:
                raise BadArgumentsError(
                    f"the glob {glob!r} has a `[` without its `]`", remedy='For example: "[a-z]*.py"'
                )
            out.append(_class(text[at:end], glob))
            at = end + 1
        elif character == "{":
            depth += 1
            out.append("(?:")
        elif character == "}" and depth:
            depth -= 1
            out.append(")")
        elif character == "," and depth:
            out.append("|")
        elif character == "\\" and at < len(text):
            out.append(re.escape(text[at]))
            at += 1
        else:
            out.append(re.escape(character))
    if depth:
        raise BadArgumentsError(f"the glob {glob!r} has a `{{` without its `}}`", remedy='For example: "*.{ts,tsx}"')
    return "".join(out)


def _alone(text: str, at: int) -> bool:
    """Whether the two stars are a whole component."""
    before = at == 0 or text[at - 1] in "/{,"
    return before and (at + 2 == len(text) or text[at + 2] in "/},")


def _class(inner: str, glob: str) -> str:
    negated = inner[:1] in ("!", "^")
    members = inner[1:] if negated else inner
    spelled = re.sub(r"([\\\[\]^&~|])", r"\\\1", members)
    try:
        # A slash is in no class: a component ends there.
        made = f"(?!/)[{'^' if negated else ''}{spelled}]"
        re.compile(made)
    except re.error:
        raise BadArgumentsError(f"the glob {glob!r} has a class that cannot be read: [{inner}]") from None
    return made
