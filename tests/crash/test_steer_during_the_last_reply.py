"""A person steers while the model speaks its last words: the next request ends with what the person said.

The steer is recorded before the reply that was streaming; in the conversation it stands behind it, as it was not said to
that reply. A request that ended with the assistant's own words would be refused, or answered to nobody.
"""

from __future__ import annotations

from agentd.context.conversation import Conversation
from agentd.providers.base import ModelMessage
from agentd.session.entries import Called, Entry, Replied, Started, Steered
from agentproto.api.turn import TurnUsage
from agentproto.content import TextBlock
from crash.stories import STORIES, Told, a_world, tell
from support.machine_play import PERSON, SESSION, said

TURN = f"{SESSION}.t1"
STEP = f"{TURN}.1"


def test_the_conversation_ends_with_what_was_said_while_the_reply_streamed() -> None:
    entries: list[Entry] = [
        said().entry,
        Started(turn=TURN, model="m", mode="ask"),
        Called(turn=TURN, step=STEP, purpose="turn", model="m", prefix="b", input_tokens=1, output_tokens=1),
        Steered(turn=TURN, actor=PERSON, text="rather so", after=STEP),
        Replied(turn=TURN, step=STEP, blocks=(TextBlock("done"),), stop="end", usage=TurnUsage()),
    ]
    conversation = Conversation()
    for entry in entries:
        conversation.feed(entry)
    assert conversation.messages() == (
        ModelMessage("user", (TextBlock("do it"),)),
        ModelMessage("assistant", (TextBlock("done"),)),
        ModelMessage("user", (TextBlock("rather so"),)),
    )


def test_a_turn_that_is_steered_at_its_end_goes_on_with_valid_requests() -> None:
    story = next(story for story in STORIES if story.name == "steered")
    world, told = a_world(story), Told()
    world.run(tell(world, story, told))
    assert told.houses[0].model.requests[-1].messages[-1].role == "user"
