"""What an agent's loop may ask of a language model: the next reply in a conversation, streamed, with tools.

Content blocks have the shapes of the Messages API (``text``, ``image``, ``document``, ``thinking``,
``redacted_thinking``, ``tool_use``, ``tool_result``); an adapter for another dialect translates them.
:mod:`reverie.models` holds what answers.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, Protocol

import msgspec

from reverie.errors import ModelError
from reverie.language_model import ModelUsage

Block = Mapping[str, Any]
StopReason = Literal["end_turn", "tool_use", "max_tokens", "stop_sequence", "pause_turn", "refusal"]


class ToolDefinition(msgspec.Struct, frozen=True):
    """A tool as the model is shown it."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    """JSON schema of an object."""


class TurnMessage(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    content: tuple[Block, ...]


class TurnRequest(msgspec.Struct, frozen=True):
    """A conversation to be gone on with, complete in itself."""

    messages: tuple[TurnMessage, ...]
    """The first and the last are the user's; roles alternate; every tool use is answered in the message after it."""
    system: tuple[str, ...] = ()
    """Parts of the system prompt, in order; none is empty."""
    tools: tuple[ToolDefinition, ...] = ()
    max_output_tokens: int = 16_000
    effort: str | None = None
    """``low`` to ``max``; None leaves it to the provider."""
    thinking: bool = True
    """False asks a provider that thinks to think nothing: its own earlier thinking is not among the messages."""
    cache_after: tuple[int, ...] = ()
    """Positions of messages at whose end a provider that caches on request should do so; at most three."""


class BlockBegun(msgspec.Struct, frozen=True):
    """A block of the reply begins; ``type`` is as in the reply."""

    index: int
    type: str


class TextPiece(msgspec.Struct, frozen=True):
    """More of the text of a ``text`` block."""

    index: int
    text: str


class SilentPiece(msgspec.Struct, frozen=True):
    """Something came that nobody is shown, such as thinking or the arguments of a call: the provider is at work."""


class TurnReply(msgspec.Struct, frozen=True):
    """A whole reply."""

    blocks: tuple[dict[str, Any], ...]
    """As the provider gave them, to be given back verbatim. A ``tool_use`` has the provider's ``id``.

    The ``input`` of a call whose arguments were no JSON object is None; ``raw_input`` then has the text.
    """
    stop_reason: StopReason
    usage: ModelUsage
    provider: str
    model: str
    """What ``blocks`` may be given back to; thinking is for this provider and model alone."""
    stop_details: Mapping[str, Any] | None = None
    """Of a refusal: ``category`` and ``explanation``, where the provider says so."""


TurnPiece = BlockBegun | TextPiece | SilentPiece | TurnReply


class TurnModel(Protocol):
    """Answers requests; several at a time."""

    @property
    def provider(self) -> str:
        """``anthropic``, ``openai`` or another provider's name."""
        ...

    @property
    def model(self) -> str:
        """The provider's name of the model."""
        ...

    def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        """Pieces as they come; the last one is the reply. One attempt: the loop decides about others.

        Raises:
            ModelRateLimited: too many requests; it says when to come back, if the provider does.
            ModelOverloaded: the provider is busy.
            ModelUnavailable: no connection, a connection that broke or fell silent, or a fault of the provider.
            ModelAccessError: no key, a wrong key, an unknown model.
            ContextOverflow: the conversation is longer than the model takes.
            ThinkingRefused: the provider does not take its own thinking back.
            ModelRefused: another request that it will never take.
            ModelReplyInvalid: what came cannot be read.
        """
        ...


async def whole_reply(model: TurnModel, request: TurnRequest) -> TurnReply:
    """The reply to a request that nobody watches.

    Raises:
        ModelError: it failed, or ended without a reply; see :meth:`TurnModel.stream`.
    """
    async for piece in model.stream(request):
        if isinstance(piece, TurnReply):
            return piece
    raise ModelError(f"{model.model} ended without a reply")
