"""Error bodies of every shape become codes, a status and one line for people."""

from __future__ import annotations

import pytest

from agentd.providers.failure_body import ErrorBody, read_body


@pytest.mark.parametrize(
    ("body", "codes", "text", "status"),
    [
        (b'{"error":{"message":"a\\n b","type":"t","code":"c"}}', ("c", "t"), "a b", None),
        (b'{"error":{"message":"m","code":400}}', (), "m", 400),
        (b'{"error":{"message":"m","code":7}}', (), "m", None),
        (b'{"error":"words"}', (), "words", None),
        (b'{"object":"error","message":"m","type":"BadRequestError","code":400}', ("BadRequestError",), "m", 400),
        (b'{"detail":"Not Found"}', (), "Not Found", None),
        (b'{"detail":[{"msg":"x"}]}', (), '[{"msg":"x"}]', None),
        (b'[{"error":{"status":"UNAVAILABLE","code":503,"message":"m"}}]', ("UNAVAILABLE",), "m", 503),
        (
            b'{"error":{"message":"Provider returned error","metadata":{"raw":"too long"}}}',
            (),
            "Provider returned error: too long",
            None,
        ),
        (
            b'{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"spend"}}}',
            ("spend", "rate_limit_error"),
            "m",
            None,
        ),
        (b'{"error":{"message":"m","details":[1]}}', (), "m", None),
        (b"upstream  connect\nerror", (), "upstream connect error", None),
        (b"", (), "", None),
        (b"[]", (), "", None),
        (b"7", (), "", None),
        (b"\xff\xfe", (), "\ufffd\ufffd", None),
        (b"[" * 5_000, (), "[" * 5_000, None),
    ],
)
def test_shapes(body: bytes, codes: tuple[str, ...], text: str, status: int | None) -> None:
    found = read_body(body)
    assert (found.codes, found.text, found.status, found.is_page) == (codes, text, status, False)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<html><head><title>502 Bad\n Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        ("\n<!DOCTYPE html><style>b{}</style><body><h1>Sign in &amp; go</h1></body>", "Sign in & go"),
    ],
)
def test_a_page_is_told_by_its_title_or_its_words(page: str, text: str) -> None:
    assert read_body(page.encode()) == ErrorBody(text=text, is_page=True)
