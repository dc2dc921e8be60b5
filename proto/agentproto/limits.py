"""The wire's size limits, in one table, each with its reason.

They are checked before any object is made from the bytes. A message that passes a limit is answered with `too_large`
or `bad_frame`; it never costs another client anything. Both sides check: a sender learns of it before it sends.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LIMITS", "Limits"]

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """All sizes in bytes unless the name says otherwise."""

    frame_bytes: int = 16 * MIB
    """One ZeroMQ frame (`ZMQ_MAXMSGSIZE`): libzmq hangs up above it, so it is well above what we accept ourselves."""
    frames_per_message: int = 16
    """Header, body and up to 14 blobs; a 17th and later frame is dropped unread."""
    message_bytes: int = 16 * MIB
    """All frames of one message together."""
    header_bytes: int = 512
    """Header frame: four bytes of magic and version, then kind, id and a name."""
    body_bytes: int = 4 * MIB
    """The msgpack map of one message; larger things travel as blobs."""
    depth: int = 32
    """Nesting of maps and arrays. Tool arguments of real models stay under 10."""
    elements: int = 50_000
    """Values in one body, keys included: bounds the objects that a small body of empty arrays could make."""
    string_bytes: int = 2 * MIB
    """One text. A prompt of 2 MiB is already beyond any window."""
    binary_bytes: int = 4 * MIB
    """One bin value inside a body."""
    name_bytes: int = 64
    """A method's or an event's name."""
    prompt_bytes: int = 1 * MIB
    """The text of one user message; more belongs into a file."""
    window_events: int = 256
    """Events in flight to one client before it grants more credit."""
    window_bytes: int = 1 * MIB
    """Bytes of event bodies in flight to one client."""
    queue_events: int = 1024
    """Events that wait for one slow client before it is told `gap`."""
    queue_bytes: int = 8 * MIB
    """Bytes that wait for one slow client."""
    page: int = 200
    """Most rows that a list method answers at once."""
    in_flight_requests: int = 64
    """Requests of one client that may be unanswered at a time."""


LIMITS = Limits()
