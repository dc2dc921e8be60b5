"""The wire's resources, one file each: parameters, results and events, no behaviour.

Import a resource by its own name (`from agentproto.api import turn`), never all of them at once: a one-shot command
pays for what it uses.
"""

__all__: list[str] = []
