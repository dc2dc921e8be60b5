"""The loop: a pure machine that decides, and a runner that records first and then acts.

Floor 5. `machine` is `(state, event) -> (state, effects)`; nothing in it awaits, looks at a clock or throws dice.
"""

__all__: list[str] = []
