"""The settings in force: read at start, changed whole or not at all.

Floor 6. What settings are, and how files become settings, is `config`'s.
"""

__all__: list[str] = []
