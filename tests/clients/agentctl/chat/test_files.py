"""@ names files: those that are there, once each; and half-typed names go on."""

from __future__ import annotations

from pathlib import Path

from agentctl.chat.files import completions, named


def test_files_are_found_and_other_words_stay_words(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("")
    text = "see @a.py, @sub/b.txt (and @a.py) but not mail@a.py, @sub or @missing; @a.py?"
    assert named(text, str(tmp_path)) == (str(tmp_path / "a.py"), str(tmp_path / "sub" / "b.txt"))


def test_names_go_on_with_folders_marked_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("alpha.py", "alps", ".hidden"):
        (tmp_path / name).write_text("")
    (tmp_path / "also").mkdir()
    (tmp_path / "also" / "inner").write_text("")
    here = str(tmp_path)
    assert list(completions("al", here)) == ["alpha.py", "alps", "also/"]
    assert list(completions("also/", here)) == ["also/inner"]
    assert list(completions(".h", here)) == [".hidden"]
    assert list(completions("nowhere/", here)) == []
    assert f"{here}/alpha.py" in list(completions(f"{here}/al", "/"))
