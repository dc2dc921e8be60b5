"""A program of our own for tests: prints its arguments."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    print(sys.argv[1:])
