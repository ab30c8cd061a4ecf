"""How a dream asks a language model: how much, and what happens when there is no answer."""

from collections.abc import Sequence
from typing import Any

import msgspec

from reverie.errors import ModelBudgetExceeded, ModelRefused, ModelReplyInvalid, ModelUnavailable
from reverie.language_model import LanguageModel, ModelMessage, ModelRequest, reply_schema
from reverie.prompts.prompt import Prompt


class AssistantPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a dream asks of a model."""

    pairs: int = 8
    """Pairs of sessions that are read."""
    pairs_per_call: int = 2
    proposals_per_call: int = 6
    """Behaviours that one call may propose; more than that are dropped."""
    transcript_tokens: int = 2_500
    """About how long a transcript may be in a prompt."""
    texts_per_call: int = 10
    """Themes or pieces of advice that one call words."""
    output_tokens: int = 4_000
    """Longest reply, and longest group of memories to merge. Models that reason before they answer need room for it."""


def make_request(prompt: Prompt, reply: type[msgspec.Struct], policy: AssistantPolicy) -> ModelRequest:
    """The prompt as a request whose answer has the fields of ``reply``."""
    return ModelRequest(
        purpose=prompt.purpose,
        messages=(ModelMessage("user", prompt.user),),
        max_output_tokens=policy.output_tokens,
        system=prompt.system,
        schema=reply_schema(reply),
    )


def reason_of(error: Exception) -> str:
    """What an error says, without characters that cannot be seen: part of it may be a model's text."""
    return "".join(character if character.isprintable() else "\ufffd" for character in str(error))


async def ask(
    model: LanguageModel, requests: Sequence[ModelRequest], notes: list[str]
) -> list[tuple[int, dict[str, Any]]]:
    """Position and JSON object of each answer; what fails is noted, and what would go on failing ends it."""
    answers = []
    for number, request in enumerate(requests):
        try:
            reply = await model.complete(request)
        except (ModelUnavailable, ModelBudgetExceeded) as error:
            notes.append(f"{request.purpose}: {reason_of(error)}")
            break
        except (ModelRefused, ModelReplyInvalid) as error:
            notes.append(f"{request.purpose}: {reason_of(error)}")
            continue
        if isinstance(reply.parsed, dict):
            answers.append((number, reply.parsed))
        else:
            notes.append(f"{request.purpose}: the reply is not an object")
    return answers
