"""TEMP"""

__all__: list[str] = []
