"""Items -> what a terminal, a pipe or a program is given. Nothing here talks to a daemon."""

__all__: list[str] = []
