"""Whether a session may spend more."""

from reverie.language_model import ModelPrice, ModelUsage, cost_usd
from reverie.runtime.live_state import LiveState


def over_budget(state: LiveState, price: ModelPrice | None) -> bool:
    """Whether a session with a budget has reached it, or would ask a model whose price nobody knows."""
    if state.budget is None:
        return False
    return price is None or bool(state.usage.get("unpriced")) or _spent_usd(state) >= limit_usd(state)


def has_room(state: LiveState, reserved_usd: float, most_usd: float) -> bool:
    """Whether one more request, beside others that are under way, cannot exceed the budget.

    A request alone may exceed it, and the next is not made; several at a time would exceed it by all of them.

    Args:
        reserved_usd: what the requests under way may cost together.
        most_usd: what this one may cost.
    """
    return _spent_usd(state) + reserved_usd + most_usd <= limit_usd(state)


def most_usd(input_tokens: int, output_tokens: int, price: ModelPrice) -> float:
    """What a request of about so many tokens costs at most: all of it read anew, or written to the provider's cache."""
    plain = cost_usd(ModelUsage(input_tokens, output_tokens), price)
    return max(plain, cost_usd(ModelUsage(0, output_tokens, 0, input_tokens), price))


def limit_usd(state: LiveState) -> float:
    """The budget of a session that has one, in US dollars."""
    assert state.budget is not None
    return float(state.budget["max_list_cost"]["amount"]) / 100


def _spent_usd(state: LiveState) -> float:
    return float(state.usage.get("cost_usd", 0.0))
