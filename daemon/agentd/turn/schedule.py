"""Which of a step's calls may run now. Pure.

Neighbouring concurrency-safe calls run side by side, up to a cap; every other call runs alone, and the order of the
calls is the order of their effects. A call that waits for a person holds back what comes after it.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentd.session.state import CALL_ENDED, CallState

__all__ = ["runnable"]


def runnable(calls: Sequence[CallState], cap: int) -> tuple[str, ...]:
    """Ids of the calls to begin now, in call order; empty when nothing may begin."""
    running = [call for call in calls if call.status == "begun"]
    if any(not call.concurrency_safe for call in running):
        return ()
    out: list[str] = []
    for call in calls:
        if call.status in CALL_ENDED or call.status == "begun":
            continue
        if call.status not in ("allowed", "approved"):
            break
        if not call.concurrency_safe:
            if not running and not out:
                out.append(call.call)
            break
        if len(running) + len(out) >= cap:
            break
        out.append(call.call)
    return tuple(out)
