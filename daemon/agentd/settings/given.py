"""What the parts are given of the settings in force: each its own plain value, made anew for each decision. Pure.

Callers: `agentd.app`, which hands these to the parts as functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentd.config.model import Settings
from agentd.policy.rules import Rule
from agentd.session.retention import Policy
from agentd.turn.parts import TurnSettings
from agentd.turn.pen import Limits

__all__ = ["durability_words", "for_retention", "for_turns", "sync_within_ms"]


def for_turns(values: Settings, rules: Sequence[Rule], default_model: str) -> TurnSettings:
    """What a turn's runner decides by. `default_model`: the connection that new turns use."""
    return TurnSettings(
        limits=Limits(
            default_model=default_model,
            max_steps=values.turn.max_steps,
            max_faults=values.turn.max_faults,
            parallel_calls=values.turn.parallel_calls,
        ),
        rules=tuple(rules),
        step_chars=values.tools.step_result_chars,
        image_bytes=values.undo.image_bytes,
        images_bytes=values.undo.session_bytes,
        snapshot_files=values.undo.snapshot_files,
        snapshot_bytes=values.undo.snapshot_bytes,
        snapshot_ms=values.undo.snapshot_ms,
        session_usd_micros=round(values.budget.session_usd * 1_000_000),
        day_usd_micros=round(values.budget.day_usd * 1_000_000),
        schedule_usd_micros=round(values.budget.schedule_usd * 1_000_000),
        background_share=values.budget.background_share,
        local_session_tokens=values.budget.local_session_tokens,
        local_day_tokens=values.budget.local_day_tokens,
        local_day_ms=values.budget.local_day_minutes * 60_000,
        local_call_ms=values.budget.local_call_minutes * 60_000,
        side_model=values.models.side,
        titles=values.sessions.titles,
    )


def for_retention(values: Settings) -> Policy:
    """How long sessions are kept, and how many bytes of them."""
    kept = values.sessions
    return Policy(kept.archive_after_days, kept.remove_after_days, kept.max_bytes)


def sync_within_ms(values: Settings) -> int:
    """How long a sync may wait (durability level `interval`); 0: every one is waited for."""
    return values.durability.interval_ms if values.durability.mode == "interval" else 0


def durability_words(values: Settings) -> str:
    """The level, as status shows it, with the most that it may lose."""
    within_ms = sync_within_ms(values)
    return f"interval: at most {within_ms} ms are lost" if within_ms else "always"
