"""`grep`: what it finds, how it tells it, and that ripgrep and the worker give the very same answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentd.policy.access import Read
from agentd.tools.arguments import validate
from agentd.tools.builtin.grep import GrepTool
from agentd.tools.search_jobs import glob as glob_job
from support.skips import need
from support.tool_ground import Ground, ground, plant

TREE: dict[str, str | bytes] = {
    "a.py": "import os\ndef alpha():\n    return 1\n",
    "b/c.py": "def beta():\r\n    return 'x'\r\n",
    "b/d.txt": "def in text\n",
    "b-c/e.py": "def gamma(): pass",
    ".hidden/f.py": "def hidden(): ...\n",
    "big.bin": b"def binary\0\n",
    "out/g.py": "def ignored(): ...\n",
    ".env": "def SECRET=1\n",
    ".gitignore": "out/\n",
    ".git/h.py": "def inside_git(): ...\n",
}
WORKER_ONLY = "/nonexistent"
EXAMPLES = 1_000 if os.environ.get("AGENTD_TEST_FULL") == "1" else 60


@pytest.fixture(params=["ripgrep", "worker"])
def searched(request: pytest.FixtureRequest, home: Path) -> Ground:
    """The same expectations for both ways of searching."""
    if request.param == "ripgrep":
        need(shutil.which("rg") is not None, "ripgrep (rg) is not installed", "apt-get install ripgrep")
    made = ground(home)
    made.path = os.environ["PATH"] if request.param == "ripgrep" else WORKER_ONLY
    plant(made.workspace, TREE)
    return made


def test_lines_come_by_path_and_number(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="def ") == (
        ".hidden/f.py:1:def hidden(): ...\n"
        "a.py:2:def alpha():\n"
        "b/c.py:1:def beta():\n"
        "b/d.txt:1:def in text\n"
        "b-c/e.py:1:def gamma(): pass"
    )


def test_context_lines_have_dashes(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="alpha", context=1) == (
        "a.py-1-import os\na.py:2:def alpha():\na.py-3-    return 1"
    )


def test_files_and_counts(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="return", mode="files") == "a.py\nb/c.py"
    assert (
        searched.text(GrepTool(), pattern="e", mode="count", glob="*.py")
        == ".hidden/f.py:1\na.py:2\nb/c.py:2\nb-c/e.py:1"
    )


def test_the_cut_is_told(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="def", limit=1, mode="files") == (
        ".hidden/f.py\n[cut at 1 files; there are more: narrow pattern, glob or path, or raise limit]"
    )
    assert searched.text(GrepTool(), pattern="def", limit=2) == (
        ".hidden/f.py:1:def hidden(): ...\na.py:2:def alpha():\n"
        "[cut at 2 matching lines; there are more: narrow pattern, glob or path, or raise limit]"
    )


def test_nothing_found_is_said(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="no such word") == "nothing found"


def test_a_line_end_of_windows_is_an_end(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="'x'$") == "b/c.py:2:    return 'x'"


def test_a_folder_and_a_single_file_can_be_named(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="DEF", path="b", ignore_case=True) == (
        "b/c.py:1:def beta():\nb/d.txt:1:def in text"
    )
    assert searched.text(GrepTool(), pattern="def", path="b/d.txt") == "b/d.txt:1:def in text"


def test_what_is_ignored_is_searched_when_it_is_named(searched: Ground) -> None:
    assert searched.text(GrepTool(), pattern="def", path="out") == "out/g.py:1:def ignored(): ..."
    assert searched.text(GrepTool(), pattern="def", path=".env") == ".env:1:def SECRET=1"


def test_rules_of_the_folders_above_hold_in_a_part_of_the_tree(searched: Ground) -> None:
    plant(
        searched.workspace,
        {"p/q/.gitignore": "*.log\n", "p/q/r/x.log": "word", "p/q/r/y.txt": "word", "p/z.log": "word"},
    )
    assert searched.text(GrepTool(), pattern="word", path="p/q/r") == "p/q/r/y.txt:1:word"
    assert searched.text(GrepTool(), pattern="word", path="p") == "p/q/r/y.txt:1:word\np/z.log:1:word"


def test_paths_outside_are_shown_in_full(searched: Ground) -> None:
    plant(searched.workspace.parent, {"other/x.txt": "word\n"})
    other = searched.workspace.parent / "other"
    assert searched.text(GrepTool(), pattern="word", path=str(other)) == f"{other}/x.txt:1:word"


def test_a_long_line_is_cut(searched: Ground) -> None:
    plant(searched.workspace, {"long.txt": "needle" + "x" * 1000})
    assert searched.text(GrepTool(), pattern="needle") == "long.txt:1:needle" + "x" * 394 + "… [line cut]"


def test_bytes_that_are_no_text_do_not_end_a_search(searched: Ground) -> None:
    plant(searched.workspace, {"latin.txt": b"caf\xe9 word\n"})
    assert searched.text(GrepTool(), pattern="word") == "latin.txt:1:caf\ufffd word"
    assert searched.text(GrepTool(), pattern="caf.word") == "nothing found"


def test_a_pattern_that_no_engine_shares_is_refused_with_its_place(searched: Ground) -> None:
    assert searched.refusal(GrepTool(), pattern="a(?=b)") == (
        "the pattern cannot be searched for: look-around is not known here; search for the rest and read what is found\n"
        "At a(⟨here⟩?=b)\n"
        'A right pattern is, for example, "def \\w+\\(self" or "TODO|FIXME".'
    )


def test_what_is_missing_is_said(searched: Ground) -> None:
    assert searched.refusal(GrepTool(), pattern="x", path="nowhere") == (
        "there is nothing named nowhere\nLook with ls or glob for its name."
    )


def test_ripgrep_is_asked_where_it_can_be_told_the_rules(home: Path) -> None:
    """A program named rg stands before the real one, writes down that it was called, and calls it."""
    real = shutil.which("rg")
    need(real is not None, "ripgrep (rg) is not installed", "apt-get install ripgrep")
    made = ground(home)
    plant(made.workspace, TREE)
    plant(home, {"bin/rg": f'#!/bin/sh\necho called >> {home}/calls\nexec {real} "$@"\n'})
    (home / "bin/rg").chmod(0o700)
    made.path = f"{home}/bin:{os.environ['PATH']}"
    calls = []
    for path in (".", "b", "b/d.txt", "out"):
        made.text(GrepTool(), pattern="def", path=path)
        calls.append((home / "calls").read_text().count("called"))
    # Two for a folder (are its rules plain? what is found?), one for a file; an ignored folder is the worker's.
    assert calls == [2, 4, 5, 5]


def test_a_program_that_the_workspace_supplies_is_never_run(home: Path) -> None:
    made = ground(home)
    plant(made.workspace, {"bin/rg": f"#!/bin/sh\ntouch {home}/caught\n", "a.txt": "word\n"})
    (made.workspace / "bin/rg").chmod(0o700)
    (home / "links").mkdir()
    (home / "links/rg").symlink_to(made.workspace / "bin/rg")
    (home / "linked").symlink_to(made.workspace / "bin")
    made.path = f"{made.workspace}/bin:bin:{home}/linked:{home}/links"
    assert made.text(GrepTool(), pattern="word") == "a.txt:1:word"
    assert not (home / "caught").exists()


def test_a_file_with_everything_in_it_is_answered_by_the_worker_up_to_the_limit(searched: Ground) -> None:
    plant(searched.workspace, {"many.txt": "word and more words\n" * 80_000})
    text = searched.text(GrepTool(), pattern="word", limit=1)
    assert text.startswith("many.txt:1:word and more words\n[cut at 1 matching lines;")


def test_it_says_what_it_will_read(searched: Ground) -> None:
    async def story() -> list[object]:
        tool = GrepTool()
        return [
            tool.access(validate(tool.spec, {"pattern": "x", "path": path}), searched.context())
            for path in (".", "a.py", "gone")
        ]

    root = str(searched.workspace)
    assert searched.run(story) == [
        (Read(root, tree=True, contents="no_secrets"),),
        (Read(f"{root}/a.py"),),
        (Read(f"{root}/gone", tree=True, contents="no_secrets"),),
    ]


# --- both ways of searching, on trees and patterns that nobody chose ---

NAMES = st.sampled_from(
    ["a", "b", "c", "aa", "b.py", "a.txt", "x-y", "x y", ".h", "build", "a.log", "Ü.py", ".env", "node"]
)
WORDS = st.sampled_from(
    [
        "foo",
        "Foo",
        "bar",
        "größe",
        "GRÖSSE",
        "x1",
        "_",
        "  ",
        "\t",
        ".",
        "(",
        "é",
        "\u0928\u092e\u0938\u094d\u0924\u0947",
        "²",
        "ſ",
        "\ufeff",
        "\x1c",
        "\xa0",
        "\r",
        "日本",
        "a-b",
    ]
)
CONTENT = st.one_of(
    st.lists(st.lists(WORDS, max_size=4).map("".join), max_size=6).map(lambda lines: "\n".join(lines).encode()),
    st.sampled_from([b"", b"\n", b"foo\0bar\n", b"caf\xe9 foo\n", b"\xff\xfefoo", b"foo\r\nbar\r\n", b"foo\n\n\nfoo"]),
)
RULES = st.lists(
    st.sampled_from(
        ["a", "/a", "a/", "*.py", "!*.py", "!a.txt", "build/", "**/c", "a/**", "*", "!*/", "x?y", "[ab]", "!b.py", "a/b", "/b/*", "!/b/a.txt",
         "# c", "", "*.{py,txt}", "\\#", "x\\ y", "[!a]", "**", "a/**/c", "*/c", "c/*", "!c", ".h", "aa ", "!", "/", "*.*"]
    ),
    max_size=4,
).map("\n".join)  # fmt: skip
FOLDERS = st.lists(NAMES, max_size=3).map("/".join)
ATOMS = st.sampled_from(
    ["foo", "Foo", "o", ".", r"\w", r"\W", r"\d", r"\s", r"\S", "[a-f]", "[^a-z]", r"[\w.]", r"\b", "^", "$", "(foo|bar)", "é",
     "²", "ſ", "[[:alpha:]]", "größe", "s", "k", r"\.", r"\(", r"[^\W]", "x{1,2}", " ", "{", "[é-ö]", r"\x41", "-", "日"]
)  # fmt: skip
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "+?"])


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    files = {}
    for folder, name in draw(st.lists(st.tuples(FOLDERS, NAMES), min_size=1, max_size=10)):
        files[f"{folder}/{name}".lstrip("/")] = draw(CONTENT)
    for folder in draw(st.lists(FOLDERS, max_size=3)):
        files[f"{folder}/.gitignore".lstrip("/")] = draw(RULES).encode()
    if draw(st.booleans()):
        files[".git/info/exclude"] = draw(RULES).encode()
    if draw(st.integers(0, 4)) == 0:
        files[f"{draw(NAMES)}/.git/info/exclude"] = draw(RULES).encode()
    return files


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = []
    for atom in draw(st.lists(ATOMS, min_size=1, max_size=3)):
        wide = atom not in ("^", "$", r"\b", "x{1,2}", "{")
        parts.append(atom + (draw(REPEATS) if wide else ""))
    return "".join(parts)


def plant_what_fits(folder: Path, files: dict[str, bytes]) -> None:
    """A name may be drawn as a file and as a folder; the first one keeps it."""
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(content)
        except (FileExistsError, NotADirectoryError):
            continue


@pytest.mark.timeout(600)
@settings(max_examples=EXAMPLES)
@given(
    trees(), patterns(), st.booleans(), st.sampled_from(["content", "files", "count"]), st.integers(0, 2),
    st.sampled_from(["", "*.py", "**/a*", "{a,b}/**"]), st.integers(1, 6), st.data(),
)  # fmt: skip
@example({"a/x.txt": b"foo", ".gitignore": b"*\n!*/\n!*.py"}, "foo", False, "content", 0, "", 5, None)
@example({"b.py": b"foo", ".gitignore": b"*.py\n!"}, "foo", False, "content", 0, "", 5, None)
@example({"b.py": b"foo", ".gitignore": b"*.{py,js}\n"}, "foo", False, "content", 0, "", 5, None)
def test_ripgrep_and_the_worker_answer_alike(
    files: dict[str, bytes],
    pattern: str,
    fold: bool,
    mode: str,
    context: int,
    glob: str,
    limit: int,
    data: st.DataObject,
) -> None:
    need(shutil.which("rg") is not None, "ripgrep (rg) is not installed", "apt-get install ripgrep")
    home = Path(tempfile.mkdtemp(prefix="ad")).resolve()
    try:
        made = ground(home)
        plant_what_fits(made.workspace, files)
        folders = sorted(path.relative_to(made.workspace).as_posix() for path in made.workspace.rglob("*"))
        path = (
            "."
            if data is None
            else data.draw(st.sampled_from([".", ".", *(one for one in folders if ".git" not in one)]))
        )
        given_ = {
            "pattern": pattern,
            "ignore_case": fold,
            "mode": mode,
            "context": context,
            "glob": glob,
            "limit": limit,
            "path": path,
        }

        async def story() -> list[str]:
            answers = []
            for search_path in (os.environ["PATH"], WORKER_ONLY):
                made.path = search_path
                answers.append((await made.result(GrepTool(), given_)).text)
            return answers

        by_ripgrep, by_worker = made.run(story)
        assert by_ripgrep == by_worker
    finally:
        shutil.rmtree(home)


@settings(max_examples=EXAMPLES)
@given(trees())
def test_the_worker_passes_by_what_git_passes_by(files: dict[str, bytes]) -> None:
    """git itself is the judge of which files are ignored."""
    home = Path(tempfile.mkdtemp(prefix="ad")).resolve()
    try:
        made = ground(home)
        plant_what_fits(made.workspace, {name: data for name, data in files.items() if "/.git/" not in name})
        subprocess.run(["git", "init", "-q", str(made.workspace)], check=True, capture_output=True)
        exclude = files.get(".git/info/exclude", b"")
        (made.workspace / ".git/info/exclude").write_bytes(exclude)
        listed = subprocess.run(
            ["git", "-C", str(made.workspace), "-c", "core.excludesFile=/dev/null", "ls-files", "-zco", "--exclude-standard"],
            check=True, capture_output=True,
        ).stdout.decode().split("\0")  # fmt: skip
        want = sorted(filter(None, listed))
        found = glob_job(str(made.workspace), str(made.workspace), "**", 10_000, 10_000)
        assert sorted(found["paths"]) == want  # type: ignore[call-overload]
    finally:
        shutil.rmtree(home)
