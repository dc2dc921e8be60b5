"""Rule 4: decisions are pure functions, actions are values.

That the pure rooms import nothing impure is a contract (`test_rule06_imports_point_down`); here: which rooms are in it.
Every codec of a model, every gate, every tier and every fold decides, so each of their files has to be listed.
"""

from __future__ import annotations

import re
import tomllib

from house.tree import ROOT, Source, below, calls, none, sample, sources

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LISTED = {
    module
    for contract in CONTRACTS
    if contract["id"] in {"pure-rooms", "codecs"}
    for module in contract["source_modules"]
}

# Whoever makes one of these decides something, wherever the file lies.
DECIDES = re.compile(
    r"agentd\.(turn\.(machine|recover|schedule|limits|steer)|session\.(fold|projection|workflow|migrate)"
    r"|policy\.\w+|context\.(tiers(\.\w+)?|trim|normalise|normalize|passes(\.\w+)?)"
    r"|providers\.(sse|failures|canonical|anthropic\w*|openai_\w+|ollama\w*)|tools\.partition)"
)
CHANCE_OR_TIME = {"hash", "id", "input", "open", "print"}  # `hash` of text differs from run to run


def unlisted(names: list[str], listed: set[str]) -> list[str]:
    """Modules that decide and are not in the contract, neither themselves nor by their room."""
    return [name for name in names if DECIDES.fullmatch(name) and not any(below(name, room) for room in listed)]


def impure_calls(source: Source) -> list[str]:
    return [f"{source.place}:{line} {name}()" for line, name in calls(source) if name in CHANCE_OR_TIME]


def test_every_room_that_decides_is_in_the_contract() -> None:
    none(unlisted([source.name for source in sources("agentd")], LISTED))


def test_no_pure_room_asks_a_built_in_for_chance_or_the_outside() -> None:
    rooms = [source for source in sources("agentd") if DECIDES.fullmatch(source.name)]
    none(fault for source in rooms for fault in impure_calls(source))


def test_bad_samples_are_found() -> None:
    assert unlisted(["agentd.turn.machine", "agentd.turn.runner"], {"agentd.turn.recover"}) == ["agentd.turn.machine"]
    assert unlisted(["agentd.policy.gates"], {"agentd.policy"}) == []
    assert unlisted(["agentd.policy.gates"], {"agentd.pol"}) == ["agentd.policy.gates"]
    assert impure_calls(sample("def pick(name):\n    return hash(name) % 7\n")) != []
