"""The append-only truth: one JSONL log a session, the state as a fold over it, and what clients see of it.

Floor 3. Nothing else writes a session's folder. Knows nothing of models, tools or sockets.
"""

__all__: list[str] = []
