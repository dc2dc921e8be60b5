"""The tree as the keepers see it: every module of the packages, read and parsed once.

A keeper is a function from a `Source` (or from plain values) to a list of faults, so that each test file can run it
twice: over the tree, where it must find nothing, and over a small bad sample, where it must find something.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ("proto", "daemon", "clients")
PACKAGES = {"agentproto": "proto", "agentd": "daemon", "agentclient": "clients", "agentctl": "clients"}


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file. `place` is its path from the root with slashes, `name` its dotted module name."""

    place: str
    name: str
    text: str
    tree: ast.Module

    @property
    def stem(self) -> str:
        return self.place.rpartition("/")[2].removesuffix(".py")

    @property
    def lines(self) -> Sequence[str]:
        return self.text.splitlines()


def sample(text: str, place: str = "daemon/agentd/room/sample.py") -> Source:
    """A module that exists only in a test."""
    return Source(place, name_of(place), text, ast.parse(text))


def name_of(place: str) -> str:
    parts = place.removesuffix(".py").split("/")
    if parts[0] in CONTAINERS:
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def sources(*packages: str) -> tuple[Source, ...]:
    """Every module of the named packages (all four without a name), sorted by place."""
    folders = [ROOT / PACKAGES[package] / package for package in packages or PACKAGES]
    return tuple(read(path) for folder in folders for path in sorted(folder.rglob("*.py")))


@functools.cache
def suite() -> tuple[Source, ...]:
    """Every Python file below tests/."""
    return tuple(read(path) for path in sorted((ROOT / "tests").rglob("*.py")))


def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    place = path.relative_to(ROOT).as_posix()
    return Source(place, name_of(place), text, ast.parse(text, filename=place))


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything that is imported anywhere in the file, `from a import b` as `a.b`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(source: Source) -> Iterator[tuple[int, str]]:
    """(line, dotted text) of every call whose callee is a name or a chain of attributes."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (name := dotted(node.func)):
            yield node.lineno, name


def dotted(node: ast.expr) -> str:
    """`a.b.c` as text; the chain behind a call or an index begins with `?`. Empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value) or '?'}.{node.attr}"
    return ""


def below(name: str, prefix: str) -> bool:
    """Whether a dotted name is `prefix` or inside it."""
    return name == prefix or name.startswith(prefix + ".")


def none(faults: Iterable[str]) -> None:
    """Fail with every fault on a line of its own."""
    found = list(faults)
    assert not found, "\n" + "\n".join(found)
