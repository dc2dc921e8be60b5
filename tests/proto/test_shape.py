"""Plain values <-> structures: nothing is coerced, what is wrong is named by its path, unknown fields by context."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentproto.api.tool import OutputResult
from agentproto.errors import ErrorCode, RemoteProtocolError
from agentproto.shape import request, to_plain, typed, unknown_field


class Inner(msgspec.Struct, frozen=True, tag="inner", tag_field="type"):
    """A branch of a union."""

    number: int
    names: tuple[str, ...] = ()


class Other(msgspec.Struct, frozen=True, tag="other", tag_field="type"):
    """Another one."""

    word: str


class Outer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that a structure on the wire may hold."""

    name: str
    one: Inner | None = None
    many: tuple[Inner | Other, ...] = ()
    by_name: dict[str, Other] = {}
    anything: dict[str, object] = {}
    data: bytes = b""
    ratio: float = 0.0
    flag: bool = False
    texts: tuple[str, ...] | None = None


WHOLE = Outer(
    name="n",
    one=Inner(1, ("a",)),
    many=(Inner(2), Other("w")),
    by_name={"k": Other("v")},
    anything={"x": [1, {"y": None}]},
    data=b"\x00\xff",
    ratio=0.5,
    flag=True,
    texts=("t",),
)


def test_a_structure_survives_the_way_to_plain_values_and_back() -> None:
    plain = to_plain(WHOLE)
    assert plain["many"] == ({"type": "inner", "number": 2, "names": ()}, {"type": "other", "word": "w"})
    assert plain["data"] == b"\x00\xff"
    assert typed(plain, Outer) == request(plain, Outer) == WHOLE


def test_what_is_default_is_left_out() -> None:
    assert to_plain(Outer(name="n")) == {"name": "n"}


def test_only_maps_are_bodies() -> None:
    with pytest.raises(TypeError, match="list is not a map"):
        to_plain([1])


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": 1}, "name", "name: Expected `str`, got `int`"),
        ({"name": b"n"}, "name", "name: Expected `str`, got `bytes`"),
        ({"name": None}, "name", "name: Expected `str`, got `null`"),
        ({"one": {"type": "inner", "number": "1"}}, "one.number", "one.number: Expected `int`, got `str`"),
        ({"one": {"type": "inner", "number": True}}, "one.number", "one.number: Expected `int`, got `bool`"),
        ({"one": {"type": "inner", "number": 1.5}}, "one.number", "one.number: Expected `int`, got `float`"),
        ({"one": {"type": "other", "word": "w"}}, "one.type", "one.type: Invalid value 'other'"),
        (
            {"many": [{"type": "inner", "number": 1, "names": [2]}]},
            "many[0].names[0]",
            "many[0].names[0]: Expected `str`, got `int`",
        ),
        ({"many": {}}, "many", "many: Expected `array`, got `object`"),
        ({"by_name": {"k": {"type": "other"}}}, "by_name[...]", "by_name[...]: Object missing required field `word`"),
        ({"data": "aGk="}, "data", "data: Expected `bytes`, got `str`"),
        ({"flag": 1}, "flag", "flag: Expected `bool`, got `int`"),
        ({"flag": "true"}, "flag", "flag: Expected `bool`, got `str`"),
        ({"ratio": "0.5"}, "ratio", "ratio: Expected `float`, got `str`"),
        ({"texts": "t"}, "texts", "texts: Expected `array | null`, got `str`"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named_by_its_path(change: dict[str, object], field: str, words: str) -> None:
    value = {**to_plain(WHOLE), **change}
    with pytest.raises(RemoteProtocolError) as caught:
        typed(value, Outer)
    assert (caught.value.code, caught.value.field) == (ErrorCode.BAD_INPUT, field)
    assert caught.value.message == words


def test_a_missing_field_is_named() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        typed({}, Outer)
    assert (caught.value.message, caught.value.field) == ("Object missing required field `name`", None)


def test_a_text_is_never_read_as_base64() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        typed({"data": "aGk=", "total_bytes": 2}, OutputResult)
    assert caught.value.field == "data"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"nmae": 1}, "nmae"),
        ({"one": {"type": "inner", "number": 1, "x": 1}}, "one.x"),
        ({"many": [{"type": "inner", "number": 1}, {"type": "other", "word": "w", "x": 1}]}, "many[1].x"),
        ({"many": [{"type": "inner", "number": 1, "word": "of the other"}]}, "many[0].word"),
        ({"by_name": {"k": {"type": "other", "word": "w", "x": 1}}}, "by_name.k.x"),
        ({"anything": {"whatever": {"there": "is"}}}, None),
        ({"one": None}, None),
        ({"one": 5}, None),
        ({"many": 5}, None),
        ({"many": [5]}, None),
        ({"many": [{"type": "strange", "x": 1}]}, None),
        ({"by_name": 5}, None),
    ],
    ids=str,
)
def test_a_field_that_is_not_known_is_found_wherever_it_is(change: dict[str, object], path: str | None) -> None:
    assert unknown_field({**to_plain(WHOLE), **change}, Outer) == path


def test_an_unknown_field_is_an_error_in_a_request_and_nothing_elsewhere() -> None:
    value = {"name": "n", "colour": "blue"}
    assert typed(value, Outer) == Outer("n")
    with pytest.raises(RemoteProtocolError) as caught:
        request(value, Outer)
    assert (caught.value.code, caught.value.field) == (ErrorCode.UNKNOWN_FIELD, "colour")
    assert caught.value.message == "the field 'colour' is not known here"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*Outer.__struct_fields__, "type", "number", "names", "word", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@example({"one": {"name": None, "one": None, "many": None, "type": []}})
@given(st.dictionaries(st.sampled_from([*Outer.__struct_fields__, "x"]), PLAIN))
def test_any_plain_value_is_a_structure_or_a_remote_fault(value: dict[str, object]) -> None:
    try:
        request(value, Outer)
    except RemoteProtocolError as fault:
        assert fault.code in (ErrorCode.BAD_INPUT, ErrorCode.UNKNOWN_FIELD)  # noqa: PT017 - either is right
