"""The manual's tables, made from what they describe: kinds, limits, errors, roles, methods, events, structures.

`python -m agentproto.manual` prints them all; with `-` it reads the page `docs/protocol.md` from stdin and prints it
with the text between each `<!-- made: NAME -->` and `<!-- end: NAME -->` made anew. It decides nothing about the wire
and never touches a file. Callers: people who changed the wire, and the test that fails when the page is stale.
"""

from __future__ import annotations

import re
import sys

import msgspec
from msgspec import inspect

from agentproto.endpoints import Connection
from agentproto.envelope import Credit, Hello, Kind, Ping, Welcome
from agentproto.errors import ErrorCode, WireError
from agentproto.limits import Limits
from agentproto.method import ROLES, may
from agentproto.table import EVENTS, METHODS, RESOURCES

__all__ = ["main", "tables", "type_name", "weave"]

_WORDS: dict[type[inspect.Type], str] = {
    inspect.AnyType: "any",
    inspect.CustomType: "any",
    inspect.NoneType: "nil",
    inspect.BoolType: "bool",
    inspect.FloatType: "float",
    inspect.BytesType: "bin",
}
_KIND_BODIES: dict[Kind, str] = {
    Kind.HELLO: "`Hello`",
    Kind.WELCOME: "`Welcome`",
    Kind.REQUEST: "the method's params",
    Kind.REPLY: "the method's result",
    Kind.ERROR: "`WireError`",
    Kind.EVENT: "the event's body",
    Kind.CANCEL: "empty map",
    Kind.CREDIT: "`Credit`",
    Kind.PING: "`Ping`",
    Kind.PONG: "empty map",
}
_KIND_IDS: dict[Kind, str] = {
    Kind.REQUEST: "new, 1 and up",
    Kind.REPLY: "the request's",
    Kind.ERROR: "the request's, or 0",
    Kind.CANCEL: "the request's",
    Kind.PONG: "the ping's",
}
_KIND_NAMES: dict[Kind, str] = {Kind.REQUEST: "method", Kind.EVENT: "event"}
_FROM_CLIENT = frozenset({Kind.HELLO, Kind.REQUEST, Kind.CANCEL, Kind.CREDIT, Kind.PING})


def tables() -> dict[str, str]:
    """Name of a marked part -> its Markdown, without a newline at its end."""
    return {
        "kinds": _kinds(),
        "limits": _limits(),
        "errors": _errors(),
        "roles": _roles(),
        "methods": _methods(),
        "events": _events(),
        "structures": _structures(),
    }


def weave(page: str) -> str:
    """`page` with each marked part made anew; ValueError when a part of `tables` is missing or one is unknown."""
    made = tables()
    found = re.findall(r"<!-- made: (\w+) -->", page)
    if sorted(found) != sorted(made):
        raise ValueError(f"the page has the parts {sorted(found)}; it should have {sorted(made)}")
    for name, text in made.items():
        begin, end = f"<!-- made: {name} -->\n", f"<!-- end: {name} -->"
        head, _, rest = page.partition(begin)
        if end not in rest:
            raise ValueError(f"the part {name!r} has no end")
        page = f"{head}{begin}\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


def type_name(info: inspect.Type) -> str:
    """How the manual writes a type: `text`, `int`, `list of Question`, `"a" or "b"` ..."""
    match info:
        case inspect.Metadata(type=inner):
            return type_name(inner)
        case inspect.StrType(min_length=least, max_length=most):
            return "text" if most is None else f"text of {least or 0} to {most} characters"
        case inspect.IntType(ge=least, le=most):
            return _bounded("int", least, most)
        case inspect.FloatType(ge=least, le=most):
            return _bounded("float", least, most)
        case inspect.LiteralType(values=values):
            return " or ".join(msgspec.json.encode(value).decode() for value in values)
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            return f"list of {type_name(inner)}"
        case inspect.DictType(value_type=inner):
            return f"map of text to {type_name(inner)}"
        case inspect.UnionType(types=types):
            return " or ".join(map(type_name, types))
        case inspect.StructType(array_like=True):
            return f"[{', '.join(f'{field.name} {type_name(field.type)}' for field in info.fields)}]"
        case inspect.StructType(cls=cls):
            return cls.__name__
        case _:
            return _WORDS[type(info)]


def _bounded(word: str, least: float | None, most: float | None) -> str:
    if least is None:
        return word
    return f"{word} of {least} at least" if most is None else f"{word} of {least} to {most}"


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    return "\n".join([_row(*heads), "|" + "---|" * len(heads), *(_row(*row) for row in rows)])


def _kinds() -> str:
    rows: list[tuple[object, ...]] = [
        (
            int(kind),
            f"`{kind.name.lower()}`",
            "client" if kind in _FROM_CLIENT else "daemon",
            _KIND_IDS.get(kind, "0"),
            _KIND_NAMES.get(kind, "empty"),
            body,
        )
        for kind, body in _KIND_BODIES.items()
    ]
    return _table(("number", "kind", "sent by", "id", "name", "body"), rows)


def _limits() -> str:
    rows: list[tuple[object, ...]] = [
        (f"`{field.name}`", f"{field.default:,}", _reason(field.type)) for field in _structure(Limits).fields
    ]
    return _table(("limit", "value", "why"), rows)


def _reason(info: inspect.Type) -> str:
    """The description in a field's annotation."""
    assert isinstance(info, inspect.Metadata)
    assert info.extra_json_schema is not None
    return str(info.extra_json_schema["description"])


def _errors() -> str:
    return _table(
        ("code", "whose fault", "what can be done"),
        [(f"`{code.value}`", code.owner, code.remedy) for code in ErrorCode],
    )


def _roles() -> str:
    """Each role with what it may besides what every lesser one may."""
    rows: list[tuple[object, ...]] = []
    for role, rank in ROLES.items():
        lesser = [other for other, other_rank in ROLES.items() if other_rank < rank]
        new = [
            f"`{name}`"
            for name, method in sorted(METHODS.items())
            if may(role, method) and not any(may(other, method) for other in lesser)
        ]
        above = "what the lesser roles may, and " if lesser else ""
        rows.append((f"`{role}`", above + ", ".join(new)))
    return _table(("role", "may call"), rows)


def _methods() -> str:
    parts = [
        _table(
            ("method", "least role", "changes something", "what"),
            [
                (f"`{name}`", method.role, "yes: `key`" if method.mutates else "no", method.summary)
                for name, method in sorted(METHODS.items())
            ],
        )
    ]
    for resource in RESOURCES:
        parts.append(f"### `{resource}`")
        for name, method in sorted(METHODS.items()):
            if method.resource == resource:
                parts += [f"#### `{name}`", method.summary, f"Body. {_described(method.params)}"]
                parts.append(f"Reply. {_described(method.result)}")
    return "\n\n".join(parts)


def _events() -> str:
    parts = [
        _table(("event", "what"), [(f"`{name}`", event.summary) for name, event in sorted(EVENTS.items())]),
    ]
    for name, event in sorted(EVENTS.items()):
        parts += [f"### `{name}`", event.summary, f"Body. {_described(event.body)}"]
    return "\n\n".join(parts)


def _structures() -> str:
    """Everything that the link's own bodies, the methods and the events name, once each."""
    bodies: list[type[msgspec.Struct]] = [WireError, Hello, Welcome, Credit, Ping, Connection]
    found: dict[str, type[msgspec.Struct]] = {}
    for kind in bodies:
        found[kind.__name__] = kind
    outer = [kind for method in METHODS.values() for kind in (method.params, method.result)]
    outer += [event.body for event in EVENTS.values()]
    for kind in [*bodies, *outer]:
        for inner in _named(inspect.type_info(kind), top=True):
            if found.setdefault(inner.__name__, inner) is not inner:
                raise ValueError(f"two structures are called {inner.__name__}")
    return "\n\n".join(f"### `{name}`\n\n{_described(found[name])}" for name in sorted(found))


def _named(info: inspect.Type, *, top: bool = False) -> list[type[msgspec.Struct]]:
    """Structures inside `info` that the manual names."""
    match info:
        case inspect.Metadata(type=inner):
            return _named(inner)
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            return _named(inner)
        case inspect.DictType(value_type=inner):
            return _named(inner)
        case inspect.UnionType(types=types):
            return [kind for inner in types for kind in _named(inner)]
        case inspect.StructType(array_like=False, cls=cls):
            inside = [kind for field in info.fields for kind in _named(field.type)]
            return inside if top else [cls, *inside]
        case _:
            return []


def _described(kind: type[msgspec.Struct]) -> str:
    """A structure's words and its fields: name, type, default."""
    info = _structure(kind)
    words = " ".join((kind.__doc__ or "").split())
    rows = [(field.encode_name, type_name(field.type), _default(field)) for field in info.fields]
    if info.tag_field:
        rows.insert(0, (info.tag_field, msgspec.json.encode(info.tag).decode(), ""))
    if not rows:
        return f"An empty map. {words}".rstrip()
    width = max(len(name) for name, _, _ in rows)
    lines = [f"{name:<{width}}  {kind_name}{default}" for name, kind_name, default in rows]
    return f"{words}\n\n```text\n" + "\n".join(lines) + "\n```"


def _structure(kind: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


def _default(field: inspect.Field) -> str:
    if field.required:
        return ""
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    plain = msgspec.to_builtins(value)
    return f" = {'nil' if plain is None else msgspec.json.encode(plain).decode()}"


def main() -> None:
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(weave(sys.stdin.read()))
    else:
        for name, text in tables().items():
            sys.stdout.write(f"<!-- made: {name} -->\n\n{text}\n\n<!-- end: {name} -->\n\n")


if __name__ == "__main__":
    main()
