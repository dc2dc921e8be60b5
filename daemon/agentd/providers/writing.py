"""What every codec needs to write a conversation: the bytes it keeps, ids that fit, pictures as bytes or in words.

It decides which messages of a growing conversation need not be encoded again, which id a call has in a request, which
pictures are shown, and what is said in place of what a request can't hold. It never changes a byte of what was written before, and knows no
format: how a message looks is the codec's. Pure. Callers: the codecs.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from operator import is_

from agentd.providers.base import Encoded, ModelMessage, ModelRequest
from agentproto.content import ImageBlock, ToolUseBlock

__all__ = [
    "NEVER_REASONS",
    "NOTHING",
    "CallIds",
    "Pictures",
    "Write",
    "fitting",
    "image_behind",
    "image_in_words",
    "joined",
    "kept_part",
]

NOTHING = "(nothing)"
"""What stands where a message has to say something and has nothing that this format could hold."""

NEVER_REASONS = re.compile(r"(.*/)?(ft:)?(chatgpt|gpt-3|gpt-4)")
"""OpenAI's models that refuse to be asked for reasoning or for its encrypted form, because they have none."""

_SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Anthropic and OpenAI take these four."""

_FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Anthropic takes these characters only; OpenAI takes 64 of them. One rule for both, so that they can be exchanged."""


def fitting(call: str) -> str:
    """A call's name with only the characters `[a-zA-Z0-9_-]`: each byte of another one, and each `_`, becomes `_` and
    two hex digits. No two calls become the same, and what was written can be read back."""
    return re.sub(r"[^a-zA-Z0-9-]", lambda one: "".join(f"_{byte:02x}" for byte in _utf8(one.group())), call) or "_"


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class CallIds:
    """Our call -> the id that stands in the request: the model's own where it gave one that fits and is not taken yet.

    Some servers give every call the same id, and a second model did not make the first one's ids; both must not
    confuse the pairing. An id depends on earlier messages only, so a growing conversation keeps its bytes.
    `before`: the ids of what was said before, which are asked and not changed.
    """

    def __init__(self, before: CallIds | None = None) -> None:
        self._before = before
        self._given: dict[str, tuple[str, str]] = {}
        self._taken: set[str] = set()

    def new(self, use: ToolUseBlock) -> str:
        """The id of a call that is written now."""
        chosen = self._choose(use)
        self._given[use.call] = (chosen, use.name)
        self._taken.add(chosen)
        return chosen

    def of(self, call: str) -> str:
        """The id under which a call was written."""
        return self._find(call)[0] or self._unwritten(call)

    def name_of(self, call: str) -> str:
        """The tool that a call asked for; empty when it was never written."""
        return self._find(call)[1]

    def claim(self, id: str) -> bool:
        """Whether an id that may stand only once in a request is free; from now on it is not."""
        free = not self._is_taken(id)
        self._taken.add(id)
        return free

    def _choose(self, use: ToolUseBlock) -> str:
        chosen = use.model_id if _FITS.fullmatch(use.model_id) else fitting(use.call)
        if not _FITS.fullmatch(chosen) or self._is_taken(chosen):
            chosen = fitting(use.call)
        number = 1
        while not _FITS.fullmatch(chosen) or self._is_taken(chosen):  # a model can have used any of our names
            number += 1
            chosen = f"{fitting(use.call)[:40]}-{number}"
        return chosen

    def _unwritten(self, call: str) -> str:
        """The id of a call that was never written: a result of it is nobody's."""
        return fitting(call)

    def _find(self, call: str) -> tuple[str, str]:
        if call in self._given or self._before is None:
            return self._given.get(call, ("", ""))
        return self._before._find(call)

    def _is_taken(self, id: str) -> bool:
        return id in self._taken or (self._before is not None and self._before._is_taken(id))


Write = Callable[[tuple[ModelMessage, ...], CallIds], bytes]
"""Encodes messages, with commas between them; empty when nothing of them is sent."""


class _Kept:
    """The beginning of a conversation as one codec wrote it: its messages, their bytes, and the ids given in them."""

    def __init__(self, codec: object, ids: CallIds) -> None:
        self.codec = codec
        self.messages: list[ModelMessage] = []
        self.data = bytearray()
        self.ids = ids
        self.shown: list[ImageBlock] = []

    def begins(self, request: ModelRequest, codec: object, count: int) -> bool:
        """By identity: equal arguments of a call may have their keys in another order, which is other bytes. A picture
        that is shown in it has to be one that may be shown."""
        same_codec = type(self.codec) is type(codec) and self.codec == codec
        same = same_codec and len(self.messages) <= count and all(map(is_, self.messages, request.messages))
        return same and all(image.blob in request.images for image in self.shown)


def kept_part(
    request: ModelRequest, codec: object, count: int, write: Write, ids: type[CallIds] = CallIds
) -> tuple[bytearray, CallIds]:
    """The bytes of the first `count` messages, and the ids for writing the others. Only what `request.encoded` does not
    hold yet is written. `codec`: whose bytes they are; another one (by `==`) begins anew. `ids`: the codec's rule for
    them, one for a codec. The bytes are for reading only."""
    messages, encoded = request.messages, request.encoded or Encoded()
    kept, encoded.kept = encoded.kept, None  # what fails half-way is not used again
    encoded.shown = []  # `Pictures` fills it, first with what is kept from now on, then with the rest
    if not isinstance(kept, _Kept) or not kept.begins(request, codec, count):
        kept = _Kept(codec, ids())
    fresh = messages[len(kept.messages) : count]
    if fresh and (more := write(fresh, kept.ids)):
        kept.data += b"," + more if kept.data else more
    kept.messages += fresh
    kept.shown += encoded.shown
    encoded.kept, encoded.shown = kept, list(kept.shown)
    return kept.data, ids(kept.ids)  # not copied: it may be megabytes


def joined(head: bytes, parts: Iterable[bytes | bytearray]) -> bytes:
    """A whole body: `head` up to the bracket that opens its last field, the parts that say something with commas between
    them, and the ends of both. One copy is made, because it may be megabytes."""
    pieces: list[bytes | bytearray] = [head]
    for part in parts:
        if part:
            pieces += (b",", part) if len(pieces) > 1 else (part,)
    return b"".join((*pieces, b"]}"))


class Pictures:
    """Which pictures of a request are shown: those whose bytes are in it, of a type that every format takes. One that
    was told in words before stays so (`Encoded.told`): what was sent never changes. It notes which are (`Encoded.shown`)."""

    def __init__(self, request: ModelRequest) -> None:
        self._images = request.images
        self._encoded = request.encoded or Encoded()

    def data(self, image: ImageBlock) -> str | None:
        """Its bytes as base64; None for one that is to be told in words."""
        if image.media_type not in _SHOWN_TYPES or image.blob in self._encoded.told:
            return None
        data = self._images.get(image.blob)
        if data is None:
            self._encoded.told.add(image.blob)
            return None
        self._encoded.shown.append(image)
        return b64encode(data).decode("ascii")

    def url(self, image: ImageBlock) -> str | None:
        """Its bytes as a `data:` url; None for one that is to be told in words."""
        data = self.data(image)
        return None if data is None else f"data:{image.media_type};base64,{data}"


def image_in_words(image: ImageBlock) -> str:
    """What a model is told of a picture whose bytes are not in the request."""
    return f"[{_about(image)}, which this connection can't show to the model]"


def image_behind(image: ImageBlock, number: int) -> str:
    """What a result says of its picture in formats that show pictures only in a user's message, right behind it."""
    return f"[{_about(image)}: number {number} of those that follow these results]"


def _about(image: ImageBlock) -> str:
    size = f" of {image.width}x{image.height} pixels" if image.width and image.height else ""
    return f"an image ({image.media_type}){size}"
