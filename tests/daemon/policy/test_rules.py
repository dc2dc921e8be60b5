"""Rules as people write them."""

from __future__ import annotations

import pytest

from agentd.errors import BadInputError
from agentd.policy import command_patterns, path_patterns
from agentd.policy.rules import HostPattern, Rule, parse


def test_rules_of_each_form() -> None:
    assert [parse("allow", text) for text in ("edit", "shell(git status:*)", "shell(*)", "shell(make test)", "edit(src/**)", "read(/abs/**)", "net(Example.org)", "mcp__files__read", " ls ")] == [
        Rule("allow", "edit", "edit", None),
        Rule("allow", "shell(git status:*)", "shell", command_patterns.CommandPattern("prefix", "git status")),
        Rule("allow", "shell(*)", "shell", command_patterns.CommandPattern("any")),
        Rule("allow", "shell(make test)", "shell", command_patterns.CommandPattern("exact", "make test")),
        Rule("allow", "edit(src/**)", "edit", path_patterns.PathPattern("workspace", ("src", "**"))),
        Rule("allow", "read(/abs/**)", "read", path_patterns.PathPattern("root", ("abs", "**"))),
        Rule("allow", "net(Example.org)", "net", HostPattern("example.org")),
        Rule("allow", "mcp__files__read", "mcp__files__read", None),
        Rule("allow", "ls", "ls", None),
    ]  # fmt: skip


def test_a_command_may_have_brackets_in_it() -> None:
    assert parse("deny", "shell(echo $(date))").pattern == command_patterns.CommandPattern("exact", "echo $(date)")


def test_a_rule_tells_where_it_comes_from() -> None:
    assert parse("deny", "shell(rm:*)", "settings.toml:4").shown == "deny shell(rm:*) (settings.toml:4)"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a tool's name"),
        ("shell(git", "a tool's name"),
        ("shell)", "a tool's name"),
        ("shel(git:*)", "did you mean shell?"),
        ("bash", "there is no tool 'bash'"),
        ("Edit(src/**)", "did you mean edit?"),
        ("edit()", "the path pattern is empty"),
        ("edit(../x)", "`..` has no place"),
        ("shell()", "the command pattern is empty"),
        ("shell(git *)", "an exact text with a star"),
        ("shell(git 'x':*)", "no plain prefix"),
        ("net(http://x)", "no host's name"),
        ("mcp__a__b(x)", "have no pattern"),
    ],
)
def test_what_has_no_meaning_is_refused_with_the_rule_and_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse("allow", text, "settings.toml:7")
    assert caught.value.what.startswith(f"the rule {text!r} in settings.toml:7 cannot be read: ")
    assert why in caught.value.what
    assert caught.value.remedy != ""
