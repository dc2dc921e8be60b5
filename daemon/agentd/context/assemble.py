"""Puts a step's request together: recorded prefix + conversation -> bytes, checked by the budget.

Order and bytes are a promise (the provider's cache lives on them): prefix as recorded, then the conversation in the
log's order. Reads the log's texts through its references, each once while the session is in use. Decides nothing about
turns. Callers: `turn.runner`.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from agentd.context.budget import Window, output_limit, prepare
from agentd.context.conversation import Conversation
from agentd.context.prefix import Prefix, decode_prefix, encode_prefix, make_prefix, why_anew
from agentd.context.sections import SessionFacts
from agentd.errors import AgentdError, DiskError, NotFoundError
from agentd.providers.base import Encoded, ModelRequest, Provider, ToolDefinition
from agentd.providers.prepared import PreparedCall, Purpose
from agentd.session.entries import PrefixRecorded
from agentd.session.log import SessionLog
from agentd.session.store import SessionStore

__all__ = ["Assembler", "Assembly"]


@dataclass(frozen=True, slots=True)
class Assembly:
    """A request that may be sent, and what the log is told of it."""

    call: PreparedCall
    prefix: str
    recorded: PrefixRecorded | None
    messages: int
    window: int
    reason: str


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
    ) -> Assembly:
        """The next request. OverBudgetError when it can't fit."""
        blob, prefix, recorded = self._get_prefix(provider.name, tools, facts, output_limit(limits))
        messages = self._grow().messages()
        request = ModelRequest(
            model=model,
            system=prefix.sections,
            tools=tuple(ToolDefinition(*tool) for tool in prefix.tools),
            messages=messages,
            max_output=prefix.max_output,
            encoded=self._encoded,
        )
        call = prepare(
            provider=provider.name,
            body=provider.encode(request),
            purpose=purpose,
            session=self._log.state.session,
            call=step,
            limits=limits,
            max_output=prefix.max_output,
        )
        reason = f"{len(messages)} messages, about {call.input_tokens} of {limits.window} tokens"
        return Assembly(call, blob, recorded, len(messages), limits.window, reason)

    def _grow(self) -> Conversation:
        if self._conversation is None:
            self._conversation = Conversation()
            self._fed = 0
            refs = self._log.all_refs()
        else:
            refs = self._log.refs
        for ref in refs[self._fed :]:
            self._conversation.feed(self._log.entry_at(ref))
            self._fed += 1  # one by one: what can't be read now is read later, and nothing is fed twice
        return self._conversation

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
