"""No request reaches a model that the budget has not checked.

A provider sends nothing but a `PreparedCall`. The class is built in its own file alone, by `mint`, and `mint` is
called by the budget alone. Read over the whole tree, because a second caller would be a way around the window and
the money. Tests may mint what they send to a model of their own, and have to say so: `purpose="test"`.
"""

from __future__ import annotations

import ast

import pytest

from house.tree import ROOT, Source, dotted, imports, none, read, sample, sources, suite

KIND = "PreparedCall"
ROOM = "agentd.providers.prepared"
MADE_IN = "daemon/agentd/providers/prepared.py"
MINTED_IN = "daemon/agentd/context/budget.py"
# Tests that try it, to show that it is refused.
PROOFS = {"tests/daemon/context/test_budget.py", "tests/daemon/providers/test_prepared.py"}
HARMLESS = {"isinstance", "issubclass", "cast", "typing.cast", "assert_type", "get_type_hints"}


def last(node: ast.expr) -> str:
    return dotted(node).rpartition(".")[2]


def made(source: Source) -> list[str]:
    """Every way to build a PreparedCall, or to get hold of its class or its mint under another name."""
    if source.place == MADE_IN:
        return []
    known = handles(source)
    found: list[tuple[int, str]] = []
    for node in ast.walk(source.tree):
        match node:
            case ast.Call() if last(node.func) == KIND:
                found += [] if source.place in PROOFS else [(node.lineno, "builds one")]
            case ast.Call() if dotted(node.func) in known:
                found += minted(source, node)
            case ast.ClassDef() if KIND in {last(base) for base in node.bases}:
                found.append((node.lineno, "inherits from it"))
            case ast.Assign(value=value) if last(value) == KIND or dotted(value) in known:
                found.append((node.lineno, "gives it another name"))
            case ast.Attribute(value=value) if last(value) == KIND:
                found.append((node.lineno, f"uses {KIND}.{node.attr}"))
            case ast.ImportFrom(module=module, names=names):
                wrong = [alias.name for alias in names if is_renamed(str(module), alias)]
                found += [(node.lineno, f"imports {name} under another name") for name in wrong]
            case ast.Import(names=names):
                found += [
                    (node.lineno, "imports its room under another name") for a in names if a.asname and a.name == ROOM
                ]
        if isinstance(node, ast.Call) and dotted(node.func) not in HARMLESS:
            given = (*node.args, *(keyword.value for keyword in node.keywords))
            found += [(node.lineno, "hands it on") for value in given if last(value) == KIND or dotted(value) in known]
    return [f"{source.place}:{line} {what}" for line, what in found]


def handles(source: Source) -> set[str]:
    """Texts by which this file can name the mint."""
    direct = {"mint"} if any(name == f"{ROOM}.mint" for _, name in imports(source)) else set()
    return direct | {"prepared.mint", f"{ROOM}.mint"}


def is_renamed(module: str, alias: ast.alias) -> bool:
    whole = f"{module}.{alias.name}"
    return whole == f"{ROOM}._MINT" or (whole in {ROOM, f"{ROOM}.{KIND}", f"{ROOM}.mint"} and alias.asname is not None)


def minted(source: Source, call: ast.Call) -> list[tuple[int, str]]:
    purposes = [keyword.value for keyword in call.keywords if keyword.arg == "purpose"]
    by_a_test = source.place.startswith("tests/") and [ast.unparse(value) for value in purposes] == ["'test'"]
    return [] if source.place == MINTED_IN or by_a_test else [(call.lineno, "mints one")]


def test_only_the_budget_makes_a_prepared_call() -> None:
    elsewhere = [source for source in suite() if not source.place.startswith("tests/house/")]
    none(fault for source in (*sources(), *elsewhere) for fault in made(source))


def test_the_budget_does_make_it() -> None:
    """Otherwise the check above could not fail."""
    renamed = read(ROOT / MINTED_IN)
    assert made(Source("daemon/agentd/context/other.py", "agentd.context.other", renamed.text, renamed.tree)) != []


@pytest.mark.parametrize(
    "text",
    [
        "call = PreparedCall(key, body=b'')\n",
        "call = prepared.PreparedCall(key)\n",
        "from agentd.providers.prepared import mint\ncall = mint(provider='x', purpose='turn')\n",
        "call = prepared.mint(provider='x')\n",
        "from agentd.providers.prepared import PreparedCall as Call\n",
        "from agentd.providers.prepared import mint as make\n",
        "from agentd.providers.prepared import _MINT\n",
        "class Free(PreparedCall): ...\n",
        "make = PreparedCall\n",
        "make = prepared.mint\n",
        "call = object.__new__(PreparedCall)\n",
        "call = PreparedCall.__new__(PreparedCall)\n",
        "from agentd.providers.prepared import mint\nmake = functools.partial(mint, purpose='turn')\n",
        "import agentd.providers.prepared as p\n",
        "from agentd.providers import prepared as p\n",
        "import agentd.providers.prepared\nagentd.providers.prepared.mint(purpose='turn')\n",
    ],
)
def test_a_bad_sample_is_found(text: str) -> None:
    assert made(sample(text)) != []


MINTING = "from agentd.providers.prepared import mint\nmint(provider='x', purpose={!r})\n"


def test_a_test_says_that_it_is_one() -> None:
    place = "tests/daemon/providers/test_call.py"
    assert made(sample(MINTING.format("test"), place)) == []
    assert made(sample(MINTING.format("turn"), place)) != []
    assert made(sample(MINTING.format("test"))) != []


def test_another_mint_is_none_of_ours() -> None:
    assert made(sample("def mint(): ...\nmint()\n")) == []


def test_taking_one_is_allowed() -> None:
    text = "from agentd.providers.prepared import PreparedCall\ndef send(call: PreparedCall) -> None:\n    assert isinstance(call, PreparedCall)\n"
    assert made(sample(text)) == []
