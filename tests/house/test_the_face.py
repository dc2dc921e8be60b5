"""What a newcomer reads is true: links lead somewhere, decisions have their three parts, rules have their keepers."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from house.tree import ROOT, none

DECISIONS = ROOT / "docs" / "decisions"
PARTS = ["## Context", "## Choice", "## Cost"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
RULES = 10


def dead_links(page: Path, text: str) -> list[str]:
    targets = [
        target
        for target in LINK.findall(without_code(text))
        if "://" not in target and not target.startswith("mailto:")
    ]
    return [f"{page.name}: {target}" for target in targets if not (page.parent / target).exists()]


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def incomplete(text: str) -> list[str]:
    """What a decision's page lacks: a title with its number, a date-free status line, its three parts in order."""
    lines = text.splitlines()
    faults = [] if lines and re.fullmatch(r"# \d{4}\. .+", lines[0]) else ["no title `# NNNN. What was decided`"]
    headings = [line for line in lines if line.startswith("## ")]
    return faults + ([] if headings == PARTS else [f"parts are {headings}, not {PARTS}"])


def keepers(text: str) -> dict[int, list[str]]:
    """rule number -> paths in the last column of its row in CONTRIBUTING.md."""
    rows = re.findall(r"^\| (\d+) \|.*\|([^|]*)\|$", text, re.MULTILINE)
    return {int(number): re.findall(r"`((?:tests|pyproject)[^`]*)`", cell) for number, cell in rows}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    none(dead_links(page, page.read_text()))


def test_decisions_are_numbered_without_a_gap_and_have_their_parts() -> None:
    pages = sorted(DECISIONS.glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    none(f"{page.name}: {fault}" for page in pages for fault in incomplete(page.read_text()))
    none(page.name for page in pages if not page.read_text().startswith(f"# {page.name[:4]}. "))


def test_every_rule_has_keepers_that_exist() -> None:
    """A rule without a keeper is a wish."""
    told = keepers((ROOT / "CONTRIBUTING.md").read_text())
    assert sorted(told) == list(range(1, RULES + 1))
    none(f"rule {number}" for number, paths in told.items() if not paths)
    none(f"rule {number}: {path}" for number, paths in told.items() for path in paths if not found(path))


def found(path: str) -> bool:
    """A file that is there, a folder with at least one test or record in it, or a pattern that something matches."""
    whole = ROOT / path
    if "*" in path:
        return any(ROOT.glob(path))
    return whole.is_file() or (whole.is_dir() and any(inside.is_file() for inside in whole.rglob("*")))


def test_agents_and_people_read_the_same_rules() -> None:
    assert (ROOT / "CLAUDE.md").read_text().strip() == "Read [AGENTS.md](AGENTS.md)."
    assert "CONTRIBUTING.md" in (ROOT / "AGENTS.md").read_text()


def test_the_ci_script_can_be_run_as_it_lies_there() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")


def test_bad_samples_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.touch()
    assert dead_links(page, "[a](page.md) [b](https://x.org) `[c](no.md)` [d](gone.md#x)") == ["page.md: gone.md"]
    assert incomplete("# 0001. Why\n\n## Context\n## Choice\n## Cost\n") == []
    assert len(incomplete("# Why\n\n## Context\n## Cost\n")) == 2
    assert keepers("| 3 | One door | `tests/house/x.py` and `pyproject.toml` |\n") == {
        3: ["tests/house/x.py", "pyproject.toml"]
    }
    assert not found("tests/house/test_that_never_was.py")
    assert found("tests/house/test_the_*.py")
