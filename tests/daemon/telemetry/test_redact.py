"""Secrets in whatever is about to be written down."""

from __future__ import annotations

import pytest

from agentd.telemetry.redact import FORMS, MASK, SECRET_NAMES, Redactor, is_secret_name

SECRET_VARIABLES = [
    *("OPENAI_API_KEY", "GEMINI_APIKEY", "aws_secret_access_key", "AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "NPM_TOKEN"),
    *(
        "CLIENT_SECRET",
        "PGPASSWORD",
        "DB_PASSWORD",
        "GOOGLE_CREDENTIALS",
        "NPM_AUTH",
        "DATABASE_URL",
        "SSH_PRIVATE_KEY",
    ),
]
PLAIN_VARIABLES = [
    "PATH",
    "SSH_AUTH_SOCK",
    "KEYBOARD",
    "TOKENIZER",
    "PASSAGE",
    "LANG",
    "AUTHOR",
    "BASE_URL",
    "KEY_LAYOUT",
]

KEYS = [
    "sk-" + "a1B2" * 8,
    "sk-ant-api03-" + "a1B2" * 8,
    "AIza" + "a1B2_" * 7,
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 8,
    "glpat-" + "a1B2" * 5,
    "hf_" + "a1B2" * 8,
    "xoxb-" + "123456789-" * 3,
    "AKIA" + "A1B2" * 4,
    "pypi-" + "a1B2" * 12,
    "npm_" + "a1B2" * 9,
    "eyJ" + "a1B2" * 5 + "." + "a1B2" * 5 + "." + "sig",
    "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nthe end is cut off",
]


@pytest.mark.parametrize("name", SECRET_VARIABLES)
def test_a_secret_variable_is_known_by_its_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", PLAIN_VARIABLES)
def test_another_variable_is_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_known_by_its_form_and_the_rest_stays(key: str) -> None:
    assert Redactor().text(f"before {key}") == f"before {MASK}"
    assert Redactor().text(f"before '{key}'")[: len(f"before '{MASK}")] == f"before '{MASK}"


def test_what_only_follows_a_word_is_masked_without_it() -> None:
    assert Redactor().text("Authorization: Bearer abcdefgh1234") == f"Authorization: Bearer {MASK}"
    assert Redactor().text("https://me:pass@host/v1?x=1") == f"https://{MASK}@host/v1?x=1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "risk-free and task-oriented",
        "sk-short",
        "s0123456789abcdefg",
        "git commit 9f1c04ab",
        "a@b.c",
        "http://h:80/v1",
    ],
)
def test_plain_words_stay(text: str) -> None:
    assert Redactor().text(text) == text


def test_values_of_secret_variables_are_masked_longest_first() -> None:
    redactor = Redactor({"A_TOKEN": "hunter2hunter2", "B_TOKEN": "hunter2hunter2-and-more", "PATH": "/usr/local/bin"})
    assert redactor.text("is hunter2hunter2-and-more or hunter2hunter2 in /usr/local/bin") == (
        f"is {MASK} or {MASK} in /usr/local/bin"
    )
    redactor.learn({"C_TOKEN": "another-one"})
    assert redactor.text("another-one, hunter2hunter2") == f"{MASK}, {MASK}"


def test_a_short_value_is_no_secret() -> None:
    assert Redactor({"X_TOKEN": "1", "Y_PASSWORD": "dev"}).text("1 dev") == "1 dev"


def test_plain_values_are_masked_inside() -> None:
    redactor = Redactor({"A_TOKEN": "hunter2hunter2"})
    given = {
        "list": ["hunter2hunter2", 1, None, True, 0.5],
        "api-key": "anything at all",
        "empty_token": "",
        "set": {"b", "a"},
        "deep": {"er": [("hunter2hunter2",)]},
        3: ValueError("hunter2hunter2"),
    }
    assert redactor.value(given) == {
        "list": [MASK, 1, None, True, 0.5],
        "api-key": MASK,
        "empty_token": "",
        "set": ["a", "b"],
        "deep": {"er": [[MASK]]},
        "3": MASK,
    }


def test_what_refers_to_itself_has_an_end() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert str(Redactor().value(loop)).count("[") == 6


def test_each_row_of_the_tables_says_what_it_is_for() -> None:
    assert [pattern for pattern, why in (*SECRET_NAMES, *FORMS) if len(why) < 5] == []


def test_a_value_that_it_is_told_is_masked_whatever_held_it() -> None:
    redactor = Redactor()
    redactor.know("sesame-street", "short")
    assert redactor.text("sesame-street is short") == f"{MASK} is short"
    assert redactor.values() == ("sesame-street",)
