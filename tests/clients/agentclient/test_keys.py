"""Keys and conversation ids never come twice."""

from __future__ import annotations

import re

from agentclient.keys import new_client, new_key


def test_keys_are_32_hexadecimal_digits_and_never_the_same() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{32}", key) for key in keys)


def test_a_conversation_id_is_short_and_never_the_same() -> None:
    ids = {new_client() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"c[0-9a-f]{16}", one) for one in ids)
