"""Lines of JSON chained by checksums: what every log of the daemon is made of.

Floor 1, above the world. Knows bytes and lines, not what an entry means: the session log, the requests' record and the
daemon's own event log each bring their entry types.
"""

__all__: list[str] = []
