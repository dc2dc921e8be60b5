"""What streams are read from: loaded sessions' logs, and the daemon's own event log.

Callers: `server.streams`. `agentd.app` sets the parts once both exist (streams publish what sessions record, sessions
are what streams read: somebody has to be first).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentd.server.streams import Numbered
from agentd.session.projection import project
from agentd.turn.runner import Runner
from agentproto.api.log import DAEMON_STREAM
from agentproto.api.turn import DeltaEvent

__all__ = ["Sources"]


class Sources:
    """`loaded` gives the runners by id; `happened_after` and `happened_head` read the daemon's own log."""

    def __init__(self) -> None:
        self.loaded: Callable[[str], Runner | None] = lambda _: None
        self.happened_after: Callable[[int, int], Sequence[Numbered]] = lambda _seq, _limit: ()
        self.happened_head: Callable[[], int] = lambda: 0

    def after(self, stream: str, seq: int, limit: int) -> Sequence[Numbered]:
        if stream == DAEMON_STREAM:
            return self.happened_after(seq, limit)
        runner = self.loaded(stream)
        if runner is None:
            return ()
        rows: list[Numbered] = []
        for line in runner.log.lines_after(seq, limit):
            event = project(stream, line)
            rows.append(Numbered(line.seq, *event) if event else Numbered(line.seq, "", None))
        return rows

    def head(self, stream: str) -> int:
        if stream == DAEMON_STREAM:
            return self.happened_head()
        runner = self.loaded(stream)
        return runner.state.seq if runner is not None else 0

    def live(self, stream: str) -> DeltaEvent | None:
        runner = self.loaded(stream)
        if runner is None or runner.live is None or runner.state.turn is None:
            return None
        delta = runner.live
        return DeltaEvent(
            stream=stream,
            seq=runner.state.seq,
            turn=runner.state.turn.id,
            item=delta.item,
            kind=delta.kind,
            offset=0,
            text=delta.text,
        )
