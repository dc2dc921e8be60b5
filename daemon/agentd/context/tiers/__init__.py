"""The tiers of compaction, cheapest first: one file a tier.

Each is a pure function of what a conversation holds: it says what to leave out, and why. What it said is recorded, and
stays so, byte for byte. Called by `agentd.context.assemble`.
"""

__all__: list[str] = []
