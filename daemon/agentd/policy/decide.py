"""May this call run? Allow, ask or deny, with the reason, the gates that fired and the rule that settled it.

Theory: each access of a call is judged on its own, and the worst verdict wins. A refusing gate or a deny rule ends it.
Otherwise every gate that fired has to be answered, by an allow rule or a grant that covers this access for certain; an
ask rule makes it a question whatever is allowed. With no gate left nothing stands against the call. So the only calls
that run unasked in a fresh install are those of read-only tools that stay inside the workspace and touch no secret.

It must never do more than return a value, never guess what a command means, and never let a rule open what it does not
spell out. Called by the turn for each validated call, and again when an answer has changed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from agentd.policy.access import Access, Net, Read, Run, Write
from agentd.policy.command_patterns import Answer, CommandPattern, names_folder
from agentd.policy.gates import DENYING, GATES, NEED_THEIR_NAME
from agentd.policy.grants import Grant, covers
from agentd.policy.modes import MODES, Mode
from agentd.policy.path_patterns import PathPattern, inside, names_of
from agentd.policy.rules import SUBJECTS, HostPattern, Rule, Verdict
from agentd.policy.secrets import secret

__all__ = ["Decision", "Surroundings", "ToolFacts", "decide"]


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What the tool says of itself; a tool that says nothing is not read-only."""

    name: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Real absolute paths. `own`: this daemon's config, data, state, cache and run folders."""

    workspace: str
    home: str
    own: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """`gates`: names from `agentd.policy.gates`, never empty; `rule`: the rule or grant that settled it."""

    verdict: Verdict
    reason: str
    gates: tuple[str, ...]
    rule: str | None = None


def decide(
    tool: ToolFacts,
    accesses: Sequence[Access],
    mode: Mode,
    rules: Sequence[Rule],
    grants: Sequence[Grant],
    around: Surroundings,
) -> Decision:
    """The verdict over one call. Deny wins over ask, ask over allow, whatever the order of the rules."""
    if MODES[mode].judged_as == "plan" and not tool.read_only:
        return _refused("plan-mode", f"{tool.name} is not read-only.")
    for access in accesses:
        if _touches_own(access, around):
            return _refused("own-folders", f"It would touch {_named(access)}.")
    asked: list[tuple[str, str]] = []
    for rule in rules:
        if rule.verdict == "allow":
            continue
        answer = _hit(rule, tool, accesses, around)
        if answer == "yes" and rule.verdict == "deny":
            return _refused("deny-rule", f"The rule is: {rule.text}.", rule.shown)
        if answer == "yes":
            asked.append(("ask-rule", rule.shown))
        elif answer == "perhaps":
            asked.append(("unproven-rule", rule.shown))
    if any(gate == "ask-rule" for gate, _ in asked):
        gates = [gate for gate, _ in asked] + [gate for access in accesses for gate in _gates(access, around)]
        return _question(gates, next(rule for gate, rule in asked if gate == "ask-rule"))
    return _answered(tool, accesses, rules, grants, around, asked)


def _answered(
    tool: ToolFacts,
    accesses: Sequence[Access],
    rules: Sequence[Rule],
    grants: Sequence[Grant],
    around: Surroundings,
    unproven: Sequence[tuple[str, str]],
) -> Decision:
    """Whether everything that stands against the call is answered."""
    fired: list[str] = []
    open_gates: list[str] = []
    settled: list[str] = []
    for access in accesses:
        gates = _gates(access, around)
        if not tool.read_only and not gates:
            gates = ["not-read-only"]
        if not gates:
            continue
        fired += gates
        by = _granted(grants, tool, access) or _allowed(rules, tool, access, gates, around, exact=bool(unproven))
        if by is None:
            open_gates += gates
        else:
            settled.append(by)
    if not accesses and not tool.read_only:
        fired.append("not-read-only")
        rule = next((one for one in rules if one.verdict == "allow" and _bare(one, tool)), None)
        if rule is None:
            open_gates.append("not-read-only")
        else:
            settled.append(rule.shown)
    if open_gates:
        return _question([*open_gates, *(gate for gate, _ in unproven)], unproven[0][1] if unproven else None)
    if settled:
        return Decision("allow", f"Allowed by {settled[0]}.", _each_once(fired), settled[0])
    return Decision("allow", GATES["read-only"], ("read-only",))


def _refused(gate: str, more: str, rule: str | None = None) -> Decision:
    assert gate in DENYING
    return Decision("deny", f"{GATES[gate]} {more}", (gate,), rule)


def _question(gates: Sequence[str], rule: str | None) -> Decision:
    names = _each_once(gates)
    return Decision("ask", " ".join(GATES[name] for name in names), names, rule)


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _named(access: Access) -> str:
    match access:
        case Read(path) | Write(path):
            return path
        case Run(command):
            return command
        case Net(host, port):
            return f"{host}:{port}"
        case _:
            assert_never(access)


def _touches_own(access: Access, around: Surroundings) -> bool:
    match access:
        case Read(path, tree):
            return any(inside(path, own, fold=True) or (tree and inside(own, path, fold=True)) for own in around.own)
        case Write(path):
            # Removing or replacing a folder above takes what is in it along.
            return any(inside(path, own, fold=True) or inside(own, path, fold=True) for own in around.own)
        case Run(command):
            # What else a command touches cannot be told from its text; it is asked, and the person sees it.
            return any(names_folder(command, own, around.home) for own in around.own)
        case Net():
            return False
        case _:
            assert_never(access)


def _gates(access: Access, around: Surroundings) -> list[str]:
    """Everything that stands against one access."""
    match access:
        case Read(path):
            gates = [] if inside(path, around.workspace) else ["outside-workspace"]
            return gates + (["secret"] if _reads_secret(access, around) else [])
        case Write(path):
            gates = ["writes"] if inside(path, around.workspace) else ["writes", "outside-workspace"]
            return gates + [gate for gate, index in _protected(path, around) if index >= 0]
        case Run(_, cwd):
            return ["runs-command"] if inside(cwd, around.workspace) else ["runs-command", "outside-workspace"]
        case Net():
            return ["network"]
        case _:
            assert_never(access)


def _reads_secret(access: Read, around: Surroundings) -> bool:
    if secret(_from(access.path, around)) is not None:
        return True
    return access.tree and access.contents == "all"


def _from(path: str, around: Surroundings) -> str:
    """The part of a path by which it is judged: a workspace below a folder with a telling name is no secret."""
    names, workspace = names_of(path), names_of(around.workspace)
    return "/".join(names[len(workspace) :] if names[: len(workspace)] == workspace else names)


def _protected(path: str, around: Surroundings) -> list[tuple[str, int]]:
    """Gates that only a rule with the place's own name answers, and which component of the path is that name."""
    names = names_of(path)
    skipped = len(names_of(around.workspace)) if inside(path, around.workspace) else 0
    found = []
    for gate, folder in (("git-folder", ".git"), ("agent-folder", ".agentd")):
        for index in range(skipped, len(names)):
            if names[index].casefold() == folder:
                found.append((gate, index))
    for index in range(skipped, len(names)):
        if secret("/".join(names[skipped : index + 1])) is not None:
            found.append(("secret", index))
            break
    return found


def _hit(rule: Rule, tool: ToolFacts, accesses: Sequence[Access], around: Surroundings) -> Answer:
    """Whether a rule that forbids or asks is about this call. It is about every tool that does the same thing."""
    if rule.pattern is None:
        kind = SUBJECTS.get(rule.tool)
        same = rule.tool == tool.name or (kind in ("write", "host") and any(_is(access, kind) for access in accesses))
        return "yes" if same else "no"
    answers = [_rule_on(rule, access, around) for access in accesses]
    return "yes" if "yes" in answers else "perhaps" if "perhaps" in answers else "no"


def _is(access: Access, kind: str | None) -> bool:
    return isinstance(access, {"write": Write, "host": Net}[kind or "write"])


def _rule_on(rule: Rule, access: Access, around: Surroundings) -> Answer:
    subject = SUBJECTS.get(rule.tool)
    match rule.pattern, access:
        case PathPattern() as pattern, Read(path, tree) if subject == "read":
            reached = pattern.reaches(path, around.workspace, around.home) if tree else False
            meant = reached or pattern.covers(path, around.workspace, around.home, fold=True)
            return "yes" if meant else "no"
        case PathPattern() as pattern, Write(path) if subject == "write":
            return "yes" if pattern.covers(path, around.workspace, around.home, fold=True) else "no"
        case CommandPattern() as pattern, Run(command):
            return pattern.forbids(command)
        case HostPattern(host), Net(other):
            return "yes" if host == other.lower().rstrip(".") else "no"
        case _:
            return "no"


def _granted(grants: Sequence[Grant], tool: ToolFacts, access: Access) -> str | None:
    grant = next((one for one in grants if covers(one, tool.name, access)), None)
    return f"the answer of {grant.actor} for this {grant.scope}" if grant else None


def _bare(rule: Rule, tool: ToolFacts) -> bool:
    return rule.tool == tool.name and rule.pattern is None


def _allowed(
    rules: Sequence[Rule],
    tool: ToolFacts,
    access: Access,
    gates: Sequence[str],
    around: Surroundings,
    *,
    exact: bool,
) -> str | None:
    """The allow rule that answers all gates of the access. `exact`: a rule that forbids may be meant, so that only a
    rule with the whole command spelled out will do."""
    for rule in rules:
        if rule.verdict == "allow" and _permits(rule, tool, access, gates, around, exact=exact):
            return rule.shown
    return None


def _permits(
    rule: Rule, tool: ToolFacts, access: Access, gates: Sequence[str], around: Surroundings, *, exact: bool
) -> bool:
    match rule.pattern, access:
        case HostPattern(host), Net(other):
            return host == other.lower().rstrip(".")
        case _ if rule.tool != tool.name:
            return False
        case None, Run() | Net():
            return not exact and "outside-workspace" not in gates
        case None, Read() | Write():
            return not ({"outside-workspace"} | NEED_THEIR_NAME) & set(gates)
        case CommandPattern() as pattern, Run(command):
            return (
                pattern.allows(command) and not (exact and pattern.kind != "exact") and "outside-workspace" not in gates
            )
        case PathPattern() as pattern, Read(path, tree):
            if tree:
                return "secret" not in gates and pattern.covers_tree(path, around.workspace, around.home)
            return pattern.covers(path, around.workspace, around.home) and _spelled(pattern, path, around)
        case PathPattern() as pattern, Write(path):
            return pattern.covers(path, around.workspace, around.home) and _spelled(pattern, path, around)
        case _:
            return False


def _spelled(pattern: PathPattern, path: str, around: Surroundings) -> bool:
    """Whether each protected name in the path is written out in the pattern."""
    return all(pattern.spells_out(path, index, around.workspace, around.home) for _, index in _protected(path, around))
