"""The built-in tools, one file each; `agentd.tools.registry` is the list of them.

A file here has its test in `tests/daemon/tools`, its prompt in `agentd/tools/prompts` and its row in `docs/tools.md`,
all by the same name. Tools do not know each other.
"""

from __future__ import annotations

__all__: list[str] = []
