"""model.*: which connections there are, which serves and why; adding, choosing, trying."""

from __future__ import annotations

import pytest

from agentd.errors import BadInputError, ConflictError, NotFoundError, SettingsError
from agentd.world.doors import HttpRequest
from agentd.world.fake_http import Answer
from agentd.world.fake_processes import Script
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


def test_a_connection_is_chosen_for_a_role_and_has_whatever_a_person_would_set() -> None:
    async def story(desk: Reception) -> None:
        fields = {"kind": "openai-chat", "url": "http://127.0.0.1:1/v1", "model": "m"}
        await desk.ask("model.add", key="a", name="small", **fields)
        more = {"fallback": ("small",), "effort": "low", "images": False, "calls_in_text": True, "stall_ms": 9_000}
        await desk.ask("model.add", key="b", name="local", send_session_id=True, **more, **fields)
        one = desk.settings.values.models.connections["local"]
        assert (one.fallback, one.effort, one.images, one.calls_in_text) == (("small",), "low", False, True)
        assert (one.stall_ms, one.send_session_id) == (9_000, True)
        with pytest.raises(SettingsError, match=r"models\.bad\.fallback names 'nobody'"):
            await desk.ask("model.add", key="c", name="bad", fallback=("nobody",), **fields)
        for role, name in (("main", "local"), ("side", "small"), ("summary", "small")):
            await desk.ask("model.use", key=role, name=name, role=role)
        models = desk.settings.values.models
        assert (models.use, models.side, models.summary) == ("local", "small", "small")
        listed = await desk.ask("model.list")
        assert isinstance(listed, api.ListResult)
        assert {row.name: row.roles for row in listed.models} == {
            "offline": (), "local": ("main",), "small": ("side", "summary"),
        }  # fmt: skip

    receive(story)


def test_who_is_configured_is_asked_for_the_list_and_who_was_found_is_not() -> None:
    async def story(desk: Reception) -> None:
        asked: list[str] = []

        def answer(request: HttpRequest) -> Answer:
            asked.append(request.url)
            return Answer(parts=(b'{"default_generation_settings": {"n_ctx": 2048}, "total_slots": 3}',))

        desk.house.world.http.on(answer)
        desk.house.world.processes.on("pass", does=Script(b"never-asked"))
        desk.environment["OPENAI_API_KEY"] = "k"
        for name, host, key in (("mine", "box", ""), ("safe", "vault", "cmd:pass x"), ("poor", "far", "env:NONE")):
            fields = {"kind": "openai-chat", "url": f"http://{host}/v1", "model": "m", "model_key": key}
            await desk.ask("model.add", key=name, name=name, **fields)
        listed = await desk.ask("model.list")
        assert isinstance(listed, api.ListResult)
        rows = {row.name: row for row in listed.models}
        assert {url for url in asked if "127.0.0.1" not in url} == {"http://box/v1/models", "http://box/props"}
        assert (rows["mine"].window, rows["mine"].window_from, rows["mine"].slots) == (2_048, "server", 3)
        assert [(row.state, row.answers) for row in (rows["mine"], rows["safe"], rows["openai"])] == [
            ("configured", True), ("configured", None), ("found", None),
        ]  # fmt: skip
        assert rows["poor"].why_not == "the variable NONE is not set, and the connection's key is env:NONE"
        assert desk.house.world.processes.table.started == []

    receive(story)


def test_one_that_was_found_without_a_model_s_name_is_written_whole_or_not_at_all() -> None:
    async def story(desk: Reception) -> None:
        desk.environment["OPENAI_API_KEY"] = "k"
        several = b'{"data": [{"id": "gpt-a"}, {"id": "gpt-b"}]}'
        desk.house.world.http.on(lambda request: Answer(parts=(several if "openai.com" in request.url else b"",)))
        with pytest.raises(BadInputError, match="the server has 2 models: gpt-a, gpt-b") as caught:
            await desk.ask("model.use", key="a", name="openai")
        assert caught.value.remedy.endswith(
            "agentctl models add openai --kind openai-chat --url https://api.openai.com/v1 --model MODEL "
            "--key env:OPENAI_API_KEY"
        )
        assert "openai" not in desk.settings.values.models.connections
        desk.house.world.http.on(lambda request: Answer(parts=(b'{"data": [{"id": "gpt-a"}]}',)))
        await desk.ask("model.use", key="b", name="openai")
        assert desk.settings.values.models.connections["openai"].model == "gpt-a"

    receive(story)


def test_a_name_that_is_taken_is_refused_before_anybody_is_asked() -> None:
    async def story(desk: Reception) -> None:
        fields = {"name": "a", "kind": "openai-chat", "url": "http://127.0.0.1:1/v1"}
        await desk.ask("model.add", key="a", model="m", **fields)
        with pytest.raises(ConflictError, match="there is a connection a already"):
            await desk.ask("model.add", key="b", **fields)
        assert desk.house.world.http.network.sent == []
        with pytest.raises(NotFoundError, match="'aa'; did you mean a"):
            await desk.ask("model.use", key="c", name="aa")

    receive(story)


def test_a_connection_is_tried_by_a_real_round_trip() -> None:
    async def story(desk: Reception) -> None:
        result = await desk.ask("model.test", name="offline")
        assert isinstance(result, api.TestResult)
        assert (result.name, result.ok) == ("offline", True)
        assert [check.what for check in result.checks] == [
            *("answers", "counts tokens", "counts ahead", "calls tools", "answers in a form", "thinks", "window"),
        ]
        assert (result.window, result.window_from, result.calls) == (128_000, "built_in", 3)

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
