"""Floor 3, model connections: a canonical request goes in, a stream of typed events comes out.

`base` has the words that all providers share, `prepared` the only thing that can be sent. A network provider is a pure
codec (`openai_chat`) over one caller (`call`, the only file here that awaits a server); `offline` and `scripted`
answer by themselves. `connection` reads a settings table, `registry` turns it into a provider, `keys` resolves key
references, `failures` classifies what went wrong and holds the retry policy, `catalog` the model facts. This room
knows nothing of sessions, tools, context or permissions. Nothing is re-exported.
"""

from __future__ import annotations

__all__: list[str] = []
