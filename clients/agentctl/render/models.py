"""A model connection, and a test of one -> cells of a table, and lines that say the rest. Pure.

It decides how a window, a price, a reason and a check look; what they are is the daemon's. Caller: `agentctl.commands.models`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentproto.api.model import ModelInfo, TestCheck, TestResult

__all__ = ["STATES", "check_row", "notes", "row", "speed_and_use"]

STATES: Mapping[str, str] = {
    "in_use": "in use",
    "configured": "configured",
    "built_in": "built in",
    "found": "found",
    "unusable": "can't be used",
}
"""State on the wire -> words, in the order in which people see them."""

_WINDOW_FROM: Mapping[str, str] = {"settings": "set", "built_in": "", "guess": "guessed"}


def row(one: ModelInfo) -> tuple[str, ...]:
    """Roles, name, state, model, window with who says so, price with who says so or as of when."""
    roles = ", ".join(one.roles)
    model = one.model or "-"
    return roles, one.name, STATES.get(one.state, one.state), model, _window(one), _price(one)


def _window(one: ModelInfo) -> str:
    source = _WINDOW_FROM.get(one.window_from, one.window_from)
    return f"{one.window:,} {source}".rstrip() if one.window else "-"


def _price(one: ModelInfo) -> str:
    if one.price_from == "local":
        return "free"
    if one.price_in is None and one.price_out is None:
        return "not known"
    shown = " / ".join("?" if price is None else f"{price:g}" for price in (one.price_in, one.price_out))
    return f"{shown} {one.price_as_of or 'set'}"


def notes(one: ModelInfo) -> str:
    """Where it is and why it is as it is, in a line."""
    parts = []
    if one.why_not:
        remedy = f" {one.remedy[:1].upper()}{one.remedy[1:]}".rstrip(".") if one.remedy else ""
        parts.append(f"{one.why_not.rstrip('.')}.{remedy}")
    if one.in_use or not one.why_not:
        parts.append(one.reason)
    if one.state == "found":
        parts.append(f"take it with `agentctl models use {one.name}`")
    if one.url:
        parts.append(f"{one.kind} at {one.url.partition('://')[2] or one.url}")
    if one.answers is False and not one.why_not:
        parts.append("its server did not answer in time")
    if one.fallback:
        parts.append(f"falls back to {', '.join(one.fallback)}")
    if one.effort:
        parts.append(f"effort {one.effort}")
    if one.key and not one.why_not:
        parts.append(f"key {one.key}")
    if one.slots:
        parts.append(f"{one.slots} at a time")
    if one.source.startswith("/"):
        parts.append(one.source.rpartition("/")[2])
    return "; ".join(part for part in parts if part)


def check_row(check: TestCheck) -> tuple[str, str, str]:
    """What came of a check, what was tried, what was seen."""
    if not check.ok:
        return "FAILED", check.what, check.seen
    is_no = check.seen == "no" or check.seen.startswith("no:")
    return "no" if is_no else "ok", check.what, check.seen.removeprefix("no:").strip() if is_no else check.seen


def speed_and_use(result: TestResult) -> Iterator[str]:
    """How quick it was, and what the test itself has used."""
    if result.ok and result.first_token_ms:
        speed = f", {result.tokens_per_second:.1f} tokens/s" if result.tokens_per_second else ""
        yield f"first token after {result.first_token_ms} ms{speed}"
    if result.input or result.output:
        calls = "1 call" if result.calls == 1 else f"{result.calls} calls"
        cost = f", ${result.usd_micros / 1_000_000:.4f}" if result.usd_micros else ""
        about = "about " if result.estimated else ""
        yield f"the test took {calls}: {about}{result.input} tokens in, {result.output} out{cost}"
