"""The plug-ins of the library `detect-secrets`: which are used, on what, and what of their answers is kept.

It decides which texts a plug-in is worth running on and strips what a pattern takes along. Only the pure
`analyze_string` is called; `verify`, which would ask a server whether a key works, never. The library is loaded when a text
is first looked at, and only the worker looks at any: it takes a tenth of a second, because it brings an HTTP client along
(which, loaded, tries out whether a socket can have an IPv6 address). Caller: `telemetry.detect`.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentd.telemetry.detect_judge import is_strong, looks_random, password_like

__all__ = ["PLUGINS", "by_plugins", "chance_like"]

PLUGINS: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("artifactory.ArtifactoryDetector", "artifactory-key", ("AKC", "AP"), False),
    ("aws.AWSKeyDetector", "aws-key", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws"), False),
    ("azure_storage_key.AzureStorageKeyDetector", "azure-key", ("AccountKey=",), False),
    ("basic_auth.BasicAuthDetector", "url-password", ("@",), False),
    ("cloudant.CloudantDetector", "cloudant-key", ("cl",), True),
    ("discord.DiscordBotTokenDetector", "discord-token", (".",), True),
    ("github_token.GitHubTokenDetector", "github-token", ("gh",), True),
    ("gitlab_token.GitLabTokenDetector", "gitlab-token", ("gl", "GR1348941"), True),
    ("ibm_cloud_iam.IbmCloudIamDetector", "ibm-key", ("key", "pwd", "pass", "token"), True),
    ("ibm_cos_hmac.IbmCosHmacDetector", "ibm-key", ("secret",), True),
    ("jwt.JwtTokenDetector", "jwt", ("eyJ",), False),
    ("mailchimp.MailchimpDetector", "mailchimp-key", ("-us",), True),
    ("npm.NpmDetector", "npm-token", (":_authToken=",), False),
    ("openai.OpenAIDetector", "model-key", ("T3BlbkFJ",), True),
    ("pypi_token.PypiTokenDetector", "pypi-token", ("pypi-",), True),
    ("sendgrid.SendGridDetector", "sendgrid-key", ("SG.",), True),
    ("slack.SlackDetector", "slack-token", ("xox", "hooks.slack.com"), False),
    ("softlayer.SoftlayerDetector", "softlayer-key", ("sl", "softlayer"), True),
    ("square_oauth.SquareOAuthDetector", "square-token", ("sq0csp-",), True),
    ("stripe.StripeDetector", "stripe-key", ("k_live_",), True),
    ("telegram_token.TelegramBotTokenDetector", "telegram-token", (":",), True),
    ("twilio.TwilioKeyDetector", "twilio-key", ("AC", "SK"), True),
)
"""Plug-in, kind of what it finds, words of which one must be in the text (lower case: in any case), and whether what it
finds has a long word in it. Left out: addresses (no secret) and headers of private keys (the block is what has to go).
The plug-ins for names and for chance are run a line at a time, below."""

_BASE64_LIMIT, _HEX_LIMIT = 4.5, 3.0
"""Bits a character from which on a quoted word is chance: the library's own limits."""
_LONG = re.compile(r"[A-Za-z0-9_-]{22}")
_KEYWORD_LINE = 1000
"""Characters of a line that the plug-in for names is given: longer ones are no code of a person."""
_BARE_CHARS = (32, 256)
"""Lengths of a quoted word that is a secret by its look alone: what is longer is a picture or a program."""
_NAME = re.compile(r"_?key|pass|pwd|secret|contrase", re.IGNORECASE)
_PLAIN_HEX = re.compile(r"[0-9a-fA-F-]+")
_INTEGRITY = ("sha1-", "sha256-", "sha384-", "sha512-")


@dataclass(frozen=True, slots=True)
class _Library:
    """The plug-ins, loaded. They come without types."""

    rows: tuple[tuple[Any, str, tuple[str, ...], bool], ...]
    names: Any
    base64: Any
    hex: Any


@functools.cache
def _library() -> _Library:
    def load(place: str) -> Any:
        module, _, name = place.partition(".")
        return getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)

    return _Library(
        rows=tuple((load(place)(), kind, gates, is_long) for place, kind, gates, is_long in PLUGINS),
        names=load("keyword.KeywordDetector")(),
        base64=load("high_entropy_strings.Base64HighEntropyString")(_BASE64_LIMIT),
        hex=load("high_entropy_strings.HexHighEntropyString")(_HEX_LIMIT),
    )


def by_plugins(text: str, lower: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of what the plug-ins find in `text`; `lower` is the same in lower case."""
    long = _long_lines(text)
    long_lower = long.lower()
    for plugin, kind, gates, is_long in _library().rows:
        seen, seen_lower = (long, long_lower) if is_long else (text, lower)
        if seen and any(gate in (seen_lower if gate.islower() else seen) for gate in gates):
            for raw in set(plugin.analyze_string(seen)):
                # Some of its patterns take the quotes and blanks around with them.
                value = raw.strip(" \t\r\n\"'`=:\\")
                if _is_kept(value, kind):
                    yield from _places(value, text, kind)
    yield from _lines(text)


def chance_like(value: str) -> bool:
    """Whether the library's measure of chance is passed, with limits for a word beside a name like "api key"."""
    if _PLAIN_HEX.fullmatch(value):
        return bool(_library().hex.calculate_shannon_entropy(value) > 2.8)
    return bool(_library().base64.calculate_shannon_entropy(value) > 3.5)


def _is_kept(value: str, kind: str) -> bool:
    if len(value) < 4 or "redacted:" in value:
        return False
    if kind == "url-password":
        return password_like(value)
    return kind != "artifactory-key" or looks_random(value)


def _long_lines(text: str) -> str:
    """The lines of `text` that have a long word in them: most plug-ins can find nothing elsewhere."""
    out: list[str] = []
    at = 0
    while (match := _LONG.search(text, at)) is not None:
        begin = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end
        out.append(text[begin:end])
        at = end
    return "\n".join(out)


def _places(value: str, text: str, kind: str) -> Iterator[tuple[int, int, str]]:
    """All places of a value; a password of an address only between a colon and an at sign, because it may be a word."""
    around = kind == "url-password"
    sought = f":{value}@" if around else value
    at = text.find(sought)
    while at >= 0:
        yield at + around, at + around + len(value), kind
        at = text.find(sought, at + len(sought))


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    for line in text.splitlines(keepends=True):
        if len(line) > 8 and ("'" in line or '"' in line or "`" in line):
            for start, end, kind in _in_line(line):
                yield at + start, at + end, kind
        at += len(line)


def _in_line(line: str) -> Iterator[tuple[int, int, str]]:
    if len(line) <= _KEYWORD_LINE and _NAME.search(line):
        for value in set(_library().names.analyze_string(line)):
            plain = "redacted:" not in value and " " not in value and password_like(value)
            if plain and is_strong(value) and looks_random(value):
                yield from _places(value, line, "password")
    least, most = _BARE_CHARS
    if len(line) > least:
        for value in set(_library().base64.analyze_string(line)):
            if least <= len(value) <= most and _is_bare_secret(value):
                yield from _places(value, line, "random-text")


def _is_bare_secret(value: str) -> bool:
    if _PLAIN_HEX.fullmatch(value) or value.lower().startswith(_INTEGRITY):
        return False
    kinds = any(c.islower() for c in value) + any(c.isupper() for c in value) + any(c.isdigit() for c in value)
    return kinds == 3 and looks_random(value) and _library().base64.calculate_shannon_entropy(value) > _BASE64_LIMIT
