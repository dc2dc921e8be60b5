"""Text for many readers: worked out once, the same for all, and not sent again when the log keeps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentd.server.conversation import Conversation
from agentd.server.outbox import Outbox, SharedDelta, encode_event
from agentd.server.rounds import Rounds
from agentd.server.streams import Numbered, Streams
from agentd.services import Caller
from agentproto.api.turn import DeltaEvent
from agentproto.codec import decode_map
from agentproto.envelope import Hello, Welcome
from agentproto.framing import from_frames
from agentproto.link import Link
from agentproto.shape import typed
from agentproto.versions import WIRE_MAX, WIRE_MIN, VersionRange


def delta(text: str, offset: int, seq: int = 3) -> DeltaEvent:
    return DeltaEvent(stream="s", seq=seq, turn="t", item="i", kind="text", offset=offset, text=text)


def left(box: Outbox) -> list[DeltaEvent]:
    return [typed(decode_map(box.pop()[1]), DeltaEvent) for _ in range(len(box))]


def test_readers_that_lag_differently_get_the_same_text_in_other_pieces() -> None:
    prompt, slow, slower = Outbox(), Outbox(), Outbox()
    pieces = [SharedDelta(delta("hä", 0)), SharedDelta(delta("llo", 3)), SharedDelta(delta("!", 6))]
    heard: list[DeltaEvent] = []
    for number, piece in enumerate(pieces):
        for box in (prompt, slow, slower):
            box.share(piece)
        heard += left(prompt)
        if number == 1:
            assert left(slow) == [delta("hällo", 0)]
    assert heard == [delta("hä", 0), delta("llo", 3), delta("!", 6)]
    assert left(slow) == [delta("!", 6)]
    assert left(slower) == [delta("hällo!", 0)]


def test_an_outbox_knows_whether_more_than_text_waits() -> None:
    box = Outbox()
    box.share(SharedDelta(delta("a", 0)))
    assert box.numbered == 0
    box.put("turn.finished", "s", 4, b"x")
    assert box.numbered == 1
    box.pop()
    box.pop()
    assert box.numbered == 0


class Log:
    """A stream whose only line is text that was kept while it streamed."""

    kept = Numbered(4, "turn.delta", delta("hello", 0, seq=4))

    def __init__(self) -> None:
        self.rows: list[Numbered] = []

    def after(self, stream: str, seq: int, limit: int) -> Sequence[Numbered]:
        return [row for row in self.rows if row.seq > seq][:limit]

    def head(self, stream: str) -> int:
        return self.rows[-1].seq if self.rows else 3

    def live(self, stream: str) -> DeltaEvent | None:
        return None


class Reader:
    def __init__(self) -> None:
        self.outbox = Outbox()

    def wake(self) -> None:
        pass


def test_text_that_is_kept_in_the_log_goes_to_who_comes_later_and_not_to_who_has_heard_it() -> None:
    log, early, late = Log(), Reader(), Reader()
    streams = Streams(log, lambda: 0)
    streams.subscribe(early, "s", 3)
    streams.catch_up(early)
    streams.delta(delta("hello", 0))
    log.rows.append(log.kept)
    streams.publish("s", log.kept)
    streams.subscribe(late, "s", 3)
    streams.catch_up(late)
    assert left(early.outbox) == [delta("hello", 0, seq=3)]
    assert left(late.outbox) == [delta("hello", 0, seq=4)]


def test_a_reader_whose_window_is_shut_takes_no_place_in_the_line_until_its_credit_comes() -> None:
    calls: list[Callable[[], None]] = []
    sent: list[str] = []
    daemon, client = Link("daemon"), Link("client")
    window_of_one = Hello("1", VersionRange(WIRE_MIN, WIRE_MAX), (), "c", "n", credit_events=1)
    daemon.receive(client.hello(window_of_one, 0), 0)
    client.receive(daemon.welcome(Welcome("1", WIRE_MAX, (), "d", "owner", 1, "none", "m", ())), 0)

    def send(frames: Sequence[bytes]) -> bool:
        sent.append(from_frames(frames).name)
        client.receive(frames, 0)
        return True

    rounds = Rounds(lambda ms, call: calls.append(call))
    conversation = Conversation(daemon, Caller("c", "n", "owner"), send, lambda _: None, rounds)
    for seq in (1, 2):
        conversation.outbox.put("turn.finished", "s", seq, encode_event(delta("x", 0, seq)))
        conversation.wake()
    calls.pop()()
    conversation.wake()
    assert (sent, calls) == (["turn.finished"], [])
    for frames in client.take_owed():
        daemon.receive(frames, 0)
    conversation.wake()
    calls.pop()()
    assert sent == ["turn.finished", "turn.finished"]
