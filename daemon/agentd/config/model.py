"""What settings are: frozen values, each with its unit and its limits.

It decides which keys exist and what each may hold; `keys` reads that from the annotations here, so there is no second
list. Shipped values and their reasons are in `defaults.toml`, never here. Everything above reads these values and
never a file. Callers: `load` makes them, `agentd.app` hands each room its own part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from agentproto.api.model import ModelKind, Price

__all__ = [
    "FEATURES",
    "BudgetSettings",
    "ChatSettings",
    "ConnectionSettings",
    "DurabilitySettings",
    "LogSettings",
    "ModelSettings",
    "PermissionSettings",
    "SessionSettings",
    "Settings",
    "ShellSettings",
    "ToolSettings",
    "TurnSettings",
    "UndoSettings",
]

FEATURES: Mapping[str, str] = {}
"""Name of an unfinished part -> what it will be. The keys of `[features]`; each is off by default."""

_Duration = Annotated[int, Meta(ge=1, le=86_400_000)]
_Rule = Annotated[str, Meta(min_length=1, max_length=4_096)]


@dataclass(frozen=True, slots=True)
class TurnSettings:
    max_steps: Annotated[int, Meta(ge=1, le=1_000)]
    """Model calls in one turn."""
    max_faults: Annotated[int, Meta(ge=1, le=100)]
    """Faults of the model running."""
    parallel_calls: Annotated[int, Meta(ge=1, le=100)]
    """Tool calls that run at a time."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """One `[models.NAME]` table. Keys that are missing there have the values here."""

    kind: Annotated[ModelKind, Meta(extra={"why": "The protocol that the server speaks. It can't be guessed."})]
    url: Annotated[
        str,
        Meta(
            pattern=r"\A(|https?://[^\s?#@/]+(/[^\s?#@]*)?|file:/[^\s]+)\Z",
            description="an address without password, ? or #, like http://127.0.0.1:8080/v1",
            extra={"why": "Up to and with /v1 for the openai kinds; file:/PATH for scripted; none for offline."},
        ),
    ] = ""
    model: Annotated[
        str, Meta(max_length=256, extra={"why": "The model's name as the server knows it. Empty: the server's own."})
    ] = ""
    key: Annotated[
        str,
        Meta(
            pattern=r"\A(|env:[A-Za-z_][A-Za-z0-9_]*|file:/.+|cmd:[^\n]*[^\s][^\n]*|keyring:.+/[^/]+)\Z",
            max_length=4_096,
            description="a reference to a key, env:NAME, file:/PATH, cmd:COMMAND or keyring:SERVICE/USER",
            extra={"why": "By reference only: a key itself is never stored here.", "secret": True},
        ),
    ] = ""
    window: Annotated[
        Annotated[int, Meta(ge=256, le=100_000_000)] | None,
        Meta(extra={"why": "Tokens. Missing: what the server says, else the table of known models."}),
    ] = None
    price_in: Annotated[Price | None, Meta(extra={"why": "Dollars a million input tokens. Missing: not known."})] = None
    price_out: Annotated[Price | None, Meta(extra={"why": "Dollars a million output tokens. Missing: not known."})] = (
        None
    )
    stall_ms: Annotated[
        int,
        Meta(
            ge=1_000,
            le=3_600_000,
            extra={"why": "No byte for so long is a broken stream. A slow machine may need more than two minutes."},
        ),
    ] = 120_000
    send_session_id: Annotated[
        bool, Meta(extra={"why": "Whether the session's id goes to the server. Off: nothing leaves without a wish."})
    ] = False
    effort: Annotated[
        Literal["", "low", "medium", "high"],
        Meta(extra={"why": "How much the model may think before it answers. Empty: as its server likes."}),
    ] = ""
    images: Annotated[
        bool | None,
        Meta(extra={"why": "Whether pictures are shown to it. Missing: where its server says that it sees them."}),
    ] = None
    calls_in_text: Annotated[
        bool | None,
        Meta(extra={"why": "Whether tool calls are looked for in its text. Missing: for servers of one's own only."}),
    ] = None
    fallback: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(extra={"why": "Connections that go on with a turn when this one can't be reached, in their order."}),
    ] = ()


@dataclass(frozen=True, slots=True)
class ModelSettings:
    use: Annotated[str, Meta(max_length=64)]
    """Name of the connection for new turns; empty: see `detect.choose`."""
    connections: Mapping[str, ConnectionSettings]
    """Every `[models.NAME]`, in the order of their names."""
    side: Annotated[str, Meta(max_length=64)] = ""
    """Name of the connection for side queries; empty: that of the session."""
    summary: Annotated[str, Meta(max_length=64)] = ""
    """Name of the connection for summaries; empty: that of the session."""


@dataclass(frozen=True, slots=True)
class PermissionSettings:
    """Rules as they are written; `agentd.policy` reads them. `Config.rules` says where each one stands."""

    allow: tuple[_Rule, ...]
    ask: tuple[_Rule, ...]
    deny: tuple[_Rule, ...]


@dataclass(frozen=True, slots=True)
class DurabilitySettings:
    mode: Literal["always", "interval"]
    """Whether an acknowledgement waits for the disk."""
    interval_ms: Annotated[int, Meta(ge=1, le=10_000)]
    """Milliseconds that an entry may wait for its sync."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    idle_unload_ms: _Duration
    """Milliseconds without use after which a session leaves the memory."""
    list_page: Annotated[int, Meta(ge=1, le=200)]
    """Rows of one page."""
    archive_after_days: Annotated[int, Meta(ge=0, le=36_500)]
    """Days without a new entry after which a session is archived; 0: never."""
    remove_after_days: Annotated[int, Meta(ge=0, le=36_500)]
    """Days without a new entry after which a session is removed; 0: never."""
    max_bytes: Annotated[int, Meta(ge=0, le=1_000_000_000_000_000)]
    """Bytes of all sessions above which the oldest are removed; 0: no limit."""
    titles: bool
    """Whether a model is asked for a title."""


@dataclass(frozen=True, slots=True)
class ShellSettings:
    timeout_ms: _Duration
    """Milliseconds that a command may run."""
    output_bytes: Annotated[int, Meta(ge=1_024, le=1_073_741_824)]
    """Bytes of output that are kept."""


@dataclass(frozen=True, slots=True)
class ToolSettings:
    step_result_chars: Annotated[int, Meta(ge=1_000, le=10_000_000)]
    """Characters that the results of one step have together."""


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    safety_tokens: Annotated[int, Meta(ge=0, le=1_000_000)]
    """Tokens kept free in a large window."""
    safety_share: Annotated[float, Meta(ge=0, le=0.5)]
    """Share of a small window that is kept free."""
    small_window: Annotated[int, Meta(ge=0, le=10_000_000)]
    """Tokens; a window below it is small."""
    max_output_tokens: Annotated[int, Meta(ge=256, le=1_000_000)]
    """Tokens of the longest answer."""
    session_usd: Annotated[float, Meta(ge=0, le=1_000_000)]
    """US dollars that one session may spend; 0: no limit."""
    day_usd: Annotated[float, Meta(ge=0, le=1_000_000)]
    """US dollars of all sessions on one day (UTC); 0: no limit."""
    schedule_usd: Annotated[float, Meta(ge=0, le=1_000_000)]
    """US dollars of all scheduled turns on one day (UTC); 0: no limit of their own."""
    background_share: Annotated[float, Meta(ge=0, le=1)]
    """Share of `day_usd` that background work may spend."""
    local_session_tokens: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
    """Tokens that one session may use of local models; 0: no limit."""
    local_day_tokens: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
    """Tokens of all sessions on one day (UTC); 0: no limit."""
    local_day_minutes: Annotated[int, Meta(ge=0, le=1_440)]
    """Minutes that local models may work on one day (UTC); 0: no limit."""
    local_call_minutes: Annotated[int, Meta(ge=1, le=1_440)]
    """Minutes that one call may work where the day's are limited."""


@dataclass(frozen=True, slots=True)
class UndoSettings:
    image_bytes: Annotated[int, Meta(ge=0, le=1_073_741_824)]
    """Bytes of the largest file that is kept."""
    session_bytes: Annotated[int, Meta(ge=0, le=1_099_511_627_776)]
    """Bytes of all that one session keeps."""
    snapshot_files: Annotated[int, Meta(ge=0, le=1_000_000)]
    """Files that are noted before a command."""
    snapshot_bytes: Annotated[int, Meta(ge=0, le=17_179_869_184)]
    """Bytes of their contents that are held."""
    snapshot_ms: Annotated[int, Meta(ge=1, le=600_000)]
    """Milliseconds that noting and holding may take."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: Literal["debug", "info", "warning", "error"]
    """Least level that is written."""
    events_bytes: Annotated[int, Meta(ge=10_000, le=100_000_000)]
    """Bytes at which an events file is put aside."""
    events_files: Annotated[int, Meta(ge=0, le=100)]
    """Older events files that are kept."""


@dataclass(frozen=True, slots=True)
class ChatSettings:
    vi: bool
    """Whether the interactive client uses vi keys."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything, by section. `features`: name -> whether it is on."""

    turn: TurnSettings
    models: ModelSettings
    permissions: PermissionSettings
    durability: DurabilitySettings
    sessions: SessionSettings
    shell: ShellSettings
    tools: ToolSettings
    budget: BudgetSettings
    undo: UndoSettings
    logs: LogSettings
    chat: ChatSettings
    features: Mapping[str, bool]
