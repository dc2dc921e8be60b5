"""What an approval opens: exactly what the person saw."""

from __future__ import annotations

from agentd.policy.access import Net, Read, Run, Write
from agentd.policy.grants import Grant, covers, grants_for


def test_a_command_is_granted_by_its_text_and_folder() -> None:
    (grant,) = grants_for("shell", [Run("make test", "/w")], "session", 5, "ann")
    assert grant == Grant("shell", "make test", "session", 5, "ann", "/w")
    asked = [Run("make test", "/w"), Run("make  test", "/w"), Run("make test", "/w/sub"), Run("make test; rm x", "/w")]
    assert [covers(grant, "shell", access) for access in asked] == [True, False, False, False]
    assert not covers(grant, "other", Run("make test", "/w"))


def test_a_file_is_granted_by_its_path_for_the_tool_alone() -> None:
    (grant,) = grants_for("edit", [Write("/w/a")], "session", 5, "ann")
    assert covers(grant, "edit", Write("/w/a"))
    assert [covers(grant, "edit", Write("/w/a/b")), covers(grant, "write", Write("/w/a"))] == [False, False]


def test_a_search_through_a_folder_is_granted_once_only() -> None:
    assert grants_for("grep", [Read("/etc", tree=True)], "session", 5, "ann") == ()
    (grant,) = grants_for("read", [Read("/etc/x")], "session", 5, "ann")
    assert [covers(grant, "read", Read("/etc/x")), covers(grant, "read", Read("/etc/x", tree=True))] == [True, False]


def test_a_host_is_granted_with_its_port() -> None:
    (grant,) = grants_for("web", [Net("x.org", 443)], "session", 5, "ann")
    assert [covers(grant, "web", Net("x.org", 443)), covers(grant, "web", Net("x.org", 80))] == [True, False]
