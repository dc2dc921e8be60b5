"""The first minute (`make run`): start the daemon if needed, say which model serves, then talk or answer one question.

Called as `python -m agentctl.firstrun`. ASK in the environment is asked as it stands; without it a terminal gets the
chat, and a pipe one question about the current folder. The ordinary home is used unless AGENTD_HOME says otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import cast

from agentclient.keys import new_key
from agentctl.cli import guarded
from agentctl.commands.ask import Show, ask
from agentctl.lazy import load
from agentctl.options import dial
from agentctl.terminal import moves
from agentproto.api import turn

__all__ = ["QUESTION", "main"]

QUESTION = "which file defines the wire's size limits?"


def main() -> int:
    wish = os.environ.get("ASK", "").strip()
    with dial() as client:
        model, pid, home = client.welcome.model, client.welcome.pid, client.folders.home or client.folders.data
    sys.stderr.write(f"agentd runs (pid {pid}); its home is {home}.\n{_served(model)}\n")
    if not wish and moves(sys.stdin) and moves(sys.stdout):
        return cast("Callable[[None], int]", load("agentctl.commands.chat", "talk"))(None)
    prompt = os.fsencode(wish).decode("utf-8", "replace") or QUESTION
    sys.stderr.write(f"> {prompt}\n")
    return ask(turn.StartParams(key=new_key(), prompt=prompt, cwd=os.getcwd(), subscribe=True), Show())


def _served(model: str) -> str:
    if model.startswith("offline"):
        return (
            "The built-in offline engine serves: it is no language model; it searches, reads and quotes. "
            "A real one: agentctl models list"
        )
    return f"The model is {model}."


if __name__ == "__main__":
    sys.exit(guarded(main))
