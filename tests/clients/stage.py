"""A double daemon that knows one session with two turns, and the list that it is in."""

from __future__ import annotations

from collections.abc import Sequence

from agentclient.testing import Call, Event, Handler
from agentproto import revisions
from agentproto.api import session, turn
from agentproto.revisions import Touched, WorkflowStep
from agentproto.shape import to_plain
from clients.scene import SESSION, WORKSPACE, Session, a_question

AT = 1_700_000_000_000
FIRST, SECOND = f"{SESSION}.t1", f"{SESSION}.t2"

STEPS = [
    WorkflowStep(
        f"{FIRST}.1.1",
        FIRST,
        "edit",
        "/w/a.py",
        "done",
        1,
        attempts=1,
        touched=(Touched("/w/a.py", "1a2b3c4d" + "0" * 56, "5e6f7a8b" + "0" * 56, held=True),),
    ),
    WorkflowStep(
        f"{FIRST}.2.1",
        FIRST,
        "bash",
        "make\nall " + "x" * 80,
        "failed",
        1,
        attempts=2,
        reason="exit code 2",
        exit_code=2,
        touched=(Touched("/w/new", None, "5e6f7a8b" + "0" * 56), Touched("/else/old", "1a2b3c4d" + "0" * 56, None)),
    ),
    WorkflowStep(f"{FIRST}.3.1", FIRST, "bash", "sleep", "unknown", 1, attempts=1, reason="the daemon ended"),
    WorkflowStep(f"{FIRST}.4.1", FIRST, "write", "b", "compensated", 1, attempts=1, reason="undo"),
]
"""Mutating calls: one done, one failed, one of unknown outcome, one whose files were brought back."""


def summary(id: str = SESSION, **more: object) -> session.SessionSummary:
    plain: dict[str, object] = {
        "id": id, "title": "a title", "workspace": WORKSPACE, "state": "idle", "created_at_ms": AT,
        "updated_at_ms": AT, "turns": 2, "seq": 9, "bytes": 9000,
    }  # fmt: skip
    return session.SessionSummary(**(plain | more))  # type: ignore[arg-type]


def read(one: session.SessionSummary | None = None, *, asks: bool = False) -> session.ReadResult:
    usage = session.Usage(calls=4, input=100, output=20)
    questions = (a_question(),) if asks else ()
    return session.ReadResult(one or summary(), "ask", questions, 0, usage, {"step": 2}, "/log.jsonl")


def streamed(events: Sequence[Event]) -> list[session.StreamedEvent]:
    return [session.StreamedEvent(name, to_plain(body)) for name, body in events]


def two_turns() -> Session:
    """Asked twice, answered twice; the first looked around."""
    scene = Session()
    for id, prompt, text in ((FIRST, "what is it?", "It is 42.\nReally."), (SECOND, "and why?", "Because.")):
        scene.begun(prompt, id)
        if id == FIRST:
            scene.event(
                "tool.started", turn.ToolStartedEvent, turn=id, call=f"{id}.1.1", tool="grep", target='"limits"',
                verdict="allow", reason="reads",
            )  # fmt: skip
            scene.event(
                "tool.finished", turn.ToolFinishedEvent, turn=id, call=f"{id}.1.1", tool="grep", status="ok",
                summary="12 matches", text="limits.py:1: x", bytes=3400, duration_ms=12,
            )  # fmt: skip
        scene.replied(text, f"{id}.1", id)
        scene.finished(text, id)
    return scene


def reverted(scene: Session, kind: str, *turns: str, files: tuple[revisions.FileRevision, ...] = ()) -> Event:
    scene.seq += 1
    body = revisions.RevertedEvent(SESSION, scene.seq, AT, "somebody", kind, turns, files)  # type: ignore[arg-type]
    scene.logged.append(("session.reverted", body))
    return scene.logged[-1]


def listing(*sessions: session.SessionSummary) -> Handler:
    return lambda call: session.ListResult(sessions or (summary(),))


def items(events: Sequence[session.StreamedEvent], page: int = 3) -> Handler:
    """`session.items` in short pages, as of a session with long items."""

    def answer(call: Call) -> session.ItemsResult:
        params = call.params
        assert isinstance(params, session.ItemsParams)
        rest = [one for one in events if int(str(one.body["seq"])) > params.after_seq]
        more = int(str(rest[page - 1].body["seq"])) if len(rest) > page else None
        return session.ItemsResult(tuple(rest[:page]), more)

    return answer


def lived(scene: Session | None = None, **handlers: Handler) -> dict[str, Handler]:
    """Handlers of one session; others by keyword, `session_undo=...`."""
    events = streamed((scene or two_turns()).logged)
    ready: dict[str, Handler] = {
        "session.list": listing(),
        "session.read": lambda call: read(),
        "session.items": items(events),
    }
    return ready | {name.replace("_", ".", 1): handler for name, handler in handlers.items()}
