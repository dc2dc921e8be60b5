"""Whether a settings file changed, from what the disk says about it."""

from __future__ import annotations

from agentd.config.watch import Stamp, changed, look
from agentd.world.fake import fake_world


def test_each_part_of_a_stamp_counts() -> None:
    old: dict[str, Stamp] = {"/a": (1, 2, 3), "/b": (1, 2, 3), "/c": (1, 2, 3), "/d": None, "/e": (1, 2, 3), "/f": None}
    new: dict[str, Stamp] = {"/a": (9, 2, 3), "/b": (1, 9, 3), "/c": (1, 2, 9), "/d": (1, 2, 3), "/e": None, "/f": None}
    assert changed(old, new) == ("/a", "/b", "/c", "/d", "/e")
    assert changed(old, dict(old)) == ()
    assert changed({"/x": None}, {"/y": None}) == ("/x", "/y")


def test_a_file_that_is_replaced_by_another_of_the_same_size_and_time_is_seen() -> None:
    files = fake_world().files
    files.add_file("/c/settings.toml", b"a = 1")
    before = look(files, ["/c/settings.toml", "/none"])
    assert before["/none"] is None
    assert changed(before, look(files, ["/c/settings.toml", "/none"])) == ()
    files.write_atomic("/c/settings.toml", b"a = 2")
    assert changed(before, look(files, ["/c/settings.toml", "/none"])) == ("/c/settings.toml",)


def test_a_linked_file_is_watched_where_it_lies() -> None:
    files = fake_world().files
    files.add_file("/dot/settings.toml", b"a = 1")
    files.add_folder("/c")
    files.add_link("/c/settings.toml", "/dot/settings.toml")
    before = look(files, ["/c/settings.toml"])
    files.write_atomic("/dot/settings.toml", b"a = 22")
    assert changed(before, look(files, ["/c/settings.toml"])) == ("/c/settings.toml",)
