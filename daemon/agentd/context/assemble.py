"""Puts a step's request together: recorded prefix + conversation -> bytes, checked by the budget.

Order and bytes are a promise (the provider's cache lives on them): prefix as recorded, then the conversation in the
log's order. Reads the log's texts through its references, each once while the session is in use. Decides nothing about
turns. Callers: `turn.runner`.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

import msgspec

from agentd.context.budget import Window, output_limit, prepare, projected, usable_tokens
from agentd.context.conversation import Conversation, Result
from agentd.context.prefix import Prefix, decode_prefix, encode_prefix, make_prefix, why_anew
from agentd.context.prices import Money
from agentd.context.sections import SessionFacts
from agentd.context.tiers.base import Held, View
from agentd.context.tiers.micro import BEGIN_AT, Micro
from agentd.context.tokens import estimate
from agentd.errors import AgentdError, DiskError, NotFoundError, OverBudgetError
from agentd.providers.base import Encoded, ModelRequest, Provider, ToolDefinition
from agentd.providers.prepared import PreparedCall, Purpose
from agentd.session.compactions import Compacted
from agentd.session.entries import PrefixRecorded
from agentd.session.log import SessionLog
from agentd.session.store import SessionStore
from agentd.world.long_work import PIECE_BYTES

__all__ = ["Assembler", "Assembly", "step_of"]


_UNLIMITED = Money()
_PIECE_ENTRIES = 128
"""Of a conversation that is read: a millisecond of work."""


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


class Assembler:
    """One session's, for as long as it is loaded."""

    def __init__(self, log: SessionLog, store: SessionStore) -> None:
        self._log = log
        self._store = store
        self._conversation: Conversation | None = None
        self._fed = 0
        self._encoded = Encoded()
        self._prefix: tuple[str, Prefix] | None = None

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
        factor: float = 1.0,
    ) -> Assembly:
        """The next request. What can be had again (results of the tools `clearable`) is left out when the window gets
        full, or when a server said that the step's request is too long (`overflowed`). OverBudgetError when it can't
        fit."""
        blob, prefix, recorded = self._get_prefix(provider.name, tools, facts, output_limit(limits))
        conversation = self._grow()
        body = provider.encode(self._request(model, prefix, conversation))
        compacted = self._shrink(
            conversation, projected(body, factor), usable_tokens(limits, prefix.max_output), clearable, step, overflowed
        )
        if compacted is not None:
            body = provider.encode(self._request(model, prefix, conversation))
        messages = conversation.messages()
        if compacted is not None:
            self._conversation = None  # what was left out is recorded with the request, or not at all
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
            encode=lambda most: provider.encode(self._request(model, prefix, conversation, most)),
        )
        reason = f"{len(messages)} messages, about {call.input_tokens} of {limits.window} tokens"
        return Assembly(call, blob, recorded, len(messages), limits.window, reason, compacted)

    def _request(
        self, model: str, prefix: Prefix, conversation: Conversation, max_output: int | None = None
    ) -> ModelRequest:
        return ModelRequest(
            model=model,
            system=prefix.sections,
            tools=tuple(ToolDefinition(*tool) for tool in prefix.tools),
            messages=conversation.messages(),
            max_output=prefix.max_output if max_output is None else max_output,
            encoded=self._encoded,
        )

    def _shrink(
        self,
        conversation: Conversation,
        tokens: int,
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
        latest = step_of(results[-1].call) if results else ""
        held = tuple(_held(one, one.tool in clearable) for one in results)
        cut = Micro().cut(View(held, tokens, usable, latest), must=must)
        if cut is None:
            if overflowed:
                raise OverBudgetError(
                    "the model's server says that the request is too long, and nothing in it can be left out",
                    why=f"by our count it has about {tokens} tokens, and {usable} fit",
                    remedy="Set `window` of the connection to what the server was started with, or start a new session.",
                )
            return None
        conversation.clear(cut.calls)
        turn = step.rpartition(".")[0]
        return Compacted(turn=turn, step=step, tier=cut.tier, calls=cut.calls, tokens=cut.tokens, reason=cut.reason)

    def reading(self) -> Iterator[None]:
        """Read what was said since the last request (in a session that was just opened: all of it) but for the last
        piece, which `assemble` reads; a pause after each. DamagedLogError when an entry can't be read again."""
        if self._conversation is None:
            yield from self._log.reading_refs()
            self._conversation, self._fed = Conversation(), 0
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

    def _grow(self) -> Conversation:
        if self._conversation is None:
            self._log.all_refs()
            self._conversation, self._fed = Conversation(), 0
        self._feed(self._conversation, len(self._log.refs))
        return self._conversation

    def _feed(self, conversation: Conversation, end: int) -> None:
        for ref in self._log.refs[self._fed : end]:
            conversation.feed(self._log.entry_at(ref))
            self._fed += 1  # one by one: what can't be read now is read later, and nothing is fed twice

    def _get_prefix(
        self, provider: str, tools: tuple[ToolDefinition, ...], facts: SessionFacts, max_output: int
    ) -> tuple[str, Prefix, PrefixRecorded | None]:
        recorded = self._log.state.prefix
        names = tuple(sorted(tool.name for tool in tools))
        reason = why_anew(recorded, provider, names)
        if reason is None:
            assert recorded is not None
            prefix, reason = self._recorded(recorded.blob)
            if prefix is not None:
                return recorded.blob, prefix, None
        prefix = make_prefix(facts, tools, max_output)
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


def step_of(call: str) -> str:
    """The step that asked for a call: a call's id is its step's and a number."""
    return call.rpartition(".")[0]


def _held(result: Result, clearable: bool) -> Held:
    saved = estimate(result.text.encode(errors="replace")) - estimate(result.notice.encode(errors="replace"))
    return Held(result.call, step_of(result.call), result.tool, saved, clearable)
