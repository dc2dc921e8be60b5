"""Handlers are collected by the table, without those whose feature is off; a repeated request has the same hash."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from agentd.server.handling import Call, actor_of, body_hash, collect
from agentd.services import Caller
from agentd.session.actors import Actor
from agentproto.api.turn import StartParams
from agentproto.table import METHODS


async def _nothing(call: Call, params: msgspec.Struct) -> msgspec.Struct:
    return params


def test_a_method_whose_feature_is_off_is_absent() -> None:
    table = {
        "turn.start": METHODS["turn.start"],
        "turn.steer": replace(METHODS["turn.steer"], feature="steering"),
    }
    handlers = dict.fromkeys(table, _nothing)
    assert list(collect(handlers, frozenset(), table)) == ["turn.start"]
    assert list(collect(handlers, frozenset({"other"}), table)) == ["turn.start"]
    assert list(collect(handlers, frozenset({"steering"}), table)) == ["turn.start", "turn.steer"]


def test_the_hash_of_a_request_is_of_everything_but_its_key() -> None:
    one = StartParams(key="a", prompt="hello", cwd="/w")
    assert body_hash(one) == body_hash(msgspec.structs.replace(one, key="b"))
    assert body_hash(one) != body_hash(msgspec.structs.replace(one, prompt="hello!"))
    assert body_hash(one) != body_hash(msgspec.structs.replace(one, allow=("read",)))


def test_an_entry_names_the_client_and_its_role() -> None:
    caller = Caller("c1", "agentctl ask", "editor")
    assert actor_of(caller) == Actor(kind="client", id="c1", role="editor", name="agentctl ask")
