"""The wire's size limits, in one table, each with its reason.

They are checked before any object is made from the bytes. A message that passes a limit is answered with `too_large`
or `bad_frame`; it never costs another client anything. Both sides check: a sender learns of it before it sends.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["LIMITS", "Limits"]

_KIB = 1024
_MIB = 1024 * _KIB


class Limits(Struct, frozen=True):
    """All sizes in bytes unless the name says otherwise. The reason stands in each field's description, for the
    manual."""

    frame_bytes: Annotated[
        int, Meta(description="One ZeroMQ frame (`ZMQ_MAXMSGSIZE`): libzmq itself hangs up above it.")
    ] = 16 * _MIB
    frames_per_message: Annotated[
        int, Meta(description="Header, body and up to 14 blobs; a 17th and later frame is dropped unread.")
    ] = 16
    message_bytes: Annotated[int, Meta(description="All frames of one message together.")] = 16 * _MIB
    header_bytes: Annotated[
        int, Meta(description="Header frame: four bytes of magic and version, then kind, id and a name.")
    ] = 512
    body_bytes: Annotated[int, Meta(description="The msgpack map of one message; larger things travel as blobs.")] = (
        4 * _MIB
    )
    depth: Annotated[
        int, Meta(description="Nesting of maps and arrays. Tool arguments of real models stay under 10.")
    ] = 32
    elements: Annotated[
        int,
        Meta(
            description="Values in one body, keys included: bounds the objects that a small body of empty arrays could "
            "make."
        ),
    ] = 50_000
    string_bytes: Annotated[int, Meta(description="One text. A prompt of 2 MiB is already beyond any window.")] = (
        2 * _MIB
    )
    binary_bytes: Annotated[int, Meta(description="One bin value inside a body.")] = 4 * _MIB
    name_bytes: Annotated[int, Meta(description="A method's or an event's name.")] = 64
    prompt_bytes: Annotated[int, Meta(description="The text of one user message; more belongs into a file.")] = 1 * _MIB
    window_events: Annotated[int, Meta(description="Events in flight to one client before it grants more credit.")] = (
        256
    )
    window_bytes: Annotated[int, Meta(description="Bytes of event bodies in flight to one client.")] = 1 * _MIB
    queue_events: Annotated[int, Meta(description="Events that wait for one slow client before it is told `gap`.")] = (
        1024
    )
    queue_bytes: Annotated[int, Meta(description="Bytes that wait for one slow client.")] = 8 * _MIB
    page: Annotated[int, Meta(description="Most rows that a list method answers at once.")] = 200
    in_flight_requests: Annotated[int, Meta(description="Requests of one client that may be unanswered at a time.")] = (
        64
    )


LIMITS = Limits()
