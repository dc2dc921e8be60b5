"""The tests' own ground: no silent skip, a clean environment, a home that a socket fits into."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from house.tree import ROOT

SKIPPING = """\
import pytest

def test_skips():
    pytest.skip("no flux capacitor; get one: apt-get install flux")

@pytest.mark.xfail(reason="known", strict=True)
def test_fails_as_expected():
    assert False
"""
SKIPPING_FILE = "import pytest\npytest.skip('no flux capacitor', allow_module_level=True)\n"


def run_pytest(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "conftest.py")
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENTD_")}
    return subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_skip_passes_on_a_developers_machine(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, SKIPPING)
    assert (done.returncode, "1 skipped, 1 xfailed" in done.stdout) == (0, True), done.stdout


def test_a_skip_fails_where_skips_are_forbidden_and_says_what_is_missing(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, SKIPPING, AGENTD_TEST_NO_SKIP="1")
    assert (done.returncode, "1 failed, 1 xfailed" in done.stdout) == (1, True), done.stdout
    assert "no flux capacitor" in done.stdout


def test_a_skipped_file_fails_where_skips_are_forbidden(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, SKIPPING_FILE, AGENTD_TEST_NO_SKIP="1")
    assert done.returncode != 0
    assert "no flux capacitor" in done.stdout


def test_a_skipped_file_passes_on_a_developers_machine(tmp_path: Path) -> None:
    assert "1 skipped" in run_pytest(tmp_path, SKIPPING_FILE).stdout


def test_keys_and_proxies_of_the_developer_do_not_reach_a_test(tmp_path: Path) -> None:
    text = "import os\ndef test_it():\n    print(sorted(os.environ))\n    assert False\n"
    planted = dict.fromkeys(("ANTHROPIC_API_KEY", "https_proxy", "AGENTD_HOME", "GIT_DIR", "XDG_STATE_HOME"), "planted")
    seen = run_pytest(tmp_path, text, **planted, AGENTD_TEST_FULL="1").stdout
    assert [name for name in planted if f"'{name}'" in seen] == []
    assert "'AGENTD_TEST_FULL'" in seen


def test_home_is_private_and_leaves_room_for_a_socket(home: Path) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert list(home.iterdir()) == []
    assert len(os.fsencode(home / "run" / "agentd.sock")) < 100 or sys.platform == "darwin"
