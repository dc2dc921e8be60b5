"""agentctl: the thin command line of agentd. It renders items; it decides nothing."""

__all__: list[str] = []
