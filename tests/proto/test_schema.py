"""The JSON Schema: fresh, whole, the same each time, and true of what is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentproto.envelope import Kind
from agentproto.errors import ErrorCode
from agentproto.schema import export
from agentproto.table import EVENTS, METHODS
from golden.frames.regenerate import FOLDER

COMMITTED = Path(__file__).resolve().parents[2] / "proto" / "schema" / "agentd-v1.json"
DOCUMENT = json.loads(export())


def test_the_committed_schema_is_fresh() -> None:
    """`make schema` makes it anew."""
    assert COMMITTED.read_text(encoding="utf-8") == export()


def test_it_is_the_same_in_another_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agentproto.schema"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == export()


def test_it_has_everything_of_the_table() -> None:
    assert sorted(DOCUMENT["methods"]) == sorted(METHODS)
    assert sorted(DOCUMENT["events"]) == sorted(EVENTS)
    assert DOCUMENT["kinds"] == {kind.name.lower(): int(kind) for kind in Kind}
    assert sorted(DOCUMENT["errors"]) == sorted(code.value for code in ErrorCode)


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in references(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in references(inner)]
    return []


def test_every_reference_leads_somewhere() -> None:
    found = {reference.removeprefix("#/$defs/") for reference in references(DOCUMENT)}
    assert found <= DOCUMENT["$defs"].keys()
    assert DOCUMENT["$defs"].keys() <= found


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("request.*.json")) + sorted(FOLDER.glob("event.*.json")), ids=lambda path: path.stem
)
def test_a_golden_body_has_the_schemas_fields(path: Path) -> None:
    """No validator is a dependency here; names and what is required are compared."""
    side, _, name = path.stem.partition(".")
    row = DOCUMENT["methods"][name]["params"] if side == "request" else DOCUMENT["events"][name]["body"]
    schema = DOCUMENT["$defs"][row["$ref"].removeprefix("#/$defs/")]
    body = json.loads(path.read_text(encoding="utf-8"))["body"]
    assert set(schema.get("required", ())) <= body.keys() <= schema["properties"].keys()
