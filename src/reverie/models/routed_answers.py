"""Single answers from a model that a route names: a conversation of one request, tried again where that may help."""

from collections.abc import Awaitable, Callable

import msgspec

from reverie.errors import ModelError
from reverie.language_model import ModelReply, ModelRequest
from reverie.models.reply import read_reply
from reverie.models.router import RoutedModel
from reverie.runtime.model_failure import may_retry, pause_seconds
from reverie.turn_model import TurnMessage, TurnRequest, whole_reply


class RoutedAnswers:
    """A :class:`LanguageModel` made of the model behind a route."""

    def __init__(
        self, routed: RoutedModel, sleep: Callable[[float], Awaitable[None]], random: Callable[[], float]
    ) -> None:
        self._routed, self._sleep, self._random = routed, sleep, random

    @property
    def name(self) -> str:
        return f"{self._routed.model.provider}:{self._routed.model.model}"

    async def complete(self, request: ModelRequest) -> ModelReply:
        asked = self._turn(request)
        attempt = 1
        while True:
            try:
                reply = await whole_reply(self._routed.model, asked)
                text = "".join(block["text"] for block in reply.blocks if block["type"] == "text")
                return read_reply(request, text, reply.usage)
            except ModelError as error:
                if not may_retry(error, attempt):
                    raise
                await self._sleep(pause_seconds(error, attempt, self._random()))
            attempt += 1

    def _turn(self, request: ModelRequest) -> TurnRequest:
        parts = [request.system] if request.system else []
        if request.schema is not None:
            parts.append(f"Answer with one JSON object of this schema: {msgspec.json.encode(request.schema).decode()}")
        messages = tuple(TurnMessage(one.role, ({"type": "text", "text": one.text},)) for one in request.messages)
        most = min(request.max_output_tokens, self._routed.max_output_tokens)
        return TurnRequest(messages, system=tuple(parts), max_output_tokens=most, thinking=False)
