"""The model servers that can be found without any configuration: by a key in the environment, by a local port.

A table and nothing else; `detect` looks for what stands here. The names are those that `models.use` may name without a
table of its own. Callers: `detect`, `load`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentproto.api.model import ModelKind

__all__ = ["BUILT_IN", "BY_KEY", "BY_PORT", "KeyServer", "PortServer"]

BUILT_IN = "offline"
"""The engine that needs no model: always there, never configured."""


@dataclass(frozen=True, slots=True)
class KeyServer:
    """A maker's server. `variable` holds the key; `url_variable` another address for it, or is empty."""

    name: str
    kind: ModelKind
    url: str
    variable: str
    url_variable: str = ""


@dataclass(frozen=True, slots=True)
class PortServer:
    """A program on this machine at its usual port, with the OpenAI-compatible address below `/v1`. `kind`: the protocol
    that is spoken with it."""

    name: str
    title: str
    port: int
    host_variable: str = ""
    kind: ModelKind = "openai-chat"


BY_KEY: Sequence[KeyServer] = (
    KeyServer("openai", "openai-chat", "https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    KeyServer("openrouter", "openai-chat", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    KeyServer("gemini", "openai-chat", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    KeyServer("anthropic", "anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
)

BY_PORT: Sequence[PortServer] = (
    # by its own protocol: only that can ask for the window, without which Ollama takes a small one and cuts silently
    PortServer("ollama", "Ollama", 11434, "OLLAMA_HOST", "ollama"),
    PortServer("lmstudio", "LM Studio", 1234),
    PortServer("llamacpp", "llama.cpp", 8080),
    PortServer("vllm", "vLLM", 8000),
)
