"""Session folders on a real disk with secrets planted in every kind of entry and blob that can hold a text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentd.chain.frame import FIRST_LINK, encode_line
from agentd.session.actors import Actor
from agentd.session.asking import Answered, Asked
from agentd.session.entries import (
    FORMAT,
    Begun,
    Broke,
    Called,
    Changed,
    Decided,
    Done,
    Entry,
    Finished,
    Judged,
    Notice,
    Opened,
    Partial,
    PrefixRecorded,
    Replied,
    Requested,
    Started,
    Steered,
)
from agentd.session.fold import MACHINE
from agentd.session.folders import session_folder
from agentproto.api.turn import TurnUsage
from agentproto.content import ProviderPart, TextBlock, ThinkingBlock, ToolUseBlock
from support.canaries import Canary

PERSON = Actor(kind="client", id="c1", role="owner", name="test")
SESSION = "s01k9z3v7qq0abcde"
AT = 1_790_000_000_000


def sha256(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


@dataclass
class Planted:
    """A log in the making: `entries` and `blobs`; `write` puts them on disk as a session."""

    session: str = SESSION
    entries: list[Entry] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    turns: int = 0

    def blob(self, data: bytes | str) -> str:
        raw = data.encode() if isinstance(data, str) else data
        self.blobs[sha256(raw)] = raw
        return sha256(raw)

    def open(self, **changed: object) -> None:
        fields: dict[str, object] = {"env": {"PATH": "/bin"}, "title": "a session", **changed}
        self.entries.append(
            Opened(
                format=FORMAT,
                machine=MACHINE,
                session=self.session,
                kind="chat",
                product="0",
                workspace="/work",
                cwd="/work",
                mode="ask",
                actor=PERSON,
                **fields,  # type: ignore[arg-type]
            )
        )

    def turn(self, prompt: str, answer: str = "done", inner: Iterable[Entry] = (), **changed: object) -> str:
        """A whole turn with `inner` between its first reply and its end; its id."""
        turn = self.next_turn()
        step = f"{turn}.1"
        self.entries += [
            Requested(turn=turn, actor=PERSON, key=f"key-{turn}", hash="h", prompt=prompt, **changed),  # type: ignore[arg-type]
            Started(turn=turn, model="talk", mode="ask", max_steps=50, max_faults=3, parallel_calls=10),
            Called(turn=turn, step=step, purpose="turn", model="talk", prefix="", input_tokens=9, output_tokens=9),
            *inner,
            Replied(turn=turn, step=step, blocks=(TextBlock(answer),), stop="end", usage=TurnUsage(input=9, output=3)),
            Decided(turn=turn, step=step, next="end", reason="the model answered"),
            Finished(turn=turn, stop="end", steps=1, usage=TurnUsage(input=9, output=3), text=answer),
        ]
        return turn

    def next_turn(self) -> str:
        self.turns += 1
        return f"{self.session}.t{self.turns}"

    def raw(self) -> bytes:
        link, out = FIRST_LINK, bytearray()
        for seq, entry in enumerate(self.entries, 1):
            line, link = encode_line(seq, AT + seq, entry, link)
            out += line
        return bytes(out)

    def write(self, data: Path) -> Path:
        folder = Path(session_folder(str(data), self.session))
        (folder / "blobs").mkdir(parents=True)
        (folder / "log.jsonl").write_bytes(self.raw())
        for name, content in self.blobs.items():
            (folder / "blobs" / name).write_bytes(content)
        return folder


def tool_entries(plan: Planted, turn: str, call: str, texts: Sequence[str]) -> list[Entry]:
    """A call of a tool that was asked for, allowed and done, with a text in each place that takes one."""
    arguments, command, output, diff, steer, answer, path = (*texts, *[""] * 7)[:7]
    target = f"/work/{path or 'a.txt'}"
    use = ToolUseBlock(
        call, "shell", {"command": arguments, "cwd": "/work"}, "toolu_01", ProviderPart("m", {"s": arguments})
    )
    thinking = ThinkingBlock(f"I think {output}", ProviderPart("m", {"signature": output}))
    question = f"{turn.partition('.')[0]}.q{len(plan.entries)}"
    earlier, later = plan.blob(f"before {output}\n"), sha256(f"after {output}\n")
    return [
        Replied(turn=turn, step=f"{turn}.1", blocks=(thinking, use), stop="tool_use", usage=TurnUsage(input=5, output=2)),
        Judged(turn=turn, call=call, tool="shell", verdict="ask", reason=f"asks: {command}", target=target),
        Asked(
            question=question,
            turn=turn,
            call=call,
            kind="permission",
            tool="shell",
            summary=f"run {command}",
            command=command,
            hash=sha256(command),
            gates=("shell",),
            cwd="/work",
            sandbox="none",
            grants=(("shell", command, "/work"),),
        ),
        Answered(question=question, turn=turn, decision="approve", actor=PERSON, scope="session", text=answer, key="k", hash="h"),
        Begun(turn=turn, call=call, tool="shell", before={target: earlier}, target=target),
        Done(
            turn=turn,
            call=call,
            tool="shell",
            status="ok",
            text=output,
            summary=f"it said {output[:200]}",
            bytes=len(output),
            blob=plan.blob(f"whole output\n{output}\n{diff}"),
            diff=diff,
            touched={target: (earlier, later)},
            changed={f"/work/made/{path}": (None, later), "/work/big": (earlier, "unknown")},
        ),
        Steered(turn=turn, actor=PERSON, text=steer, key="k", hash="h"),
    ]  # fmt: skip


def planted(canaries: Sequence[Canary], session: str = SESSION) -> Planted:
    """All canaries, each in several places: prompts, files, thinking, arguments, outputs, blobs, streamed pieces."""
    plan = Planted(session)
    plan.open()
    sections = {"sections": [["workspace", canaries[0].text], ["x", "y"]], "tools": [], "max_output": 5}
    plan.entries.append(
        PrefixRecorded(
            blob=plan.blob(json.dumps(sections)), model="talk", sections=("workspace", "x"), tools=(), reason="first"
        )
    )
    rows = list(canaries)
    while rows:
        some, rows = rows[:9], rows[9:]
        texts = [one.text for one in some]
        turn = f"{session}.t{plan.turns + 1}"
        inner = [*tool_entries(plan, turn, f"{turn}.1.1", texts[1:8])]
        split = some[0].text
        inner += [
            Partial(turn=turn, item=f"{turn}.1.t", kind="text", offset=0, text=split[: len(split) // 2]),
            Partial(turn=turn, item=f"{turn}.1.t", kind="text", offset=len(split) // 2, text=split[len(split) // 2 :]),
            Broke(turn=turn, step=f"{turn}.1", failure="stall", text=texts[-1], kept=texts[-1], again=True),
        ]
        file = ("/work/f.txt", sha256(texts[-1]), texts[-1])
        plan.turn(texts[0], texts[0], inner, files=(file,), allow=(f"shell({texts[0][:80]})",))
    plan.entries += [
        Changed(actor=PERSON, title=f"about {canaries[1].text}", key="k", hash="h"),
        Notice(code="odd", text=canaries[2].text),
    ]
    return plan
