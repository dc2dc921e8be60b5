"""The connection file: what is wrong with it is named before a socket is made of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentproto.endpoints import CONNECTION_FILE, LOCK_FILE, START_LOCK_FILE, Connection, read_connection
from agentproto.errors import ErrorCode, RemoteProtocolError

KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
CONNECTION = Connection(
    endpoint="ipc:///run/user/1000/agentd/0f3a9c1e/agentd.sock",
    wire_lowest=1,
    wire_highest=1,
    product="0.1.0",
    pid=4711,
    daemon="d-1",
    server_public=KEY,
    client_public=KEY[::-1],
    client_secret="0" * 40,
    role="owner",
)
PLAIN: dict[str, object] = msgspec.to_builtins(CONNECTION)


def test_what_was_written_is_read() -> None:
    assert read_connection(msgspec.json.encode(CONNECTION)) == CONNECTION


def test_what_a_newer_daemon_adds_is_passed_over() -> None:
    assert read_connection(msgspec.json.encode({**PLAIN, "new": [1]})) == CONNECTION


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"server_public": KEY[:-1]}, "server_public"),
        ({"client_public": KEY + "0"}, "client_public"),
        ({"client_secret": ""}, "client_secret"),
        ({"client_secret": "\u00e9" * 40}, "client_secret"),
        ({"client_secret": " " * 40}, "client_secret"),
        ({"client_secret": "'" * 40}, "client_secret"),
        ({"client_secret": "0" * 39 + "\n"}, "client_secret"),
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "ipc://"}, "endpoint"),
        ({"endpoint": "inproc://x"}, "endpoint"),
        ({"endpoint": "http://127.0.0.1:80"}, "endpoint"),
        ({"pid": "4711"}, None),
        ({"role": None}, None),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], field: str | None) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_connection(msgspec.json.encode({**PLAIN, **change}))
    assert (caught.value.code, caught.value.field) == (ErrorCode.BAD_INPUT, field)


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_a_missing_value_is_named(name: str) -> None:
    with pytest.raises(RemoteProtocolError, match=f"missing required field `{name}`"):
        read_connection(msgspec.json.encode({key: value for key, value in PLAIN.items() if key != name}))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b"\xff", b'{"endpoint":"\xff"}', b"[" * 100_000, b'{"a":' * 100_000, b"\x00" * 50],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_connection_file_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="can't be read"):
        read_connection(data)


@given(st.integers(0, 400), st.binary(max_size=3))
def test_a_torn_or_spoilt_file_is_read_or_refused(at: int, spoilt: bytes) -> None:
    whole = msgspec.json.encode(CONNECTION)
    try:
        read_connection(whole[:at] + spoilt)
        read_connection(whole[:at] + spoilt + whole[at + len(spoilt) :])
    except RemoteProtocolError:
        return


def test_the_names_in_the_runtime_folder() -> None:
    assert (CONNECTION_FILE, LOCK_FILE, START_LOCK_FILE) == ("connection.json", "agentd.lock", "start.lock")
