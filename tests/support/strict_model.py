"""What a scripted model server does that counts and refuses: to be given to `FakeModelServer` as its `answer`.

    strict = StrictModel(DIALECTS["anthropic"], counter, 8_192, calls=CALLS)
    with FakeModelServer(strict.answer, window=8_192) as server: ...
    assert strict.refused == []

Each turn goes through `calls`, an answer each, and ends with a text. A request that does not fit with the answer that was
asked for is refused in the words of its protocol's servers (of Chat Completions: in those of `words`, in turn).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from support.fake_model_server import Reply, Request, failure, overflow
from support.model_dialects import Dialect, Given
from support.token_counts import Counter, answer_limit

__all__ = ["StrictModel"]


class StrictModel:
    """`requests`: (tokens, answer asked for) of each that was taken; `refused`: of each that was not."""

    def __init__(
        self,
        dialect: Dialect,
        counter: Counter,
        window: int,
        calls: Sequence[Sequence[Given]],
        *,
        text: str = "That is what I found.",
        words: Sequence[str] = (),
    ) -> None:
        self.requests: list[tuple[int, int]] = []
        self.refused: list[tuple[int, int]] = []
        self._dialect = dialect
        self._counter = counter
        self._window = window
        self._calls = calls
        self._text = text
        self._words = words

    def answer(self, request: Request) -> Reply:
        if request.path.endswith(("/apply-template", "/tokenize", "/count_tokens")):
            return failure(404, {"error": {"message": "there is no such path"}})
        size = (self._counter.count(request.body), answer_limit(request.body))
        if sum(size) > self._window:
            self.refused.append(size)
            words = self._words[len(self.refused) % len(self._words)] if self._words else ""
            return overflow(words) if words else self._dialect.overflow()
        self.requests.append(size)
        done = _answers_in_turn(request.body)
        usage = (size[0], 20, 0)
        if done >= len(self._calls):
            return self._dialect.say(*re.findall(r"\s*\S+", self._text), usage=usage)
        return self._dialect.calls(*self._calls[done], usage=usage)


def _answers_in_turn(body: bytes) -> int:
    """Answers since the person spoke, in any protocol. In Responses, where an answer is a call or several behind each
    other, a row of them is one."""
    request = json.loads(body)
    count, before = 0, ""
    for message in reversed(request.get("messages", request.get("input", []))):
        what = _who(message)
        if what == "user":
            break
        count += what == "model" and before != "model"
        before = what
    return count


def _who(message: dict[str, object]) -> str:
    """Who a message is by: user, model or tool."""
    if message.get("type") == "function_call" or message.get("role") == "assistant":
        return "model"
    if message.get("type") == "function_call_output" or message.get("role") == "tool":
        return "tool"
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    texts = [content] if isinstance(content, str) else [str(block["text"]) for block in blocks if "text" in block]
    if texts and all(text.startswith("<system-reminder>") for text in texts):
        return "tool"  # the daemon itself, about what is left
    return "tool" if any(block.get("type") == "tool_result" for block in blocks) else "user"
