"""The wire's size limits, in one table, each with its reason.

They are checked before any object is made from the bytes. A message that passes a limit is answered with `too_large`
or `bad_frame`; it never costs another client anything. Both sides check: a sender learns of it before it sends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["LIMITS", "Limits"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """All sizes in bytes unless the name says otherwise. `why` stands in each field's metadata, for the manual."""

    frame_bytes: int = field(
        default=16 * _MIB,
        metadata={"why": "One ZeroMQ frame (`ZMQ_MAXMSGSIZE`): libzmq itself hangs up above it."},
    )
    frames_per_message: int = field(
        default=16, metadata={"why": "Header, body and up to 14 blobs; a 17th and later frame is dropped unread."}
    )
    message_bytes: int = field(default=16 * _MIB, metadata={"why": "All frames of one message together."})
    header_bytes: int = field(
        default=512, metadata={"why": "Header frame: four bytes of magic and version, then kind, id and a name."}
    )
    body_bytes: int = field(
        default=4 * _MIB, metadata={"why": "The msgpack map of one message; larger things travel as blobs."}
    )
    depth: int = field(
        default=32, metadata={"why": "Nesting of maps and arrays. Tool arguments of real models stay under 10."}
    )
    elements: int = field(
        default=50_000,
        metadata={
            "why": "Values in one body, keys included: bounds the objects that a small body of empty arrays could make."
        },
    )
    string_bytes: int = field(
        default=2 * _MIB, metadata={"why": "One text. A prompt of 2 MiB is already beyond any window."}
    )
    binary_bytes: int = field(default=4 * _MIB, metadata={"why": "One bin value inside a body."})
    name_bytes: int = field(default=64, metadata={"why": "A method's or an event's name."})
    prompt_bytes: int = field(
        default=1 * _MIB, metadata={"why": "The text of one user message; more belongs into a file."}
    )
    window_events: int = field(
        default=256, metadata={"why": "Events in flight to one client before it grants more credit."}
    )
    window_bytes: int = field(default=1 * _MIB, metadata={"why": "Bytes of event bodies in flight to one client."})
    queue_events: int = field(
        default=1024, metadata={"why": "Events that wait for one slow client before it is told `gap`."}
    )
    queue_bytes: int = field(default=8 * _MIB, metadata={"why": "Bytes that wait for one slow client."})
    page: int = field(default=200, metadata={"why": "Most rows that a list method answers at once."})
    in_flight_requests: int = field(
        default=64, metadata={"why": "Requests of one client that may be unanswered at a time."}
    )


LIMITS = Limits()
