"""Tests wait for what happens and use the shipped doubles: no sleeping, no patching, no skip without a remedy."""

from __future__ import annotations

import ast

import pytest

from house.tree import Source, calls, imports, none, sample, suite

MAY_SLEEP = {"tests/support/": "polls a foreign process that sends no event; every wait there has a deadline"}
MAY_SKIP = {"tests/support/skips.py": "the one place that skips: its words say what is missing and how to get it"}
MAY_NAME_THEM = {"tests/house/": "holds bad samples and the fixtures' own proof"}

PATCHING_FIXTURES = {"monkeypatch", "mocker"}
SLEEPS = {"time.sleep", "asyncio.sleep", "sleep", "anyio.sleep"}
SKIPS = {"pytest.skip", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif", "skip", "importorskip"}


def excused(source: Source, table: dict[str, str]) -> bool:
    return source.place.startswith((*table, *MAY_NAME_THEM))


def patches(source: Source) -> list[str]:
    if excused(source, {}):
        return []
    faults = [f"{source.place}:{line} {name}" for line, name in imports(source) if "mock" in name.split(".")]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            faults += [f"{source.place}:{node.lineno} {name}" for name in sorted(given & PATCHING_FIXTURES)]
    return faults


def sleeps(source: Source) -> list[str]:
    """`asyncio.sleep(0)` gives way to other tasks and waits for nothing, so it is allowed."""
    if excused(source, MAY_SLEEP):
        return []
    zero = {
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "asyncio.sleep"
        and [ast.unparse(argument) for argument in node.args] == ["0"]
    }
    return [f"{source.place}:{line} {name}" for line, name in calls(source) if name in SLEEPS and line not in zero]


def skips(source: Source) -> list[str]:
    if excused(source, MAY_SKIP):
        return []
    used = {ast.unparse(node) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute | ast.Name)}
    return [f"{source.place} {name}" for name in sorted(used & SKIPS)]


@pytest.mark.parametrize("check", [patches, sleeps, skips], ids=lambda check: check.__name__)
def test_the_tests_keep_to_it(check: object) -> None:
    assert callable(check)
    none(fault for source in suite() for fault in check(source))


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (patches, "def test_it(monkeypatch): ...\n"),
        (patches, "from unittest import mock\n"),
        (patches, "from unittest.mock import patch\n"),
        (sleeps, "import time\ntime.sleep(1)\n"),
        (sleeps, "async def f():\n    await asyncio.sleep(0.1)\n"),
        (skips, "import pytest\npytest.skip('no')\n"),
        (skips, "import pytest\n@pytest.mark.skipif(True, reason='x')\ndef test_it(): ...\n"),
    ],
)
def test_a_bad_sample_is_found(check: object, text: str) -> None:
    assert callable(check)
    assert check(sample(text, "tests/daemon/test_sample.py")) != []


def test_giving_way_is_no_sleep() -> None:
    assert sleeps(sample("async def f():\n    await asyncio.sleep(0)\n", "tests/daemon/test_sample.py")) == []
