"""A new file is new: nothing is ever written over, not even a link to nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentclient.errors import ClientError
from agentctl.sessions.newfile import check_new, write_new


def test_it_is_written_once(home: Path) -> None:
    path = str(home / "out.md")
    check_new(path)
    assert (write_new(path, "é\n"), (home / "out.md").read_bytes()) == (path, "é\n".encode())
    with pytest.raises(ClientError, match="exists already"):
        write_new(path, "other")
    with pytest.raises(ClientError, match="exists already"):
        check_new(path)
    assert (home / "out.md").read_text() == "é\n"


def test_a_link_that_leads_nowhere_is_something(home: Path) -> None:
    (home / "link").symlink_to(home / "nowhere")
    with pytest.raises(ClientError, match="exists already"):
        check_new(str(home / "link"))
    with pytest.raises(ClientError, match="exists already"):
        write_new(str(home / "link"), "x")


def test_a_place_that_is_none_is_named(home: Path) -> None:
    with pytest.raises(ClientError) as caught:
        write_new(str(home / "no" / "out"), "x")
    assert (caught.value.what, caught.value.why) == (
        f"{home}/no/out could not be written",
        "No such file or directory.",
    )
