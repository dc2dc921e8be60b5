"""What the model sees: the recorded prefix, the conversation, and the check that it fits.

Floor 4. `budget` is the only room that can make what a provider sends.
"""

__all__: list[str] = []
