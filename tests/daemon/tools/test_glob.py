"""`glob`: files by name, through the worker; and what each form of a glob means."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentd.errors import BadArgumentsError
from agentd.policy.access import Read
from agentd.tools.arguments import validate
from agentd.tools.builtin.glob import GlobTool
from agentd.tools.globs import compiled
from support.tool_ground import Ground, ground, plant


@pytest.fixture
def made(home: Path) -> Ground:
    made = ground(home)
    plant(
        made.workspace,
        {
            "a.py": "",
            "b/c.py": "",
            "b/d/e.ts": "",
            "b/d/f.tsx": "",
            "out/g.py": "",
            ".gitignore": "out/\n",
            ".git/h.py": "",
        },
    )
    return made


def test_a_name_is_found_at_any_depth(made: Ground) -> None:
    assert made.text(GlobTool(), pattern="*.py") == "a.py\nb/c.py"


def test_a_folder_can_be_named_and_is_shown(made: Ground) -> None:
    assert made.text(GlobTool(), pattern="**/*.{ts,tsx}", path="b") == "b/d/e.ts\nb/d/f.tsx"
    made.cwd = made.workspace / "b"
    assert made.text(GlobTool(), pattern="*.ts") == "d/e.ts"
    assert made.text(GlobTool(), pattern="a.*", path="..") == f"{made.workspace}/a.py"


def test_nothing_and_more_than_the_limit_are_said(made: Ground) -> None:
    assert made.text(GlobTool(), pattern="*.rs") == "nothing found"
    assert made.text(GlobTool(), pattern="*", limit=2) == (
        ".gitignore\na.py\n[cut at 2 files; there are more: narrow pattern or path, or raise limit]"
    )


def test_what_is_no_folder_or_no_glob_is_refused(made: Ground) -> None:
    assert made.refusal(GlobTool(), pattern="*", path="a.py") == "a.py is no folder\nGive the folder to search in."
    assert made.refusal(GlobTool(), pattern="*", path="z") == "there is no folder z\nLook with ls for its name."
    assert made.refusal(GlobTool(), pattern="*.{a,b") == (
        "the glob '*.{a,b' has a `{` without its `}`\nFor example: \"*.{ts,tsx}\""
    )


def test_it_sees_names_only(made: Ground) -> None:
    async def story() -> object:
        return GlobTool().access(validate(GlobTool().spec, {"pattern": "*"}), made.context())

    assert made.run(story) == (Read(str(made.workspace), tree=True, contents="names"),)


@pytest.mark.parametrize(
    ("glob", "fits", "fits_not"),
    [
        ("*.py", ["a.py", "b/c/d.py", ".py"], ["a.pyc", "a.py/b"]),
        ("./*.py", ["a.py", "b/a.py"], []),
        ("/a.py", ["a.py"], ["b/a.py"]),
        ("src/*.py", ["src/a.py"], ["src/b/a.py", "x/src/a.py"]),
        ("src/**", ["src/a", "src/b/c"], ["src", "srcs/a"]),
        ("src/**/a", ["src/a", "src/b/c/a"], ["src/ba"]),
        ("**/a?c", ["abc", "x/abc"], ["ac", "a/c"]),
        ("{a,b}/*.{x,y}", ["a/1.x", "b/2.y"], ["c/1.x", "a/1.z"]),
        ("[!a-c]x", ["dx", "y/ex"], ["ax", "d/x"]),
        ("\\*.py", ["*.py"], ["a.py"]),
        ("a.b", ["a.b"], ["acb"]),
        ("{**/*.a,b}/c", ["x/y.a/c", "b/c"], ["c"]),
    ],
)
def test_a_glob_means(glob: str, fits: list[str], fits_not: list[str]) -> None:
    expression = compiled(glob)
    assert [path for path in fits if not expression.fullmatch(path)] == []
    assert [path for path in fits_not if expression.fullmatch(path)] == []


@pytest.mark.parametrize("glob", ["[a", "[]", "{a", "[z-a]", "x" * 501])
def test_what_cannot_be_read_is_refused(glob: str) -> None:
    with pytest.raises(BadArgumentsError):
        compiled(glob)
