"""`agentctl ask`: one turn. The answer goes to stdout as it streams, everything else to stderr.

It sends one request and shows what comes; what the turn may do is decided in the daemon. The exit code says how the
turn ended (`exits`).
"""

from __future__ import annotations

import io
import os
import sys

import click
import msgspec

from agentclient.keys import new_key
from agentclient.turn_stream import Change
from agentctl.exits import DONE, INTERRUPTED, QUESTION_OPEN
from agentctl.follow import Follower, Interrupts, Outcome
from agentctl.options import dial, session_id
from agentctl.render.machine import json_line, plain
from agentctl.render.plain import Plain, Screen
from agentctl.render.safe import one_line
from agentctl.terminal import colours, is_terminal, moves, reachable, width
from agentproto.api import question, turn
from agentproto.limits import LIMITS
from agentproto.link import Happened

__all__ = ["Show", "ask", "command", "screen"]

_MISSING = {
    "output_schema": "--output-schema needs answers that are checked against a schema",
}
_MISSING_MODES = {
    "auto": "--mode auto needs the sandbox and the command grammar",
    "accept-edits": "--mode accept-edits needs undo of edits",
}


class Show(msgspec.Struct, frozen=True):
    """How the turn is shown and whether anybody can be asked."""

    json: bool = False
    jsonl: bool = False
    no_input: bool = False
    background: bool = False
    thinking: bool = False


@click.command("ask", short_help="One turn.")
@click.argument("prompt", required=False)
@click.option("--new", "place", flag_value="new", default=True, help="In a new session (the default).")
@click.option("-c", "--continue", "place", flag_value="continue", help="In the latest session of this workspace.")
@click.option("-s", "--session", metavar="ID", help="In that session.")
@click.option("--cwd", type=click.Path(exists=True, file_okay=False), help="Folder to work in (default: this one).")
@click.option("--model", metavar="NAME", help="Connection to use for this session.")
@click.option("--mode", type=click.Choice(["ask", "plan", "auto", "accept-edits"]), help="What is asked about.")
@click.option("--allow", metavar="RULE", multiple=True, help="Allow for this turn, e.g. 'shell(make test)'.")
@click.option("--deny", metavar="RULE", multiple=True, help="Deny for this turn; stronger than any allow.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Give a text file or a picture.",
)
@click.option("--max-steps", type=click.IntRange(min=1), metavar="N", help="Stop after N model calls.")
@click.option("--max-usd", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Stop before it costs more.")
@click.option("--output-schema", metavar="F", help="Not in this version.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.option("--jsonl", "as_jsonl", is_flag=True, help="Print every event as a line of JSON.")
@click.option("--thinking", is_flag=True, help="Show what the model thinks, on stderr.")
@click.option("--no-input", is_flag=True, help="Never ask: exit 4 when a question is open. It stays answerable.")
@click.option("--background", is_flag=True, help="Print the session's id and leave; the turn goes on.")
def command(
    prompt: str | None,
    place: str,
    session: str | None,
    cwd: str | None,
    model: str | None,
    mode: turn.Mode | None,
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    files: tuple[str, ...],
    max_steps: int | None,
    max_usd: float | None,
    output_schema: str | None,
    as_json: bool,
    as_jsonl: bool,
    thinking: bool,
    no_input: bool,
    background: bool,
) -> int:
    """One turn with PROMPT (or `-`: read it from stdin).

    The answer goes to stdout as it streams, progress and tools to stderr.
    """
    if output_schema is not None:
        raise click.UsageError(f"{_MISSING['output_schema']}, which this version does not have yet.")
    if mode in _MISSING_MODES:
        raise click.UsageError(f"{_MISSING_MODES[mode]}, which this version does not have yet.")
    if session is not None and place == "continue":
        raise click.UsageError("--continue and --session exclude each other.")
    if as_json and as_jsonl:
        raise click.UsageError("--json and --jsonl exclude each other.")
    params = turn.StartParams(
        key=new_key(),
        prompt=_prompt(prompt),
        session=session_id(session) if session is not None else None,
        continue_latest=place == "continue",
        cwd=os.path.abspath(cwd) if cwd is not None else None if session is not None else os.getcwd(),
        mode=mode,
        model=model,
        max_steps=max_steps,
        max_usd_micros=None if max_usd is None else max(1, int(max_usd * 1_000_000)),
        allow=allow,
        deny=deny,
        files=tuple(os.path.abspath(file) for file in files),
        subscribe=not background,
    )
    return ask(params, Show(as_json, as_jsonl, no_input, background, thinking))


def _prompt(given: str | None) -> str:
    if given is None:
        raise click.UsageError("Say what to ask, or `-` to read it from stdin.")
    if given == "-":
        data = sys.stdin.buffer.read(LIMITS.prompt_bytes + 1)
    else:
        data = os.fsencode(given)
    if len(data) > LIMITS.prompt_bytes:
        raise click.UsageError(f"The prompt is longer than {LIMITS.prompt_bytes} bytes; give it with --file.")
    text = data.decode("utf-8", "replace")
    if not text.strip():
        raise click.UsageError("The prompt is empty.")
    return text


def screen(*, answer: bool = True) -> Screen:
    """This process's streams as a screen. Without `answer` the answer's text goes nowhere."""
    return Screen(
        out=sys.stdout if answer else io.StringIO(),
        err=sys.stderr,
        answer_on_terminal=answer and is_terminal(sys.stdout),
        draws=moves(sys.stderr),
        for_person=is_terminal(sys.stderr),
        colour=colours(sys.stderr),
        unicode="utf" in (sys.stderr.encoding or "").lower(),
        width=width(sys.stderr),
    )


def ask(params: turn.StartParams, show: Show) -> int:
    """Start the turn and show it to its end; the exit code."""
    interrupts = Interrupts()
    with dial(give_variables=True) as client, interrupts.watched():
        ticket = client.send("turn.start", params)
        view = Plain(screen(answer=not (show.json or show.jsonl)), thinking=show.thinking)
        started = client.receive(ticket, turn.StartResult)
        if show.background:
            sys.stdout.write(json_line(started) if show.json or show.jsonl else started.session + "\n")
            return DONE
        follower = Follower(
            client,
            view,
            may_ask=not show.no_input and is_terminal(sys.stderr) and reachable(),
            no_input=show.no_input,
            each=_print_event if show.jsonl else None,
            keep=show.json,
        )
        if started.queued and show.no_input:
            follower.look(started.session)
        outcome = follower.follow(started.session, started.turn, interrupts)
    view.end_line()
    if show.json:
        sys.stdout.write(json_line(_object(started, outcome)))
    if interrupts.count:
        sys.stderr.write(f"interrupted; go on: agentctl ask -s {started.session} ...\n")
        return INTERRUPTED
    _last_words(started, outcome, quiet=outcome.code == DONE and not is_terminal(sys.stderr))
    return outcome.code


def _print_event(event: Happened) -> None:
    sys.stdout.write(json_line({"event": event.name, **event.body}))
    sys.stdout.flush()


def _object(started: turn.StartResult, outcome: Outcome) -> dict[str, object]:
    """What `--json` prints. A turn that waits for an answer has the stop reason `question`."""
    finished = outcome.finished
    result: dict[str, object] = {
        "session": started.session,
        "turn": started.turn,
        "text": finished.text if finished is not None else "",
        "stop_reason": finished.stop
        if finished is not None
        else "question"
        if outcome.question is not None
        else "error",
        "items": [item for change in outcome.changes for item in _items(change)],
        "usage": plain(finished.usage if finished is not None else turn.TurnUsage()),
        "cost_usd_micros": finished.usage.usd_micros if finished is not None else 0,
    }
    if outcome.question is not None:
        result["question"] = plain(outcome.question)
    if finished is not None and finished.error is not None:
        result |= {"error": finished.error, "remedy": finished.remedy}
    return result


def _items(change: Change) -> list[object]:
    """The whole items of a turn, in order: the model's blocks, and what each tool gave."""
    match change:
        case turn.RepliedEvent(items=items):
            return [plain(item) for item in items]
        case turn.ToolFinishedEvent():
            shown = ("call", "tool", "status", "summary", "text", "bytes", "duration_ms", "blob", "diff")
            return [{"type": "tool_result"} | {name: getattr(change, name) for name in shown}]
        case question.OpenedEvent(question=opened):
            return [{"type": "question", "question": opened.id, "tool": opened.tool, "summary": opened.summary}]
        case _:
            return []


def _last_words(started: turn.StartResult, outcome: Outcome, *, quiet: bool) -> None:
    """What a person has to know at the end: where it can be taken up, or what went wrong and what to do."""
    finished, opened = outcome.finished, outcome.question
    if outcome.code == QUESTION_OPEN and opened is not None:
        sys.stderr.write(
            f"error: question {opened.id} is open in session {started.session}\n"
            f"  why: {one_line(opened.summary)}\n"
            f"   do: agentctl approve {opened.id}, or: agentctl deny {opened.id}\n"
        )
    elif outcome.stopped:
        sys.stderr.write(
            f"error: the turn can't go on in session {started.session}\n"
            f"  why: {one_line(outcome.stopped)}\n"
            "   do: Look at the disk, then: agentctl daemon restart. The turn goes on from what is recorded.\n"
        )
    elif finished is not None and finished.stop != "end":
        sys.stderr.write(
            f"error: the turn ended: {finished.stop}\n"
            f"  why: {finished.error or _WHY.get(finished.stop, 'The daemon gave no reason.')}\n"
            f"   do: {finished.remedy or f'agentctl ask -s {started.session} ...'}\n"
        )
    elif finished is not None and not quiet:
        tokens = finished.usage.input + finished.usage.output
        cost = f", {finished.usage.usd_micros / 1e6:.4f} USD" if finished.usage.usd_micros else ""
        steps = f"{finished.steps} step{'s' if finished.steps != 1 else ''}"
        sys.stderr.write(f"- session {started.session}: {steps}, {tokens} tokens{cost}\n")


_WHY = {
    "max_steps": "It used all the steps it was given.",
    "budget": "The next call would not have fitted the budget.",
    "interrupted": "Somebody stopped it.",
    "refused": "The model refused.",
    "denied": "A rule denied what it needed.",
    "withdrawn": "Somebody took the message back before the model spoke.",
}
