"""What servers say about themselves, each in its own fields."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.report import Report, read_report

LLAMA = {"default_generation_settings": {"n_ctx": 2048}, "total_slots": 4}


def rows(*more: dict[str, object]) -> dict[str, object]:
    return {"object": "list", "data": [{"id": f"m{n}", **one} for n, one in enumerate(more)]}


@pytest.mark.parametrize(
    ("models", "props", "report"),
    [
        (rows({"meta": {"n_ctx_train": 32768}}), LLAMA, Report(("m0",), 2048, 4)),
        (rows({"max_model_len": 4096}), {}, Report(("m0",), 4096)),
        (rows({}, {"context_length": 9}), {}, Report(("m0", "m1"), 9)),
        (rows({"context_window": 8}, {}), {}, Report(("m0", "m1"))),
        (rows({"context_window": True}), {"total_slots": 0}, Report(("m0",))),
        ({"data": "x"}, {"default_generation_settings": 3}, Report()),
        ([], 3, Report()),
    ],
)
def test_reports(models: object, props: object, report: Report) -> None:
    assert read_report(json.dumps(models).encode(), json.dumps(props).encode(), model="m1") == report


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_no_bytes_raise(models: bytes, props: bytes) -> None:
    assert isinstance(read_report(models, props, model="m"), Report)
