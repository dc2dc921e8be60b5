"""Keys by reference, late, and never in anybody's words."""

from __future__ import annotations

import pytest

from agentd.errors import MissingFileError, SettingsError
from agentd.providers.keys import Keys, without
from agentd.world.fake import fake_world


def keys(environment: dict[str, str]) -> Keys:
    world = fake_world()
    world.files.make_folder("/k")
    world.files.write_atomic("/k/good", b"sesame\n", 0o600)
    world.files.write_atomic("/k/open", b"sesame", 0o644)
    world.files.write_atomic("/k/two", b"one\ntwo", 0o600)
    return Keys(environment, world.files)


def test_references_are_resolved_at_each_call() -> None:
    environment = {"K": " sesame "}
    resolver = keys(environment)
    assert [resolver.resolve(one) for one in ("", "env:K", "file:/k/good")] == [None, "sesame", "sesame"]
    environment["K"] = "other"
    assert resolver.resolve("env:K") == "other"


@pytest.mark.parametrize(
    "reference",
    ["env:NONE", "env:EMPTY", "env:WORDS", "file:/k/two", "file:/k/open", "cmd:pass x", "keyring:x", "sk-raw"],
)
def test_what_is_no_key_is_refused_with_a_remedy(reference: str) -> None:
    with pytest.raises(SettingsError) as caught:
        keys({"EMPTY": "", "WORDS": "two words"}).resolve(reference)
    told = caught.value.what + caught.value.why + caught.value.remedy
    assert caught.value.remedy != ""
    assert "sk-raw" not in told
    assert "two words" not in told


def test_a_missing_file_is_a_disk_error() -> None:
    with pytest.raises(MissingFileError):
        keys({}).resolve("file:/k/none")


def test_a_key_is_taken_out_of_a_servers_words() -> None:
    assert without("sesame", "Bad key sesame!") == "Bad key (key)!"
    assert without(None, "Bad key") == "Bad key"
