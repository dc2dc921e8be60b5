"""Full-text search over documents made of pieces: a query's words, the index, the ranking.

Floor 2. Knows neither sessions nor notes: whoever owns documents says what their pieces are and when they have changed.
"""

__all__: list[str] = []
