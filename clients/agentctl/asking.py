"""A question on a terminal: what it says, and what each key means. Pure; `ask`, `attach` and `chat` show it.

    y  once        s  for this session        n  no
    d  no, and say why (a line of words)      q  leave it open: any client can answer it later

A question for words (`input`, `elicitation`) takes a line at once; Esc or an empty line leaves it open. Nothing but a
listed key ever answers: a stray Enter is no yes.
"""

from __future__ import annotations

import msgspec

from agentctl.render.safe import one_line, safe
from agentproto.api.question import AnswerParams, Question, Scope

__all__ = ["Asked", "Given", "Left", "described"]

_ENTER = ("\r", "\n")
_BACK = ("\x7f", "\b")
_ESCAPE = "\x1b"
_TOP = 30
"""Lines of a command or a diff that are shown; the rest is counted, and `agentctl pending --json` has it whole."""


class Given(msgspec.Struct, frozen=True):
    """The person has answered."""

    params: AnswerParams


class Left(msgspec.Struct, frozen=True):
    """The person leaves it open."""


def described(question: Question) -> str:
    """The question for a person, without the keys: exactly what will run, where, and why it is asked."""
    lines = [f"? {one_line(question.summary)}"]
    body = safe(question.command).splitlines()
    if question.kind == "permission" or body:
        lines += [f"  | {line}" for line in body[:_TOP]]
        if len(body) > _TOP:
            lines.append(f"  | ... {len(body) - _TOP} more lines: agentctl pending --json")
    if question.cwd:
        lines.append(f"  in {one_line(question.cwd)}")
    if question.gates:
        lines.append(f"  asked because: {one_line('; '.join(question.gates))}")
    if question.kind == "permission":
        lines.append(
            f"  sandbox: {'NONE, it runs with your own rights' if question.sandbox == 'none' else question.sandbox}"
        )
    if [one for one in question.origin if one != question.session]:
        lines.append(f"  asked by: {one_line(' > '.join(question.origin))}")
    return "\n".join(lines) + "\n"


class Asked:
    """One question that is being answered, key by key. `echo` of each key is what the screen has to add."""

    def __init__(self, question: Question, key: str) -> None:
        self.question = question
        self._key = key
        self._words: str | None = None if question.kind in ("permission", "plan") else ""
        self._denying = False

    @property
    def prompt(self) -> str:
        """The line with the keys."""
        if self._words is not None:
            return "  why not: " if self._denying else "  answer (Enter sends, Esc leaves it open): "
        session = "[s] for this session  " if "session" in self.question.choices else ""
        return f"  [y] once  {session}[n] no  [d] no, because...  [q] leave it open "

    @property
    def letters(self) -> bool:
        """Whether single keys count now (else a line of words is being typed)."""
        return self._words is None

    def feed(self, pressed: str) -> tuple[str, Given | Left | None]:
        """(what to echo, what came of it) for keys as they were read; the first that decides ends it."""
        echo = ""
        for key in pressed:
            more, outcome = self._letter(key) if self._words is None else self._word(self._words, key)
            echo += more
            if outcome is not None:
                return echo, outcome
        return echo, None

    def _letter(self, key: str) -> tuple[str, Given | Left | None]:
        match key:
            case "y" | "Y":
                return "yes\n", self._approve("once")
            case "s" | "S" if "session" in self.question.choices:
                return "yes, for this session\n", self._approve("session")
            case "n" | "N":
                return "no\n", self._deny("")
            case "d" | "D":
                self._words, self._denying = "", True
                return "\n  no, because: ", None
            case "q" | "Q":
                return "left open\n", Left()
            case _:
                return "", None

    def _word(self, words: str, key: str) -> tuple[str, Given | Left | None]:
        if key in _ENTER:
            if self._denying:
                return "\n", self._deny(words)
            return "\n", self._answer(words) if words.strip() else Left()
        if key == _ESCAPE:
            return "\n", Left()
        if key in _BACK:
            self._words = words[:-1]
            return ("\b \b" if words else ""), None
        if key.isprintable():
            self._words = words + key
            return key, None
        return "", None

    def _approve(self, scope: Scope) -> Given:
        return Given(AnswerParams(key=self._key, question=self.question.id, decision="approve", scope=scope))

    def _deny(self, words: str) -> Given:
        return Given(AnswerParams(key=self._key, question=self.question.id, decision="deny", text=words.strip()))

    def _answer(self, words: str) -> Given:
        return Given(AnswerParams(key=self._key, question=self.question.id, decision="answer", text=words.strip()))
