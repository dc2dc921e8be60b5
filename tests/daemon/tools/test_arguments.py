"""A model's arguments: what is certain is repaired, what is wrong is told so that a small model can act on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import BadArgumentsError
from agentd.tools.arguments import narrow, repairs, validate
from agentd.tools.base import ToolSpec
from agentd.tools.builtin.edit import EditArguments, EditTool, OneEdit
from agentd.tools.output import words
from agentd.tools.registry import built_in


class Part(msgspec.Struct, frozen=True):
    name: str
    count: int = 1


class Arguments(msgspec.Struct, frozen=True):
    path: Annotated[str, msgspec.Meta(min_length=1)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    ratio: float = 0.5
    deep: bool = False
    mode: Literal["content", "files"] = "content"
    names: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    sizes: tuple[int, ...] = ()
    note: str | None = None

    def __post_init__(self) -> None:
        if self.path == "never":
            raise ValueError("the argument `path` may not be never")


SPEC = ToolSpec("look", "", "", Arguments, {"path": "src", "limit": 5}, "")


def fault(**given_: object) -> str:
    with pytest.raises(BadArgumentsError) as caught:
        validate(SPEC, given_)
    return words(caught.value)


def test_right_arguments_pass_unchanged() -> None:
    assert validate(SPEC, {"path": "a", "limit": 3, "mode": "files", "parts": [{"name": "x"}]}) == Arguments(
        path="a", limit=3, mode="files", parts=(Part("x"),)
    )


@pytest.mark.parametrize(
    ("given_", "want"),
    [
        ({"limit": "12"}, {"limit": 12}),
        ({"limit": " 12 "}, {"limit": 12}),
        ({"limit": 12.0}, {"limit": 12}),
        ({"ratio": "0.25"}, {"ratio": 0.25}),
        ({"ratio": 1}, {"ratio": 1.0}),
        ({"deep": "true"}, {"deep": True}),
        ({"deep": "False"}, {"deep": False}),
        ({"mode": "FILES"}, {"mode": "files"}),
        ({"names": '["a", "b"]'}, {"names": ("a", "b")}),
        ({"parts": '[{"name": "x", "count": "2"}]'}, {"parts": (Part("x", 2),)}),
        ({"parts": ['{"name": "x"}']}, {"parts": (Part("x"),)}),
        ({"names": "a b"}, {"names": ("a b",)}),
        ({"sizes": 3}, {"sizes": (3,)}),
        ({"parts": {"name": "x"}}, {"parts": (Part("x"),)}),
        ({"parts": '{"name": "x", "count": "2"}'}, {"parts": (Part("x", 2),)}),
        ({"limit": None, "mode": None}, {}),
        ({"note": None}, {"note": None}),
        ({"path": 7}, {"path": "7"}),
    ],
)
def test_what_is_certain_is_repaired(given_: dict[str, object], want: dict[str, object]) -> None:
    assert validate(SPEC, {"path": "a", **given_}) == Arguments(**{"path": "a", **want})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given_",
    [
        {"limit": "twelve"},
        {"limit": 1.5},
        {"limit": True},
        {"deep": 1},
        {"deep": "yes"},
        {"mode": "lines"},
        {"names": "a, b"},
        {"names": "a\nb"},
        {"names": "[a"},
        {"names": ""},
        {"names": {"a": 1}},
        {"names": 5},
        {"sizes": True},
        {"sizes": "many"},
        {"parts": "x"},
        {"path": ["a"]},
        {"path": True},
        {"parts": [{"name": "x", "count": "many"}]},
        {"path": None},
        {"limit": 51},
    ],
)
def test_what_is_not_certain_is_refused(given_: dict[str, object]) -> None:
    name = next(iter(given_))
    assert f"the argument `{name}`" in fault(**{"path": "a", **given_})


def test_a_wrong_value_is_told_with_what_was_given_what_is_allowed_and_an_example() -> None:
    assert fault(path="a", limit="many") == (
        'look: the argument `limit` is a text: "many"; it has to be a whole number from 1 to 50\n'
        'A right call looks like this: {"path": "src", "limit": 5}'
    )


def test_each_repair_is_told() -> None:
    given_ = {"path": "a", "limit": "12", "deep": "True", "mode": "files", "names": "x", "ratio": 1, "note": None}
    assert repairs(SPEC, given_) == (
        '`limit` was a text: "12"; taken as 12',
        '`deep` was a text: "True"; taken as true',
        '`names` was a text: "x"; taken as ["x"]',
    )
    assert repairs(SPEC, {"path": "a", "parts": '[{"name": "x"}]', "other": 1}) == (
        '`parts` was a text: "[{\\"name\\": \\"x\\"}]"; taken as [{"name": "x"}]',
    )


def test_right_arguments_have_no_repairs() -> None:
    given_ = {"path": "a", "limit": 3, "names": ["x"], "parts": [{"name": "x"}], "deep": True, "ratio": 0.5}
    assert repairs(SPEC, given_) == ()


def test_a_missing_argument_is_told() -> None:
    assert fault(limit=2).startswith("look: the argument `path` is missing; it has to be a text that is not empty\n")


def test_an_unknown_name_is_told_with_the_nearest_known_one() -> None:
    assert fault(path="a", limits=2).startswith(
        "look: there is no argument `limits`; did you mean `limit`? "
        "(known: `path`, `limit`, `ratio`, `deep`, `mode`, `names`, `parts`, `sizes`, `note`)"
    )


def test_the_place_inside_a_list_is_told() -> None:
    assert "wrong at `parts[1].count`" in fault(path="a", parts=[{"name": "x"}, {"name": "y", "count": "z"}])


def test_all_faults_are_told_at_once_up_to_five() -> None:
    text = fault(a=1, b=2, c=3, d=4, e=5, f=6, g=7)
    assert (text.count("there is no argument"), "and 3 more" in text) == (5, True)


def test_a_fault_between_fields_is_told_in_the_tools_own_words() -> None:
    assert fault(path="never").startswith("look: the argument `path` may not be never\n")


def test_a_long_value_is_quoted_in_part() -> None:
    assert len(fault(path="a", limit="9" * 10_000)) < 400


def test_edit_takes_a_list_too_and_does_not_show_it() -> None:
    spec = EditTool().spec
    given_ = {"path": "a", "edits": [{"old_string": "x", "new_string": "y"}]}
    assert validate(spec, given_) == EditArguments("a", edits=(OneEdit("x", "y"),))
    with pytest.raises(BadArgumentsError) as caught:
        validate(spec, {"path": "a", "edit": 1})
    assert "edits" not in caught.value.what.partition("known:")[2]


def test_edit_without_an_old_text_is_told_what_to_do() -> None:
    with pytest.raises(BadArgumentsError, match="use write"):
        validate(EditTool().spec, {"path": "a", "new_string": "x"})
    with pytest.raises(BadArgumentsError, match="not both"):
        validate(EditTool().spec, {"path": "a", "old_string": "x", "edits": [{"old_string": "x", "new_string": "y"}]})


@pytest.mark.parametrize("tool", list(built_in()), ids=lambda tool: tool.spec.name)
def test_the_example_of_every_tool_is_right(tool: object) -> None:
    spec = tool.spec  # type: ignore[attr-defined]
    assert isinstance(validate(spec, spec.example), spec.arguments)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*Arguments.__struct_fields__, "other", ""])


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_whatever_comes_is_taken_or_told(given_: Mapping[str, object]) -> None:
    try:
        made = validate(SPEC, given_)
    except BadArgumentsError as error:
        told = words(error)
        assert told.startswith("look: ") and told.endswith(json.dumps(SPEC.example))  # noqa: PT018
        return
    assert validate(SPEC, msgspec.to_builtins(made)) == made


def test_another_tools_arguments_are_a_bug_that_is_seen() -> None:
    with pytest.raises(TypeError, match="EditArguments"):
        narrow(Arguments("a"), EditArguments)
