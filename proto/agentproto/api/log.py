"""log.*: streams of events. A stream is a session's id, or `daemon`.

A client subscribes from a number and gets everything after it, first from the log, then live, with no gap and no
doubling. A client that lags is told `log.gap` with the number to resume from, and its subscription has ended.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from agentproto.method import EventKind, Method

__all__ = [
    "DAEMON_STREAM",
    "EVENTS",
    "METHODS",
    "GapEvent",
    "SubscribeParams",
    "SubscribeResult",
    "UnsubscribeParams",
    "UnsubscribeResult",
]

DAEMON_STREAM = "daemon"


class SubscribeParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`after_seq` -1: only what happens from now on."""

    stream: str
    after_seq: Annotated[int, msgspec.Meta(ge=-1)] = 0


class SubscribeResult(msgspec.Struct, frozen=True):
    """`head_seq` is the stream's last number at this moment; everything up to it follows first."""

    stream: str
    head_seq: int


class UnsubscribeParams(msgspec.Struct, frozen=True):
    stream: str


class UnsubscribeResult(msgspec.Struct, frozen=True):
    subscribed: bool


class GapEvent(msgspec.Struct, frozen=True):
    """The client was too slow: events after `resume_after` were not sent. Subscribe again from there."""

    stream: str
    resume_after: int


METHODS = (
    Method("log.subscribe", SubscribeParams, SubscribeResult, "Receive a stream's events from a number on."),
    Method("log.unsubscribe", UnsubscribeParams, UnsubscribeResult, "Receive them no longer."),
)
EVENTS = (EventKind("log.gap", GapEvent, "A slow client was cut off; it resumes from a number."),)
