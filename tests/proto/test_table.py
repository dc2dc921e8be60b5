"""The table's own law: names, keys, units and paging are uniform, because a wire can't be mended once it is spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

from agentproto.api import config, daemon, log, model, question, session, tool, turn
from agentproto.envelope import Credit, Hello, Ping, Welcome
from agentproto.errors import WireError
from agentproto.method import Method
from agentproto.table import EVENTS, METHODS, RESOURCES, RETIRED
from agentproto.versions import WIRE_MAX, WIRE_MIN

MODULES = (config, daemon, log, model, question, session, tool, turn)
NAME = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)*")
DURATIONS = {
    "heartbeat_ms",
    "wait_ms",
    "duration_ms",
    "timeout_ms",
    "first_token_ms",
    "retry_after_ms",
    "local_day_ms",
    "local_ms_today",
    "stall_ms",
}
"""Spans of time. Every other field in milliseconds is a moment and ends in `at_ms`."""
OTHER_MOMENTS = {"now_ms": "the daemon's own clock at the moment it answers"}
NOT_PAGED = {"question.list", "tool.list", "model.list"}
WITHOUT_KEY = {
    "daemon.environment": "a key is recorded with its request, and these values must not be; setting twice sets once",
    "log.subscribe": "lives and ends with the conversation",
    "log.unsubscribe": "lives and ends with the conversation",
}
"""Methods that change something and still carry no key, each with its reason."""
VERBS_THAT_CHANGE = {
    *("add", "answer", "create", "interrupt", "reload", "set", "start", "steer", "stop", "use"),
    *("bundle", "import", "retain", "withdraw"),
    *(
        "approve",
        "archive",
        "cancel",
        "delete",
        "fork",
        "grant",
        "redact",
        "remove",
        "rename",
        "revoke",
        "rewind",
        "rm",
    ),
    *("run", "trust", "undo", "write"),
}


def structures() -> Iterator[type[msgspec.Struct]]:
    """Every structure that crosses the wire, those inside others too."""
    outer: list[type] = [Hello, Welcome, Credit, Ping, WireError]
    outer += [kind for method in METHODS.values() for kind in (method.params, method.result)]
    outer += [event.body for event in EVENTS.values()]
    seen: set[type] = set()
    waiting = [inspect.type_info(kind) for kind in outer]
    while waiting:
        info = waiting.pop()
        if isinstance(info, inspect.StructType):
            if info.cls not in seen:
                seen.add(info.cls)
                yield info.cls
                waiting += [field.type for field in info.fields]
        elif isinstance(info, inspect.UnionType):
            waiting += info.types
        elif isinstance(info, inspect.Metadata):
            waiting.append(info.type)
        elif isinstance(info, inspect.ListType | inspect.VarTupleType):
            waiting.append(info.item_type)
        elif isinstance(info, inspect.DictType):
            waiting.append(info.value_type)


def fields() -> list[tuple[str, str, inspect.Type]]:
    """(structure, field, type) of everything that crosses the wire."""
    return [(kind.__name__, field.encode_name, field.type) for kind in structures() for field in _struct(kind).fields]


def _struct(kind: type) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


def _plain(info: inspect.Type) -> set[type]:
    if isinstance(info, inspect.Metadata):
        return _plain(info.type)
    if isinstance(info, inspect.UnionType):
        return {kind for inner in info.types for kind in _plain(inner)} - {inspect.NoneType}
    return {type(info)}


def test_the_table_has_everything_once_and_nothing_else() -> None:
    methods = [method.name for module in MODULES for method in module.METHODS]
    events = [event.name for module in MODULES for event in getattr(module, "EVENTS", ())]
    assert sorted(METHODS) == sorted(methods)
    assert sorted(EVENTS) == sorted(events)
    assert set(METHODS) & set(EVENTS) == set()
    assert tuple(sorted({name.partition(".")[0] for name in METHODS})) == RESOURCES


def test_no_retired_name_is_used_again() -> None:
    assert RETIRED & (METHODS.keys() | EVENTS.keys()) == frozenset()


@pytest.mark.parametrize("name", [*METHODS, *EVENTS])
def test_a_name_is_a_resource_and_a_verb(name: str) -> None:
    assert NAME.fullmatch(name)
    assert len(name) <= 64


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_what_changes_something_carries_a_bounded_key(method: Method) -> None:
    found = {field.name: field for field in _struct(method.params).fields}.get("key")
    assert (found is not None) == method.mutates
    if found is not None:
        assert found.required
        assert (found.type.min_length, found.type.max_length) == (1, 128)  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_a_verb_that_changes_something_is_marked_so(method: Method) -> None:
    changes = method.name.partition(".")[2] in VERBS_THAT_CHANGE
    assert (method.mutates, method.name in WITHOUT_KEY) in {(changes, False), (False, True)}


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_an_observer_can_change_nothing(method: Method) -> None:
    assert not (method.mutates and method.role in ("observer", "worker"))


@pytest.mark.parametrize("name", [name for name in METHODS if name.endswith(".list")])
def test_a_list_is_paged_or_says_why_it_is_not(name: str) -> None:
    method = METHODS[name]
    asked = {field.name: type(field.type) for field in _struct(method.params).fields}
    paged = {"cursor": inspect.UnionType, "limit": inspect.IntType}.items() <= asked.items()
    assert paged == ("cursor" in method.result.__struct_fields__)
    assert paged != (name in NOT_PAGED)
    if not paged:
        assert "Not paged" in (method.params.__doc__ or "")


def test_a_page_of_a_log_goes_on_from_a_number() -> None:
    assert {"after_seq", "limit"} <= set(METHODS["session.items"].params.__struct_fields__)
    assert "next_seq" in METHODS["session.items"].result.__struct_fields__


def test_moments_end_in_at_ms_and_are_whole() -> None:
    wrong = [
        f"{kind}.{name}"
        for kind, name, info in fields()
        if re.search(r"(_ms|_s|_sec|_seconds|_time|_date|^time|_at)$", name)
        and not (
            (name in DURATIONS or name in OTHER_MOMENTS or re.fullmatch(r"(\w+_)?at_ms", name))
            and _plain(info) == {inspect.IntType}
        )
    ]
    assert wrong == []


def test_sizes_end_in_bytes_and_costs_in_usd_micros_and_are_whole() -> None:
    wrong = [
        f"{kind}.{name}"
        for kind, name, info in fields()
        if re.search(r"(size|length|kib|mib|kb|mb|bytes|cost|usd|price|dollars|micros)", name)
        and not (re.fullmatch(r"(\w+_)?(bytes|usd_micros)", name) and _plain(info) == {inspect.IntType})
    ]
    # Prices are not costs: a price list's dollars a million tokens, which is micro-dollars a token.
    prices = {
        *("AddParams.price_in", "AddParams.price_out", "ModelInfo.price_in", "ModelInfo.price_out"),
        *("ModelInfo.price_from", "ModelInfo.price_as_of"),
    }
    assert set(wrong) == {"CostsResult.costs", *prices}


def test_floats_are_rare_and_known() -> None:
    """A float on the wire can be NaN; each is here by name."""
    found = sorted(f"{kind}.{name}" for kind, name, info in fields() if inspect.FloatType in _plain(info))
    assert found == [
        *("AddParams.price_in", "AddParams.price_out"),
        *("Estimates.factor", "Estimates.greatest", "Estimates.least"),
        *("ModelInfo.price_in", "ModelInfo.price_out"),
        *("SearchHit.score", "TestResult.tokens_per_second"),
    ]


def test_ids_are_texts() -> None:
    ids = {"session", "turn", "call", "question", "stream", "step", "item", "daemon", "client", "id", "parent"}
    wrong = [
        f"{kind}.{name}"
        for kind, name, info in fields()
        if name in ids and not _plain(info) <= {inspect.StrType, inspect.StructType}
    ]
    assert wrong == []


def test_structures_are_frozen() -> None:
    assert [kind.__name__ for kind in structures() if not kind.__struct_config__.frozen] == []


def test_nothing_forbids_unknown_fields() -> None:
    """An older reader has to understand a newer event; strictness in requests is `shape.request`'s."""
    assert [kind.__name__ for kind in structures() if kind.__struct_config__.forbid_unknown_fields] == []


@pytest.mark.parametrize("name", [name for name in EVENTS if name != "log.gap"])
def test_an_event_says_its_stream_and_number(name: str) -> None:
    assert EVENTS[name].body.__struct_fields__[:2] == ("stream", "seq")
    assert "at_ms" in EVENTS[name].body.__struct_fields__ or name == "turn.delta"


def test_a_gap_says_where_to_resume() -> None:
    assert EVENTS["log.gap"].body.__struct_fields__ == ("stream", "resume_after")


@pytest.mark.parametrize("row", [*METHODS.values(), *EVENTS.values()], ids=lambda row: row.name)
def test_a_row_has_a_sentence_and_a_version_that_exists(row: Method) -> None:
    assert re.fullmatch(r"[A-Z].+[.]", row.summary)
    assert WIRE_MIN <= row.since <= WIRE_MAX


def test_shapes_that_must_be_there_from_the_first_day() -> None:
    have = {kind: set(kind.__struct_fields__) for kind in structures()}
    assert {"kind", "origin", "deadline_at_ms", "default", "session", "gates", "hash"} <= have[question.Question]
    assert {"parent", "kind", "workspace"} <= have[session.SessionSummary] & have[session.OpenedEvent]
    assert {"usage", "purpose", "items"} <= have[turn.RepliedEvent]
    assert {"item", "offset", "text"} <= have[turn.DeltaEvent]
    assert "actor" in have[turn.QueuedEvent] & have[question.AnsweredEvent] & have[session.ChangedEvent]
    assert {"product", "wire", "capabilities", "client", "name", "role"} <= have[Hello]
    assert {"product", "wire", "wire_range", "capabilities", "daemon", "role", "sandbox", "model"} <= have[Welcome]
