"""Rule 9: an error has an owner, an advice and a wire code.

The tree of `agentd.errors` is drawn in its docstring and is complete there; each class has a code of its own; each
code has an owner and a remedy that is a sentence. No other file of the daemon begins a tree of its own.
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import get_args

import pytest

import agentd.errors
from agentd.errors import AgentdError
from agentproto.errors import ErrorCode, Owner
from house.tree import Source, none, sample, sources

# Codes that no class of the daemon raises, because they are about the conversation itself.
OF_THE_WIRE_ALONE = {
    *("bad_frame", "bad_version", "not_greeted", "unknown_method", "unknown_field", "stopping", "cancelled"),
    "internal",  # what is outside the tree
}
# A tree of its own needs a reason; one row each.
OTHER_ROOTS = {
    "agentd.world.faults.Crash": "the simulated process died: nothing in the product may be able to catch it",
}
# Who may raise what has no owner.
ANONYMOUS = {
    "agentd.world.fake_clock": "the double was used wrongly: the test is at fault, and no user ever sees it",
    "agentd.world.faults": "plays the kernel, so that the translation at the door is tested too",
}
FOREIGN_BASES = {
    "Exception",
    "BaseException",
    "OSError",
    "ValueError",
    "RuntimeError",
    "KeyError",
    "TypeError",
    "LookupError",
}


def tree_of(root: type[AgentdError]) -> list[type[AgentdError]]:
    return [
        root,
        *(below for child in root.__subclasses__() if child.__module__ == root.__module__ for below in tree_of(child)),
    ]


def undrawn(names: list[str], drawing: str) -> list[str]:
    words = set(re.findall(r"\w+", drawing))
    return [name for name in names if name not in words]


def shared_codes(classes: list[tuple[str, str]]) -> list[str]:
    """Codes that more than one class has."""
    codes = [code for _, code in classes]
    return sorted({code for code in codes if codes.count(code) > 1})


def lame(remedy: str) -> bool:
    return len(remedy.split()) < 3 or not remedy.endswith(".")


def other_roots(source: Source) -> list[str]:
    """Exception classes that do not descend from the drawn tree."""
    return [
        f"{source.name}.{node.name}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in FOREIGN_BASES for base in node.bases)
        and f"{source.name}.{node.name}" not in OTHER_ROOTS
    ]


def anonymous(source: Source) -> list[str]:
    """`raise Exception(...)` and its kin: nobody's fault, no advice."""
    if source.name in ANONYMOUS:
        return []
    return [
        f"{source.place}:{node.lineno}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id in {"Exception", "BaseException", "RuntimeError", "OSError", "IOError"}
    ]


def test_every_class_is_drawn_and_exported() -> None:
    names = [kind.__name__ for kind in tree_of(AgentdError)]
    assert undrawn(names, inspect.getdoc(agentd.errors) or "") == []
    assert sorted(names) == sorted(agentd.errors.__all__)


def test_the_drawing_has_no_class_that_is_gone() -> None:
    drawn = set(re.findall(r"\b[A-Z]\w*Error_?\b", inspect.getdoc(agentd.errors) or ""))
    assert drawn - set(agentd.errors.__all__) == set()


def test_every_class_has_a_code_of_its_own() -> None:
    classes = tree_of(AgentdError)
    assert shared_codes([(kind.__name__, kind.code.value) for kind in classes]) == []
    assert [kind.__name__ for kind in classes if "code" not in kind.__dict__] == []


def test_every_code_is_used_or_belongs_to_the_wire_alone() -> None:
    used = {kind.code.value for kind in tree_of(AgentdError)}
    assert {code.value for code in ErrorCode} - used == OF_THE_WIRE_ALONE - used
    assert OF_THE_WIRE_ALONE - {code.value for code in ErrorCode} == set()


@pytest.mark.parametrize("code", ErrorCode, ids=lambda code: code.value)
def test_every_code_has_an_owner_and_a_remedy(code: ErrorCode) -> None:
    assert code.owner in get_args(Owner)
    assert not lame(code.remedy)


@pytest.mark.parametrize("kind", tree_of(AgentdError), ids=lambda kind: kind.__name__)
def test_every_error_crosses_the_wire_with_code_owner_and_remedy(kind: type[AgentdError]) -> None:
    further = {"phase": "body"} if kind is agentd.errors.NetworkError else {}
    told = kind("it broke", **further).to_wire()
    assert (told.code, told.owner, told.message, told.remedy) == (
        kind.code.value,
        kind.code.owner,
        "it broke",
        kind.code.remedy,
    )


def test_nobody_else_begins_a_tree_of_errors() -> None:
    places = [source for source in sources("agentd") if source.name != "agentd.errors"]
    none(fault for source in places for fault in other_roots(source))


def test_nobody_raises_an_error_without_an_owner() -> None:
    none(fault for source in sources("agentd") for fault in anonymous(source))


def test_bad_samples_are_found() -> None:
    assert undrawn(["DiskError", "NewError"], "└── DiskError") == ["NewError"]
    assert shared_codes([("A", "disk"), ("B", "disk"), ("C", "busy")]) == ["disk"]
    assert [text for text in ("", "Retry.", "try it again") if not lame(text)] == []
    assert other_roots(sample("class PrivateError(Exception): ...\n")) != []
    assert anonymous(sample("def f():\n    raise RuntimeError('no')\n")) != []
