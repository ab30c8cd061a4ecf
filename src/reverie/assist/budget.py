"""What a model may cost a dream: an estimate before, a hard cap during, the usage after."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reverie.errors import ModelBudgetExceeded, ModelError, SettingsError
from reverie.language_model import (
    LanguageModel,
    ModelPrice,
    ModelReply,
    ModelRequest,
    ModelUsage,
    add_usage,
    cost_usd,
    most_usd,
)

_BYTES_PER_TOKEN = 3
"""Of transcripts: prose has about four, JSON and code about three."""
_FRAME_TOKENS = 500
"""For what a provider puts around a request: roles, and the instructions of structured output."""


class ModelBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most that one dream may spend on a model."""

    tokens: int = 300_000
    """Input and output together."""
    usd: float | None = None
    """None: no limit but ``tokens``."""
    price: ModelPrice | None = None
    """None: unknown, so money is neither limited nor reported."""


class PlannedCalls(msgspec.Struct, frozen=True):
    """Calls of one purpose that a dream would make; tokens are per call."""

    purpose: str
    count: int
    input_tokens: int
    output_tokens: int


class ModelEstimate(msgspec.Struct, frozen=True):
    """What a dream would spend on a model at most, and about that much where everything planned is done."""

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    """None where the price is unknown."""


class Spending(msgspec.Struct, frozen=True):
    """What calls of one purpose came to."""

    calls: int = 0
    usage: ModelUsage = ModelUsage()


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def estimate_calls(planned: Iterable[PlannedCalls], price: ModelPrice | None) -> ModelEstimate:
    """What the planned calls would cost together."""
    calls = tuple(planned)
    usage = ModelUsage(
        sum(call.count * call.input_tokens for call in calls), sum(call.count * call.output_tokens for call in calls)
    )
    return ModelEstimate(
        calls=sum(call.count for call in calls),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        usd=None if price is None else cost_usd(usage, price),
    )


def worst_case(request: ModelRequest) -> ModelUsage:
    """The most tokens that a request can take."""
    size = len(_sent(request).encode("utf-8", "replace"))
    return ModelUsage(size + _FRAME_TOKENS, request.max_output_tokens)


class BudgetedModel:
    """A :class:`LanguageModel` behind a hard cap, that keeps account by purpose.

    A request is refused before it is made when it could exceed the cap in the worst case: no byte-level tokeniser makes
    more tokens of a text than it has bytes, and no reply is longer than its limit. Pass ``spent`` to go on
    where an earlier attempt at the same dream stopped.
    """

    def __init__(self, model: LanguageModel, budget: ModelBudget, spent: Mapping[str, Spending] | None = None) -> None:
        if budget.usd is not None and budget.price is None:
            raise SettingsError("a limit in money needs the model's price; set REVERIE_MODEL_PRICE")
        self._model = model
        self._budget = budget
        self._spent = dict(spent or {})

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def spent(self) -> Mapping[str, Spending]:
        """What was spent so far, by purpose."""
        return self._spent

    async def complete(self, request: ModelRequest) -> ModelReply:
        _check(self._budget, total_usage(self._spent), request)
        try:
            reply = await self._model.complete(request)
        except ModelError as error:
            self._account(request.purpose, ModelUsage(error.input_tokens, error.output_tokens))
            raise
        # Some servers report no usage; taking that for no cost would undo the cap.
        self._account(request.purpose, usage_of(request, reply))
        return reply

    def _account(self, purpose: str, usage: ModelUsage) -> None:
        before = self._spent.get(purpose, Spending())
        self._spent[purpose] = Spending(before.calls + 1, add_usage(before.usage, usage))


def usage_of(request: ModelRequest, reply: ModelReply) -> ModelUsage:
    """What a reply took: as its provider says, else about what it must have been."""
    return reply.usage if reply.usage.total_tokens else _guessed(request, reply)


def total_usage(spent: Mapping[str, Spending]) -> ModelUsage:
    """All purposes together."""
    total = ModelUsage()
    for spending in spent.values():
        total = add_usage(total, spending.usage)
    return total


def usage_report(model: str, spent: Mapping[str, Spending], price: ModelPrice | None) -> dict[str, Any]:
    """A dream's ``usage``: calls, tokens and, where the price is known, US dollars; in total and by purpose."""

    def row(spending: Spending) -> dict[str, Any]:
        money = {} if price is None else {"cost_usd": round(cost_usd(spending.usage, price), 6)}
        return {"calls": spending.calls, **msgspec.structs.asdict(spending.usage), **money}

    together = Spending(sum(spending.calls for spending in spent.values()), total_usage(spent))
    return {
        "model": model,
        **row(together),
        "by_purpose": {purpose: row(one) for purpose, one in sorted(spent.items())},
    }


def _check(budget: ModelBudget, spent: ModelUsage, request: ModelRequest) -> None:
    worst = worst_case(request)
    left = budget.tokens - spent.total_tokens
    if worst.total_tokens > left:
        raise ModelBudgetExceeded(
            f"{request.purpose} might take {worst.total_tokens:,} tokens, and {max(left, 0):,} of {budget.tokens:,} "
            "are left"
        )
    if budget.usd is None or budget.price is None:
        return
    needed, left_usd = most_usd(worst, budget.price), budget.usd - cost_usd(spent, budget.price)
    if needed > left_usd:
        raise ModelBudgetExceeded(
            f"{request.purpose} might cost ${needed:.4f}, and ${max(left_usd, 0):.4f} of ${budget.usd:.4f} are left"
        )


def _guessed(request: ModelRequest, reply: ModelReply) -> ModelUsage:
    return ModelUsage(estimate_tokens(_sent(request)) + _FRAME_TOKENS, estimate_tokens(reply.text))


def _sent(request: ModelRequest) -> str:
    schema = "" if request.schema is None else msgspec.json.encode(request.schema).decode()
    return "\n".join([request.system, *(message.text for message in request.messages), schema])
