"""The table as JSON Schema, for editors and for anybody who writes a client in another language.

`python -m agentproto.schema` prints it; the committed copy is `proto/schema/agentd-v1.json`, and a test fails when it
is stale.
"""

from __future__ import annotations

import sys

import msgspec

from agentproto import envelope, errors
from agentproto.endpoints import Connection
from agentproto.table import EVENTS, METHODS
from agentproto.versions import CAPABILITIES, WIRE_MAX, WIRE_MIN

__all__ = ["export", "main"]


def _anything(kind: type) -> dict[str, object]:
    if kind is object:
        return {"description": "any value"}
    raise NotImplementedError(kind)


def export() -> str:
    """The whole wire as one JSON document (sorted keys, two spaces, newline at the end)."""
    bodies: list[type] = [
        envelope.Hello,
        envelope.Welcome,
        envelope.Credit,
        envelope.Ping,
        errors.WireError,
        Connection,
    ]
    methods = sorted(METHODS.values(), key=lambda method: method.name)
    events = sorted(EVENTS.values(), key=lambda event: event.name)
    kinds = [*bodies, *(kind for m in methods for kind in (m.params, m.result)), *(e.body for e in events)]
    # Two resources may each have a `ListParams`; msgspec then writes their full names into the references.
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_anything, ref_template="#/$defs/{name}")
    by_kind = dict(zip(kinds, schemas, strict=True))
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agentd wire",
        "wire": {"lowest": WIRE_MIN, "highest": WIRE_MAX, "capabilities": list(CAPABILITIES)},
        "kinds": {kind.name.lower(): int(kind) for kind in envelope.Kind},
        "errors": {code.value: {"owner": code.owner, "remedy": code.remedy} for code in errors.ErrorCode},
        "bodies": {kind.__name__: by_kind[kind] for kind in bodies},
        "methods": {
            m.name: {
                "summary": m.summary,
                "mutates": m.mutates,
                "role": m.role,
                "since": m.since,
                "stability": m.stability,
                "params": by_kind[m.params],
                "result": by_kind[m.result],
            }
            for m in methods
        },
        "events": {e.name: {"summary": e.summary, "since": e.since, "body": by_kind[e.body]} for e in events},
        "$defs": components,
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2).decode() + "\n"


def main() -> None:
    sys.stdout.write(export())


if __name__ == "__main__":
    main()
