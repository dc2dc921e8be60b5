"""Whole turns of the offline engine about this repository: the file that answers a question leads the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.offline_driver import Answer, Folder, converse

ROOT = Path(__file__).resolve().parents[3]
HERE = ("tests/daemon/providers", "tests/support/offline_driver.py")  # where the questions themselves stand

QUESTIONS: dict[str, tuple[str, ...]] = {
    "which file defines the wire's size limits?": ("proto/agentproto/limits.py",),
    "where is the retry policy decided?": ("daemon/agentd/providers/failures.py",),
    "how does a client find the daemon?": ("proto/agentproto/endpoints.py", "clients/agentclient/discover.py"),
    "where are msgpack bytes decoded?": ("proto/agentproto/codec.py",),
    "which file has the supervised asyncio tasks?": ("daemon/agentd/world/tasks.py",),
    "where does the daemon keep its append journal that syncs?": ("daemon/agentd/world/journal.py",),
    "where is the error tree drawn?": ("daemon/agentd/errors.py",),
    "who may make a PreparedCall?": ("daemon/agentd/providers/prepared.py", "daemon/agentd/context/budget.py"),
    "where are server-sent events parsed?": ("daemon/agentd/providers/sse.py",),
    "how are API keys resolved from the environment?": ("daemon/agentd/providers/keys.py",),
    "where is SOCKET_PATH_LIMIT defined?": ("proto/agentproto/endpoints.py",),
    "which module turns log entries into state?": (
        "daemon/agentd/session/fold.py",
        "daemon/agentd/session/state.py",
        "daemon/agentd/session/entries.py",
    ),
    "where is it tested that imports point down?": ("tests/house/test_rule06_imports_point_down.py",),
    "which file lists the model prices?": (
        "daemon/agentd/providers/catalog.toml",
        "daemon/agentd/providers/catalog.py",
    ),
    "where are HTTP redirects refused?": ("daemon/agentd/world/http.py",),
    "how is a child process killed with its group?": (
        "daemon/agentd/world/groups.py",
        "daemon/agentd/world/processes.py",
    ),
    "what is the CRC of a log line computed over?": ("daemon/agentd/chain/frame.py",),
    "where is `exceed_context_size_error` recognised?": ("daemon/agentd/providers/failures.py",),
    "what are the error codes on the wire?": ("proto/agentproto/errors.py",),
    "where are the tokens of a request estimated?": (
        "daemon/agentd/context/tokens.py",
        "daemon/agentd/providers/canonical.py",
    ),
}
MUST_LEAD = list(QUESTIONS)[:3]


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    folder = Folder(ROOT, HERE)
    return {question: converse(question, folder.tools()) for question in QUESTIONS}


@pytest.mark.parametrize("question", MUST_LEAD)
def test_the_right_file_leads(question: str, answers: dict[str, Answer]) -> None:
    assert answers[question].files[0] in QUESTIONS[question]


def test_most_questions_are_answered_by_the_first_file_and_nearly_all_by_the_first_three(
    answers: dict[str, Answer],
) -> None:
    first = [question for question, wanted in QUESTIONS.items() if answers[question].files[0] in wanted]
    three = [question for question, wanted in QUESTIONS.items() if set(answers[question].files[:3]) & set(wanted)]
    assert len(first) >= 0.75 * len(QUESTIONS), sorted(set(QUESTIONS) - set(first))
    assert len(three) >= 0.90 * len(QUESTIONS), sorted(set(QUESTIONS) - set(three))


def test_answers_are_quoted_lines_of_the_files(answers: dict[str, Answer]) -> None:
    lines: dict[str, list[str]] = {}
    for answer in answers.values():
        quoted = answer.text.split("```")[1].strip().splitlines()
        assert 1 <= len(quoted) <= 8
        for line in quoted:
            path, number, text = line.split(":", 2)
            source = lines.setdefault(path, (ROOT / path).read_text("utf-8").splitlines())
            assert source[int(number) - 1].strip().startswith(text.strip().removesuffix("…"))


def test_no_turn_goes_on_for_long(answers: dict[str, Answer]) -> None:
    assert {answer.steps for answer in answers.values()} == {2}
    assert max(len(answer.calls) for answer in answers.values()) <= 8 + 4


def test_the_answer_is_the_same_each_time(answers: dict[str, Answer]) -> None:
    again = converse(MUST_LEAD[0], Folder(ROOT, HERE).tools())
    assert again.text == answers[MUST_LEAD[0]].text
