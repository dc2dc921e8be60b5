"""THE table: every method and every event that crosses the wire, collected from the resources' own files.

Handlers, the Python client, the JSON Schema and the manual's tables are checked against it or made from it. A name
that was ever released is never given to something else: it moves to RETIRED.
"""

from __future__ import annotations

from agentproto.api import config, daemon, log, model, question, session, tool, turn
from agentproto.method import EventKind, Method

__all__ = ["EVENTS", "METHODS", "RESOURCES", "RETIRED"]

_MODULES = (config, daemon, log, model, question, session, tool, turn)

METHODS: dict[str, Method] = {method.name: method for module in _MODULES for method in module.METHODS}
EVENTS: dict[str, EventKind] = {
    event.name: event for module in (daemon, log, question, session, turn) for event in module.EVENTS
}
RESOURCES: tuple[str, ...] = tuple(sorted({method.resource for method in METHODS.values()}))
RETIRED: frozenset[str] = frozenset()
