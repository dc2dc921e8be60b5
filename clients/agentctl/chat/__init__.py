"""The conversation on a terminal: `slash` (what commands there are), `files` (what @ names), `talk` (what happens in a
session), `loop` (the terminal itself)."""

__all__: list[str] = []
