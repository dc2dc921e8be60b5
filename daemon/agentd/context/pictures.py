"""Which pictures of a conversation the next request shows, with their bytes, and how many tokens they are.

It decides which are shown: the newest that fit into bounds of their own (so that pictures alone never make a request too
large), and, when a bound is passed, the older half goes at once, so that a server's cache breaks once and not with each
new picture. The choice follows from the conversation alone: after a restart it is the same. It reads each blob once and
keeps the bytes of those that are shown. What can't be read is not shown; a turn never fails for it. Caller:
`context.assemble`.

Tokens are on the safe side. Sources: https://platform.claude.com/docs/en/build-with-claude/vision (pixels / 750, larger
pictures are made smaller first), https://developers.openai.com/docs/guides/images-vision (tiles or patches, by model),
the published processors of local models (patches of 28 pixels in Qwen-VL, at most 16,384; up to 4,160 in Pixtral; 2,880
for any picture in LLaVA-NeXT; 256 in Gemma).
"""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentd.context.tokens import PLAIN, Pictured, shape_of
from agentd.errors import AgentdError
from agentd.session.store import SessionStore
from agentproto.content import ImageBlock

__all__ = ["LEFT", "MOST_BYTES", "MOST_PICTURES", "SHARE", "Album", "Weight", "newest_that_fit", "picture_tokens"]

MOST_PICTURES = 20
"""Of one request: with more, Anthropic's server takes only small ones."""
MOST_BYTES = 20 * 1024 * 1024
"""Of one request, before base64 makes a third more of them: Anthropic's server takes bodies of 32 MB."""
SHARE = 0.5
"""Of the usable window that pictures may take: the rest is for words."""
LEFT = 0.5
"""Of each bound that is left when one was passed."""

_PATCH = 27
"""Pixels a side that are a token: a little less than in the models that count most finely, which take 28 (Qwen-VL), or
750 for the square (Claude)."""
_FAMILIES: Sequence[tuple[re.Pattern[str], int, int]] = (
    (re.compile(r"(.*/)?gpt-4o-mini"), 48_169, 48_169),  # 2,833 and 5,667 for each of up to 8 tiles
    (re.compile(r".*claude-"), 1_600, 4_784),  # up to 2,576 pixels a side in the models that see most
    (re.compile(r""), 4_200, 16_384),  # the least: 4,160 in Pixtral, 3,779 in gpt-4.1-nano; the most: Qwen-VL
)
"""(model's name, least, most) tokens of a picture; the first that fits."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one picture of a conversation would be in a request, all its places together."""

    blob: str
    bytes: int
    tokens: int


def picture_tokens(image: ImageBlock, model: str) -> int:
    """Tokens of a picture, at most. One whose size is not known is as large as any."""
    least, most = next((least, most) for name, least, most in _FAMILIES if name.match(model))
    if not image.width or not image.height:
        return most
    return max(least, min(most, math.ceil(image.width / _PATCH) * math.ceil(image.height / _PATCH)))


def newest_that_fit(weights: Iterable[Weight], most_tokens: int) -> frozenset[str]:
    """Blobs of the pictures that are shown, of all that there are, in the order of their last places. A longer
    conversation leaves out older ones only when a bound is passed, and then many at once."""
    kept: list[Weight] = []
    for one in weights:
        if not _fit([one], most_tokens, 1.0):
            continue
        kept.append(one)
        if not _fit(kept, most_tokens, 1.0):
            while len(kept) > 1 and not _fit(kept, most_tokens, LEFT):
                kept.pop(0)
    return frozenset(one.blob for one in kept)


def _fit(weights: Sequence[Weight], most_tokens: int, share: float) -> bool:
    return (
        len(weights) <= share * MOST_PICTURES
        and sum(one.bytes for one in weights) <= share * MOST_BYTES
        and sum(one.tokens for one in weights) <= share * most_tokens
    )


class Album:
    """The pictures of one session, for as long as it is loaded."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._known: dict[str, Pictured] = {}
        self._held: dict[str, bytes] = {}

    def choose(self, session: str, pictures: Sequence[ImageBlock], model: str, usable: int) -> Mapping[str, bytes]:
        """Blob -> bytes of those that are shown, on a window with `usable` tokens for a request."""
        places: dict[str, list[ImageBlock]] = {}
        for image in pictures:
            places[image.blob] = [*places.pop(image.blob, ()), image]  # the last place counts for the order
        weights = []
        for blob, found in places.items():
            if (one := self._look(session, blob)) is not None:
                tokens = sum(picture_tokens(image, model) for image in found)
                weights.append(Weight(blob, len(found) * sum(one.shape) // 4 * 3, tokens))
        chosen = newest_that_fit(weights, int(SHARE * usable))
        self._held = {blob: data for blob in chosen if (data := self._read(session, blob)) is not None}
        return self._held

    def pictured(self, shown: Iterable[ImageBlock], model: str) -> Pictured:
        """What the pictures that are in a body are there, and how many tokens."""
        found = PLAIN
        for image in shown:
            known = self._known.get(image.blob) or PLAIN
            found += Pictured(known.shape, picture_tokens(image, model))
        return found

    def _look(self, session: str, blob: str) -> Pictured | None:
        """How its base64 looks; None when it can't be read."""
        if blob not in self._known:
            data = self._read(session, blob)
            if data is None:
                return None
            self._held[blob] = data
            self._known[blob] = Pictured(shape_of(b64encode(data)))
        return self._known[blob]

    def _read(self, session: str, blob: str) -> bytes | None:
        if blob in self._held:
            return self._held[blob]
        try:
            return self._store.get_blob(session, blob)
        except AgentdError:
            return None
