"""`read`: numbered lines, parts of long files, and clear words for everything that is no text."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from agentd.policy.access import Read
from agentd.tools.arguments import validate
from agentd.tools.builtin.read import RESULT_CHARS, ReadTool
from agentproto.content import ImageBlock
from support.drawn import gif, jpeg, png, webp_lossy
from support.tool_ground import Ground, ground, plant


@pytest.fixture
def made(home: Path) -> Ground:
    return ground(home)


def test_lines_come_with_their_numbers(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "one\n\n  three"})
    result = made.call(ReadTool(), path="a.txt")
    assert (result.text, result.summary) == ("     1\tone\n     2\t\n     3\t  three", "3 of 3 lines of a.txt")
    digest = hashlib.sha256(b"one\n\n  three").hexdigest()
    assert result.touched == {f"{made.workspace}/a.txt": (digest, digest)}


def test_a_part_says_how_to_go_on(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "".join(f"{n}\n" for n in range(1, 11))})
    assert made.text(ReadTool(), path="a.txt", offset=4, limit=2) == (
        "     4\t4\n     5\t5\n[lines 4 to 5 of 10; go on with offset=6]"
    )
    assert made.text(ReadTool(), path="a.txt", offset=10) == "    10\t10"


def test_an_empty_file_is_said_to_be_empty(made: Ground) -> None:
    plant(made.workspace, {"a.txt": ""})
    assert made.text(ReadTool(), path="a.txt") == "[a.txt is empty]"


def test_a_large_file_is_said_to_be_large_and_stays_within_the_results_size(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "x" * 100 + "\n"})
    (made.workspace / "b.txt").write_text(("y" * 99 + "\n") * 5_000)
    text = made.text(ReadTool(), path="b.txt")
    assert len(text) <= RESULT_CHARS
    assert text.splitlines()[-1].startswith("[this file is large: lines 1 to ")
    assert text.splitlines()[-1].endswith(f"of 5000; go on with offset={len(text.splitlines())}]")


def test_a_line_that_is_not_there_is_said(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "one\n"})
    assert made.text(ReadTool(), path="a.txt", offset=7) == "[a.txt has 1 lines; there is no line 7]"


def test_a_very_long_line_is_cut_with_a_notice(made: Ground) -> None:
    plant(made.workspace, {"a.txt": "x" * 5_000 + "\nnext\n"})
    assert made.text(ReadTool(), path="a.txt") == (
        "     1\t" + "x" * 2_000 + "… [line cut: 5,000 characters]\n     2\tnext"
    )


def test_line_ends_and_marks_are_not_shown(made: Ground) -> None:
    plant(
        made.workspace, {"w.txt": b"\xef\xbb\xbfone\r\ntwo\r\n", "u.txt": b"\xff\xfe" + "zwölf\n".encode("utf-16-le")}
    )
    assert made.text(ReadTool(), path="w.txt") == "     1\tone\n     2\ttwo"
    assert made.text(ReadTool(), path="u.txt") == "     1\tzwölf"


def test_bytes_that_are_no_utf8_are_shown_as_such_and_said(made: Ground) -> None:
    plant(made.workspace, {"l.txt": b"caf\xe9\n"})
    assert made.text(ReadTool(), path="l.txt") == (
        "     1\tcaf\ufffd\n[some bytes are no UTF-8 and are shown as \ufffd; an edit elsewhere in the file keeps them]"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n123", "x is an image (PNG), 11 bytes, but its header is damaged; it is not shown"),
        (b"\xff\xd8\xff\xe0", "x is an image (JPEG), 4 bytes, but its header is damaged; it is not shown"),
        (b"RIFF1234WEBP", "x is an image (WebP), 12 bytes, but its header is damaged; it is not shown"),
        (b"\x7fELF\0\0", "x is a program (ELF), 6 bytes, not text; it is not shown"),
        (b"%PDF-1.7", "x is a PDF document, 8 bytes, not text; it is not shown"),
        (b"a\0b", "x is a binary file, 3 bytes, not text; it is not shown"),
    ],
)
def test_what_is_no_text_is_named(made: Ground, data: bytes, words: str) -> None:
    plant(made.workspace, {"x": data})
    assert made.refusal(ReadTool(), path="x") == words


@pytest.mark.parametrize(
    ("data", "media_type", "words"),
    [
        (png(30, 20), "image/png", "an image (PNG), 30x20 pixels"),
        (jpeg(30, 20), "image/jpeg", "an image (JPEG), 30x20 pixels"),
        (gif(30, 20), "image/gif", "an image (GIF), 30x20 pixels"),
        (webp_lossy(30, 20), "image/webp", "an image (WebP), 30x20 pixels"),
    ],
    ids=["png", "jpeg", "gif", "webp"],
)
def test_a_picture_is_shown_whatever_its_name_is(made: Ground, data: bytes, media_type: str, words: str) -> None:
    plant(made.workspace, {"x.txt": data})
    digest = hashlib.sha256(data).hexdigest()
    result = made.call(ReadTool(), path="x.txt", offset=3)
    assert (result.text, result.summary) == (f"[x.txt is {words}, {len(data)} bytes]", f"x.txt, {words}")
    assert (result.images, result.blobs) == ((ImageBlock(media_type, digest, 30, 20),), {digest: data})
    assert result.touched == {f"{made.workspace}/x.txt": (digest, digest)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            gif(9_000, 20),
            "9000x20 pixels, 35 bytes; it is too large to be shown\nPictures of up to 8000 pixels a side are",
        ),
        (
            gif(20, 20) + bytes(5 * 1024 * 1024),
            "5.0 MiB; it is too large to be shown\nPictures of up to 5 MiB are shown.",
        ),
    ],
    ids=["sides", "bytes"],
)
def test_a_picture_that_no_server_would_take_is_named(made: Ground, data: bytes, words: str) -> None:
    plant(made.workspace, {"x.gif": data})
    refused = made.refusal(ReadTool(), path="x.gif")
    assert refused.startswith("x.gif is an image (GIF), ")
    assert words in refused
    assert refused.endswith("Make a smaller copy of it with a shell command, and read that.")


def test_devices_pipes_and_folders_are_refused_without_being_opened(made: Ground) -> None:
    os.mkfifo(made.workspace / "pipe")
    assert made.refusal(ReadTool(), path="/dev/zero") == "/dev/zero is a device; devices are not read or written"
    assert made.refusal(ReadTool(), path="pipe") == "pipe is a named pipe; pipes are not read or written"
    assert made.refusal(ReadTool(), path=".") == ". is a folder; use ls to see what is in it"
    assert made.refusal(ReadTool(), path="/") == "/ is a folder; use ls to see what is in it"


def test_a_missing_file_is_told_with_names_like_it(made: Ground) -> None:
    plant(made.workspace, {"src/Config.py": "", "src/other.txt": ""})
    assert made.refusal(ReadTool(), path="src/config.py") == (
        "there is no file src/config.py\nDid you mean src/Config.py?"
    )
    assert made.refusal(ReadTool(), path="no/where") == "there is no file no/where\nLook with ls or glob for its name."


def test_a_file_that_may_not_be_read_is_told_or_read_by_root(made: Ground) -> None:
    plant(made.workspace, {"shut": "x\n"})
    (made.workspace / "shut").chmod(0)
    if os.geteuid() == 0:
        assert made.text(ReadTool(), path="shut") == "     1\tx"
    else:
        assert made.refusal(ReadTool(), path="shut").startswith("shut: this user may not do that with it")


def test_a_file_that_is_too_large_is_not_read_as_a_whole(made: Ground) -> None:
    with (made.workspace / "huge").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    assert made.refusal(ReadTool(), path="huge").startswith(
        "huge is too large to be read as a whole (17.0 MiB)\nFiles up to 16.0 MiB are read.\nSearch in it with grep"
    )


def test_paths_are_relative_to_the_session_or_home_or_absolute(made: Ground) -> None:
    plant(made.workspace, {"sub/a.txt": "a\n", "b.txt": "b\n"})
    plant(made.workspace.parent, {"c.txt": "c\n"})
    made.cwd = made.workspace / "sub"
    assert made.text(ReadTool(), path="a.txt") == "     1\ta"
    assert made.text(ReadTool(), path="../b.txt") == "     1\tb"
    assert made.text(ReadTool(), path="~/c.txt") == "     1\tc"
    assert made.text(ReadTool(), path=str(made.workspace / "b.txt")) == "     1\tb"


def test_access_is_the_real_place_behind_links(made: Ground) -> None:
    plant(made.workspace.parent, {"outside/secret": "s\n"})
    (made.workspace / "link").symlink_to(made.workspace.parent / "outside")
    tool = ReadTool()

    async def story() -> object:
        return tool.access(validate(tool.spec, {"path": "link/../outside/secret"}), made.context())

    assert made.run(story) == (Read(f"{made.workspace.parent}/outside/secret"),)
    assert made.text(tool, path="link/secret") == "     1\ts"


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(made: Ground, path: str) -> None:
    assert made.refusal(ReadTool(), path=path) == f"no file can have the name {path!r}"


def test_a_link_to_a_name_that_is_no_utf8_is_refused(made: Ground) -> None:
    (made.workspace / os.fsdecode(b"caf\xe9")).write_text("x")
    (made.workspace / "link").symlink_to(os.fsdecode(b"caf\xe9"))
    assert made.refusal(ReadTool(), path="link") == "link leads to a name that is no UTF-8; such names are not handled"
