"""What is a command, and what is a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.providers.offline_command import (
    Ask,
    Command,
    Edit,
    Find,
    GitLog,
    Grep,
    List,
    Read,
    Recall,
    Remember,
    Run,
    Talk,
    Write,
    read_command,
)


@pytest.mark.parametrize(
    ("prompt", "command"),
    [
        ("run: make test", Run("make test")),
        ("run make test", Run("make test")),
        ("run `ls -l | wc`", Run("ls -l | wc")),
        ("! echo hi", Run("echo hi")),
        ("!echo hi", Run("echo hi")),
        ("RUN: a\nb", Run("a\nb")),
        ("run: the-program", Run("the-program")),
        ("run the tests", Run("")),
        ("run", Run("")),
        ("read a.txt", Read("a.txt")),
        ("Read `my file.txt` lines 3-7", Read("my file.txt", 3, 7)),
        ("read a.txt, lines 7 to 3", Read("a.txt", 3, 7)),
        ("show src/a.py line 4", Read("src/a.py", 4, 4)),
        ("cat Makefile", Read("Makefile")),
        ("list", List()),
        ("list files", List()),
        ("ls src", List("src")),
        ("list the files in src", List("src")),
        ("what is here?", List()),
        ("find *.toml", Find("*.toml")),
        ("find limits.py", Find("limits.py")),
        ("grep TODO|FIXME in src", Grep("TODO|FIXME", "src")),
        ("grep 'def main'", Grep("def main")),
        ('grep "a in b" in c', Grep("a in b", "c")),
        ("write a.txt: hello", Write("a.txt", "hello")),
        ("write a.txt: hello\n", Write("a.txt", "hello\n")),
        ("write a.txt:\none\n  two\n", Write("a.txt", "one\n  two\n")),
        ("create src/b.py: x = {'a': 1}", Write("src/b.py", "x = {'a': 1}")),
        ("write a.txt:", Write("a.txt", "")),
        ('edit a.txt: replace "a" with "b"', Edit("a.txt", "a", "b")),
        ("edit a.txt: replace 'a\\nb' with `c\\n` everywhere", Edit("a.txt", "a\nb", "c\\n", True)),
        ('edit a.txt: replace "say \\"hi\\"" with ""', Edit("a.txt", 'say "hi"', "")),
        ("git log", GitLog()),
        ("what changed recently?", GitLog()),
        ("what has changed lately?", GitLog()),
        ("remember that the door is red", Remember("the door is red")),
        ("Remember: buy milk", Remember("buy milk")),
        ("what do you know about doors?", Recall("doors")),
        ("recall doors", Recall("doors")),
        ("help", Talk("help")),
        ("What can you do?", Talk("help")),
        ("Hello!", Talk("hello")),
        ("hi there", Talk("hello")),
        ("who are you?", Talk("identity")),
        ("which model is this?", Talk("identity")),
    ],
)
def test_commands(prompt: str, command: Command) -> None:
    assert read_command(prompt) == command


@pytest.mark.parametrize(
    "prompt",
    [
        "which file defines the limits?",
        "find where the retry policy is",
        "show me where it is decided",
        "running late?",
        "how do I run the tests?",
        "what changed the limits?",
        "remember me?",
        "hello is defined where?",
        "edit a.txt please",
        "write a poem",
        "",
    ],
)
def test_questions(prompt: str) -> None:
    assert read_command(prompt) == Ask(prompt)


@given(st.text(max_size=100))
def test_every_text_is_one_or_the_other(prompt: str) -> None:
    read_command(prompt)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_what_is_written_is_what_was_given(text: str) -> None:
    assert read_command(f"write a.txt: {text}") == Write("a.txt", text)
