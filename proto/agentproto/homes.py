"""Where a home lies: the five folders, as daemon and clients both compute them.

Pure: the environment, the platform and the few facts about the disk are arguments, so that both sides come to the same
answer and a test can be any machine. It makes, checks and reads no folder. The paths for config, data, state and cache
are those of platformdirs (application name agentd); they are computed here because importing it costs a one-shot
client 20 ms. Callers: the daemon's start-up and `agentclient.discover`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

import msgspec

__all__ = ["APPLICATION", "LOG_FILE", "Folders", "is_ours", "locate"]

APPLICATION = "agentd"
LOG_FILE = "agentd.log"
"""In the state folder: stdout and stderr of a daemon that a client started."""

_XDG = {
    "config": ("XDG_CONFIG_HOME", ".config"),
    "data": ("XDG_DATA_HOME", ".local/share"),
    "state": ("XDG_STATE_HOME", ".local/state"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
}
_MACOS = {
    "config": ("XDG_CONFIG_HOME", "Library/Application Support"),
    "data": ("XDG_DATA_HOME", "Library/Application Support"),
    "state": ("XDG_STATE_HOME", "Library/Application Support"),
    "cache": ("XDG_CACHE_HOME", "Library/Caches"),
}


class Folders(msgspec.Struct, frozen=True):
    """Absolute paths. `home` is AGENTD_HOME's folder, or None where the platform's own places are used."""

    config: str
    data: str
    state: str
    cache: str
    run: str
    home: str | None = None


def locate(
    environment: Mapping[str, str],
    *,
    platform: str,
    cwd: str,
    account_home: Callable[[], str],
    real: Callable[[str], str],
    ours: Callable[[str], bool],
) -> Folders:
    """The folders of the home that `environment` names.

    `platform` is `sys.platform`; `cwd` absolute. `account_home` gives the account's own home folder (asked only when
    HOME is missing or relative), `real` resolves links as far as a path exists, `ours` says whether a folder is there,
    belongs to us and can be written by nobody else (`is_ours` decides that from what lstat says).
    """
    chosen = environment.get("AGENTD_HOME", "")
    if chosen:
        home = chosen if chosen.startswith("/") else f"{cwd.rstrip('/')}/{chosen}"
        home = home.rstrip("/") or "/"
        config, data, state, cache, run = (_below(home, name) for name in ("config", "data", "state", "cache", "run"))
        return Folders(config, data, state, cache, run, home)
    table = _MACOS if platform == "darwin" else _XDG
    user = environment.get("HOME", "")
    if not user.startswith("/"):
        user = account_home()
    config, data, state, cache = (
        _base(environment.get(variable, ""), user, default) for variable, default in table.values()
    )
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and ours(runtime):
        mark = sha256(real(data).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        run = _below(_below(runtime, APPLICATION), mark)
    else:
        run = _below(state, "run")
    return Folders(config, data, state, cache, run)


def _base(wish: str, user: str, default: str) -> str:
    return _below(wish if wish.startswith("/") else f"{user.rstrip('/')}/{default}", APPLICATION)


def _below(folder: str, name: str) -> str:
    return folder + name if folder.endswith("/") else f"{folder}/{name}"


def is_ours(*, folder: bool, owner: int, mode: int, uid: int) -> bool:
    """Whether something that lstat saw is a real folder of ours that nobody else can write to."""
    return folder and owner == uid and not mode & 0o022
