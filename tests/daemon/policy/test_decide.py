"""The judgement: what runs unasked in a fresh install, what rules and grants open, and what nothing opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.policy import rules as rule_room
from agentd.policy.access import Access, Net, Read, Run, Write
from agentd.policy.decide import Decision, Surroundings, ToolFacts, decide
from agentd.policy.gates import DENYING, GATES
from agentd.policy.grants import Grant, grants_for
from agentd.policy.modes import MODES, Mode
from agentd.policy.rules import Rule

AROUND = Surroundings("/home/u/work", "/home/u", ("/home/u/.config/agentd", "/home/u/.local/share/agentd"))
READ, GREP, EDIT, WRITE, SHELL = (
    ToolFacts("read", read_only=True),
    ToolFacts("grep", read_only=True),
    ToolFacts("edit"),
    ToolFacts("write"),
    ToolFacts("shell"),
)
ORDER = {"allow": 0, "ask": 1, "deny": 2}


def rule(text: str) -> Rule:
    verdict, _, rest = text.partition(" ")
    return rule_room.parse(verdict, rest)  # type: ignore[arg-type]


def judged(
    tool: ToolFacts, *accesses: Access, rules: Sequence[str] = (), grants: Sequence[Grant] = (), mode: Mode = "ask"
) -> Decision:
    return decide(tool, accesses, mode, [rule(text) for text in rules], grants, AROUND)


def verdict(
    tool: ToolFacts, *accesses: Access, rules: Sequence[str] = (), grants: Sequence[Grant] = (), mode: Mode = "ask"
) -> str:
    return judged(tool, *accesses, rules=rules, grants=grants, mode=mode).verdict


# --- a fresh install ---


@pytest.mark.parametrize(
    "access",
    [Read("/home/u/work/a.py"), Read("/home/u/work", contents="names"), Read("/home/u/work", tree=True, contents="no_secrets"),
     Read("/home/u/work/src", tree=True, contents="names")],
)  # fmt: skip
def test_reading_inside_the_workspace_runs_unasked(access: Access) -> None:
    assert judged(READ, access) == Decision("allow", GATES["read-only"], ("read-only",))


@pytest.mark.parametrize(
    ("tool", "access", "gates"),
    [
        (READ, Read("/etc/passwd"), ("outside-workspace",)),
        (READ, Read("/home/u/workshop/a"), ("outside-workspace",)),
        (READ, Read("/home/u/work/.env"), ("secret",)),
        (READ, Read("/home/u/.ssh/id_rsa"), ("outside-workspace", "secret")),
        (GREP, Read("/home/u/work", tree=True), ("secret",)),
        (EDIT, Write("/home/u/work/a.py"), ("writes",)),
        (EDIT, Write("/home/u/work/.git/hooks/pre-commit"), ("writes", "git-folder")),
        (EDIT, Write("/home/u/work/sub/.GIT/config"), ("writes", "git-folder")),
        (WRITE, Write("/home/u/work/.agentd/settings.toml"), ("writes", "agent-folder")),
        (WRITE, Write("/home/u/work/.env"), ("writes", "secret")),
        (WRITE, Write("/etc/motd"), ("writes", "outside-workspace")),
        (SHELL, Run("ls", "/home/u/work"), ("runs-command",)),
        (SHELL, Run("ls", "/tmp"), ("runs-command", "outside-workspace")),
        (ToolFacts("fetch", read_only=True), Net("x.org", 443), ("network",)),
        (ToolFacts("mystery"), Read("/home/u/work/a"), ("not-read-only",)),
        (READ, Write("/home/u/work/a"), ("writes",)),
    ],
)
def test_everything_else_is_a_question_that_names_its_gates(
    tool: ToolFacts, access: Access, gates: tuple[str, ...]
) -> None:
    assert judged(tool, access) == Decision("ask", " ".join(GATES[gate] for gate in gates), gates)


def test_a_tool_without_flags_and_accesses_is_asked() -> None:
    assert judged(ToolFacts("mystery")).gates == ("not-read-only",)
    assert verdict(ToolFacts("look", read_only=True)) == "allow"


@pytest.mark.parametrize(
    ("tool", "access"),
    [
        (READ, Read("/home/u/.config/agentd/settings.toml")),
        (READ, Read("/home/u/.CONFIG/agentd")),
        (GREP, Read("/home/u", tree=True, contents="names")),
        (WRITE, Write("/home/u/.local/share/agentd/sessions/x")),
        (WRITE, Write("/home/u/.config")),
        (SHELL, Run("cat ~/.config/agentd/connection.json", "/home/u/work")),
    ],
)
def test_the_agents_own_folders_are_closed_whatever_is_allowed(tool: ToolFacts, access: Access) -> None:
    opened = [
        "allow read",
        "allow read(/**)",
        "allow grep(/**)",
        "allow write(/**)",
        "allow shell(*)",
        "allow write(/home/u/.config/agentd/**)",
    ]
    granted = grants_for(tool.name, [access], "always", 1, "ann")
    decision = judged(tool, access, rules=opened, grants=granted)
    assert (decision.verdict, decision.gates) == ("deny", ("own-folders",))


# --- modes ---


def test_plan_refuses_whatever_is_not_read_only() -> None:
    granted = grants_for("shell", [Run("ls", "/home/u/work")], "session", 1, "ann")
    decision = judged(SHELL, Run("ls", "/home/u/work"), rules=["allow shell(*)"], grants=granted, mode="plan")
    assert decision == Decision(
        "deny", "In plan mode nothing is changed, run or sent. shell is not read-only.", ("plan-mode",)
    )
    assert verdict(READ, Read("/home/u/work/a"), mode="plan") == "allow"
    assert verdict(READ, Read("/etc/passwd"), mode="plan") == "ask"


@pytest.mark.parametrize("mode", ["auto", "accept-edits"])
def test_a_mode_that_is_not_available_is_judged_as_ask(mode: Mode) -> None:
    assert not MODES[mode].available
    assert judged(EDIT, Write("/home/u/work/a"), mode=mode) == judged(EDIT, Write("/home/u/work/a"))


def test_every_mode_is_in_the_table() -> None:
    assert set(MODES) == set(get_args(Mode))


# --- rules ---


@pytest.mark.parametrize(
    ("tool", "access", "rules", "want"),
    [
        (EDIT, Write("/home/u/work/src/a"), ["allow edit(src/**)"], "allow"),
        (EDIT, Write("/home/u/work/src/a"), ["allow edit"], "allow"),
        (EDIT, Write("/home/u/work/doc/a"), ["allow edit(src/**)"], "ask"),
        (WRITE, Write("/home/u/work/src/a"), ["allow edit(src/**)"], "ask"),
        (EDIT, Write("/etc/motd"), ["allow edit"], "ask"),
        (EDIT, Write("/etc/motd"), ["allow edit(**)"], "ask"),
        (EDIT, Write("/etc/motd"), ["allow edit(/etc/motd)"], "allow"),
        (EDIT, Write("/home/u/work/.git/config"), ["allow edit"], "ask"),
        (EDIT, Write("/home/u/work/.git/config"), ["allow edit(**)"], "ask"),
        (EDIT, Write("/home/u/work/.git/config"), ["allow edit(.git/**)"], "allow"),
        (EDIT, Write("/home/u/work/a/.git/config"), ["allow edit(a/**)"], "ask"),
        (EDIT, Write("/home/u/work/.agentd/x"), ["allow edit(/home/**)"], "ask"),
        (READ, Read("/home/u/work/.env"), ["allow read"], "ask"),
        (READ, Read("/home/u/work/.env"), ["allow read(**)"], "ask"),
        (READ, Read("/home/u/work/.env"), ["allow read(.env)"], "allow"),
        (READ, Read("/usr/share/x"), ["allow read(/usr/share/**)"], "allow"),
        (GREP, Read("/usr/share/x", tree=True, contents="no_secrets"), ["allow grep(/usr/share/**)"], "allow"),
        (GREP, Read("/usr/share", tree=True, contents="no_secrets"), ["allow grep(/usr/share/*)"], "ask"),
        (SHELL, Run("git status -s", "/home/u/work"), ["allow shell(git status:*)"], "allow"),
        (SHELL, Run("git status; rm x", "/home/u/work"), ["allow shell(git status:*)"], "ask"),
        (SHELL, Run("git status", "/tmp"), ["allow shell(git status:*)"], "ask"),
        (SHELL, Run("anything | at all", "/home/u/work"), ["allow shell(*)"], "allow"),
        (SHELL, Run("rm -rf x", "/home/u/work"), ["allow shell(*)", "deny shell(rm:*)"], "deny"),
        (SHELL, Run("ls; rm -rf x", "/home/u/work"), ["allow shell(*)", "deny shell(rm:*)"], "deny"),
        (SHELL, Run("ls $(cat x)", "/home/u/work"), ["allow shell(*)", "deny shell(rm:*)"], "ask"),
        (SHELL, Run("ls $(cat x)", "/home/u/work"), ["allow shell(ls $(cat x))", "deny shell(rm:*)"], "allow"),
        (SHELL, Run("ls", "/home/u/work"), ["allow shell(*)", "deny shell(rm:*)"], "allow"),
        (SHELL, Run("ls", "/home/u/work"), ["allow shell(*)", "ask shell(ls:*)"], "ask"),
        (READ, Read("/home/u/work/a"), ["ask read(a)"], "ask"),
        (READ, Read("/home/u/work/Secret/a"), ["deny read(secret/**)"], "deny"),
        (GREP, Read("/home/u/work/secret", tree=True, contents="names"), ["deny read(secret/**)"], "deny"),
        (GREP, Read("/home/u/work", tree=True, contents="no_secrets"), ["deny read(secret/**)"], "deny"),
        (GREP, Read("/home/u/work/src", tree=True, contents="no_secrets"), ["deny read(secret/**)"], "allow"),
        (WRITE, Write("/home/u/work/a"), ["allow write", "deny edit(a)"], "deny"),
        (WRITE, Write("/home/u/work/a"), ["allow write", "deny edit"], "deny"),
        (READ, Read("/home/u/work/a"), ["deny grep"], "allow"),
        (ToolFacts("fetch", read_only=True), Net("X.org.", 443), ["allow net(x.org)"], "allow"),
        (ToolFacts("fetch", read_only=True), Net("x.org", 443), ["allow net(x.org)", "deny net"], "deny"),
        (ToolFacts("mcp__a__b"), Read("/home/u/work/a"), ["allow mcp__a__b"], "allow"),
    ],
)  # fmt: skip
def test_rules(tool: ToolFacts, access: Access, rules: list[str], want: str) -> None:
    assert verdict(tool, access, rules=rules) == want
    assert verdict(tool, access, rules=rules[::-1]) == want


def test_a_decision_names_the_rule_that_settled_it() -> None:
    decision = judged(SHELL, Run("rm x", "/home/u/work"), rules=["deny shell(rm:*)"])
    assert decision == Decision(
        "deny", "A rule forbids it. The rule is: shell(rm:*).", ("deny-rule",), "deny shell(rm:*)"
    )
    decision = judged(SHELL, Run("ls", "/home/u/work"), rules=["allow shell(ls)"])
    assert decision == Decision("allow", "Allowed by allow shell(ls).", ("runs-command",), "allow shell(ls)")
    decision = judged(SHELL, Run("ls", "/home/u/work"), rules=["ask shell(ls)"])
    assert (decision.gates, decision.rule) == (("ask-rule", "runs-command"), "ask shell(ls)")


def test_every_access_of_a_call_has_to_be_allowed() -> None:
    both = (Write("/home/u/work/a"), Write("/home/u/work/b"))
    assert verdict(EDIT, *both, rules=["allow edit(a)"]) == "ask"
    assert verdict(EDIT, *both, rules=["allow edit(a)", "allow edit(b)"]) == "allow"


# --- grants ---


def test_a_grant_opens_exactly_what_was_approved() -> None:
    granted = grants_for("shell", [Run("make test", "/home/u/work")], "session", 1, "ann")
    decision = judged(SHELL, Run("make test", "/home/u/work"), grants=granted)
    assert (decision.verdict, decision.rule) == ("allow", "the answer of ann for this session")
    assert verdict(SHELL, Run("make test all", "/home/u/work"), grants=granted) == "ask"
    assert verdict(SHELL, Run("make test", "/home/u/work"), grants=granted, rules=["ask shell(make:*)"]) == "ask"
    granted = grants_for("edit", [Write("/home/u/work/.git/config")], "session", 1, "ann")
    assert verdict(EDIT, Write("/home/u/work/.git/config"), grants=granted) == "allow"
    assert verdict(EDIT, Write("/home/u/work/.git/hooks/x"), grants=granted) == "ask"


# --- whatever comes ---

PATHS = st.sampled_from(
    ["/home/u/work/a", "/home/u/work/src/b.py", "/home/u/work", "/home/u/work/.git/x", "/home/u/work/.env", "/home/u/work/.agentd/r",
     "/home/u", "/etc/passwd", "/", "/home/u/.config/agentd/x", "/home/u/.local", "/home/u/workshop", "/home/u/WORK/a", "/home/u/work/SRC/b.py"]
)  # fmt: skip
COMMANDS = st.sampled_from(
    ["ls", "rm -rf x", "ls; rm x", "git status", 'r""m x', "echo $(x)", "cat ~/.config/agentd/a", ""]
)
ACCESSES = st.one_of(
    st.builds(Read, PATHS, st.booleans(), st.sampled_from(["all", "names", "no_secrets"])),
    st.builds(Write, PATHS, st.sampled_from(["create", "change", "remove"])),
    st.builds(Run, COMMANDS, PATHS),
    st.builds(Net, st.sampled_from(["x.org", "y.org"]), st.just(443)),
)
TOOLS = st.builds(ToolFacts, st.sampled_from(["read", "grep", "edit", "write", "shell", "fetch"]), st.booleans())
BODIES = st.sampled_from(
    ["read", "edit", "shell", "grep(**)", "read(**)", "read(src/**)", "read(.env)", "edit(**)", "edit(/**)", "write(/**)", "edit(.git/**)",
     "shell(*)", "shell(rm:*)", "shell(ls)", "shell(git status:*)", "net(x.org)", "net", "read(/**)", "grep(/**)", "read(~/**)"]
)  # fmt: skip
RULES = st.builds(
    lambda verdict, body: rule_room.parse(verdict, body), st.sampled_from(["allow", "ask", "deny"]), BODIES
)
GRANTS = st.builds(
    Grant, st.sampled_from(["read", "edit", "shell"]), st.one_of(PATHS, COMMANDS), st.just("session"), st.just(1), st.just("ann"),
    st.sampled_from(["", "/home/u/work"]),
)  # fmt: skip
MODE = st.sampled_from(list(MODES))
CALLS = st.lists(ACCESSES, max_size=3)


@given(TOOLS, CALLS, MODE)
def test_nothing_is_written_run_or_sent_without_a_rule_or_a_grant(
    tool: ToolFacts, accesses: list[Access], mode: Mode
) -> None:
    decision = decide(tool, accesses, mode, [], [], AROUND)
    if decision.verdict == "allow":
        assert tool.read_only
        assert all(isinstance(access, Read) and access.path.startswith("/home/u/work") for access in accesses)
        assert not any(
            access.path.startswith(("/home/u/workshop", "/home/u/work/.env"))
            for access in accesses
            if isinstance(access, Read)
        )


@given(TOOLS, CALLS, MODE, st.lists(RULES, max_size=4), st.lists(GRANTS, max_size=3))
def test_every_decision_has_a_reason_and_known_gates(
    tool: ToolFacts, accesses: list[Access], mode: Mode, rules: list[Rule], grants: list[Grant]
) -> None:
    decision = decide(tool, accesses, mode, rules, grants, AROUND)
    assert decision.reason.strip() != ""
    assert decision.gates != ()
    assert set(decision.gates) <= set(GATES)
    assert bool(set(decision.gates) & DENYING) == (decision.verdict == "deny")


@given(TOOLS, CALLS, MODE, st.lists(RULES, max_size=4), st.lists(GRANTS, max_size=3), RULES)
def test_one_more_rule_that_forbids_or_asks_never_loosens_and_one_that_allows_never_tightens(
    tool: ToolFacts, accesses: list[Access], mode: Mode, rules: list[Rule], grants: list[Grant], more: Rule
) -> None:
    before = ORDER[decide(tool, accesses, mode, rules, grants, AROUND).verdict]
    after = ORDER[decide(tool, accesses, mode, [*rules, more], grants, AROUND).verdict]
    assert after <= before if more.verdict == "allow" else after >= before


@given(
    TOOLS,
    CALLS,
    MODE,
    st.lists(RULES, max_size=4),
    st.lists(GRANTS, max_size=3),
    st.lists(RULES, max_size=3),
    st.lists(GRANTS, max_size=3),
)
def test_a_deny_is_lifted_by_nothing_that_is_added(
    tool: ToolFacts,
    accesses: list[Access],
    mode: Mode,
    rules: list[Rule],
    grants: list[Grant],
    more: list[Rule],
    granted: list[Grant],
) -> None:
    if decide(tool, accesses, mode, rules, grants, AROUND).verdict == "deny":
        assert decide(tool, accesses, mode, [*more, *rules], [*granted, *grants], AROUND).verdict == "deny"


@given(TOOLS, CALLS, ACCESSES, MODE, st.lists(RULES, max_size=4), st.lists(GRANTS, max_size=3))
def test_one_more_access_never_loosens(
    tool: ToolFacts, accesses: list[Access], more: Access, mode: Mode, rules: list[Rule], grants: list[Grant]
) -> None:
    if accesses:
        before = ORDER[decide(tool, accesses, mode, rules, grants, AROUND).verdict]
        assert ORDER[decide(tool, [*accesses, more], mode, rules, grants, AROUND).verdict] >= before
