"""The limits' table: each has a reason, and they do not contradict each other."""

from __future__ import annotations

from typing import get_type_hints

from agentproto.limits import LIMITS, Limits


def test_every_limit_is_positive_and_has_a_reason() -> None:
    reasons = {
        name: kind.__metadata__[0].description for name, kind in get_type_hints(Limits, include_extras=True).items()
    }
    assert tuple(reasons) == Limits.__struct_fields__
    assert [name for name in reasons if not getattr(LIMITS, name) > 0] == []
    assert [name for name, reason in reasons.items() if len(reason) < 20] == []


def test_what_is_inside_is_never_larger_than_what_is_around_it() -> None:
    assert LIMITS.string_bytes <= LIMITS.body_bytes
    assert LIMITS.binary_bytes <= LIMITS.body_bytes
    assert LIMITS.prompt_bytes <= LIMITS.string_bytes
    assert LIMITS.body_bytes + LIMITS.header_bytes <= LIMITS.message_bytes <= LIMITS.frame_bytes
    assert LIMITS.elements <= LIMITS.body_bytes
    assert LIMITS.name_bytes < LIMITS.header_bytes
    assert LIMITS.window_events <= LIMITS.queue_events
    assert LIMITS.window_bytes <= LIMITS.queue_bytes


def test_the_sizes_that_the_manual_promises() -> None:
    promised = {"frames_per_message": 16, "window_events": 256, "window_bytes": 2**20, "queue_events": 1024}
    promised |= {"queue_bytes": 8 * 2**20}
    assert {name: getattr(LIMITS, name) for name in promised} == promised
