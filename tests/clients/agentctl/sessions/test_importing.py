"""`sessions import`: a file by its absolute path, the session's own id back."""

from __future__ import annotations

import json
from pathlib import Path

from agentproto.keeping import ImportParams, ImportResult
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import lived

MADE = ImportResult(SESSION, 12, "ab" * 32)


def test_a_bundle_comes_in_under_its_own_id(home: Path) -> None:
    (home / "bundle").write_text("x")
    with double(home, lived(session_import=lambda call: MADE)) as served:
        assert ctl(home, "sessions", "import", "bundle") == Ran(0, f"{SESSION}\n", f"- 12 entries; state {'ab' * 32}\n")
        data = json.loads(ctl(home, "sessions", "import", "bundle", "--json").out)
    assert data == {"session": SESSION, "entries": 12, "state_hash": "ab" * 32}
    asked = served.calls[0].params
    assert isinstance(asked, ImportParams)
    assert asked.path == str(home / "bundle")


def test_a_file_that_is_not_there_is_wrong_usage(home: Path) -> None:
    assert ctl(home, "sessions", "import", "nothing").code == 2
