"""Rule 1: request -> event -> machine -> effects -> record -> act -> new event -> publish.

The machine returns values and does nothing else: nothing in its file awaits, calls back, keeps state or changes what
it was given. That nobody calls upward is the floors contract (`test_rule06_imports_point_down`).
"""

from __future__ import annotations

import ast

import pytest

from house.tree import ROOT, Source, none, read, sample

MACHINES = (
    "daemon/agentd/turn/machine.py",
    "daemon/agentd/turn/recover.py",
    "daemon/agentd/session/fold.py",
    "daemon/agentd/session/projection.py",
    "daemon/agentd/policy/decide.py",
)
CALLBACKS = {"Callable", "Awaitable", "Coroutine", "AsyncIterator", "AsyncGenerator"}


def impurities(source: Source) -> list[str]:
    """Whatever lets a decision do more than return a value. An object that collects effects inside one decision may
    change itself; what was handed in may not be changed, and nothing may outlive the decision."""
    faults = []
    for node in ast.walk(source.tree):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                faults.append(f"{source.place}:{node.lineno} awaits")
            case ast.Global() | ast.Nonlocal():
                faults.append(f"{source.place}:{node.lineno} keeps state in {', '.join(node.names)}")
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                faults += [changed(source, target) for target in targets if is_foreign(target)]
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target) if is_foreign(target):
                faults.append(changed(source, target))
            case ast.FunctionDef():
                faults += called_back(source, node)
    return faults + [
        f"{source.place}:{node.lineno} keeps a {type(node.value).__name__.lower()} for all decisions"
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, MUTABLE) and not is_table(node)
    ]


MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def is_table(node: ast.Assign | ast.AnnAssign) -> bool:
    """A constant by its name (`_HANDLERS`), or the module's face."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(isinstance(target, ast.Name) and (target.id.isupper() or target.id == "__all__") for target in targets)


def is_foreign(target: ast.expr) -> bool:
    """An attribute of anything but `self`, however deep: `state.turn`, but also `self.state.turn`."""
    return isinstance(target, ast.Attribute) and not (isinstance(target.value, ast.Name) and target.value.id == "self")


def changed(source: Source, target: ast.expr) -> str:
    return f"{source.place}:{target.lineno} changes {ast.unparse(target)}"


def called_back(source: Source, function: ast.FunctionDef) -> list[str]:
    """Only a public decision counts: a private table of functions inside the file is no callback from outside."""
    if function.name.startswith("_"):
        return []
    given = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    named = {
        name.id
        for argument in given
        if argument.annotation
        for name in ast.walk(argument.annotation)
        if isinstance(name, ast.Name)
    }
    return [f"{source.place}:{function.lineno} is handed a {name}" for name in sorted(named & CALLBACKS)]


@pytest.mark.parametrize("place", MACHINES)
def test_a_decision_only_returns_values(place: str) -> None:
    none(impurities(read(ROOT / place)))


@pytest.mark.parametrize(
    "text",
    [
        "async def step(state, event): ...\n",
        "def step(state, event):\n    state.turn = None\n",
        "def step(state, event):\n    state.count += 1\n",
        "def step(state, event):\n    del state.turn\n",
        "seen = 0\ndef step(state, event):\n    global seen\n    seen += 1\n",
        "class Pen:\n    def end(self):\n        self.state.turn = None\n",
        "seen = []\ndef step(state, event):\n    seen.append(event)\n",
        "def step(state, event, publish: Callable[[object], None]): ...\n",
    ],
)
def test_a_bad_sample_is_found(text: str) -> None:
    assert impurities(sample(text)) != []


@pytest.mark.parametrize(
    "text",
    [
        "def step(state, event):\n    effects = (1,)\n    return replace(state, n=1), effects\n",
        "class Pen:\n    def __init__(self, state):\n        self.state = state\n",
        "_TABLE: dict[str, int] = {}\n__all__ = ['step']\n",
    ],
)
def test_a_good_sample_is_not(text: str) -> None:
    assert impurities(sample(text)) == []
