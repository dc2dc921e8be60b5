"""Real vocabularies that count texts: those that a library ships in its package, and one that is made of this repository.

    with vocabularies() as found:                  # name -> a function from a text to its tokens
        found["sentencepiece of 32,768"]("Hello")

They are counted by a program of their own (`vocabularies_child.py`) in an environment of its own (`own_environment`), so
that none of it is a dependency; nothing is downloaded but the packages. Where they can't be had there are none.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from support.own_environment import python_with

__all__ = ["vocabularies"]

PACKAGES = ("sentencepiece==0.2.3", "tiktoken==0.14.0")
ALONE = ("mistral-common==1.13.1", "tokenizers==0.23.3")
"""Of these only the vocabularies and the trainer are used: what they want besides is left out."""
CHILD = Path(__file__).parent / "vocabularies_child.py"


@contextlib.contextmanager
def vocabularies() -> Iterator[Mapping[str, Callable[[str], int]]]:
    """All that can be had here."""
    python = python_with("vocabularies", PACKAGES, ALONE)
    if python is None:
        yield {}
        return
    with subprocess.Popen([python, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        names = json.loads(child.stdout.readline())
        try:
            yield {name: _counting(child, name) for name in names}
        finally:
            child.kill()


def _counting(child: subprocess.Popen[str], name: str) -> Callable[[str], int]:
    def count(text: str) -> int:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps([name, text]) + "\n")
        child.stdin.flush()
        return int(child.stdout.readline())

    return count
