"""Model connections as the daemon offers them: which there are, which one serves, why, and whether it works.

Floor 6. What a connection is, and how one is spoken to, is `providers`'.
"""

__all__: list[str] = []
