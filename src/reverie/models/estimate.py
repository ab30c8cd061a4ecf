"""About how many tokens a request has, before a provider has counted them."""

import msgspec

from reverie.models.attachment import source_of
from reverie.turn_model import Block, TurnRequest

CHARACTERS_PER_TOKEN = 4
_ATTACHMENT_TOKENS = 1_600


def estimate_tokens(request: TurnRequest) -> int:
    """About how many tokens a request has: four characters each, and a flat number for an attachment."""
    parts = [len(msgspec.json.encode(part)) for part in (*request.system, *request.tools)]
    parts += [_characters(block) for message in request.messages for block in message.content]
    return max(1, sum(parts) // CHARACTERS_PER_TOKEN)


def _characters(block: Block) -> int:
    if source_of(block).get("type") == "base64":  # its length says nothing of what it costs
        return _ATTACHMENT_TOKENS * CHARACTERS_PER_TOKEN
    if block["type"] == "tool_result" and not isinstance(block.get("content") or "", str):
        return sum(_characters(inner) for inner in block["content"])
    return len(msgspec.json.encode(block))
