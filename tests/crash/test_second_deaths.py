"""Dying between keeping a torn tail beside the log and cutting it off does not hinder the next start.

Not even one within the same millisecond, or after the clock was set back: then the name of the kept tail is taken.
"""

from __future__ import annotations

import pytest

from agentd.session.log import SessionLog
from agentd.world.faults import Crash, Plan
from crash.test_damage import recorded


def test_a_tail_that_was_kept_already_is_no_obstacle() -> None:
    home = recorded()
    home.world.files.add_file(home.path, home.data + b'{"seq":99,"at_ms":1,"type"')
    rehearsal = home.world.restart()
    SessionLog.open(rehearsal, home.folder)
    cut = next(call.number for call in rehearsal.points.calls if call.name == "files.truncate")
    dying = home.world.restart(plan=Plan({cut: "crash_before"}))
    with pytest.raises(Crash):
        SessionLog.open(dying, home.folder)
    log = SessionLog.open(dying.restart(), home.folder)
    assert (log.problem, log.state.seq, log.size) == (None, len(home.lines), len(home.data))
