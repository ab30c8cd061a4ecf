"""What the other rooms may ask of a language model; :mod:`reverie.models` holds what answers."""

from typing import Any, Literal, Protocol

import msgspec

_LEFT_OUT = frozenset({"default", "discriminator", "properties", "title"})


class ModelMessage(msgspec.Struct, frozen=True):
    """One turn of what is put to a model."""

    role: Literal["user", "assistant"]
    text: str


class ModelRequest(msgspec.Struct, frozen=True):
    """A question to a model, complete in itself."""

    purpose: str
    """The prompt's name and version, such as ``propose_behaviours/1``: usage is accounted by it."""
    messages: tuple[ModelMessage, ...]
    max_output_tokens: int
    system: str = ""
    schema: dict[str, Any] | None = None
    """JSON schema of the reply, as :func:`reply_schema` makes it; None asks for free text."""


class ModelUsage(msgspec.Struct, frozen=True):
    """Tokens used; what was read from or written to the provider's cache is not counted as input again."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class ModelReply(msgspec.Struct, frozen=True):
    """A complete answer; one that was cut short or declined is an error instead."""

    text: str
    parsed: Any
    """The JSON value in ``text`` where a schema was asked for, else None. Not yet checked against the schema."""
    usage: ModelUsage


class ModelPrice(msgspec.Struct, frozen=True):
    """US dollars per million tokens."""

    input_usd: float
    output_usd: float
    cache_read_usd: float | None = None
    """None: as ``input_usd``."""
    cache_write_usd: float | None = None
    """None: as ``input_usd``."""


class LanguageModel(Protocol):
    """Answers requests, one at a time."""

    @property
    def name(self) -> str:
        """``provider:model``."""
        ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The model's answer.

        Raises:
            ModelUnavailable: no answer can be had now.
            ModelRefused: the model or its provider declined this request.
            ModelReplyInvalid: the answer was cut short or is not the JSON that was asked for.
            ModelBudgetExceeded: the answer might cost more than is left to spend; it was not asked for.
        """
        ...


def add_usage(first: ModelUsage, second: ModelUsage) -> ModelUsage:
    """Both together."""
    return ModelUsage(
        first.input_tokens + second.input_tokens,
        first.output_tokens + second.output_tokens,
        first.cache_read_tokens + second.cache_read_tokens,
        first.cache_write_tokens + second.cache_write_tokens,
    )


def cost_usd(usage: ModelUsage, price: ModelPrice) -> float:
    """What the tokens cost, in US dollars."""
    cache_read = price.input_usd if price.cache_read_usd is None else price.cache_read_usd
    cache_write = price.input_usd if price.cache_write_usd is None else price.cache_write_usd
    millionths = (
        usage.input_tokens * price.input_usd
        + usage.output_tokens * price.output_usd
        + usage.cache_read_tokens * cache_read
        + usage.cache_write_tokens * cache_write
    )
    return millionths / 1_000_000


def most_usd(usage: ModelUsage, price: ModelPrice) -> float:
    """What the tokens cost at most, in US dollars: all input written to the provider's cache, if that is dearer."""
    cached = ModelUsage(0, usage.output_tokens, 0, usage.input_tokens)
    return max(cost_usd(usage, price), cost_usd(cached, price))


def reply_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of ``kind`` in the form that providers' strict modes have in common.

    One object at the root, every property required (a default stands for a value that may be null), no others.
    """
    (root,), components = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    schema = components.pop(root["$ref"].rpartition("/")[2])
    return {**_strict(schema), "$defs": {name: _strict(component) for name, component in components.items()}}


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _strict(part) for key, part in schema.items() if key not in _LEFT_OUT}
    if schema.get("type") == "object":
        kept["properties"] = {name: _strict(part) for name, part in schema["properties"].items()}
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept
