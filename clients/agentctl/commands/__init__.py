"""One file a command. Each has `command`, is imported only when it is called, and has a row in docs/commands.md."""

__all__: list[str] = []
