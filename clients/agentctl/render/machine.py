"""Structures -> JSON for programs: every documented field is there, also those with their default value."""

from __future__ import annotations

import msgspec

__all__ = ["json_line", "json_text", "plain"]


def plain(value: object) -> object:
    """A structure as maps, lists and plain values. The wire leaves defaults out; a script should not have to know."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        fields = {
            name: plain(getattr(value, attribute))
            for name, attribute in zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        }
        return {config.tag_field: config.tag} | fields if config.tag_field else fields
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def json_line(value: object) -> str:
    """One line of JSON, with its line feed."""
    return msgspec.json.encode(plain(value)).decode() + "\n"


def json_text(value: object) -> str:
    """JSON for people who look at it: two spaces, with a line feed at the end."""
    return msgspec.json.format(msgspec.json.encode(plain(value)), indent=2).decode() + "\n"
