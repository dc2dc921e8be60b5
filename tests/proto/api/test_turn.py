"""turn.*: from a message to the final answer; deltas that can be joined late."""

from __future__ import annotations

import pytest

from agentproto.api import turn
from agentproto.content import ProviderPart, TextBlock, ThinkingBlock, ToolUseBlock
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed


def test_requests_with_what_they_need() -> None:
    assert request({"key": "k", "prompt": "p"}, turn.StartParams) == turn.StartParams(
        key="k",
        prompt="p",
        session=None,
        continue_latest=False,
        cwd=None,
        mode=None,
        model=None,
        max_steps=None,
        allow=(),
        deny=(),
        files=(),
        subscribe=False,
        on_disconnect="continue",
    )
    assert request({"key": "k", "session": "s", "text": "t"}, turn.SteerParams) == turn.SteerParams(
        key="k", session="s", text="t"
    )
    assert request({"key": "k", "session": "s"}, turn.InterruptParams) == turn.InterruptParams(key="k", session="s")


def test_an_answer_that_is_not_queued_does_not_say_so() -> None:
    assert to_plain(turn.StartResult("s", "t", 1, "/w")) == {"session": "s", "turn": "t", "seq": 1, "workspace": "/w"}


def test_a_reply_carries_every_block_its_usage_and_its_purpose() -> None:
    reply = turn.RepliedEvent(
        "s",
        1,
        2,
        "t1",
        "t1.1",
        (
            ThinkingBlock("hm", ProviderPart("anthropic", {"signature": "x"})),
            TextBlock("a"),
            ToolUseBlock("t1.1.1", "read", {"path": "a"}),
        ),
        "tool_use",
        turn.TurnUsage(input=1, output=2, usd_micros=3),
        purpose="compaction",
    )
    assert typed(to_plain(reply), turn.RepliedEvent) == reply
    assert "purpose" not in to_plain(turn.RepliedEvent("s", 1, 2, "t", "t.1", (), "end", turn.TurnUsage()))


def joined(deltas: list[turn.DeltaEvent]) -> str:
    """What the manual tells a client to do with deltas: place each at its offset in UTF-8 bytes."""
    seen = b""
    for delta in deltas:
        data = delta.text.encode()
        assert delta.offset <= len(seen), "a gap"
        seen = seen[: delta.offset] + data
    return seen.decode()


def test_deltas_can_be_joined_late_and_twice() -> None:
    text = "Gr\u00fc\u00dfe, \u65e5\u672c \U0001f980!"
    pieces, offset = [], 0
    for character in text:
        pieces.append(turn.DeltaEvent("s", 1, "t", "1.0", "text", offset, character))
        offset += len(character.encode())
    late = turn.DeltaEvent("s", 1, "t", "1.0", "text", 0, text[:5])
    assert joined(pieces) == joined([late, *pieces[5:]]) == joined([*pieces[:3], late, *pieces[5:]]) == text


@pytest.mark.parametrize("stop", ["end", "max_steps", "budget", "interrupted", "refused", "error", "denied"])
def test_a_turn_ends_for_a_reason_that_is_named(stop: str) -> None:
    body: dict[str, object] = {"stream": "s", "seq": 1, "at_ms": 2, "turn": "t", "stop": stop, "text": "", "steps": 1}
    assert to_plain(typed({**body, "usage": {}}, turn.FinishedEvent)) == {**body, "usage": {}}


@pytest.mark.parametrize(
    ("value", "kind", "code", "field"),
    [
        ({"key": "k"}, turn.StartParams, ErrorCode.BAD_INPUT, None),
        ({"key": "", "prompt": "p"}, turn.StartParams, ErrorCode.BAD_INPUT, "key"),
        ({"key": "k", "prompt": 5}, turn.StartParams, ErrorCode.BAD_INPUT, "prompt"),
        ({"key": "k", "prompt": "p", "max_steps": 0}, turn.StartParams, ErrorCode.BAD_INPUT, "max_steps"),
        ({"key": "k", "prompt": "p", "mode": "Ask"}, turn.StartParams, ErrorCode.BAD_INPUT, "mode"),
        ({"key": "k", "prompt": "p", "on_disconnect": "die"}, turn.StartParams, ErrorCode.BAD_INPUT, "on_disconnect"),
        ({"key": "k", "prompt": "p", "allow": "Bash(*)"}, turn.StartParams, ErrorCode.BAD_INPUT, "allow"),
        ({"key": "k", "prompt": "p", "allow": [1]}, turn.StartParams, ErrorCode.BAD_INPUT, "allow[0]"),
        ({"key": "k", "prompt": "p", "alow": []}, turn.StartParams, ErrorCode.UNKNOWN_FIELD, "alow"),
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused_by_field(
    value: dict[str, object], kind: type, code: ErrorCode, field: str | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, kind)
    assert (caught.value.code, caught.value.field) == (code, field)
