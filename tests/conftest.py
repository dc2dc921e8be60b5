"""What every test gets: a clean environment, a short private folder, one hypothesis profile, and no silent skip.

With AGENTD_TEST_NO_SKIP=1 (set by `.ci/run`) a test that would be skipped fails instead, with the same words:
whatever is missing has to be installed, not passed over.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

PRIVATE_PREFIXES = ("AGENTD_", "GIT_", "XDG_", "LISTEN_")
KEPT_PREFIX = "AGENTD_TEST_"
PRIVATE_NAMES = frozenset(
    {
        # a test must never reach a real model with the developer's key, nor through the developer's proxy
        *("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
        *("ANTHROPIC_BASE_URL", "OLLAMA_HOST", "OPENAI_BASE_URL"),
        *("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        # a daemon under test must not talk to the service manager that runs the tests
        *("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"),
        # the terminal's wishes change what commands print
        *("CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR"),
    }
)

settings.register_profile(
    "here", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)  # two slow cores are no reason to fail; a wrong value is
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)


def is_private(name: str) -> bool:
    """Whether an environment variable must not reach a test."""
    return not name.startswith(KEPT_PREFIX) and (
        name.startswith(PRIVATE_PREFIXES) or name in PRIVATE_NAMES or name.upper() in PRIVATE_NAMES
    )


def no_skip() -> bool:
    return os.environ.get("AGENTD_TEST_NO_SKIP") == "1"


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("ci" if no_skip() or os.environ.get("CI") else "here")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # an expected failure is reported as "skipped" with `wasxfail`; that is no skip
    if report.skipped and no_skip() and not hasattr(report, "wasxfail") and not was_excused(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped although AGENTD_TEST_NO_SKIP=1: {reason_of(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and no_skip():
        report.outcome = "failed"
        report.longrepr = f"whole file skipped although AGENTD_TEST_NO_SKIP=1: {reason_of(report.longrepr)}"
    return report


def was_excused(longrepr: object) -> bool:
    """Whether `support.skips.need` found it among what `.ci/run` could not get for this machine."""
    return "cannot be had here: " in reason_of(longrepr)


def reason_of(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """No test sees the developer's settings, keys or proxies; what a test changes is gone after it."""
    before = dict(os.environ)
    for name in filter(is_private, before):
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder of mode 0700 with a short real path, because a socket's path may have about 100 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ad")).resolve()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
