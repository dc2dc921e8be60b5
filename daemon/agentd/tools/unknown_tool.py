"""What a model is told that called a tool which is not there: the right name, and how that one is called.

It decides which name was meant: by the table of names that models know from elsewhere, else by likeness. It must never
map a call by itself: arguments differ between tools of the same purpose, so the model makes the right call. Pure.
Caller: the turn, when it judges a call.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from agentd.providers.argument_repair_schema import short_form

__all__ = ["ALIASES", "Offered", "unknown_tool"]

Offered = Mapping[str, Mapping[str, object]]
"""The tools that may be called now: name -> JSON Schema of the arguments."""

_EDITING = "A part of a file is changed with"
_RUNNING = "Commands are run with"
_FINDING = "Files are found by name with"
_SEARCHING = "The contents of files are searched with"
_LISTING = "A folder is listed with"
_READING = "Files are read with"
_WRITING = "A whole file is written with"

ALIASES: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        (
            "bash",
            "sh",
            "zsh",
            "terminal",
            "cmd",
            "exec",
            "execute",
            "run",
            "run_command",
            "execute_command",
            "run_terminal_cmd",
        ),
        ("shell", _RUNNING),
    ),
    **dict.fromkeys(
        (
            "run_shell_command",
            "shell_command",
            "local_shell",
            "run_bash",
            "execute_bash",
            "bash_command",
            "container_exec",
        ),
        ("shell", _RUNNING),
    ),
    **dict.fromkeys(("python", "ipython", "run_python", "code_interpreter", "git", "powershell"), ("shell", _RUNNING)),
    **dict.fromkeys(
        (
            "read_file",
            "view",
            "view_file",
            "open",
            "open_file",
            "cat",
            "file_read",
            "get_file",
            "read_files",
            "readfile",
        ),
        ("read", _READING),
    ),
    **dict.fromkeys(("read_text_file", "read_many_files", "fetch_file", "show_file", "head"), ("read", _READING)),
    **dict.fromkeys(
        ("write_file", "create_file", "write_to_file", "create", "file_write", "save_file", "new_file", "writefile"),
        ("write", _WRITING),
    ),
    **dict.fromkeys(
        ("str_replace", "str_replace_editor", "str_replace_based_edit_tool", "replace", "edit_file", "apply_diff"),
        ("edit", _EDITING),
    ),
    **dict.fromkeys(
        (
            "apply_patch",
            "search_replace",
            "replace_in_file",
            "multi_edit",
            "multiedit",
            "insert",
            "modify_file",
            "patch",
        ),
        ("edit", _EDITING),
    ),
    **dict.fromkeys(
        (
            "search",
            "search_files",
            "grep_search",
            "codebase_search",
            "search_code",
            "ripgrep",
            "rg",
            "search_file_content",
        ),
        ("grep", _SEARCHING),
    ),
    **dict.fromkeys(("find_in_files", "text_search", "file_content_search", "search_text"), ("grep", _SEARCHING)),
    **dict.fromkeys(
        ("find", "find_files", "file_search", "glob_file_search", "search_by_name", "fd"), ("glob", _FINDING)
    ),
    **dict.fromkeys(
        ("list_dir", "list_directory", "list_files", "dir", "list_folder", "listdir", "tree", "directory_tree", "list"),
        ("ls", _LISTING),
    ),
}
"""Names of the same purpose in other agents and their models' training -> our name, and how that is said."""

_NEAR = 0.7  # likeness from 0 to 1: `raed`, `reads` and `globs` are near one, `delete` and `browser` are near none
_SHOWN = 80  # characters of the name that are quoted
_MOST_NAMES = 40  # that are listed


def unknown_tool(name: str, offered: Offered) -> str:
    """The answer for the model to a call of `name`, which is none of `offered`."""
    shown = re.sub(r"[\x00-\x1f\x7f]", " ", name)[:_SHOWN]
    meant, words = _meant(name, offered)
    told = [f"There is no tool {shown}." if shown.strip() else "The call names no tool."]
    if meant:
        told.append(f"{words} Its arguments are: {short_form(offered[meant])}")
        told.append(f"Nothing was run; call {meant} with arguments of that form.")
    names = sorted(offered)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    told.append(f"Available: {', '.join(names[:_MOST_NAMES])}{more}." if names else "No tool is available.")
    return "\n".join(told)


def _meant(name: str, offered: Offered) -> tuple[str, str]:
    """The tool that was meant, and a sentence that says so; two empty texts when none is near."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:_SHOWN].strip()).lower()).strip("_")
    bare = re.sub(r"\A(?:functions?|tools?|default_api|mcp)_|_tool\Z", "", plain)
    by_plain = {known.lower(): known for known in sorted(offered)}
    for word in (plain, bare):
        if word in by_plain:
            return by_plain[word], f"Did you mean {by_plain[word]}?"
    for word in (plain, bare):
        known, why = ALIASES.get(word, ("", ""))
        if known in offered:
            return known, f"{why} {known}."
    near = difflib.get_close_matches(bare, by_plain, n=1, cutoff=_NEAR) if bare else []
    return (by_plain[near[0]], f"Did you mean {by_plain[near[0]]}?") if near else ("", "")
