"""`sessions rename`: one line of title, and nothing is said when it went well."""

from __future__ import annotations

import json
from pathlib import Path

from agentproto.api import session
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import lived


def test_a_title_is_one_line(home: Path) -> None:
    with double(home, lived(session_set=lambda call: session.SetResult(12))) as served:
        assert ctl(home, "sessions", "rename", "s00000", " a new\n title ") == Ran(0, "", "")
        data = json.loads(ctl(home, "sessions", "rename", SESSION, "x", "--json").out)
    asked = next(call.params for call in served.calls if isinstance(call.params, session.SetParams))
    assert asked == session.SetParams(key=asked.key, session=SESSION, title="a new title")
    assert data == {"session": SESSION, "title": "x", "seq": 12}


def test_an_empty_title_is_wrong_usage(home: Path) -> None:
    assert ctl(home, "sessions", "rename", SESSION, " ").code == 2
