"""model.*: which connections there are, which serves and why; adding, choosing, trying."""

from __future__ import annotations

import pytest

from agentd.errors import BadInputError, ConflictError, NotFoundError, SettingsError
from agentd.world.fake_http import Answer
from agentproto.api import model as api
from support.reception import Reception, receive

SCRIPT = b'{"replies": [{"text": "hello there my friend"}], "loop": true}'


def test_with_nothing_at_all_the_offline_engine_serves_and_says_why() -> None:
    async def story(desk: Reception) -> None:
        listed = await desk.ask("model.list")
        assert isinstance(listed, api.ListResult)
        (row,) = listed.models
        assert (row.name, row.in_use, row.reason) == ("offline", True, "no key, no server, no configuration")

    receive(story)


def test_a_key_in_the_environment_is_offered_and_not_taken() -> None:
    async def story(desk: Reception) -> None:
        desk.environment["OPENAI_API_KEY"] = "sk-secret"
        listed = await desk.ask("model.list")
        assert isinstance(listed, api.ListResult)
        rows = {row.name: row for row in listed.models}
        assert rows["offline"].in_use
        assert (rows["openai"].in_use, rows["openai"].key) == (False, "env:OPENAI_API_KEY")
        assert "sk-secret" not in str(listed)

    receive(story)


def test_a_connection_is_added_chosen_and_then_serves() -> None:
    async def story(desk: Reception) -> None:
        fields = {"key": "a", "name": "local", "kind": "openai-chat", "url": "http://127.0.0.1:1/v1"}
        fields |= {"model": "m", "window": 4096}
        added = await desk.ask("model.add", **fields)
        assert added == api.AddResult("/home/config/settings.toml")
        assert await desk.ask("model.add", **fields) == added
        with pytest.raises(ConflictError):
            await desk.ask("model.add", **(fields | {"key": "b"}))
        with pytest.raises(SettingsError):
            await desk.ask("model.add", **(fields | {"key": "c", "name": "bad", "url": "ftp://x"}))
        await desk.ask("model.use", key="u", name="local")
        assert desk.models.default() == "local"
        listed = await desk.ask("model.list")
        assert isinstance(listed, api.ListResult)
        row = next(row for row in listed.models if row.name == "local")
        assert (row.in_use, row.reason, row.window) == (True, "models.use names it", 4096)
        with pytest.raises(NotFoundError):
            await desk.ask("model.use", key="v", name="nobody")
        await desk.ask("model.add", **(fields | {"key": "d", "name": "ant", "kind": "anthropic", "model": "claude"}))
        await desk.ask("model.use", key="w", name="ant")
        assert desk.models.get("ant").provider.kind == "anthropic"

    receive(story)


def test_a_connection_is_tried_by_a_real_round_trip() -> None:
    async def story(desk: Reception) -> None:
        result = await desk.ask("model.test", name="offline")
        assert isinstance(result, api.TestResult)
        assert (result.name, result.ok) == ("offline", True)
        assert [check.what for check in result.checks] == ["answers", "counts tokens", "calls tools", "window"]

    receive(story)


def test_a_connection_that_does_not_answer_says_so() -> None:
    async def story(desk: Reception) -> None:
        await desk.ask("model.add", key="a", name="gone", kind="openai-chat", url="http://127.0.0.1:1/v1", model="m")
        result = await desk.ask("model.test", name="gone")
        assert isinstance(result, api.TestResult)
        assert not result.ok
        assert result.checks[0].seen.startswith("network: ")

    receive(story)


def test_a_model_that_is_not_named_is_asked_of_the_server() -> None:
    async def story(desk: Reception) -> None:
        fields = {"key": "a", "name": "local", "kind": "openai-chat", "url": "http://127.0.0.1:1/v1"}
        with pytest.raises(BadInputError, match="no model is named"):
            await desk.ask("model.add", **fields)
        desk.house.world.http.on(lambda request: Answer(parts=(b'{"data": [{"id": "qwen"}]}',)))
        await desk.ask("model.add", **fields)
        assert desk.settings.values.models.connections["local"].model == "qwen"

    receive(story)
