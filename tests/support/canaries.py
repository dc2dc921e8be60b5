"""Planted secrets: made by chance from a seed in the forms of many makers, each set into the texts that it turns up in.

Nothing here is a real secret, and none stands in the repository: they are put together when a test runs.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URLSAFE = ALNUM + "-_"
BASE = ALNUM + "+/"


@dataclass(frozen=True, slots=True)
class Canary:
    """`parts` are what must not be found in anything that is handed over; `text` is where they were planted."""

    kind: str
    place: str
    parts: tuple[str, ...]
    text: str


def _word(chance: random.Random, letters: str, size: int) -> str:
    """A word of chance with a digit and a letter in it, as every real one of these lengths has."""
    while True:
        word = "".join(chance.choices(letters, k=size))
        if any(c.isdigit() for c in word) and any(c.isalpha() for c in word):
            return word


def _jwt(chance: random.Random) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    name = _word(chance, ALNUM, 8)
    return (
        f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': name, 'iat': 1516239022})}.{_word(chance, URLSAFE, 43)}"
    )


def _password(chance: random.Random) -> str:
    return _word(chance, ALNUM, 9) + chance.choice("!#%^*") + _word(chance, ALNUM, 3)


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "aws-key": lambda c: "AKIA" + "".join(c.choices(string.ascii_uppercase + "234567", k=15)) + "7",
    "aws-session-key": lambda c: "ASIA" + "".join(c.choices(string.ascii_uppercase + "234567", k=15)) + "3",
    "github-classic": lambda c: "ghp_" + _word(c, ALNUM, 36),
    "github-app": lambda c: "ghs_" + _word(c, ALNUM, 36),
    "github-fine-grained": lambda c: "github_pat_" + _word(c, ALNUM, 22) + "_" + _word(c, ALNUM, 59),
    "gitlab": lambda c: "glpat-" + _word(c, URLSAFE, 20),
    "gitlab-runner": lambda c: "glrt-" + _word(c, URLSAFE, 20),
    "openai": lambda c: "sk-" + _word(c, ALNUM, 48),
    "openai-project": lambda c: "sk-proj-" + _word(c, URLSAFE, 74) + "T3BlbkFJ" + _word(c, URLSAFE, 74),
    "anthropic": lambda c: "sk-ant-api03-" + _word(c, URLSAFE, 93) + "AA",
    "openrouter": lambda c: "sk-or-v1-" + _word(c, HEX, 64),
    "groq": lambda c: "gsk_" + _word(c, ALNUM, 52),
    "huggingface": lambda c: "hf_" + _word(c, ALNUM, 34),
    "slack-bot": lambda c: f"xoxb-{c.randrange(10**11, 10**12)}-{c.randrange(10**12, 10**13)}-{_word(c, ALNUM, 24)}",
    "slack-webhook": lambda c: (
        f"https://hooks.slack.com/services/T{_word(c, UPPER, 10)}/B{_word(c, UPPER, 10)}/{_word(c, ALNUM, 24)}"
    ),
    "stripe-live": lambda c: "sk_live_" + _word(c, ALNUM, 24),
    "stripe-restricted": lambda c: "rk_live_" + _word(c, ALNUM, 24),
    "stripe-webhook": lambda c: "whsec_" + _word(c, ALNUM, 32),
    "google-api": lambda c: "AIza" + _word(c, URLSAFE, 35),
    "google-oauth": lambda c: "ya29.a0" + _word(c, URLSAFE, 120),
    "google-client": lambda c: "GOCSPX-" + _word(c, URLSAFE, 28),
    "npm": lambda c: "npm_" + _word(c, ALNUM, 36),
    "pypi": lambda c: "pypi-AgEIcHlwaS5vcmc" + _word(c, URLSAFE, 150),
    "jwt": _jwt,
    "twilio": lambda c: "SK" + _word(c, HEX, 32),
    "sendgrid": lambda c: "SG." + _word(c, URLSAFE, 22) + "." + _word(c, URLSAFE, 43),
    "mailchimp": lambda c: _word(c, HEX, 32) + "-us12",
    "telegram": lambda c: f"{c.randrange(10**9, 10**10)}:AA{_word(c, ALNUM, 33)}",
    "discord": lambda c: "M" + _word(c, ALNUM, 25) + "." + _word(c, ALNUM, 6) + "." + _word(c, ALNUM, 27),
    "digitalocean": lambda c: "dop_v1_" + _word(c, HEX, 64),
    "databricks": lambda c: "dapi" + _word(c, HEX, 32),
    "vault": lambda c: "hvs." + _word(c, ALNUM, 90),
    "docker": lambda c: "dckr_pat_" + _word(c, URLSAFE, 27),
    "azure-secret": lambda c: _word(c, ALNUM, 3) + "8Q~" + _word(c, ALNUM, 34),
    "age": lambda c: "AGE-SECRET-KEY-1" + _word(c, UPPER, 58),
    "shopify": lambda c: "shpat_" + _word(c, HEX, 32),
    "supabase": lambda c: "sbp_" + _word(c, HEX, 40),
    "notion": lambda c: "ntn_" + _word(c, ALNUM, 46),
}
"""Secrets that show by themselves what they are."""

PLACES: dict[str, Callable[[str], str]] = {
    "prose": lambda s: f"I tried it with {s} and the server answered 401, so please look why.",
    "code": lambda s: f'client = Client(\n    endpoint,\n    "{s}",  # TODO\n)\n',
    "json": lambda s: json.dumps({"value": s, "n": 1}),
    "json in json": lambda s: json.dumps(json.dumps({"a": [s, "x"]})),
    "unicode escapes": lambda s: (
        '{"v":"' + "".join(f"\\u{ord(c):04x}" if n % 5 == 0 else c for n, c in enumerate(s)) + '"}'
    ),
    "diff": lambda s: f"@@ -1 +1 @@\n-value = old\n+value = {s}\n",
    "log line": lambda s: f"2026-11-21T05:12:00Z WARN retry 3 of 5 ({s}) failed after 120ms\n",
    "long line": lambda s: "x=1;" * 30_000 + s + ";y=2" * 10,
}

ASSIGNMENTS: dict[str, tuple[Callable[[random.Random], str], Callable[[str], str]]] = {
    "python": (_password, lambda s: f'DB_PASSWORD = "{s}"\n'),
    "keyword argument": (_password, lambda s: f'connect(user="bob", password="{s}", port=5432)'),
    "annotated": (_password, lambda s: f'password: str = "{s}"\n'),
    "json field": (_password, lambda s: json.dumps({"user": "bob", "password": s})),
    "json field in json": (_password, lambda s: json.dumps(json.dumps({"db_password": s}))),
    "yaml": (_password, lambda s: f"db:\n  user: bob\n  password: {s}\n"),
    "toml": (lambda c: _word(c, ALNUM, 20), lambda s: f"[server]\napi_key = '{s}'\n"),
    "env file": (_password, lambda s: f"USER=bob\nPGPASSWORD={s}\nX=1\n"),
    "export": (lambda c: _word(c, HEX, 40), lambda s: f"export DEPLOY_TOKEN={s}\n"),
    "ini": (_password, lambda s: f"[client]\nuser = bob\npassword = {s}\n"),
    "go": (_password, lambda s: f'dbPassword := "{s}"\n'),
    "javascript": (lambda c: _word(c, ALNUM, 24), lambda s: f"const apiKey = '{s}';\n"),
    "ruby": (_password, lambda s: f":password => '{s}',\n"),
    "xml": (_password, lambda s: f'<add name="x" connectionString="Server=db;User Id=sa;Password={s};" />'),
    "jdbc": (lambda c: _word(c, ALNUM, 14), lambda s: f"jdbc:postgresql://db/x?user=bob&password={s}&ssl=true"),
    "url": (lambda c: _word(c, ALNUM, 12), lambda s: f"git clone https://bob:{s}@example.com/r.git"),
    "redis url": (lambda c: _word(c, ALNUM, 16), lambda s: f"redis://:{s}@cache:6379/0"),
    "mongo url": (lambda c: _word(c, ALNUM, 12), lambda s: f'uri = "mongodb+srv://app:{s}@c0.example.net/db?retryWrites=true"'),
    "bearer header": (lambda c: _word(c, ALNUM, 32), lambda s: f"curl -H 'Authorization: Bearer {s}' https://x/y"),
    "basic header": (
        lambda c: base64.b64encode(f"bob:{_word(c, ALNUM, 14)}".encode()).decode(),
        lambda s: f"> GET / HTTP/1.1\n> Authorization: Basic {s}\n",
    ),
    "key header": (lambda c: _word(c, HEX, 32), lambda s: f"X-Api-Key: {s}\nAccept: */*\n"),
    "cookie": (lambda c: _word(c, ALNUM, 32), lambda s: f"Set-Cookie: session_id={s}; Path=/; HttpOnly\n"),
    "netrc": (_password, lambda s: f"machine api.example.com\n  login bob\n  password {s}\n"),
    "netrc in a line": (_password, lambda s: f"machine h login bob password {s}\n"),
    "pgpass": (lambda c: _word(c, ALNUM, 12), lambda s: f"db.example.com:5432:app:bob:{s}\n"),
    "npmrc": (lambda c: _word(c, HEX, 8) + "-1111-4222-8333-" + _word(c, HEX, 12), lambda s: f"//registry.npmjs.org/:_authToken={s}\n"),
    "azure storage": (
        lambda c: _word(c, BASE, 86) + "==",
        lambda s: f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={s};EndpointSuffix=core.windows.net",
    ),
    "azure sas": (lambda c: _word(c, ALNUM, 40) + "%3D", lambda s: f"https://x.blob.core.windows.net/c/f?sv=2022-11-02&se=2027-01-01&sig={s}"),
    "aws secret": (lambda c: _word(c, BASE, 40), lambda s: f"[default]\naws_secret_access_key = {s}\n"),
    "aws secret in json": (lambda c: _word(c, BASE, 40), lambda s: json.dumps({"SecretAccessKey": s, "Version": 1})),
    "curl user": (_password, lambda s: f"curl -u bob:{s} https://example.com/"),
    "mysql": (_password, lambda s: f"mysql -h db -u root -p{s} app < dump.sql"),
    "sshpass": (_password, lambda s: f"sshpass -p '{s}' ssh bob@host"),
    "option": (_password, lambda s: f"deploy --user bob --password {s} --now"),
    "option with =": (lambda c: _word(c, ALNUM, 24), lambda s: f"deploy --api-key={s}"),
    "argument list": (_password, lambda s: json.dumps(["deploy", "--password", s, "--now"])),
    "spoken": (_password, lambda s: f"Sure, the password for staging is {s} and the user is bob."),
    "spoken, quoted": (_password, lambda s: f"use `bob`; the passphrase is `{s}`."),
    "hex beside a word": (lambda c: _word(c, HEX, 40), lambda s: f"| api key | {s} |\n"),
    "base64 beside a word": (lambda c: _word(c, ALNUM, 40), lambda s: f"secret key ({s})\n"),
    "comparison": (lambda c: _word(c, ALNUM, 14), lambda s: f'if ("{s}" == my_password) {{}}\n'),
    "wireguard": (lambda c: _word(c, BASE, 43) + "=", lambda s: f"[Interface]\nPrivateKey = {s}\nAddress = 10.0.0.1/24\n"),
    "docker login": (_password, lambda s: f"docker login -u bob -p {s} registry.example.com"),
    "kubernetes": (lambda c: base64.b64encode(_word(c, ALNUM, 18).encode()).decode(), lambda s: f"kind: Secret\ndata:\n  password: {s}\n"),
    "shadow": (lambda c: "$6$" + _word(c, ALNUM, 8) + "$" + _word(c, ALNUM, 86), lambda s: f"bob:{s}:19000:0:99999:7:::\n"),
    "django": (lambda c: _word(c, ALNUM, 30) + "^&" + _word(c, ALNUM, 18), lambda s: f"SECRET_KEY = '{s}'\n"),
}  # fmt: skip
"""Secrets that show only by what stands beside them: form of the text -> (the secret, the text)."""


def _key_block(chance: random.Random, name: str) -> tuple[tuple[str, ...], str]:
    lines = tuple(_word(chance, BASE, 64) for _ in range(12))
    return lines, f"-----BEGIN {name}-----\n" + "\n".join(lines) + f"\n-----END {name}-----"


BLOCKS = (
    "RSA PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "EC PRIVATE KEY",
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "PGP PRIVATE KEY BLOCK",
)
BLOCK_PLACES: dict[str, Callable[[str], str]] = {
    "file": lambda s: s + "\n",
    "json": lambda s: json.dumps({"private_key": s + "\n"}),
    "json in json": lambda s: json.dumps(json.dumps({"k": s})),
    "diff": lambda s: "\n".join("+" + line for line in s.split("\n")),
    "yaml": lambda s: "key: |\n" + "\n".join("    " + line for line in s.split("\n")),
    "cut off": lambda s: "it begins so:\n" + s[:400],
    "its end": lambda s: "[... left out ...]\n" + s[300:],
}


def canaries(seed: int) -> Sequence[Canary]:
    """All of them: each maker in each place, each assignment, each kind of key block in each place."""
    chance = random.Random(seed)
    out: list[Canary] = []
    for kind, make in MAKERS.items():
        for place, plant in PLACES.items():
            secret = make(chance)
            out.append(Canary(kind, place, (secret,), plant(secret)))
    for place, (make, plant) in ASSIGNMENTS.items():
        for _ in range(3):
            secret = make(chance)
            out.append(Canary("assigned", place, (secret,), plant(secret)))
    for name in BLOCKS:
        for place, plant in BLOCK_PLACES.items():
            lines, block = _key_block(chance, name)
            kept = lines[:5] if place == "cut off" else lines[5:] if place == "its end" else lines
            out.append(Canary(name.lower(), place, kept, plant(block)))
    return out


def forms_of(part: str) -> tuple[str, ...]:
    """How a planted word may show again: as it is, and as JSON writes it."""
    return tuple({part, json.dumps(part)[1:-1]})
