"""What is published is listed, never what is not: the sdist and the wheel are built and every file in them is judged.

The build uses what is installed here and no network, as `make` does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from house.tree import PACKAGES, ROOT, none

SDIST_PLACES = (
    *("proto/agentproto/", "proto/schema/", "daemon/agentd/", "clients/agentclient/", "clients/agentctl/"),
    *("systemd/", "launchd/", "tests/", "docs/"),
)
SDIST_FILES = {
    *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "AGENTS.md", "Makefile"),
    *("pyproject.toml", "requirements.lock", "requirements-dev.lock", "PKG-INFO", ".gitignore"),
}
WHEEL_PLACES = ("agentproto/", "agentd/", "agentclient/", "agentctl/")
WHEEL_FILES = re.compile(
    r"kairos_agentd-[\d.]+\.(dist-info/(METADATA|WHEEL|RECORD|entry_points\.txt|licenses/LICENSE)"
    r"|data/data/share/agentd/(systemd/agentd\.service|launchd/dev\.agentd\.plist))"
)
# What a package, its tests and its manual are made of.
CODE_KINDS = {".py", ".toml", ".md", ".json", ".typed"}
ALL_KINDS = {*CODE_KINDS, ".service", ".plist", ".jsonl", ".sse", ".ndjson", ".hex", ".bin", ".txt", ".sh", ".svg"}
# Names that are somebody's secret, somebody's leftovers or somebody's machine, wherever they lie.
NEVER = re.compile(
    r"(^|/)(\.env.*|id_(rsa|ed25519).*|connection\.json|\.?credentials.*|__pycache__|\.venv|\.git|\.hypothesis|\.DS_Store"
    r"|.*\.(pyc|pem|key|sqlite|db|log|sock|lock|swp|orig|rej|bak))(/|$)"
)


def strangers_in_sdist(names: Iterable[str]) -> list[str]:
    """Names (below the archive's one folder) that no row lets in."""
    return [
        name
        for name in names
        if name not in SDIST_FILES
        and (not name.startswith(SDIST_PLACES) or Path(name).suffix not in ALL_KINDS or NEVER.search(name))
    ]


def strangers_in_wheel(names: Iterable[str]) -> list[str]:
    return [
        name
        for name in names
        if not WHEEL_FILES.fullmatch(name)
        and (not name.startswith(WHEEL_PLACES) or Path(name).suffix not in CODE_KINDS or NEVER.search(name))
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def sdist_names(folder: Path) -> list[str]:
    (path,) = folder.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    none(
        f"{member.name} is neither a file nor a folder"
        for member in members
        if not member.isreg() and not member.isdir()
    )
    return [member.name.partition("/")[2] for member in members if member.isreg()]


def wheel_names(folder: Path) -> list[str]:
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_sdist_holds_only_what_is_listed(built: Path) -> None:
    none(strangers_in_sdist(sdist_names(built)))


def test_the_wheel_holds_only_what_is_listed(built: Path) -> None:
    none(strangers_in_wheel(wheel_names(built)))


def test_the_wheel_holds_every_package_and_both_service_files(built: Path) -> None:
    names = wheel_names(built)
    missing = [package for package in PACKAGES if f"{package}/__init__.py" not in names]
    shared = sorted(name.rpartition("/")[2] for name in names if "/share/agentd/" in name)
    assert (missing, shared) == ([], ["agentd.service", "dev.agentd.plist"])


def test_the_wheel_holds_every_data_file_of_the_packages(built: Path) -> None:
    """A table that is read at run time and stays behind would only be missed by a user."""
    names = set(wheel_names(built))
    data = [
        path.relative_to(ROOT / container).as_posix()
        for package, container in PACKAGES.items()
        for path in (ROOT / container / package).rglob("*")
        if path.suffix in CODE_KINDS - {".py"}
    ]
    none(name for name in data if name not in names)


def test_strangers_are_found() -> None:
    sdist = [
        "a.key",
        "notes.md",
        ".env",
        "tests/.env",
        "daemon/agentd/x.pyc",
        "clients/x.py",
        "docs/core.img",
        "bench/x.py",
    ]
    assert strangers_in_sdist([*sdist, "docs/tour.md", "proto/agentproto/link.py", "README.md"]) == sdist
    wheel = ["tests/test_x.py", "agentd/run/connection.json", "agentd/x.so", "kairos_agentd-0.1.0.data/scripts/x"]
    assert strangers_in_wheel([*wheel, "agentd/cli.py", "kairos_agentd-0.1.0.dist-info/RECORD"]) == wheel
