"""agentclient: the client library of agentd. agentproto and pyzmq, nothing else.

`blocking.connect` gives a client for scripts and one-shot commands, `client.connect` one for asyncio; both are pumps
over the same `conversation`. Names are imported from their own module, so that a command loads only what it uses.
"""

__all__: list[str] = []
