"""`python -m agentctl`."""

from __future__ import annotations

from agentctl.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
