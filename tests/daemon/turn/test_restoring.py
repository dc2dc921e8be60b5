"""What lies at a path, told without keeping the loop: a small file at once, a large one by the worker."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agentd.turn.digest_jobs import digest
from agentd.turn.restoring import DIGEST_JOB, look
from agentd.turn.reverting import CANT_READ
from agentd.world.fake import FakeWorld, fake_world

LARGE = b"x" * (4 * 1024 * 1024 + 1)


def a_world() -> FakeWorld:
    world = fake_world(auto=True)
    world.files.make_folder("/work")
    world.files.write_atomic("/work/small", b"words")
    world.files.write_atomic("/work/large", LARGE)
    return world


def told(world: FakeWorld) -> list[str | None]:
    async def story() -> list[str | None]:
        return [await look(world, f"/work/{name}") for name in ("small", "large", "gone")]

    return world.run(story())


def test_a_large_file_is_hashed_by_the_worker() -> None:
    world = a_world()
    asked: list[object] = []
    world.processes.on_job(DIGEST_JOB, lambda path: asked.append(path) or "its hash")
    assert told(world) == [hashlib.sha256(b"words").hexdigest(), "its hash", None]
    assert asked == ["/work/large"]


def test_a_large_file_that_the_worker_can_t_tell_of_counts_as_unreadable() -> None:
    assert told(a_world()) == [hashlib.sha256(b"words").hexdigest(), CANT_READ, None]


def test_the_worker_says_of_a_path_what_the_daemon_would(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LARGE)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    places = [str(tmp_path / name) for name in ("file", "link", "gone", ".")]
    assert [digest(place) for place in places] == [hashlib.sha256(LARGE).hexdigest(), CANT_READ, None, None]
