"""Questions about a small folder: what is asked of the tools, what is said when they find little or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from agentd.providers.offline_answer import say
from agentd.tools.patterns import translate
from agentproto.content import ResultStatus, TextBlock
from support.offline_driver import Answer, Folder, converse

FILES = {
    "README.md": "# Parrot\n\nA parrot that repeats what it hears.\n",
    "src/parrot.py": '"""The parrot: repeats a phrase, with a delay between repeats."""\n\n\nDELAY_MS = 250\n\n\ndef squawk(phrase):\n    return phrase\n',
    "src/cage.py": "import parrot\n\n\nclass Cage:\n    def door(self):\n        return parrot.squawk('hi')\n",
    "tests/test_parrot.py": "def test_the_parrot_repeats_a_phrase_after_a_delay():\n    assert squawk('a phrase')\n",
    "docs/parrot.md": "The parrot repeats a phrase after a delay. The delay of the parrot is 250 ms.\n",
}

NEAR = ".{0,80}"
PAIRS = f"delay{NEAR}(parrot|repeat)|parrot{NEAR}(delay|repeat)|repeat{NEAR}(delay|parrot)"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Folder(tmp_path)


def test_a_whole_turn(folder: Folder) -> None:
    answer = converse("Where is the delay between a parrot's repeats defined?", folder.tools())
    assert answer.text == (
        "Most likely: src/parrot.py\n\n"
        "```\n"
        'src/parrot.py:1: """The parrot: repeats a phrase, with a delay between repeats."""\n'
        "src/parrot.py:4: DELAY_MS = 250\n"
        "docs/parrot.md:1: The parrot repeats a phrase after a delay. The delay of the parrot is 250 ms.\n"
        "tests/test_parrot.py:1: def test_the_parrot_repeats_a_phrase_after_a_delay():\n"
        "README.md:3: A parrot that repeats what it hears.\n"
        "```\n\n"
        "Also: docs/parrot.md\n\n" + say("notice")
    )
    counted = [given for name, given in answer.calls if given.get("mode") == "count"]
    assert [given["pattern"] for given in counted[:3]] == ["delay", "parrot", "repeat"]
    assert [given["pattern"] for given in counted[3:]] == [
        PAIRS,
        f"^(r?\"\"\"|r?'''|#|//|/[*]|<!--|--|;).{{0,120}}({PAIRS})",
    ]
    assert {name for name, _ in answer.calls} == {"grep"}
    quoted = [given["path"] for _, given in answer.calls if given.get("mode") == "content"]
    assert quoted == ["src/parrot.py", "docs/parrot.md", "tests/test_parrot.py", "README.md"]
    assert answer.steps == 2


def test_tests_lead_when_tests_are_asked_for(folder: Folder) -> None:
    assert converse("where is the parrot's phrase tested?", folder.tools()).files[0] == "tests/test_parrot.py"


def test_prose_leads_when_prose_is_asked_for(folder: Folder) -> None:
    assert converse("is there documentation of the parrot's delay?", folder.tools()).files[0] == "docs/parrot.md"


def test_nothing_is_said_so_with_what_was_searched_for(folder: Folder) -> None:
    answer = converse("where is the xylophone tuned?", folder.tools())
    assert answer.text.startswith(
        "Nothing in this folder mentions “xylophone” or “tuned”. Searched for: `xylophon`, `tun`"
    )
    assert answer.steps == 2


def test_words_that_are_nowhere_are_named(folder: Folder) -> None:
    answer = converse("which parrot plays the xylophone?", folder.tools())
    assert answer.files[0] == "src/parrot.py"
    assert "nothing here mentions “plays” or “xylophone”" in answer.text


def test_a_name_that_is_spelt_otherwise_is_found_at_the_second_try(folder: Folder) -> None:
    answer = converse("what is delayMs?", folder.tools())
    assert (answer.files[0], answer.steps) == ("src/parrot.py", 3)
    assert "src/parrot.py:4: DELAY_MS = 250" in answer.text


@pytest.mark.parametrize(
    ("notice", "first"),
    [
        ("", "c.py"),
        ("\n[cut at 1 files; there are more]", "a.py"),
        ("\n[... 9 of 99 characters are left out here ...]", "a.py"),
    ],
)
def test_a_word_in_more_files_than_are_told_is_taken_to_be_in_all(tmp_path: Path, notice: str, first: str) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("f(delay)\ng(parrot)\n")
    (tmp_path / "c.py").write_text("f(parrot)\n")
    folder = Folder(tmp_path)

    def short(arguments: Mapping[str, object]) -> tuple[str, ResultStatus]:
        if (arguments.get("mode"), arguments["pattern"]) == ("count", "parrot"):
            return f"c.py:1{notice}", "ok"
        return folder.grep(arguments)

    assert converse("where is the parrot's delay?", folder.tools() | {"grep": short}).files[0] == first


def test_a_file_that_is_named_is_shown(folder: Folder) -> None:
    answer = converse("what does cage.py do?", folder.tools())
    assert answer.text.startswith(
        "src/cage.py begins:\n\n```\nsrc/cage.py:1: import parrot\nsrc/cage.py:4: class Cage:\n"
    )
    assert [name for name, _ in answer.calls] == ["glob", "read"]


def test_a_file_that_is_named_leads_with_the_lines_that_were_asked_for(folder: Folder) -> None:
    answer = converse("does cage.py know a squawk?", folder.tools())
    assert answer.files[0] == "src/cage.py"
    assert "src/cage.py:6: return parrot.squawk('hi')" in answer.text


def test_a_named_file_that_is_not_there(folder: Folder) -> None:
    assert converse("what does nest.py do?", folder.tools()).text.startswith(
        "Nothing in this folder mentions “nest.py”."
    )


def test_the_folder_as_a_whole(folder: Folder) -> None:
    answer = converse("what is this repository about?", folder.tools())
    assert answer.text == (
        "README.md says:\n\n```\nREADME.md:1: # Parrot\nREADME.md:3: A parrot that repeats what it hears.\n```\n\n"
        "The folder holds:\n\n```\nREADME.md\ndocs/\nsrc/\ntests/\n```\n\n" + say("notice")
    )


def test_files_that_came_with_the_prompt_are_searched_too() -> None:
    given = TextBlock('<file path="notes/trip.txt">\nTickets are in the drawer.\nThe train leaves at nine.\n</file>')
    answer = converse((given, TextBlock("when does the train leave?")), {})
    assert answer.text.startswith(
        "Most likely: notes/trip.txt\n\n```\nnotes/trip.txt:2: The train leaves at nine.\n```"
    )
    assert answer.calls == []


def test_without_the_tool_it_says_so() -> None:
    assert converse("where is the parrot?", {}).text.startswith("That needs the tool `grep`")
    assert converse("what is this folder?", {}).text.startswith("That needs the tool `ls`")


def test_nothing_to_search_for(folder: Folder) -> None:
    assert converse("what is it that you do then?", folder.tools()).text.startswith(say("no_words"))


def answered(status: ResultStatus, folder: Folder, prompt: str = "where is the parrot's delay?") -> Answer:
    def refused(arguments: Mapping[str, object]) -> tuple[str, ResultStatus]:
        return "Only below src, please.", status

    return converse(prompt, folder.tools() | {"grep": refused})


def test_a_denial_ends_the_turn_in_its_own_words(folder: Folder) -> None:
    answer = answered("denied", folder)
    assert answer.text.startswith("Not done: the call of `grep` was denied.\n\nOnly below src, please.")
    assert answer.steps == 1


def test_a_step_that_failed_whole_ends_the_turn(folder: Folder) -> None:
    assert answered("error", folder).text.startswith("`grep` did not succeed.\n\nOnly below src, please.")


def test_no_pattern_is_one_that_the_grep_tool_refuses(folder: Folder) -> None:
    words = " ".join(f"settings{n} `a.b(c)[{n}]` word-{n} camelCase{n}" for n in range(6))
    for prompt in ("where is a (b) [c] {d} ^e$ f|g h\\i?", f"where is {words}?", "errors limits cost fetched deletes?"):
        for _, given in converse(prompt, folder.tools()).calls:
            if "mode" in given:
                translate(str(given["pattern"]), "rust")
                translate(str(given["pattern"]), "wide")
