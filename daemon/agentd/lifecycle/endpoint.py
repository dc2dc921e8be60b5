"""Where the daemon listens and how clients learn of it: the socket's path and the connection file.

The keys are new at each start; the file (0600) is written when the socket is bound and removed at a clean stop. A path
that would pass the system's limit is replaced by a fresh, randomly named 0700 folder of the temporary directory.
Callers: `agentd.app`.
"""

from __future__ import annotations

import msgspec

from agentd.world.doors import World
from agentproto.endpoints import CONNECTION_FILE, SOCKET_PATH_LIMIT, Connection
from agentproto.versions import WIRE_MAX, WIRE_MIN

__all__ = ["SOCKET_NAME", "choose_socket", "remove_connection", "write_connection"]

SOCKET_NAME = "agentd.sock"


def choose_socket(world: World, run: str, temporary: str) -> str:
    """Path of the socket to bind. A stale one in its place is removed: whoever holds the home's lock owns it."""
    path = f"{run}/{SOCKET_NAME}"
    if len(path.encode()) > SOCKET_PATH_LIMIT:
        folder = f"{temporary.rstrip('/')}/agentd-{world.ids.token(9).hex()}"
        world.files.make_folder(folder)
        return f"{folder}/{SOCKET_NAME}"
    world.files.remove(path)
    return path


def write_connection(
    world: World,
    run: str,
    *,
    endpoint: str,
    product: str,
    pid: int,
    daemon: str,
    server_public: str,
    client_public: str,
    client_secret: str,
) -> None:
    """The owner's connection file."""
    connection = Connection(
        endpoint=endpoint,
        wire_lowest=WIRE_MIN,
        wire_highest=WIRE_MAX,
        product=product,
        pid=pid,
        daemon=daemon,
        server_public=server_public,
        client_public=client_public,
        client_secret=client_secret,
        role="owner",
    )
    world.files.write_atomic(f"{run}/{CONNECTION_FILE}", msgspec.json.encode(connection) + b"\n")


def remove_connection(world: World, run: str, socket_path: str) -> None:
    """At a clean stop: nobody shall try a daemon that is not there."""
    world.files.remove(f"{run}/{CONNECTION_FILE}")
    world.files.remove(socket_path)
