"""Texts of every kind that a tool's result or a person's message may be, of any size, the same for the same chance."""

from __future__ import annotations

import base64
import functools
import random
import re
from collections.abc import Mapping

__all__ = ["KINDS_OF_TEXT", "scenery", "text_of"]

KINDS_OF_TEXT = ("prose", "code", "data", "figures", "log", "foreign", "packed", "signs")

_FOREIGN = (
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. ",
    "Все люди рождаются свободными и равными в своем достоинстве и правах. ",
    "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. ",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια. ",
)
_WORDS = re.findall(
    r"\w+",
    "the of and to a in that it is was for on are with as be at one have this "
    "from by hot but some what there we can out other were all your when up use word how said "
    "an each she which do their time if will way about many then them would write like so these her "
    "long make thing see him two has look more day could go come did number sound window request buffer session "
    "daemon client estimate calibration provider message token answer ",
)


def text_of(chance: random.Random, kind: str, size: int) -> str:
    """About `size` characters of one kind: prose, code, data, figures, log, foreign, packed, signs."""
    parts: list[str] = []
    left = size
    while left > 0:
        part = _part(chance, kind)
        parts.append(part)
        left -= len(part)
    return "".join(parts)[:size]


def _part(chance: random.Random, kind: str) -> str:
    match kind:
        case "prose":
            return " ".join(chance.choices(_WORDS, k=12)).capitalize() + ". "
        case "code":
            one, two = chance.choice(_WORDS), chance.choice(_WORDS)
            deep = " " * 4 * chance.randint(0, 4)
            return (
                f"{deep}def {one}_{two}(self, {two}: int = {chance.randint(0, 99)}) -> dict[str, {one.upper()}]:\n"
                f'{deep}    return self._{two}.get("{one}", None) or {{}}\n'
            )
        case "data":
            return f'{{"{chance.choice(_WORDS)}": [{chance.random():.4f}, null, true], "id": "{chance.randbytes(6).hex()}"}},\n'
        case "figures":
            return ",".join(f"{chance.uniform(0, 1000):.3f}" for _ in range(8)) + "\n"
        case "log":
            at = f"{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}:{chance.randint(0, 59):02d}.{chance.randint(0, 999):03d}"
            return f"2026-01-05 {at} INFO [worker-{chance.randint(1, 9)}] {chance.choice(_WORDS)} took {chance.randint(1, 900)} ms\n"
        case "foreign":
            return chance.choice(_FOREIGN)
        case "packed":
            return base64.b64encode(chance.randbytes(57)).decode() + "\n"
        case _:
            return "".join(chance.choices("{}[]()<>;:,.!?@#$%^&*-+=/|~`'\" ", k=60)) + "\n"


_FILES = {
    "prose.md": ("prose", 30_000),
    "code.py": ("code", 60_000),
    "data.json": ("data", 40_000),
    "figures.csv": ("figures", 200_000),
    "day.log": ("log", 120_000),
    "foreign.txt": ("foreign", 30_000),
    "packed.txt": ("packed", 60_000),
    "signs.txt": ("signs", 20_000),
    "small.py": ("code", 900),
    "note.txt": ("prose", 300),
}


@functools.cache
def scenery() -> Mapping[str, str]:
    """The files of the workspace: the same for every session, made once."""
    chance = random.Random(11)
    return {name: text_of(chance, kind, size) for name, (kind, size) in _FILES.items()}
