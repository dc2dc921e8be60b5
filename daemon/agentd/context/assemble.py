"""Puts a step's request together: recorded prefix + conversation -> bytes, checked by the budget.

Order and bytes are a promise (the provider's cache lives on them): prefix as recorded, then the conversation in the
log's order. Reads the log's texts through its references, each once while the session is in use. Decides nothing about
turns. Callers: `turn.runner`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from agentd.context.budget import Window, output_limit, prepare, projected, usable_tokens
from agentd.context.calibration import UNKNOWN, Factor
from agentd.context.conversation import Conversation, Result
from agentd.context.pictures import Album
from agentd.context.prefix import Prefix, decode_prefix, encode_prefix, make_prefix, why_anew
from agentd.context.prices import Money
from agentd.context.sections import SessionFacts
from agentd.context.tiers.base import Held, View
from agentd.context.tiers.micro import BEGIN_AT, Micro
from agentd.context.tokens import Pictured
from agentd.errors import AgentdError, DiskError, NotFoundError, OverBudgetError
from agentd.providers.base import Effort, Encoded, ModelRequest, Provider, ToolDefinition
from agentd.providers.prepared import PreparedCall, Purpose
from agentd.session.compactions import Compacted
from agentd.session.entries import PrefixRecorded
from agentd.session.log import SessionLog
from agentd.session.reminders import Reminded
from agentd.session.store import SessionStore
from agentd.world.long_work import PIECE_BYTES

__all__ = ["Assembler", "Assembly", "digest_of", "step_of"]


_UNLIMITED = Money()
_NOTHING_COUNTED: Mapping[str, int] = {}
_PIECE_ENTRIES = 128
"""Of a conversation that is read: a millisecond of work."""
_MOST_CUTS = 3
"""What clearing saves is estimated, too: where it was too little, more is cleared."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A request that may be sent, and what the log is told of it."""

    call: PreparedCall
    prefix: str
    recorded: PrefixRecorded | None
    messages: int
    window: int
    reason: str
    compacted: Compacted | None = None
    tools: tuple[tuple[str, str, dict[str, object]], ...] = ()
    """(name, description, schema) of the tools that the model was offered."""


class Assembler:
    """One session's, for as long as it is loaded."""

    def __init__(self, log: SessionLog, store: SessionStore) -> None:
        self._log = log
        self._store = store
        self._conversation: Conversation | None = None
        self._fed = 0
        self._encoded = Encoded()
        self._album = Album(store)
        self._images: Mapping[str, bytes] = {}
        self._served, self._seen = ("", False), 0
        self._prefix: tuple[str, Prefix] | None = None
        self._telling: set[Reminded] = set()
        """Reminders that stand in the conversation and are not in the log yet."""

    def assemble(
        self,
        *,
        provider: Provider,
        model: str,
        tools: tuple[ToolDefinition, ...],
        facts: SessionFacts,
        limits: Window,
        purpose: Purpose,
        step: str,
        clearable: Container[str] = (),
        overflowed: bool = False,
        money: Money = _UNLIMITED,
        factor: Factor = UNKNOWN,
        tokens_left: int | None = None,
        reminded: Sequence[Reminded] = (),
        counted: Mapping[str, int] = _NOTHING_COUNTED,
        effort: Effort = "",
        images: bool = False,
    ) -> Assembly:
        """The next request; with `images` the model is shown pictures, as long as they fit. What can be had again (results
        of the tools `clearable`) is left out when the window gets full, or when a server said that the step's request is
        too long (`overflowed`). OverBudgetError when it can't fit. `reminded`: what the model is told beside; `counted`:
        digest of a body -> tokens as its server counts them."""
        blob, prefix, recorded = self._get_prefix(provider.name, tools, facts, output_limit(limits), effort)
        conversation = self._told(reminded)
        usable = usable_tokens(limits, prefix.max_output)
        self._choose(conversation, (provider.name, images), model, usable)
        body = provider.encode(self._request(model, prefix, conversation))
        compacted = None
        for _ in range(_MOST_CUTS):
            tokens = self._tokens(body, factor, counted, model)
            cut = self._shrink(
                conversation, model, tokens, factor, usable, clearable, step, overflowed and compacted is None
            )
            if cut is None:
                break
            compacted = cut if compacted is None else _together(compacted, cut)
            self._conversation = None  # what was left out is recorded with the request, or not at all
            body = provider.encode(self._request(model, prefix, conversation))
            if self._tokens(body, factor, counted, model) <= usable:
                break
        too_long = overflowed and compacted is None
        if self._encoded.shown and (too_long or self._tokens(body, factor, counted, model) > usable):
            self._images = {}  # told in words from now on: what can't be shown keeps nobody from going on
            body = provider.encode(self._request(model, prefix, conversation))
        messages = conversation.messages()
        call = prepare(
            provider=provider.name,
            body=body,
            purpose=purpose,
            session=self._log.state.session,
            call=step,
            limits=limits,
            max_output=prefix.max_output,
            money=money,
            factor=factor,
            counted=counted.get(digest_of(body)) if counted else None,
            tokens_left=tokens_left,
            pictured=self._pictured(model),
            encode=lambda most: provider.encode(self._request(model, prefix, conversation, most)),
        )
        reason = f"{len(messages)} messages, about {call.input_tokens} of {limits.window} tokens"
        return Assembly(call, blob, recorded, len(messages), limits.window, reason, compacted, prefix.tools)

    def body(
        self,
        provider: Provider,
        model: str,
        tools: tuple[ToolDefinition, ...],
        facts: SessionFacts,
        limits: Window,
        effort: Effort,
    ) -> tuple[bytes, int]:
        """The next request's bytes as they would be with nothing left out or told, and the tokens kept for its answer.
        Records nothing."""
        recorded = self._log.state.prefix
        prefix = None
        if (
            recorded is not None
            and why_anew(recorded, provider.name, tuple(sorted(tool.name for tool in tools))) is None
        ):
            prefix, _ = self._recorded(recorded.blob)
        prefix = prefix or make_prefix(facts, tools, output_limit(limits), effort)
        return provider.encode(self._request(model, prefix, self._grow())), prefix.max_output

    def _request(
        self, model: str, prefix: Prefix, conversation: Conversation, max_output: int | None = None
    ) -> ModelRequest:
        return ModelRequest(
            model=model,
            system=prefix.sections,
            tools=tuple(ToolDefinition(*tool) for tool in prefix.tools),
            messages=conversation.messages(),
            max_output=prefix.max_output if max_output is None else max_output,
            effort=prefix.effort,
            images=self._images,
            encoded=self._encoded,
        )

    def _choose(self, conversation: Conversation, served: tuple[str, bool], model: str, usable: int) -> None:
        """Choose the pictures that are shown. What is kept as bytes begins anew for another connection, and when one is
        given again that was told in words."""
        pictures = conversation.pictures() if served[1] else ()
        self._images = self._album.choose(self._log.state.session, pictures, model, usable)
        again = {image.blob for image in pictures[self._seen :]} & self._images.keys() & self._encoded.told
        if served != self._served or again:
            self._encoded = Encoded()
        self._served, self._seen = served, len(pictures)

    def _tokens(self, body: bytes, factor: Factor, counted: Mapping[str, int], model: str) -> int:
        known = counted.get(digest_of(body)) if counted else None
        return projected(body, factor, self._pictured(model)) if known is None else known

    @property
    def shows_pictures(self) -> bool:
        """Whether the latest request shows any."""
        return bool(self._encoded.shown)

    def _pictured(self, model: str) -> Pictured:
        return self._album.pictured(self._encoded.shown, model)

    def _shrink(
        self,
        conversation: Conversation,
        model: str,
        tokens: int,
        factor: Factor,
        usable: int,
        clearable: Container[str],
        step: str,
        overflowed: bool,
    ) -> Compacted | None:
        """Let the tiers leave out what has to go; what they left out."""
        must = overflowed or tokens > usable
        if not must and tokens < BEGIN_AT * usable:
            return None
        results = conversation.results()
        turn = step.rpartition(".")[0]
        latest = step_of(results[-1].call) if results else ""
        if latest.rpartition(".")[0] != turn:
            latest = ""  # what an earlier turn had not seen when it ended is not waited for any more
        held = tuple(self._held(one, one.tool in clearable, factor, model) for one in results)
        cut = Micro().cut(View(held, tokens, usable, latest), must=must)
        if cut is None:
            if overflowed and not self._encoded.shown:
                raise OverBudgetError(
                    "the model's server says that the request is too long, and nothing in it can be left out",
                    why=f"by our count it has about {tokens} tokens, and {usable} fit",
                    remedy="Set `window` of the connection to what the server was started with, or start a new session.",
                    field="window",
                )
            return None
        conversation.clear(cut.calls)
        return Compacted(turn=turn, step=step, tier=cut.tier, calls=cut.calls, tokens=cut.tokens, reason=cut.reason)

    def _told(self, reminded: Sequence[Reminded]) -> Conversation:
        """The conversation with these reminders at its end. They are recorded with the request, in the same breath, or
        not at all: what an earlier request was to tell and was never recorded is taken out again."""
        conversation = self._grow()
        if self._telling - set(reminded):
            self._conversation = None
            conversation = self._grow()
        for entry in reminded:
            if entry not in self._telling:
                conversation.feed(entry)
                self._telling.add(entry)
        return conversation

    def reading(self) -> Iterator[None]:
        """Read what was said since the last request (in a session that was just opened: all of it) but for the last
        piece, which `assemble` reads; a pause after each. DamagedLogError when an entry can't be read again."""
        if self._conversation is None:
            yield from self._log.reading_refs()
            self._begin()
        assert self._conversation is not None
        while (end := self._piece()) < len(self._log.refs):
            self._feed(self._conversation, end)
            yield

    def _piece(self) -> int:
        """Where a piece ends that begins at what was not read yet."""
        size, refs = 0, self._log.refs
        end = min(len(refs), self._fed + _PIECE_ENTRIES)
        for at in range(self._fed, end):
            size += refs[at].length
            if size >= PIECE_BYTES:
                return at + 1
        return end

    def _held(self, result: Result, clearable: bool, factor: Factor, model: str) -> Held:
        shown = (image for image in result.images if image in self._encoded.shown)
        saved = factor.saved(result.text) - factor.saved(result.notice) + self._album.pictured(shown, model).tokens
        return Held(result.call, step_of(result.call), result.tool, saved, clearable)

    def _grow(self) -> Conversation:
        if self._conversation is None:
            self._log.all_refs()
            self._begin()
        assert self._conversation is not None
        self._feed(self._conversation, len(self._log.refs))
        return self._conversation

    def _begin(self) -> None:
        self._conversation, self._fed, self._telling = Conversation(), 0, set()

    def _feed(self, conversation: Conversation, end: int) -> None:
        for ref in self._log.refs[self._fed : end]:
            entry = self._log.entry_at(ref)
            if isinstance(entry, Reminded) and entry in self._telling:
                self._telling.discard(entry)  # it stands in its place already
            else:
                conversation.feed(entry)
            self._fed += 1  # one by one: what can't be read now is read later, and nothing is fed twice

    def _get_prefix(
        self, provider: str, tools: tuple[ToolDefinition, ...], facts: SessionFacts, max_output: int, effort: Effort
    ) -> tuple[str, Prefix, PrefixRecorded | None]:
        recorded = self._log.state.prefix
        names = tuple(sorted(tool.name for tool in tools))
        reason = why_anew(recorded, provider, names)
        if reason is None:
            assert recorded is not None
            prefix, reason = self._recorded(recorded.blob)
            if prefix is not None:
                return recorded.blob, prefix, None
        prefix = make_prefix(facts, tools, max_output, effort)
        blob = self._store.put_blob(self._log.state.session, encode_prefix(prefix))
        self._prefix = (blob, prefix)
        entry = PrefixRecorded(
            blob=blob, model=provider, sections=tuple(name for name, _ in prefix.sections), tools=names, reason=reason
        )
        return blob, prefix, entry

    def _recorded(self, blob: str) -> tuple[Prefix | None, str]:
        """What was recorded, or the reason why it has to be recorded anew: its blob is damaged or gone."""
        if self._prefix is not None and self._prefix[0] == blob:
            return self._prefix[1], ""
        try:
            prefix = decode_prefix(self._store.get_blob(self._log.state.session, blob))
        except (NotFoundError, DiskError, msgspec.MsgspecError) as fault:
            what = fault.what if isinstance(fault, AgentdError) else "it can't be read"
            return None, f"what was sent first is lost: {what}"
        self._prefix = (blob, prefix)
        return prefix, ""


def digest_of(body: bytes) -> str:
    """The name under which a body's count is kept."""
    return hashlib.sha256(body).hexdigest()


def _together(one: Compacted, other: Compacted) -> Compacted:
    return msgspec.structs.replace(one, calls=(*one.calls, *other.calls), tokens=one.tokens + other.tokens)


def step_of(call: str) -> str:
    """The step that asked for a call: a call's id is its step's and a number."""
    return call.rpartition(".")[0]
