"""The table of secrets: names that are meant, names that only look like them."""

from __future__ import annotations

import pytest

from agentd.policy.secrets import SECRETS, secret


@pytest.mark.parametrize(
    "path",
    [".env", "a/.env.local", ".ENV", "/home/u/.ssh/config", ".aws/credentials", "x.pem", "id_ed25519.pub", ".netrc",
     "/home/u/.git-credentials", "/home/u/.config/gh/hosts.yml", "/home/u/.mozilla/firefox/p/key4.db", ".gnupg",
     "/proc/self/environ", "/home/u/Library/Application Support/Google/Chrome/Default", "/etc/shadow", ".envrc"],
)  # fmt: skip
def test_a_secret_is_known_by_its_name(path: str) -> None:
    assert secret(path) is not None


@pytest.mark.parametrize(
    "path",
    [
        "src/environment.py",
        "env",
        "id_map.py",
        "pem.py",
        "ssh/config",
        "config/gh",
        "docs/aws.md",
        "",
        "/",
        "a.keys",
        "monkey",
    ],
)
def test_what_only_looks_like_one_is_none(path: str) -> None:
    assert secret(path) is None


def test_every_row_has_a_reason_and_finds_itself() -> None:
    assert [row for row, why in SECRETS if len(why) < 8] == []
    assert [row for row, why in SECRETS if secret(row.replace("*", "x")) is None] == []
