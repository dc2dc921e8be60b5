"""Which session is meant: whole ids cost nothing, parts have to be of one session, `latest` is this workspace's."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentclient.errors import ClientError
from agentctl.sessions.naming import chosen
from agentproto.api import session
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import listing, lived, read, summary

OTHER = "s1m7y5psg0ea6nhjx"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (SESSION, SESSION),
        ("s000", SESSION),
        ("s1m7y5", OTHER),
        ("nhjx", OTHER),
        ("zzzz", "zzzz"),
    ],
)
def test_a_part_stands_for_the_one_that_has_it(text: str, meant: str) -> None:
    assert chosen(text, [summary(), summary(OTHER)]) == meant


def test_a_part_of_several_names_them() -> None:
    with pytest.raises(ClientError) as caught:
        chosen("s1m7", [summary("s1m7y5psg0ea6nhjx"), summary("s1m7y5psg0ea6nhjz")])
    assert (caught.value.what, caught.value.why, caught.value.remedy) == (
        "2 sessions are meant by 's1m7'",
        "They are s1m7y5psg0ea6nhjx, s1m7y5psg0ea6nhjz.",
        "Give more of the id.",
    )


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        (SESSION, ["session.read"]),
        ("s00000", ["session.list", "session.read"]),
        ("x", ["session.read"]),
        ("latest", ["session.list", "session.read"]),
    ],
)
def test_only_what_is_no_whole_id_is_looked_up(home: Path, text: str, methods: list[str]) -> None:
    with double(home, lived()) as served:
        ran = ctl(home, "sessions", "show", text, "--json")
    assert (ran.code, ran.err, served.methods()) == (0, "", methods)


def test_latest_is_this_workspaces_newest(home: Path) -> None:
    with double(home, lived()) as served:
        assert ctl(home, "sessions", "show", "latest").code == 0
    assert [call.params for call in served.calls] == [
        session.ListParams(limit=1, workspace=str(home)),
        session.ReadParams(SESSION),
    ]


def test_without_a_session_there_is_no_latest(home: Path) -> None:
    with double(home, {"session.list": lambda call: session.ListResult(())}):
        assert ctl(home, "sessions", "show", "latest") == Ran(
            1,
            "",
            "error: there is no latest session\n"
            "  why: This folder's workspace has no session yet.\n"
            "   do: agentctl sessions list\n",
        )


@pytest.mark.parametrize(
    ("arguments", "method"),
    [
        (("pending", "-s", "s00000"), "question.list"),
        (("tools", "list", "-s", "latest"), "tool.list"),
        (("ask", "-s", "latest", "hi"), "turn.start"),
        (("attach", "--view", "s00000"), "log.subscribe"),
    ],
)
def test_other_commands_take_parts_too(home: Path, arguments: tuple[str, ...], method: str) -> None:
    with double(home, {"session.list": listing(), "session.read": lambda call: read()}) as served:
        served.handlers = {name: handler for name, handler in served.handlers.items() if name != method}
        ctl(home, *arguments)
    asked = next(call.params for call in served.calls if call.method == method)
    assert SESSION in (getattr(asked, "session", None), getattr(asked, "stream", None))
