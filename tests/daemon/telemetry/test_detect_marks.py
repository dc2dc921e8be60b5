"""The same secret gets the same mark; what was found once is found everywhere; a cut leaves no half of one."""

from __future__ import annotations

import json

import pytest

from agentd.errors import TooLargeError
from agentd.telemetry.detect_marks import Marks

KEY = "AKIA" + "QWERTYUIOPASDFG7"
OTHER = "AKIA" + "ZXCVBNMASDFGHJK3"


def marked(*texts: str, known: tuple[str, ...] = ()) -> tuple[list[str], dict[str, int]]:
    marks = Marks(known)
    for text in texts:
        marks.look(text)
    return [marks.cut(text) for text in texts], marks.counts


def test_a_reader_can_follow_which_is_which() -> None:
    assert marked(f"{KEY} and {OTHER}", f"again {OTHER}") == (
        ["[redacted:aws-key#1] and [redacted:aws-key#2]", "again [redacted:aws-key#2]"],
        {"aws-key": 2},
    )


def test_what_one_place_gives_away_is_cut_from_every_other() -> None:
    texts = ("it works with hunter2xyz now", 'password = "hunter2xyz"')
    assert marked(*texts)[0] == ["it works with [redacted:password#1] now", 'password = "[redacted:password#1]"']


def test_an_ordinary_word_is_cut_only_where_it_is_a_password() -> None:
    texts = ('password = "swordfish"', "a swordfish is a fish")
    assert marked(*texts)[0] == ['password = "[redacted:password#1]"', "a swordfish is a fish"]


def test_a_known_value_needs_no_form() -> None:
    assert marked("say opensesame twice", known=("opensesame", "abc")) == (
        ["say [redacted:known#1] twice"],
        {"known": 1},
    )
    assert marked("nothing here", known=("opensesame",)) == (["nothing here"], {})


def test_escapes_do_not_hide_it_and_do_not_make_another_of_it() -> None:
    hidden = "\\u0041" + KEY[1:]
    assert marked(KEY, f'{{"v": "{hidden}"}}')[0] == ["[redacted:aws-key#1]", '{"v": "[redacted:aws-key#1]"}']
    quoted = json.dumps({"password": 'p"w\\0rd99'})
    assert json.loads(marked(quoted)[0][0]) == {"password": "[redacted:password#1]"}


def test_where_a_text_was_cut_no_half_stays() -> None:
    notice = "\n[... 1,234 of 9,999 characters (3 lines) are left out here. To see them ...]\n"
    texts = (KEY, f"it is {KEY[:12]}", f"{KEY[-9:]} it was", f"head {KEY[:10]}{notice}{KEY[10:]} tail")
    shown, _ = marked(*texts)
    assert shown[1:3] == ["it is [redacted:aws-key#1]", "[redacted:aws-key#1] it was"]
    assert marked(KEY, f"run {KEY[:9]}… now", f"run({KEY[:8]})")[0][1:] == [
        "run [redacted:aws-key#1]… now",
        "run([redacted:aws-key#1])",
    ]
    assert marked(KEY, "AKIA", f"{KEY[:5]}")[0][1:] == ["AKIA", "AKIAQ"]
    assert shown[3] == f"head [redacted:aws-key#1]{notice}[redacted:aws-key#1] tail"


def test_plain_values_are_walked_with_the_names_of_their_fields() -> None:
    value = {
        "command": ["deploy", "--password", "Tr0ub4dor", "x"],
        "env": {"API_KEY": "abcdef123456", "LANG": "C"},
        "n": [1, None, True, 2.5],
        f"name {KEY}": "x",
    }
    marks = Marks()
    assert marks.look_into(value)
    assert marks.cut_into(value) == {
        "command": ["deploy", "--password", "[redacted:password#1]", "x"],
        "env": {"API_KEY": "[redacted:key#1]", "LANG": "C"},
        "n": [1, None, True, 2.5],
        "name [redacted:aws-key#1]": "x",
    }


def test_what_was_cut_is_not_cut_again() -> None:
    once, _ = marked(f"{KEY} password = 'hunter2xyz' https://bob:pa55word@x/")
    assert marked(*once) == (once, {})


def test_a_file_of_keys_is_refused() -> None:
    marks = Marks(most=5)
    keys = [f"npm_a{n:035d}" for n in range(6)]
    for key in keys[:-1]:
        marks.look(key)
    with pytest.raises(TooLargeError, match="more than 5 different secrets"):
        marks.look(keys[-1])
