"""Patterns over paths: what they cover, what trees they may reach, and which texts are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import BadInputError
from agentd.policy.path_patterns import PathPattern, inside, parse

WORKSPACE, HOME = "/home/u/work", "/home/u"


@pytest.mark.parametrize(
    ("text", "covered", "not_covered"),
    [
        (
            "src/**",
            ["/home/u/work/src", "/home/u/work/src/a", "/home/u/work/src/a/b"],
            ["/home/u/work/srcs/a", "/src/a"],
        ),
        ("./src/**/", ["/home/u/work/src/a/b"], ["/home/u/work/a"]),
        ("src//**", ["/home/u/work/src/a/b"], []),
        ("src/", ["/home/u/work/src/a/b"], ["/home/u/work/a"]),
        ("src", ["/home/u/work/src"], ["/home/u/work/src/a"]),
        ("*.py", ["/home/u/work/a.py"], ["/home/u/work/b/a.py", "/home/u/work/a.pyc"]),
        ("**/*.py", ["/home/u/work/a.py", "/home/u/work/b/c/a.py"], ["/home/u/a.py"]),
        ("a/**/b", ["/home/u/work/a/b", "/home/u/work/a/x/y/b"], ["/home/u/work/a/bb"]),
        ("a?[0-9].x", ["/home/u/work/ab1.x"], ["/home/u/work/ab/.x", "/home/u/work/a/1.x"]),
        ("**", ["/home/u/work", "/home/u/work/a/b"], ["/home/u", "/etc/passwd", "/home/u/workshop"]),
        ("/etc/*.conf", ["/etc/a.conf"], ["/etc/b/a.conf", "/home/u/work/etc/a.conf"]),
        ("~/notes/**", ["/home/u/notes/a"], ["/home/v/notes/a"]),
        ("/**", ["/", "/etc/passwd"], []),
    ],
)
def test_what_a_pattern_covers(text: str, covered: list[str], not_covered: list[str]) -> None:
    pattern = parse(text)
    assert [path for path in covered if not pattern.covers(path, WORKSPACE, HOME)] == []
    assert [path for path in not_covered if pattern.covers(path, WORKSPACE, HOME)] == []


@pytest.mark.parametrize("text", ["", "  ", "../a", "a/../b", "~other/x", "a**/b", "src/**.py", "a\0b"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        parse(text)


def test_letters_without_case_count_only_where_it_is_asked_for() -> None:
    pattern = parse("Src/Ä*")
    assert not pattern.covers("/home/u/work/src/äa", WORKSPACE, HOME)
    assert pattern.covers("/home/u/work/src/a\u0308a", WORKSPACE, HOME, fold=True)


@pytest.mark.parametrize(
    ("text", "folder", "whole", "may"),
    [
        ("src/**", "/home/u/work/src", True, True),
        ("src/**", "/home/u/work/src/a", True, True),
        ("src/**", "/home/u/work", False, True),
        ("src/**", "/home/u/work/doc", False, False),
        ("src/*", "/home/u/work/src", False, True),
        ("**/.env", "/home/u/work/doc", False, True),
        ("**", "/home/u", False, True),
        ("**", "/home/u/work/a", True, True),
        ("src/**", "/etc", False, False),
        ("/etc/**", "/home/u/work", False, False),
        ("/etc/**", "/", False, True),
        ("~/x/**", "/home", False, True),
    ],
)
def test_trees(text: str, folder: str, whole: bool, may: bool) -> None:
    pattern = parse(text)
    assert (pattern.covers_tree(folder, WORKSPACE, HOME), pattern.reaches(folder, WORKSPACE, HOME)) == (whole, may)


NAMES = st.lists(st.sampled_from(["a", "b", "A", ".git", "src"]), max_size=4)
PATTERNS = (
    st.lists(st.sampled_from(["a", "*", "**", "b", "?", "[ab]", ".git"]), min_size=1, max_size=5)
    .map("/".join)
    .map(parse)
)
PATHS = st.tuples(st.sampled_from([WORKSPACE, HOME, "", "/etc"]), NAMES).map(
    lambda pair: "/".join([pair[0], *pair[1]]) or "/"
)


@given(PATTERNS, PATHS, NAMES)
def test_what_is_covered_below_a_tree_is_reached(pattern: PathPattern, folder: str, names: list[str]) -> None:
    below = "/".join([folder.rstrip("/"), *names]) or "/"
    if pattern.covers_tree(folder, WORKSPACE, HOME):
        assert pattern.covers(below, WORKSPACE, HOME)
    if pattern.covers(below, WORKSPACE, HOME):
        assert pattern.reaches(folder, WORKSPACE, HOME)
        assert pattern.covers(below, WORKSPACE, HOME, fold=True)
        assert inside(below, WORKSPACE)


def test_many_stars_take_no_time() -> None:
    assert not parse("/".join(["**", "a"] * 50)).covers("/home/u/work/" + "a/" * 49 + "b", WORKSPACE, HOME)


def test_a_protected_name_has_to_be_written_out() -> None:
    path = "/home/u/work/.git/hooks/x"
    index = 3  # of ".git" among the path's components
    spelled = {
        text: parse(text).spells_out(path, index, WORKSPACE, HOME)
        for text in (
            ".git/**",
            "**",
            "*/hooks/x",
            ".git/hooks/x",
            "/home/u/work/.git/**",
            "/home/**",
            "other/**",
            ".gi?/**",
        )
    }
    assert [text for text, yes in spelled.items() if yes] == [".git/**", ".git/hooks/x", "/home/u/work/.git/**"]


@pytest.mark.parametrize(
    ("path", "folder", "want"),
    [("/a/b", "/a", True), ("/a", "/a", True), ("/ab", "/a", False), ("/a", "/a/b", False), ("/x", "/", True)],
)
def test_inside_is_by_whole_names(path: str, folder: str, want: bool) -> None:
    assert inside(path, folder) == want
