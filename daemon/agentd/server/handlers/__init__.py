"""One file a resource of the wire; each has HANDLERS: method name -> async function.

A handler converts, checks, calls one part, and returns a result. It holds no state.
"""

__all__: list[str] = []
