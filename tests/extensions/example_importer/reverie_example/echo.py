"""A model that says what it was told last."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reverie.language_model import LanguageModel, ModelReply, ModelRequest, ModelUsage
from reverie.models.reply import read_reply
from reverie.settings import ModelSettings


class EchoModel:
    def __init__(self, model: str) -> None:
        self.name = f"echo:{model}"

    async def complete(self, request: ModelRequest) -> ModelReply:
        text = request.messages[-1].text
        return read_reply(request, text, ModelUsage(input_tokens=len(text), output_tokens=len(text)))


@asynccontextmanager
async def open_echo(settings: ModelSettings) -> AsyncIterator[LanguageModel]:
    yield EchoModel(settings.model)
