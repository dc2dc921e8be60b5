"""The connection file: how a client finds and trusts a daemon. Folders are arguments; nothing here touches a disk.

`run/connection.json` (0600) is written at each start with new keys and removed at a clean stop. The socket's path may
lie elsewhere when it would pass the system's limit; the file always says where.
"""

from __future__ import annotations

import re

import msgspec

from agentproto.errors import ErrorCode, RemoteProtocolError

__all__ = ["CONNECTION_FILE", "LOCK_FILE", "SOCKET_PATH_LIMIT", "START_LOCK_FILE", "Connection", "read_connection"]

CONNECTION_FILE = "connection.json"
LOCK_FILE = "agentd.lock"
START_LOCK_FILE = "start.lock"
SOCKET_PATH_LIMIT = 100
"""sun_path holds 104 bytes on macOS and 108 on Linux; 100 leaves room for libzmq's own."""
_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


class Connection(msgspec.Struct, frozen=True):
    """Keys are Z85 text (40 characters). `role` is what the daemon will grant to the bearer."""

    endpoint: str
    wire_lowest: int
    wire_highest: int
    product: str
    pid: int
    daemon: str
    server_public: str
    client_public: str
    client_secret: str
    role: str


def read_connection(data: bytes) -> Connection:
    """The connection in `data`; RemoteProtocolError naming what is wrong with it."""
    try:
        connection = msgspec.json.decode(data, type=Connection, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise RemoteProtocolError(ErrorCode.BAD_INPUT, f"the connection file can't be read: {fault}") from None
    for name in ("server_public", "client_public", "client_secret"):
        if not _Z85_KEY.fullmatch(getattr(connection, name)):
            raise RemoteProtocolError(
                ErrorCode.BAD_INPUT, "a key in the connection file is not 40 characters of Z85", field=name
            )
    scheme, _, place = connection.endpoint.partition("://")
    if scheme not in ("ipc", "tcp") or not place:
        raise RemoteProtocolError(ErrorCode.BAD_INPUT, "the endpoint is neither ipc nor tcp", field="endpoint")
    return connection
