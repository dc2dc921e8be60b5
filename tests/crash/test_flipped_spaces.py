"""A space with one flipped bit is a NUL. That alone does not pass for the hole of a power cut: synced entries would go.

What a hole looks like: it begins where a line or a sector (512 bytes of the file) begins, and its zeros go on to the end
of the sector or of the file. One flipped bit in a line that was written whole never looks so.
"""

from __future__ import annotations

from agentd.session.log import SessionLog
from crash.test_damage import recorded


def test_every_space_that_became_a_nul_is_damage() -> None:
    home = recorded()
    spaces = [place for place, byte in enumerate(home.data) if byte == 0x20]
    assert len(spaces) > 50
    for place in spaces:
        bad = bytearray(home.data)
        bad[place] = 0
        home.world.files.add_file(home.path, bytes(bad))
        log = SessionLog.open(home.world, home.folder)
        assert (log.problem is not None, log.torn) == (True, (0, "")), f"byte {place} was cut off with all behind it"
        assert home.world.files.read(home.path) == bytes(bad)
        log.close()
