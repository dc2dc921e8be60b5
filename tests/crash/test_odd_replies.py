"""Whatever a model says, the next request is valid: a session must not be refused for ever for one odd reply.

A call to a tool whose name is none (providers check `^[a-zA-Z0-9_-]{1,64}$` in the history too), a reply that is
thinking and nothing else (its output limit came while it thought), and an id for a call that is longer than the 40
characters that Chat Completions takes. Our own form is checked, and what each format makes of it.
"""

from __future__ import annotations

import pytest

from agentd.context.conversation import Conversation
from agentd.providers.base import ModelRequest
from agentd.session.entries import Done, Entry, Replied, Requested, Started
from agentproto.api.turn import TurnUsage
from agentproto.content import Block, TextBlock, ThinkingBlock, ToolUseBlock
from support.household import check_request
from support.machine_play import PERSON, SESSION, said

TURN = f"{SESSION}.t1"
STEP = f"{TURN}.1"
CALL = f"{STEP}.1"
REPLIES: dict[str, tuple[Block, ...]] = {
    "a name with other characters": (ToolUseBlock(CALL, "do it!", {}),),
    "a name in another alphabet": (ToolUseBlock(CALL, "lesen_ä", {}),),
    "no name": (ToolUseBlock(CALL, "", {}),),
    "a long name": (ToolUseBlock(CALL, "x" * 80, {}),),
    "a long id": (ToolUseBlock(CALL, "read", {}, "m" * 70),),
    "thinking alone": (ThinkingBlock("hm"),),
    "thinking and white space": (ThinkingBlock("hm"), TextBlock(" \n")),
}


@pytest.mark.parametrize("name", REPLIES)
def test_the_next_request_is_valid_whatever_the_model_said(name: str) -> None:
    blocks = REPLIES[name]
    entries: list[Entry] = [
        said().entry,
        Started(turn=TURN, model="m", mode="ask"),
        Replied(turn=TURN, step=STEP, blocks=blocks, stop="end", usage=TurnUsage()),
    ]
    entries += [
        Done(turn=TURN, call=block.call, tool=block.name, status="error", text="There is no such tool.", summary="")
        for block in blocks
        if isinstance(block, ToolUseBlock)
    ]
    entries += [
        Requested(turn=f"{SESSION}.t2", actor=PERSON, key="k2", hash="h", prompt="go on"),
        Started(turn=f"{SESSION}.t2", model="m", mode="ask"),
    ]
    conversation = Conversation()
    for entry in entries:
        conversation.feed(entry)
    check_request(ModelRequest("m", (), (), conversation.messages(), 100))
