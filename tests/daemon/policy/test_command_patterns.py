"""Patterns over commands: permitting needs proof, forbidding needs only doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import BadInputError
from agentd.policy.command_patterns import CommandPattern, names_folder, parse, plain_words


@pytest.mark.parametrize(
    ("text", "command", "allows", "forbids"),
    [
        ("git status:*", "git status", True, "yes"),
        ("git status:*", "git  status -s src/a.py", True, "yes"),
        ("git status:*", "git statuses", False, "no"),
        ("git status:*", "git", False, "no"),
        ("git status:*", "git status; rm -rf x", False, "yes"),
        ("git status:*", "git status | sh", False, "yes"),
        ("git status:*", "git status $(rm x)", False, "yes"),
        ("git status:*", "git status > x", False, "yes"),
        ("git status:*", "git status\nrm x", False, "yes"),
        ("git status:*", "git status *", False, "yes"),
        ("git status:*", "git status ~/x", False, "yes"),
        ("git status:*", "X=1 git status", False, "yes"),
        ("git status:*", "/usr/bin/git status", False, "yes"),
        ("rm:*", 'r""m -rf x', False, "yes"),
        ("rm:*", "echo a; rm -rf x", False, "yes"),
        ("rm:*", 'echo "$(cat list)"', False, "perhaps"),
        ("rm:*", "env rm x", False, "perhaps"),
        ("rm:*", "echo rmx", False, "no"),
        ("rm:*", "farm x > y", False, "perhaps"),
        ("make test", "make test", True, "yes"),
        ("make test", "make  test", False, "yes"),
        ("make test", "make test all", False, "no"),
        ("make test && x", "make test && x", True, "yes"),
        ("*", "anything; at all", True, "yes"),
    ],
)
def test_what_a_pattern_covers(text: str, command: str, allows: bool, forbids: str) -> None:
    pattern = parse(text)
    assert (pattern.allows(command), pattern.forbids(command)) == (allows, forbids)


@pytest.mark.parametrize("text", ["", " ", "git *", "git 'a':*", "a;b:*", ":*", "X=1 git:*"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        parse(text)


@pytest.mark.parametrize("character", list("|&;<>()$`\\\"'*?[]{}#~!^\n\t\r\0é"))
def test_a_character_with_a_meaning_makes_a_command_unplain(character: str) -> None:
    assert plain_words(f"git status {character}x") is None
    assert plain_words("git status x") == ["git", "status", "x"]


COMMANDS = st.lists(
    st.sampled_from(["git", "status", "rm", " ", "  ", ";", "|", "$", "'", '"', "\\", "-f", "x", "\n"])
).map("".join)
PATTERNS = st.sampled_from(["git:*", "git status:*", "rm:*", "rm x", "*", "git status"]).map(parse)


@given(PATTERNS, COMMANDS)
def test_what_is_allowed_is_also_forbidden_by_the_same_words(pattern: CommandPattern, command: str) -> None:
    if pattern.allows(command):
        assert pattern.forbids(command) == "yes"


@given(PATTERNS, COMMANDS)
def test_a_prefix_allows_plain_commands_alone(pattern: CommandPattern, command: str) -> None:
    if pattern.kind == "prefix" and pattern.allows(command):
        assert set(command) <= set("gitstaurmx-f ")


@pytest.mark.parametrize(
    ("command", "want"),
    [
        ("cat /home/u/.config/agentd/settings.toml", True),
        ("cat '/home/u/.config/agentd'", True),
        ("ls ~/.config/agentd/", True),
        ('rm "$HOME/.config/agentd/x"', True),
        ("cd ${HOME}/.config/agentd", True),
        ("cat /home/u/.CONFIG/agentd/x", True),
        ("cat /home/u/.config/agentd2/x", False),
        ("cat /mnt/home/u/.config/agentd", False),
        ("echo hello", False),
    ],
)
def test_a_folder_that_is_named_is_seen(command: str, want: bool) -> None:
    assert names_folder(command, "/home/u/.config/agentd", "/home/u") == want
