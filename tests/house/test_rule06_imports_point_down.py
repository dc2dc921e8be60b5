"""Rules 1, 4 and 6: the import contracts of pyproject.toml are kept, and each of them can be broken.

The proof that no contract is empty: a stub of the whole tree is made from the contracts themselves, one forbidden
import is put into it, and import-linter has to name it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from house.tree import PACKAGES, ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

# file that gets one more import -> that import -> the contract that must break
VIOLATIONS = [
    ("agentproto/link.py", "import zmq", "the ground floor does no I/O"),
    ("agentproto/link.py", "import time", "the ground floor does no I/O"),
    ("agentproto/link.py", "from agentclient import client", "daemon and clients meet only in proto"),
    ("agentctl/cli.py", "import agentd.app", "clients never import the daemon"),
    ("agentclient/client.py", "import agentd.world", "clients never import the daemon"),
    ("agentclient/client.py", "import agentctl.cli", "daemon and clients meet only in proto"),
    ("agentd/app.py", "import agentclient.client", "daemon and clients meet only in proto"),
    ("agentd/turn/machine.py", "import random", "pure rooms"),
    ("agentd/turn/machine.py", "from agentd.world import doors", "pure rooms"),
    ("agentd/session/fold.py", "import agentd.config.other", "pure rooms"),
    ("agentd/policy/decide.py", "import asyncio", "pure rooms"),
    ("agentd/providers/sse.py", "import time", "codecs of model servers"),
    ("agentd/providers/sse.py", "import agentd.config.other", "codecs of model servers"),
    ("agentd/tools/base.py", "import agentd.turn.machine", "the floors of the daemon"),
    ("agentd/tools/base.py", "import agentd.context.other", "the floors of the daemon"),
    ("agentd/policy/decide.py", "import agentd.session.fold", "the floors of the daemon"),
    ("agentd/world/doors.py", "import agentd.config.other", "the floors of the daemon"),
    ("agentd/session/other.py", "import agentd.app", "the floors of the daemon"),
    ("agentd/attic/__init__.py", "", "the floors of the daemon"),  # a room without a floor
]


def lint(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--config", str(config), "--no-cache", "--no-logo"]
    roots = os.pathsep.join(str(folder / container) for container in dict.fromkeys(PACKAGES.values()))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": roots, "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def stub(folder: Path) -> Path:
    """Every module that a contract names, empty, in the containers of the real tree; returns the configuration."""
    modules = {"agentproto.link", "agentclient.client", "agentctl.cli", "agentd.tools.base", "agentd.world.doors"}
    modules |= {"agentd.config.other", "agentd.context.other", "agentd.session.other", "agentd.policy.decide"}
    for contract in CONTRACTS["contracts"]:
        modules |= {name for name in contract.get("source_modules", []) if "*" not in name}
        modules |= {name for name in contract.get("forbidden_modules", []) if name.startswith("agentd.")}
        for container in contract.get("containers", []):
            modules |= {f"{container}.{room}" for layer in contract["layers"] for room in rooms(layer)}
    for module in sorted(modules):
        add(folder, module.replace(".", "/") + "/__init__.py", "")
    for path in sorted(folder.rglob("*/")):
        if path.parent != folder and path not in {folder / container for container in PACKAGES.values()}:
            (path / "__init__.py").touch()
    # leaves that the violations write to are files
    for place, _, _ in VIOLATIONS:
        package = folder / PACKAGES[place.partition("/")[0]] / place.removesuffix(".py")
        if package.is_dir() and list(package.iterdir()) == [package / "__init__.py"]:
            (package / "__init__.py").unlink()
            package.rmdir()
            package.with_suffix(".py").write_text("")
    add(folder, "agentd/config/other.py", "import time\n")
    config = folder / "contracts.toml"
    config.write_text(contracts_only())
    return config


def rooms(layer: str) -> list[str]:
    return [name.strip().removeprefix("(").removesuffix(")") for name in layer.replace("|", ":").split(":")]


def add(folder: Path, place: str, text: str) -> None:
    """Append a line to `package/path.py`, in the container that holds the package."""
    path = folder / PACKAGES[place.partition("/")[0]] / place
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def contracts_only() -> str:
    text = (ROOT / "pyproject.toml").read_text()
    return text[text.index("[tool.importlinter]") :]


def test_the_contracts_are_kept() -> None:
    done = lint(ROOT, ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stub_without_a_violation_keeps_them(tmp_path: Path) -> None:
    done = lint(tmp_path, stub(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("place", "line", "contract"), VIOLATIONS, ids=lambda value: str(value).replace("/", "."))
def test_a_violation_is_named(tmp_path: Path, place: str, line: str, contract: str) -> None:
    config = stub(tmp_path)
    add(tmp_path, place, line + "\n")
    done = lint(tmp_path, config)
    broken = [text for text in done.stdout.splitlines() if text.startswith(contract) and text.endswith("BROKEN")]
    assert (done.returncode, len(broken)) == (1, 1), done.stdout + done.stderr


def test_every_contract_has_a_violation_that_proves_it() -> None:
    unproven = [
        contract["name"]
        for contract in CONTRACTS["contracts"]
        if not any(contract["name"].startswith(name) for _, _, name in VIOLATIONS)
    ]
    assert unproven == []


def test_the_contracts_know_every_package() -> None:
    assert sorted(CONTRACTS["root_packages"]) == sorted(PACKAGES)
    assert [contract["name"] for contract in CONTRACTS["contracts"] if contract.get("exhaustive")] == [
        "the floors of the daemon: imports point down"
    ]
