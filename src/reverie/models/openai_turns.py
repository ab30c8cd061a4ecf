"""Turns of agents by chat completions, through the official SDK without its retries: the loop has its own."""

import json
from collections.abc import AsyncIterator

import httpx2
import openai
import structlog

from reverie.errors import ModelAccessError, ModelReplyInvalid, SettingsError
from reverie.models.chat_reply import ChatReply
from reverie.models.chat_request import chat_body, names_of
from reverie.models.route import ModelRoute
from reverie.models.switch import check_allowed
from reverie.models.turn_failure import Failure, name_lost_connection, name_turn_failure, timeout_of
from reverie.turn_model import TurnPiece, TurnRequest

log = structlog.get_logger("reverie.models")


class OpenAITurnModel:
    """A :class:`TurnModel` that speaks chat completions."""

    provider = "openai"

    def __init__(self, client: openai.AsyncOpenAI, model: str, route: ModelRoute) -> None:
        self._client = client
        self.model = model
        self._route = route

    async def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        """Pieces of the reply, and the reply."""
        gathered = ChatReply(request, names_of(request.tools))
        try:
            check_allowed(str(self._client.base_url))
            chunks = await self._client.chat.completions.create(
                **chat_body(request, self.model, self._route), timeout=timeout_of(self._route)
            )
            async with chunks:
                async for chunk in chunks:
                    for piece in gathered.take(chunk.to_dict(warnings=False)):
                        yield piece
        except SettingsError as error:
            raise ModelAccessError(str(error)) from error
        except openai.APIStatusError as error:
            failure = Failure(error.status_code, error.body, error.message, error.response.headers)
            raise name_turn_failure(self.model, self._route, failure) from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise name_lost_connection(self.model, self._route, error) from error
        except openai.APIError as error:
            raise name_turn_failure(self.model, self._route, Failure(None, error.body, error.message)) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ModelReplyInvalid(f"{self.model}: the reply cannot be read: {error}") from error
        reply, estimated = gathered.reply(self.provider, self.model)
        if estimated:
            log.warning("usage was estimated: the endpoint told none", model=self.model)
        yield reply


def open_client(route: ModelRoute, key: str | None) -> openai.AsyncOpenAI:
    """The SDK's client for a route."""
    # A redirect would carry transcripts to an address nobody chose.
    return openai.AsyncOpenAI(
        api_key=key or "none",  # local servers need none, but the SDK does
        base_url=route.base_url or "https://api.openai.com/v1",
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
    )
