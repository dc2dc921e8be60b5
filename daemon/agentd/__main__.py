"""`python -m agentd`."""

from agentd.cli import main

__all__: list[str] = []

main()
