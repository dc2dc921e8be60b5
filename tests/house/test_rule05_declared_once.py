"""Rule 5: what crosses the wire is declared once, in proto.

Table <-> resources <-> handlers <-> clients <-> manual <-> schema. The table is right by definition; everything else
is compared with it in both directions.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from agentproto.method import Method
from agentproto.schema import export
from agentproto.table import EVENTS, METHODS, RESOURCES, RETIRED
from house.tree import ROOT, Source, none, sample, sources

HANDLERS = ROOT / "daemon" / "agentd" / "server" / "handlers"
MANUAL = ROOT / "docs" / "protocol.md"
SCHEMA = ROOT / "proto" / "schema" / "agentd-v1.json"
NAME = re.compile(r"[a-z]+\.[a-z][a-z_]*")


def stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def declared() -> dict[str, Mapping[str, object]]:
    """resource -> its HANDLERS, for every file that is there."""
    return {stem: importlib.import_module(f"agentd.server.handlers.{stem}").HANDLERS for stem in stems(HANDLERS)}


def mismatches(methods: Mapping[str, Method], handlers: Mapping[str, Mapping[str, object]]) -> list[str]:
    """What the table and the handlers' files do not agree on."""
    handled = [(stem, name) for stem, table in handlers.items() for name in table]
    faults = [
        f"{stem}.py handles {name}, which the table does not have" for stem, name in handled if name not in methods
    ]
    faults += [
        f"{stem}.py handles {name} of another resource"
        for stem, name in handled
        if name in methods and methods[name].resource != stem
    ]
    faults += [f"nobody handles {name}" for name in methods if name not in {name for _, name in handled}]
    faults += [f"{stem}.py: {name} cannot be called" for stem, name in handled if not callable(handlers[stem][name])]
    return faults


def undocumented(names: list[str], manual: str) -> list[str]:
    """Names without a row of their own in one of the manual's tables."""
    rows = [line for line in manual.splitlines() if line.startswith("|")]
    return [name for name in names if not any(line.startswith(f"| `{name}`") for line in rows)]


def invented(manual: str, names: set[str], resources: set[str]) -> list[str]:
    """Rows of the manual that begin with a name which the table does not have."""
    rows = re.findall(r"^\| `([a-z]+\.[a-z_]+)`", manual, re.MULTILINE)
    return [name for name in rows if name.partition(".")[0] in resources and name not in names]


def misspelt(source: Source, names: set[str], resources: set[str]) -> list[str]:
    """Text constants that look like a method or an event of a known resource and are none."""
    return [
        f"{source.place}:{node.lineno} {node.value}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and NAME.fullmatch(node.value)
        and node.value.partition(".")[0] in resources
        and node.value not in names
        and not node.value.endswith((".py", ".json", ".toml", ".md", ".jsonl", ".sock", ".lock"))
    ]


def known() -> set[str]:
    return {*METHODS, *EVENTS}


def test_every_method_has_one_handler_in_its_resources_file() -> None:
    none(mismatches(METHODS, declared()))


def test_resources_handlers_and_table_share_their_names() -> None:
    files = stems(ROOT / "proto" / "agentproto" / "api")
    assert files == sorted(RESOURCES)
    assert stems(HANDLERS) == files


def test_every_declaration_is_in_the_table() -> None:
    modules = [
        importlib.import_module(f"agentproto.api.{stem}") for stem in stems(ROOT / "proto" / "agentproto" / "api")
    ]
    methods = {method.name for module in modules for method in module.METHODS}
    events = {event.name for module in modules for event in getattr(module, "EVENTS", ())}
    assert (methods, events) == (set(METHODS), set(EVENTS))


def test_no_name_is_declared_twice_or_given_again() -> None:
    modules = [
        importlib.import_module(f"agentproto.api.{stem}") for stem in stems(ROOT / "proto" / "agentproto" / "api")
    ]
    names = [kind.name for module in modules for kind in (*module.METHODS, *getattr(module, "EVENTS", ()))]
    assert sorted(names) == sorted(set(names))
    assert RETIRED & set(names) == set()


def test_what_changes_something_carries_a_key() -> None:
    wrong = [name for name, method in METHODS.items() if method.mutates != ("key" in method.params.__struct_fields__)]
    assert wrong == []


def test_the_manual_has_a_row_for_every_method_and_event() -> None:
    none(undocumented(sorted(known()), MANUAL.read_text()))


def test_the_manual_invents_nothing() -> None:
    none(invented(MANUAL.read_text(), known(), set(RESOURCES)))


def test_clients_and_handlers_name_only_what_the_table_has() -> None:
    places = [
        *sources("agentclient", "agentctl"),
        *(s for s in sources("agentd") if s.place.startswith("daemon/agentd/server/")),
    ]
    none(fault for source in places for fault in misspelt(source, known(), set(RESOURCES)))


def test_the_schema_is_fresh() -> None:
    """`make schema` makes it anew."""
    assert SCHEMA.read_text() == export()


def test_the_schema_lists_every_method_and_event() -> None:
    document = json.loads(SCHEMA.read_text())
    assert (sorted(document["methods"]), sorted(document["events"])) == (sorted(METHODS), sorted(EVENTS))


def test_bad_samples_are_found() -> None:
    one = dict([next(iter(METHODS.items()))])
    name = next(iter(one))
    stem = name.partition(".")[0]
    assert mismatches(one, {stem: {name: len}}) == []
    assert mismatches(one, {}) == [f"nobody handles {name}"]
    assert mismatches(one, {"other": {name: len}}) == [f"other.py handles {name} of another resource"]
    assert len(mismatches(one, {stem: {name: len, f"{stem}.fly": len}})) == 1
    assert mismatches(one, {stem: {name: "text"}}) == [f"{stem}.py: {name} cannot be called"]
    assert undocumented(["turn.start"], "`turn.start` starts a turn.\n") == ["turn.start"]
    assert undocumented(["turn.start"], "| `turn.start` | starts a turn |\n") == []
    assert invented("| `turn.fly` | flies |\n", {"turn.start"}, {"turn"}) == ["turn.fly"]
    assert misspelt(sample("call('turn.strat')\n"), {"turn.start"}, {"turn"}) != []
