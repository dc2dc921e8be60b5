"""The daemon's own log never grows for ever."""

from __future__ import annotations

from agentd.lifecycle.own_log import trim
from agentd.world.fake import fake_world


def test_a_log_over_its_limit_begins_anew_and_the_newest_of_it_is_kept() -> None:
    files = fake_world().files
    files.make_folder("/state")
    files.write_scratch("/state/agentd.log", b"0123456789" * 10)
    assert trim(files, "/state/agentd.log", limit=30)
    assert (files.read("/state/agentd.log"), files.read("/state/agentd.log.1")) == (b"", b"0123456789" * 3)
    files.write_scratch("/state/agentd.log", b"short")
    assert not trim(files, "/state/agentd.log", limit=30)
    assert files.read("/state/agentd.log") == b"short"


def test_no_log_at_all_is_fine() -> None:
    assert not trim(fake_world().files, "/state/agentd.log")
