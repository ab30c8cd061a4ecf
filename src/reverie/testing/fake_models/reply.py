"""What a policy answers: blocks of content, and what goes wrong on the way."""

from typing import Any, Literal

import msgspec

from reverie.errors import InputError

StopReason = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
]
Quirk = Literal["index_zero", "arguments_object", "ids_missing", "finish_reason_stop", "empty_chunks"]
"""What servers that call themselves compatible with chat completions do to a stream of tool calls."""
QUIRKS: tuple[Quirk, ...] = Quirk.__args__  # type: ignore[attr-defined]

ErrorName = Literal[
    "invalid_request",
    "context_overflow",
    "authentication",
    "permission",
    "not_found",
    "request_too_large",
    "rate_limit",
    "server_error",
    "timeout",
    "overloaded",
]
"""Faults that are answered instead of the reply."""
StopName = Literal["refusal", "max_tokens", "pause_turn", "window_exceeded"]
"""Faults that only change why the reply stopped."""
StreamName = Literal["cut", "silence", "drip", "stream_error", "malformed_input", "undeclared_tool", "quirks"]
"""Faults in how the reply is sent, or in what it holds."""
FaultName = ErrorName | StopName | StreamName

STOP_REASONS: dict[str, StopReason] = {
    "refusal": "refusal",
    "max_tokens": "max_tokens",
    "pause_turn": "pause_turn",
    "window_exceeded": "model_context_window_exceeded",
}
ERRORS: tuple[str, ...] = ErrorName.__args__  # type: ignore[attr-defined]
_NAMES = (*ERRORS, *STOP_REASONS, *StreamName.__args__)  # type: ignore[attr-defined]
_DEFAULT_AFTER = 3
_DEFAULT_DELAY_SECONDS = 0.05


class Text(msgspec.Struct, frozen=True, tag="text", forbid_unknown_fields=True):
    """What the model says."""

    text: str


class Thinking(msgspec.Struct, frozen=True, tag="thinking", forbid_unknown_fields=True):
    """What it thinks; the server signs it."""

    thinking: str


class RedactedThinking(msgspec.Struct, frozen=True, tag="redacted_thinking", forbid_unknown_fields=True):
    """Thinking that nobody may read; the server seals ``data``."""

    data: str


class ToolUse(msgspec.Struct, frozen=True, tag="tool_use", forbid_unknown_fields=True):
    """A call of a tool; without ``id`` the server gives one."""

    name: str
    input: dict[str, Any] = {}
    id: str | None = None


Block = Text | Thinking | RedactedThinking | ToolUse


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens to report instead of the counted ones; what is ``None`` is counted."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong; made by :func:`fault`."""

    name: FaultName
    after: int = 0
    """Events that are still sent before a cut, silence or error in mid-stream; 0: not even the head of the answer."""
    delay: float = 0.0
    """Seconds before each event."""
    retry_after: float | None = None
    """Seconds, for the header of that name."""
    message: str | None = None
    quirks: tuple[Quirk, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """One answer of the model. ``a + b`` has the blocks of both."""

    blocks: tuple[Block, ...] = ()
    stop_reason: StopReason | None = None
    """Why it stopped; without it follows from the blocks and the fault."""
    stop_sequence: str | None = None
    usage: Usage | None = None
    fault: Fault | None = None

    def __add__(self, other: "Reply") -> "Reply":
        return Reply(
            (*self.blocks, *other.blocks),
            other.stop_reason or self.stop_reason,
            other.stop_sequence or self.stop_sequence,
            other.usage or self.usage,
            other.fault or self.fault,
        )

    @property
    def stopped_by(self) -> StopReason:
        """The stop reason as it is sent."""
        if self.stop_reason is not None:
            return self.stop_reason
        if self.fault is not None and self.fault.name in STOP_REASONS:
            return STOP_REASONS[self.fault.name]
        return "tool_use" if any(isinstance(block, ToolUse) for block in self.blocks) else "end_turn"

    def has_fault(self, *names: FaultName) -> bool:
        return self.fault is not None and self.fault.name in names


def say(text: str) -> Reply:
    """A reply of one text."""
    return Reply((Text(text),))


def think(thinking: str) -> Reply:
    """A thought; add what follows it: ``think("…") + call("bash", {…})``."""
    return Reply((Thinking(thinking),))


def redacted(data: str) -> Reply:
    """A thought that nobody may read."""
    return Reply((RedactedThinking(data),))


def call(tool: str, input: dict[str, Any] | None = None, *, id: str | None = None) -> Reply:
    """A call of a tool; several are added up: ``call("read", {…}) + call("read", {…})``."""
    return Reply((ToolUse(tool, input or {}, id),))


def fault(
    name: FaultName,
    reply: Reply | str | None = None,
    *,
    after: int | None = None,
    delay: float | None = None,
    retry_after: float | None = None,
    message: str | None = None,
    quirks: tuple[Quirk, ...] = QUIRKS,
) -> Reply:
    """A reply, with something that goes wrong. A reply that is not given is the text ``…``.

    Args:
        after: events of the stream that still arrive, for ``cut``, ``silence`` and ``stream_error`` (default 3).
        delay: seconds before each event (default for ``drip`` 0.05).
        retry_after: seconds, for the header of an error.
        message: the error's text instead of the usual one; a refusal's explanation.
        quirks: for ``quirks``: which of them.

    Raises:
        InputError: there is no such fault, or a number is below 0.
    """
    if name not in _NAMES:
        raise InputError(f"there is no fault {name!r}; choose from {', '.join(_NAMES)}")
    if min(after or 0, delay or 0, retry_after or 0) < 0:
        raise InputError(f"fault {name!r}: after, delay and retry_after must be 0 or more")
    if unknown := set(quirks) - set(QUIRKS):
        raise InputError(f"fault {name!r}: there is no quirk {unknown.pop()!r}; choose from {', '.join(QUIRKS)}")
    ended = name in ("cut", "silence", "stream_error")
    given = Fault(
        name=name,
        after=after if after is not None else _DEFAULT_AFTER if ended else 0,
        delay=delay if delay is not None else _DEFAULT_DELAY_SECONDS if name == "drip" else 0.0,
        retry_after=retry_after,
        message=message,
        quirks=tuple(quirks) if name == "quirks" else (),
    )
    if isinstance(reply, str):
        reply = say(reply)
    return (reply or say("…")) + Reply(fault=given)
