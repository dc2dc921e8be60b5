"""Wire in, wire out: the ROUTER socket, who may speak, what each client is owed.

Floor 7. `sockets` is the only importer of zmq in the daemon; `handlers/<resource>` answer the methods of the table.
"""

__all__: list[str] = []
