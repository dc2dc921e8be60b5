"""The five folders: equal to platformdirs, under AGENTD_HOME when that is set, and a run folder that nobody shares."""

from __future__ import annotations

import os
import pwd
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from agentproto.homes import Folders, is_ours, locate


def no_account() -> str:
    raise AssertionError("the account's home was asked for although HOME says it")


def on_linux(environment: dict[str, str], *, runtime_is_ours: bool = False, platform: str = "linux") -> Folders:
    return locate(
        environment,
        platform=platform,
        cwd="/work/here",
        account_home=lambda: "/home/account",
        real=lambda path: path.replace("/link/", "/real/"),
        ours=lambda path: runtime_is_ours,
    )


def test_agentd_home_holds_everything() -> None:
    expected = Folders("/h/config", "/h/data", "/h/state", "/h/cache", "/h/run", home="/h")
    assert on_linux({"AGENTD_HOME": "/h", "XDG_RUNTIME_DIR": "/run/user/1", "HOME": "/home/me"}) == expected
    assert on_linux({"AGENTD_HOME": "/h/"}) == expected


def test_a_relative_agentd_home_counts_from_the_current_folder() -> None:
    assert on_linux({"AGENTD_HOME": "try"}).run == "/work/here/try/run"


def test_an_empty_agentd_home_is_none() -> None:
    assert on_linux({"AGENTD_HOME": "", "HOME": "/home/me"}) == on_linux({"HOME": "/home/me"})


def test_without_anything_the_platforms_places_are_used() -> None:
    assert on_linux({"HOME": "/home/me"}) == Folders(
        "/home/me/.config/agentd",
        "/home/me/.local/share/agentd",
        "/home/me/.local/state/agentd",
        "/home/me/.cache/agentd",
        "/home/me/.local/state/agentd/run",
    )


def test_the_run_folder_is_named_after_the_real_data_folder() -> None:
    environment = {"HOME": "/link/me", "XDG_RUNTIME_DIR": "/run/user/1000"}
    mark = sha256(b"/real/me/.local/share/agentd").hexdigest()[:8]
    assert on_linux(environment, runtime_is_ours=True).run == f"/run/user/1000/agentd/{mark}"


@pytest.mark.parametrize("runtime", ["/run/user/1000", "run/relative", ""])
def test_a_runtime_folder_that_is_not_ours_or_not_absolute_is_passed_over(runtime: str) -> None:
    environment = {"HOME": "/home/me", "XDG_RUNTIME_DIR": runtime}
    assert on_linux(environment).run == "/home/me/.local/state/agentd/run"


def test_a_home_without_an_absolute_home_variable_asks_the_account() -> None:
    assert on_linux({}).config == "/home/account/.config/agentd"
    assert on_linux({"HOME": "relative"}).config == "/home/account/.config/agentd"


PLACES = st.sampled_from(["", "/", "/a", "/a/", "//a b", "relative/x", "~/x", "/ü/ñ", " /space"])
VARIABLES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME")


@pytest.mark.parametrize(("platform", "reference"), [("linux", Unix), ("darwin", MacOS)])
@given(environment=st.fixed_dictionaries({}, optional=dict.fromkeys(VARIABLES, PLACES)))
def test_the_paths_are_those_of_platformdirs(
    platform: str, reference: type[Unix] | type[MacOS], environment: dict[str, str]
) -> None:
    before = {name: os.environ.pop(name, None) for name in VARIABLES}
    os.environ.update(environment)
    try:
        theirs = reference("agentd")
        expected = (theirs.user_config_dir, theirs.user_data_dir, theirs.user_state_dir, theirs.user_cache_dir)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    ours = locate(
        environment,
        platform=platform,
        cwd="/",
        account_home=lambda: pwd.getpwuid(os.getuid()).pw_dir,
        real=str,
        ours=lambda path: False,
    )
    assert (ours.config, ours.data, ours.state, ours.cache) == expected


@pytest.mark.parametrize(
    ("folder", "owner", "mode", "expected"),
    [
        (True, 1000, 0o700, True),
        (True, 1000, 0o755, True),
        (False, 1000, 0o700, False),
        (True, 0, 0o700, False),
        (True, 1000, 0o770, False),
        (True, 1000, 0o702, False),
    ],
)
def test_ours_is_a_real_folder_that_only_we_can_write(folder: bool, owner: int, mode: int, expected: bool) -> None:
    assert is_ours(folder=folder, owner=owner, mode=mode, uid=1000) is expected
