"""Bad input over the real socket gets a named error or silence, changes nothing, and disturbs nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgpack
import msgspec
import pytest

from agentclient.errors import RefusedError
from agentclient.keys import new_key
from agentclient.sockets import Dealer, new_keypair
from agentproto.api import config, log, model, question, session, tool, turn
from agentproto.endpoints import Connection
from agentproto.envelope import Hello, Kind
from agentproto.framing import MAGIC, from_frames, to_frames
from agentproto.limits import LIMITS
from agentproto.shape import to_plain
from agentproto.versions import VersionRange
from support.conversations import ended, events_of, follow, start
from support.daemon import RealDaemon, real_daemon

LONG = " ".join(f"word{number}" for number in range(400))
HELLO = Hello("0", VersionRange(1, 1), (), "cstranger", "a stranger")
PROMPT_TOO_LONG = "x" * (LIMITS.prompt_bytes + 1)

Answer = tuple[str, int, str | None] | None
"""Code, request id and field of an error; None: nothing came."""


@pytest.fixture
def daemon(home: Path) -> Iterator[RealDaemon]:
    """The model `drip` speaks for two seconds."""
    with real_daemon(home, started=False) as daemon:
        daemon.settings(daemon.model("drip", {"text": LONG, "piece_ms": 5}, loop=True))
        daemon.start()
        yield daemon


def header(kind: int, id: int = 7, name: str = "", version: int = 1) -> bytes:
    return MAGIC + bytes((version,)) + bytes(msgpack.packb([kind, id, name]))


def request(method: str, body: object, id: int = 7) -> list[bytes]:
    return [header(Kind.REQUEST, id, method), bytes(msgpack.packb(body))]


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


LIST = header(Kind.REQUEST, 7, "session.list")

UNGREETED: dict[str, tuple[Sequence[bytes], Answer]] = {
    "garbage": ([b"\x00garbage"], None),
    "an empty frame": ([b""], None),
    "another protocol": ([b"GET / HTTP/1.1\r\n\r\n", b""], None),
    "a truncated header": ([LIST[:-4], b"\x80"], None),
    "a header of half a megabyte": ([MAGIC + b"\x01" + b"x" * 500_000, b"\x80"], None),
    "a request before hello": (request("session.list", {}), ("not_greeted", 7, None)),
    "a hello of other versions": (
        to_frames(Kind.HELLO, 0, "", to_plain(msgspec.structs.replace(HELLO, wire=VersionRange(7, 9)))),
        ("bad_version", 0, None),
    ),
    "a hello without a client": (
        to_frames(Kind.HELLO, 0, "", to_plain(msgspec.structs.replace(HELLO, client=""))),
        ("bad_input", 0, "client"),
    ),
}

GREETED: dict[str, tuple[Sequence[bytes], Answer]] = {
    "a header alone": ([LIST], ("bad_frame", 7, None)),
    "a body that is no msgpack": ([LIST, b"\xc1\xc1"], ("bad_frame", 7, None)),
    "a truncated body": ([LIST, b"\x82\xa5limit"], ("bad_frame", 7, None)),
    "a body that is no map": ([LIST, b"\x93\x01\x02\x03"], ("bad_frame", 7, None)),
    "a key that comes twice": ([LIST, b"\x82\xa5limit\x01\xa5limit\x02"], ("bad_frame", 7, None)),
    "an extension type": ([LIST, b"\x81\xa5limit\xd4\x05\x00"], ("bad_frame", 7, None)),
    "17 frames": ([LIST, b"\x80", *[b"blob"] * 15], ("too_large", 7, None)),
    "300 frames": ([LIST, b"\x80", *[b"blob"] * 298], ("too_large", 7, None)),
    "a kind that is none": ([header(99), b"\x80"], ("bad_frame", 7, None)),
    "a kind for clients": ([header(Kind.WELCOME), b"\x80"], ("bad_frame", 7, None)),
    "another wire version": ([header(Kind.REQUEST, 7, "session.list", 9), b"\x80"], ("bad_version", 7, None)),
    "a second hello": (to_frames(Kind.HELLO, 0, "", to_plain(HELLO)), ("bad_frame", 0, None)),
    "an unknown method": (request("session.destroy", {}), ("unknown_method", 7, None)),
    "an unknown field": (request("session.list", {"limt": 3}), ("unknown_field", 7, "limt")),
    "a wrong type": (request("session.list", {"limit": "3"}), ("bad_input", 7, "limit")),
    "a wrong type inside": (
        request("turn.start", {"key": "k" * 32, "prompt": "x", "allow": ["read", 3]}),
        ("bad_input", 7, "allow[1]"),
    ),
    "a missing field": (request("turn.start", {"key": "k" * 32}), ("bad_input", 7, None)),
    "a limit out of range": (request("session.list", {"limit": 100_000}), ("bad_input", 7, "limit")),
    "a prompt over its limit": (
        request("turn.start", {"key": "k" * 32, "prompt": PROMPT_TOO_LONG, "cwd": "/"}),
        ("too_large", 7, "prompt"),
    ),
    "a body over its limit": ([LIST, b"\x80" + b"x" * LIMITS.body_bytes], ("too_large", 7, None)),
    "a text over its limit": (
        request("session.list", {"cursor": "x" * (LIMITS.string_bytes + 1)}),
        ("too_large", 7, None),
    ),
    "deep nesting": (request("session.list", {"cursor": nested(LIMITS.depth + 1)}), ("too_large", 7, None)),
    "too many elements": (request("session.list", {"cursor": [0] * LIMITS.elements}), ("too_large", 7, None)),
    "credit for what was never sent": (
        to_frames(Kind.CREDIT, 0, "", {"events": 10**9, "bytes": 10**9}),
        ("bad_frame", 0, None),
    ),
}


def answer_to(connection: Connection, frames: Sequence[bytes], *, greeted: bool) -> Answer:
    """What a stranger of these frames is answered."""
    dealer = Dealer(connection)
    try:
        if greeted:
            dealer.send(to_frames(Kind.HELLO, 0, "", to_plain(HELLO)))
            assert receive(dealer, 5_000) == (Kind.WELCOME, 0)
        dealer.send(frames)
        # Silence can't be waited for; a good hello after it tells whether the door is shut.
        answered = receive(dealer, 5_000 if greeted else 300)
        if answered is None or isinstance(answered[0], Kind):
            return None
        return answered[0], answered[1], answered[2] if len(answered) == 3 else None
    finally:
        dealer.close()


def receive(dealer: Dealer, wait_ms: int) -> tuple[Kind, int] | tuple[str, int, str | None] | None:
    dealer.wait(wait_ms)
    frames = dealer.receive()
    if frames is None:
        return None
    message = from_frames(frames)
    if message.kind is Kind.ERROR:
        field = message.body.get("field")
        return str(message.body["code"]), message.id, None if field is None else str(field)
    return message.kind, message.id


def test_frames_that_break_the_rules_are_answered_by_name_while_a_turn_streams_and_ends(
    daemon: RealDaemon, workspace: Path
) -> None:
    with daemon.client() as client:
        begun = start(client, "go", workspace, model="drip", subscribe=True)
        follow(client, "turn.delta")
        answers = {
            name: answer_to(daemon.connection, frames, greeted=name in GREETED)
            for name, (frames, _) in (UNGREETED | GREETED).items()
        }
        ask = client.call("session.list", session.ListParams(), session.ListResult)
        heard = follow(client, "turn.finished", 30)

    assert answers == {name: expected for name, (_, expected) in (UNGREETED | GREETED).items()}
    assert [row.id for row in ask.sessions] == [begun.session]
    assert (heard[-1][1]["stop"], heard[-1][1]["text"]) == ("end", LONG)
    assert daemon.answers
    assert "Traceback" not in daemon.log


def test_a_frame_over_what_libzmq_takes_costs_only_its_sender(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client() as client:
        start(client, "go", workspace, model="drip", subscribe=True)
        huge = [LIST, b"x" * (LIMITS.frame_bytes + 1)]
        answered = answer_to(daemon.connection, huge, greeted=False)
        heard = follow(client, "turn.finished", 30)

    assert answered is None
    assert (heard[-1][1]["stop"], heard[-1][1]["text"]) == ("end", LONG)
    assert daemon.answers


def test_a_stranger_who_was_muted_stays_unheard(daemon: RealDaemon) -> None:
    dealer = Dealer(daemon.connection)
    try:
        dealer.send([b"garbage"])
        dealer.send(to_frames(Kind.HELLO, 0, "", to_plain(HELLO)))
        assert receive(dealer, 500) is None
    finally:
        dealer.close()
    assert daemon.answers


def test_nothing_gets_in_with_a_key_that_the_daemon_does_not_know(daemon: RealDaemon) -> None:
    public, secret = new_keypair()
    hello = to_frames(Kind.HELLO, 0, "", to_plain(HELLO))
    wrong_client = msgspec.structs.replace(daemon.connection, client_public=public, client_secret=secret)
    wrong_server = msgspec.structs.replace(daemon.connection, server_public=public)

    for connection in (wrong_client, wrong_server):
        dealer = Dealer(connection)
        try:
            dealer.send(hello)
            assert receive(dealer, 700) is None
        finally:
            dealer.close()
    with daemon.client() as client:
        assert client.welcome.pid == daemon.pid


# -- what a well-formed request can ask for wrongly ---------------------------------------------------------------

K = "k" * 32
NO_SESSION = "s0000000000000000"


def test_requests_for_what_is_not_there_are_refused_by_name(daemon: RealDaemon, workspace: Path) -> None:
    binary, large = workspace / "picture.png", workspace / "large.txt"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    large.write_text("x" * 300_000)

    def ask(**more: object) -> turn.StartParams:
        plain = turn.StartParams(key=K, prompt="x", cwd=str(workspace))
        return msgspec.structs.replace(plain, **more)

    wrong: dict[str, tuple[str, msgspec.Struct, tuple[str, str | None]]] = {
        "a relative folder": ("turn.start", ask(cwd="work"), ("bad_input", "cwd")),
        "a missing folder": ("turn.start", ask(cwd=f"{workspace}/none"), ("no_file", "cwd")),
        "a file as folder": ("turn.start", ask(cwd=f"{workspace}/README.md"), ("not_regular", "cwd")),
        "a binary file": ("turn.start", ask(files=(str(binary),)), ("bad_input", "files")),
        "a large file": ("turn.start", ask(files=(str(large),)), ("too_large", "files")),
        "a missing file": ("turn.start", ask(files=(f"{workspace}/none",)), ("no_file", "files")),
        "a folder as file": ("turn.start", ask(files=(str(workspace),)), ("not_regular", "files")),
        "an empty prompt": ("turn.start", ask(prompt=" \n"), ("bad_input", "prompt")),
        "an unknown model": ("turn.start", ask(model="none"), ("not_found", "model")),
        "a mode that is not there yet": ("turn.start", ask(mode="auto"), ("bad_input", "mode")),
        "no steps": ("turn.start", ask(max_steps=0), ("bad_input", "max_steps")),
        "a rule without a meaning": ("turn.start", ask(allow=("read", "shel(ls)")), ("bad_input", "allow[1]")),
        "nothing to continue": ("turn.start", ask(continue_latest=True), ("not_found", None)),
        "a turn in no session": ("turn.start", ask(session=NO_SESSION), ("not_found", "session")),
        "a path as session": ("session.read", session.ReadParams("../../x"), ("not_found", "session")),
        "an unknown session": ("session.read", session.ReadParams(NO_SESSION), ("not_found", "session")),
        "an unknown stream": ("log.subscribe", log.SubscribeParams(stream=NO_SESSION), ("not_found", "session")),
        "an unknown question": (
            "question.answer",
            question.AnswerParams(key=K, question=f"{NO_SESSION}.q1", decision="approve"),
            ("not_found", "session"),
        ),
        "an unknown tool": ("tool.show", tool.ShowParams("none"), ("not_found", "name")),
        "an unknown call": ("tool.output", tool.OutputParams(f"{NO_SESSION}.t1.1.1"), ("not_found", "session")),
        "an unknown connection": ("model.use", model.UseParams(key=K, name="none"), ("not_found", "model")),
        "an unknown setting": ("config.set", config.SetParams(key=K, name="turn.max_step", value="3"), ("bad_setting", "turn.max_step")),
    }  # fmt: skip
    with daemon.client() as client:
        found = {}
        for name, (method, params, _) in wrong.items():
            with pytest.raises(RefusedError) as refused:
                client.call(method, params, session.ListResult)
            found[name] = (refused.value.code, refused.value.error.field)
            assert refused.value.what
            assert refused.value.remedy
        rows = client.call("session.list", session.ListParams(), session.ListResult).sessions

    assert found == {name: expected for name, (_, _, expected) in wrong.items()}
    assert rows == ()
    assert "Traceback" not in daemon.log


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ask", "x", "--cwd", "/nowhere/at/all"), 2, "/nowhere/at/all"),
        (("ask", "x", "--file", "/nowhere/at/all"), 2, "/nowhere/at/all"),
        (("ask", "x", "--file", "{work}/picture.png"), 1, "picture.png is not text"),
        (("ask", "x", "-s", NO_SESSION), 1, f"there is no session {NO_SESSION}"),
        (("ask", "x", "--model", "none"), 1, "there is no model connection 'none'"),
        (("ask", "x", "--allow", "shel(ls)"), 1, "shel(ls)"),
        (("ask", "   "), 2, "The prompt is empty"),
        (("attach", NO_SESSION), 1, f"there is no session {NO_SESSION}"),
        (("tools", "show", "none"), 1, "there is no tool 'none'"),
        (("sessions", "show", NO_SESSION), 1, f"there is no session {NO_SESSION}"),
        (("frobnicate",), 2, "There is no command 'frobnicate'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_command_lines_say_what_is_wrong_and_what_to_do(
    daemon: RealDaemon, workspace: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    (workspace / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    ran = daemon.agentctl(*(argument.format(work=workspace) for argument in arguments), cwd=workspace)

    assert (ran.code, ran.out) == (code, "")
    lines = ran.err.splitlines()
    assert words in lines[0]
    assert [line[:7] for line in lines] == ["error: ", "  why: ", "   do: "]


def test_a_session_takes_a_good_request_after_all_those_bad_ones(daemon: RealDaemon, workspace: Path) -> None:
    with daemon.client() as client:
        begun = start(client, "what is in README.md?", workspace)
        for params in (
            turn.StartParams(key=new_key(), prompt=PROMPT_TOO_LONG, session=begun.session),
            turn.StartParams(key="", prompt="x", session=begun.session),
        ):
            with pytest.raises(RefusedError):
                client.call("turn.start", params, turn.StartResult)
        again = start(client, "which file defines LIMIT?", workspace, session=begun.session)
    end = ended(daemon, begun.session)

    assert (end.turn, end.stop) == (again.turn, "end")
    assert [name for name, _ in events_of(daemon, begun.session)].count("turn.queued") == 2
