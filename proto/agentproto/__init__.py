"""agentproto: the wire between agentd and its clients, declared once.

Standard library, msgpack and msgspec; no sockets, no clock, no files, no chance. `link.Link` is the conversation,
sans I/O; `table` the list of everything that can be asked and told; `api.<resource>` the structures. Names are
imported from their own module, so that a one-shot client loads only what it uses.
"""

from agentproto.__about__ import __version__

__all__ = ["__version__"]
