"""What all endpoints have in common: reading JSON out of a reply, and naming a failure."""

import json
from typing import Any, TypeVar

import msgspec

from reverie.errors import ModelError, ModelRefused, ModelReplyInvalid, ModelUnavailable
from reverie.language_model import ModelReply, ModelRequest, ModelUsage

_DECLINED = frozenset({400, 413, 422})
"""Statuses that speak about this one request; the next may fare better."""
_LONGEST_MESSAGE = 300
_Body = TypeVar("_Body")


def decode_body(body: bytes, kind: type[_Body]) -> _Body:
    """The body of a successful response.

    Raises:
        ModelReplyInvalid: it is not JSON, or not what the endpoint's kind promises.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelReplyInvalid(f"the endpoint's answer cannot be read: {error}") from error


def read_reply(request: ModelRequest, text: str, usage: ModelUsage) -> ModelReply:
    """The reply with its JSON value, where one was asked for.

    Small models wrap JSON in Markdown fences or add a remark, so the first object in the text counts.

    Raises:
        ModelReplyInvalid: no JSON object can be read.
    """
    return ModelReply(text, None if request.schema is None else _first_object(text, usage), usage)


def _first_object(text: str, usage: ModelUsage) -> Any:
    try:
        value, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except (ValueError, RecursionError) as error:
        raise spent(ModelReplyInvalid, "the reply is not the JSON that was asked for", usage) from error
    return value


def spent(kind: type[ModelError], message: str, usage: ModelUsage) -> ModelError:
    """An error that carries the tokens it cost."""
    return kind(message, input_tokens=usage.total_tokens - usage.output_tokens, output_tokens=usage.output_tokens)


def name_failure(name: str, status: int | None, message: str) -> ModelError:
    """The error for a failed HTTP exchange; ``status`` is None where there was none."""
    text = f"{name}: {message[:_LONGEST_MESSAGE]}"
    if status in _DECLINED:
        return ModelRefused(f"{text} (HTTP {status})")
    if status in (401, 403):
        return ModelUnavailable(f"{text} (HTTP {status}); check REVERIE_MODEL_KEY")
    if status == 404:
        return ModelUnavailable(f"{text} (HTTP 404); check REVERIE_MODEL and REVERIE_MODEL_URL")
    return ModelUnavailable(f"{text} (HTTP {status})" if status else text)
