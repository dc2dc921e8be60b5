"""`sessions export`: every form has everything, redaction is asked of the daemon, and no file is written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentclient.testing import Call
from agentproto.api import session
from agentproto.keeping import BundleParams, BundleResult
from clients.scene import SESSION, Ran, ctl, double
from clients.stage import items, lived, read, streamed, summary, two_turns


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_an_export_has_all_pages_and_never_overwrites(home: Path, form: str) -> None:
    with double(home, lived()):
        printed = ctl(home, "sessions", "export", SESSION, "--format", form)
        written = ctl(home, "sessions", "export", SESSION, "--format", form, "-o", "out")
        again = ctl(home, "sessions", "export", SESSION, "-o", "out")
    assert (printed.code, written, (home / "out").read_text()) == (0, Ran(0, "", ""), printed.out)
    assert (again.code, again.err.splitlines()[0]) == (1, "error: out exists already")
    if form == "json":
        names = [one["event"] for one in json.loads(printed.out)["events"]]
        assert names == [name for name, _ in two_turns().logged]
    else:
        assert [word in printed.out for word in ("what is it?", "It is 42.", "and why?", "Because.")] == [True] * 4


def test_json_is_a_form_too(home: Path) -> None:
    with double(home, lived()):
        one = ctl(home, "sessions", "export", SESSION, "--json")
        other = ctl(home, "sessions", "export", SESSION, "--format", "json")
    assert one == other


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_what_is_redacted_has_no_title_that_is_not(home: Path, form: str) -> None:
    secret = read(summary(title="my key is sk-123"), asks=True)
    events = items(streamed(two_turns().logged))
    with double(home, lived(session_read=lambda call: secret, session_items=events)) as served:
        ran = ctl(home, "sessions", "export", SESSION, "--format", form, "--redacted")
    assert (ran.code, "sk-123" in ran.out, "what is it?" in ran.out) == (0, False, True)
    asked = [call.params for call in served.calls if isinstance(call.params, session.ItemsParams)]
    assert asked != []
    assert [one for one in asked if not one.redacted] == []


def bundled(call: Call) -> BundleResult:
    assert isinstance(call.params, BundleParams)
    replaced = {"token": 2} if call.params.redacted else {}
    return BundleResult(call.params.path, 9000, 12, "ab" * 32, replaced)


@pytest.mark.parametrize(
    ("options", "redacted", "words"),
    [
        ((), True, "replaced: 2 token"),
        (("--redacted",), True, "replaced: 2 token"),
        (("--with-secrets",), False, "with its secrets"),
    ],
)
def test_a_bundle_is_the_daemons_and_has_no_secrets_unless_wanted(
    home: Path, options: tuple[str, ...], redacted: bool, words: str
) -> None:
    arguments = ("sessions", "export", SESSION, "--format", "bundle", "-o", "out.bundle", *options)
    with double(home, lived(session_bundle=bundled)) as served:
        assert ctl(home, *arguments) == Ran(0, "", f"- {home}/out.bundle: 8.8 KiB, 12 entries, {words}\n")
        data = json.loads(ctl(home, *arguments, "--json").out)
    assert sorted(data) == ["bytes", "entries", "path", "replaced", "state_hash"]
    asked = served.calls[0].params
    assert isinstance(asked, BundleParams)
    assert (asked.session, asked.path, asked.redacted) == (SESSION, str(home / "out.bundle"), redacted)


@pytest.mark.parametrize("options", [("--format", "bundle"), ("--format", "md", "--json"), ("--format", "pdf")])
def test_what_makes_no_sense_is_wrong_usage(home: Path, options: tuple[str, ...]) -> None:
    assert ctl(home, "sessions", "export", SESSION, *options).code == 2
