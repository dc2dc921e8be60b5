"""The order of files and lines."""

from __future__ import annotations

import pytest

from agentd.providers.offline_rank import Line, kind_factor, path_bonus, rank, rank_lines, score_line, worths
from agentd.providers.offline_words import Want, read_question

QUESTION = read_question("where is the parrot's delay?")
PARROT, DELAY = QUESTION.terms


@pytest.mark.parametrize(
    ("want", "order"),
    [
        ("definition", ["src/a.py", "a.md", "tests/test_a.py", "uv.lock"]),
        ("any", ["src/a.py", "a.md", "tests/test_a.py", "uv.lock"]),
        ("prose", ["a.md", "src/a.py", "tests/test_a.py", "uv.lock"]),
        ("test", ["tests/test_a.py", "src/a.py", "a.md", "uv.lock"]),
    ],
)
def test_kinds_of_files(want: Want, order: list[str]) -> None:
    assert sorted(order, key=lambda path: -kind_factor(path, want)) == order


@pytest.mark.parametrize(
    ("path", "like"),
    [
        ("a_test.go", "tests/x.py"),
        ("src/a.spec.ts", "tests/x.py"),
        ("contest.py", "a.py"),
        ("README", "a.md"),
        ("LICENSE", "a.lock"),
        ("package-lock.json", "a.lock"),
        ("requirements.txt", "a.lock"),
        ("settings.toml", "a.py"),
    ],
)
def test_kinds_by_name(path: str, like: str) -> None:
    assert kind_factor(path, "definition") == kind_factor(like, "definition")


def test_a_name_is_worth_more_than_a_folder() -> None:
    in_name, in_folder = path_bonus("src/parrots.py", PARROT), path_bonus("parrot/a.py", PARROT)
    assert in_name > in_folder > path_bonus("src/a.py", PARROT) == 0.0


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    common = {f"{n}.py": 3 for n in range(9)}
    ranked = rank(QUESTION, [(PARROT, common), (DELAY, {"x.py": 1})], {}, {})
    assert ranked[0].path == "x.py"


def test_words_on_one_line_count_more_than_words_apart() -> None:
    counts = {"a.py": 2, "b.py": 2}
    ranked = rank(QUESTION, [(PARROT, counts), (DELAY, counts)], {"b.py": 1}, {})
    both = frozenset({"parrot", "delay"})
    assert [(one.path, one.has) for one in ranked] == [("b.py", both), ("a.py", both)]


def test_a_remark_at_the_first_column_with_two_words_counts_more_than_any_other_line() -> None:
    counts = {"a.py": 2, "b.py": 2}
    pairs = {"a.py": 1, "b.py": 1}
    ranked = rank(QUESTION, [(PARROT, counts), (DELAY, counts)], pairs, {"b.py": 1})
    assert [one.path for one in ranked] == ["b.py", "a.py"]


def test_a_common_word_in_the_only_name_that_has_it_leads() -> None:
    everywhere = {**{f"{n}.py": 5 for n in range(40)}, "parrots.py": 1}
    ranked = rank(QUESTION, [(PARROT, everywhere), (DELAY, {"7.py": 1, "parrots.py": 1})], {}, {})
    assert [one.path for one in ranked[:2]] == ["parrots.py", "7.py"]


def test_a_word_is_worth_what_few_files_have_it() -> None:
    worth = worths([(PARROT, {"a.py": 1, "b.py": 9, "c.py": 1}), (DELAY, {"a.py": 7})])
    assert worth == {"parrot": pytest.approx(0.693, abs=0.001), "delay": pytest.approx(1.386, abs=0.001)}
    assert worths([(PARROT, {})]) == {"parrot": 0.0}


def test_equal_scores_are_ordered_by_path() -> None:
    assert [one.path for one in rank(QUESTION, [(PARROT, {"b.py": 1, "a.py": 1})], {}, {})] == ["a.py", "b.py"]


def test_lines_that_say_more() -> None:
    lines = [
        Line("a.py", 1, '"""The parrot and its delay."""'),
        Line("a.py", 40, "PARROT_DELAY = 3"),
        Line("a.py", 50, "# the parrot has a delay"),
        Line("a.py", 60, "wait(parrot, delay)"),
        Line("a.py", 70, "wait(parrot)"),
        Line("a.py", 80, "import parrot"),
        Line("a.py", 90, "nothing"),
    ]
    scores = [score_line(line, QUESTION.terms) for line in lines]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] == 0.0


def test_what_was_read_can_turn_the_order() -> None:
    counts = {"a.py": 3, "b.py": 2}
    first = rank(QUESTION, [(PARROT, counts), (DELAY, counts)], {}, {})
    assert first[0].path == "a.py"
    lines = [Line("a.py", 9, "f(parrot)"), Line("b.py", 1, "# parrot delay"), Line("b.py", 2, "def delay(parrot):")]
    ordered, by_file = rank_lines(QUESTION, first, lines)
    assert [one.path for one in ordered] == ["b.py", "a.py"]
    assert [line.number for line in by_file["b.py"]] == [1, 2]


def test_a_word_within_another_word_says_less() -> None:
    said = ["a parrot", "PARROT", "my_parrots", "greenParrot", "uparrot"]
    scores = [score_line(Line("a.py", 9, f"f({text})"), QUESTION.terms) for text in said]
    assert scores[:4] == [1.0] * 4
    assert 0.0 < scores[4] < 0.5


def test_a_line_with_the_rarer_word_comes_first() -> None:
    lines = [Line("a.py", 20, "f(parrot)"), Line("a.py", 30, "f(delay)")]
    first = rank(QUESTION, [(PARROT, {"a.py": 1}), (DELAY, {"a.py": 1})], {}, {})
    _, by_file = rank_lines(QUESTION, first, lines, {"parrot": 0.5, "delay": 2.0})
    assert [line.number for line in by_file["a.py"]] == [30, 20]


def test_a_file_that_opens_with_all_the_words_leads_however_they_are_spread() -> None:
    counts = {"a.py": 2, "b.py": 2}
    first = rank(QUESTION, [(PARROT, counts), (DELAY, counts)], {}, {})
    far = [Line("a.py", 60, "# a parrot,"), Line("a.py", 80, "# and a delay.")]
    opening = [Line("b.py", 5, "# a parrot,"), Line("b.py", 9, "# and a delay.")]
    ordered, _ = rank_lines(QUESTION, first, [*far, *opening])
    assert [one.path for one in ordered] == ["b.py", "a.py"]
