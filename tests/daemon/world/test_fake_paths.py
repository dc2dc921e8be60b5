"""Path resolution against the kernel: random trees of folders, files and links, and random paths through them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.errors import AgentdError
from agentd.world.doors import FileInfo, Files
from agentd.world.fake import fake_world
from agentd.world.files import RealFiles

NAME = st.sampled_from(["a", "b", "c"])
PATH = st.lists(NAME, min_size=1, max_size=3).map("/".join)
STEPS = st.lists(st.sampled_from(["a", "b", "c", "..", ".", ""]), min_size=1, max_size=6).map("/".join)
TARGET = st.one_of(PATH, st.sampled_from(["..", ".", "../a", "../../b", "/a", "/b/c", "a/../b"]))
NODE = st.one_of(
    st.tuples(st.just("dir"), PATH, st.just("")),
    st.tuples(st.just("file"), PATH, st.just("")),
    st.tuples(st.just("link"), PATH, TARGET),
)


def seen(files: Files, root: str, path: str) -> list[object]:
    """What the door says of a path: kinds, real path, content, or the class of the error."""

    def kind(info: FileInfo | None) -> str | None:
        return None if info is None else info.kind

    found: list[object] = []
    for look in (
        lambda: kind(files.info(f"{root}/{path}")),
        lambda: kind(files.info(f"{root}/{path}", follow=True)),
        lambda: files.read(f"{root}/{path}"),
        lambda: files.read_below(root, path),
    ):
        try:
            found.append(look())
        except AgentdError as error:
            found.append(type(error).__name__)
    return found


@settings(max_examples=300)
@given(st.lists(NODE, max_size=8), st.lists(STEPS, min_size=1, max_size=8))
def test_the_double_sees_what_the_kernel_sees(nodes: list[tuple[str, str, str]], paths: list[str]) -> None:
    base = Path(tempfile.mkdtemp(prefix="ad")).resolve()
    try:
        # An absolute target begins at the tree's root, so that both trees have the same shape.
        fake = fake_world().files
        root = str(base)
        fake.add_folder(root)
        for kind, path, target in nodes:
            whole = f"{root}/{path}"
            if not os.path.isdir(os.path.dirname(whole)) or os.path.lexists(whole):
                continue
            if os.path.realpath(os.path.dirname(whole)) != os.path.dirname(whole):
                continue
            if kind == "dir":
                os.mkdir(whole)
                fake.add_folder(whole)
            elif kind == "file":
                Path(whole).write_bytes(path.encode())
                fake.add_file(whole, path.encode())
            else:
                inner = root + target if target.startswith("/") else target
                os.symlink(inner, whole)
                fake.add_link(whole, inner)
        for path in paths:
            real = RealFiles()
            assert seen(fake, root, path) == seen(real, root, path), path
            inside = real.real(f"{root}/{path}")
            # What lies outside of the tree is the machine's and not the double's; a loop has no real path.
            if inside.startswith(root) and "LinkInPathError" not in seen(real, root, path)[2:3]:
                assert fake.real(f"{root}/{path}") == inside
    finally:
        shutil.rmtree(base)
