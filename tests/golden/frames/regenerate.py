"""Makes the golden frames: one recorded message of every kind, of every method both ways, and of every event.

    python tests/golden/frames/regenerate.py --add              writes those that are missing, touches no other
    python tests/golden/frames/regenerate.py --replace NAME...  writes these anew

A frame that was released is never replaced: old clients go on sending it. `--replace` is for what no release has seen.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import inspect

from agentproto.envelope import Credit, Hello, Kind, Ping, Welcome
from agentproto.errors import WireError
from agentproto.framing import to_frames
from agentproto.shape import to_plain
from agentproto.table import EVENTS, METHODS

FOLDER = Path(__file__).resolve().parent / "v1"

VALUES: dict[str, object] = {
    "at_ms": 1_795_000_000_123,
    "bytes": 2048,
    "client": "c-01k9z3v7w2",
    "client_secret": "?",
    "cwd": "/home/ann/shop",
    "daemon": "d-01k9z3v7qq",
    "endpoint": "ipc:///run/user/1000/agentd/0f3a9c1e/agentd.sock",
    "file": "/home/ann/.config/agentd/settings.toml",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "highest": 2,
    "item": "2.0",
    "key": "01k9z3v7w2-0007",
    "lowest": 1,
    "model": "local",
    "prompt": "Why does the login test fail? \u2014 \u65e5\u672c\u8a9e \U0001f980",
    "seq": 41,
    "session": "s0k3v9w2xq1b7c4d",
    "step": "t3.2",
    "stream": "s0k3v9w2xq1b7c4d",
    "text": "It waits for a clock that \u2026",
    "turn": "t3",
    "usd_micros": 1234,
    "workspace": "/home/ann/shop",
}
"""What a field of this name holds in every golden frame; other fields get a value by their type."""


def sample(info: inspect.Type, name: str = "") -> object:
    """A plain value of this type with every optional field present, the same each time."""
    match info:
        case inspect.Metadata(type=inner):
            return sample(inner, name)
        case inspect.StructType(array_like=True, fields=fields):
            return [sample(field.type, field.name) for field in fields]
        case inspect.StructType(fields=fields, tag_field=tag_field, tag=tag):
            head = {tag_field: tag} if tag_field else {}
            # A default is left out on the wire, so a switch is recorded the other way round.
            return head | {
                field.encode_name: False if field.default is True else sample(field.type, field.name)
                for field in fields
            }
        case inspect.LiteralType(values=values):
            return sorted(values)[-1]
        case inspect.UnionType(types=types):
            return next(sample(inner, name) for inner in types if not isinstance(inner, inspect.NoneType))
        case (
            inspect.ListType(item_type=inspect.UnionType(types=types))
            | inspect.VarTupleType(item_type=inspect.UnionType(types=types))
        ):
            return [sample(inner, name) for inner in types]
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            return [sample(inner, f"{name} {number}") for number in (1, 2)]
        case inspect.DictType(value_type=inner):
            return {key: sample(inner, key) for key in ("one", "two")}
        case inspect.StrType():
            return VALUES.get(name, f"a {name}")
        case inspect.IntType(ge=least):
            return VALUES.get(name, 1_795_000_000_123 if name.endswith("_at_ms") else 100 + (least or 0))
        case inspect.FloatType():
            return 0.25
        case inspect.BoolType():
            return True
        case inspect.BytesType():
            return bytes(range(0, 256, 17))
        case inspect.AnyType() | inspect.CustomType():
            return {"list": [1, -1, 2.5, None, True], "deep": {"text": "x"}}
        case _:
            raise NotImplementedError(f"no sample for {info}")


def body_of(kind: type[msgspec.Struct]) -> dict[str, object]:
    """A whole body: through the structure and back, so that it is what a real sender sends."""
    plain = sample(inspect.type_info(kind))
    return to_plain(msgspec.convert(plain, kind, strict=True, builtin_types=(bytes,)))


def samples() -> dict[str, tuple[Kind, int, str, dict[str, object], Sequence[bytes]]]:
    """File name without suffix -> what `to_frames` is given."""
    out: dict[str, tuple[Kind, int, str, dict[str, object], Sequence[bytes]]] = {
        "kind.hello": (Kind.HELLO, 0, "", body_of(Hello), ()),
        "kind.welcome": (Kind.WELCOME, 0, "", {**body_of(Welcome), "wire": 1}, ()),
        "kind.error": (Kind.ERROR, 7, "", {**body_of(WireError), "code": "bad_input"}, ()),
        "kind.cancel": (Kind.CANCEL, 7, "", {}, ()),
        "kind.credit": (Kind.CREDIT, 0, "", body_of(Credit), ()),
        "kind.ping": (Kind.PING, 0, "", body_of(Ping), ()),
        "kind.pong": (Kind.PONG, 0, "", {}, ()),
        "kind.request-with-blobs": (Kind.REQUEST, 300, "turn.start", {"key": "k"}, (b"", b"\x00\xff" * 8)),
    }
    for name, method in METHODS.items():
        out[f"request.{name}"] = (Kind.REQUEST, 7, name, body_of(method.params), ())
        out[f"reply.{name}"] = (Kind.REPLY, 7, "", body_of(method.result), ())
    for name, event in EVENTS.items():
        out[f"event.{name}"] = (Kind.EVENT, 0, name, body_of(event.body), ())
    return out


def record(kind: Kind, id: int, name: str, body: dict[str, object], blobs: Sequence[bytes]) -> str:
    """The text of one golden file. Bytes are written as {"$hex": ...}."""
    document = {
        "kind": kind.name.lower(),
        "id": id,
        "name": name,
        "body": body,
        "frames": [frame.hex() for frame in to_frames(kind, id, name, body, blobs)],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, default=lambda value: {"$hex": value.hex()}) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--replace", nargs="+", default=[], metavar="NAME")
    asked = parser.parse_args()
    if not asked.add and not asked.replace:
        parser.error("say --add or --replace NAME...: nothing is written without")
    known = samples()
    for name in asked.replace:
        if name not in known:
            parser.error(f"{name} is no golden frame")
    FOLDER.mkdir(exist_ok=True)
    for name, message in known.items():
        path = FOLDER / f"{name}.json"
        if name in asked.replace or (asked.add and not path.exists()):
            path.write_text(record(*message), encoding="utf-8")
            print(path.name, file=sys.stderr)


if __name__ == "__main__":
    main()
