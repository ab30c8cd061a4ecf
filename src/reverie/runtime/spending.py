"""Whether a session may spend more."""

from reverie.language_model import ModelPrice
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


def limit_usd(state: LiveState) -> float:
    """The budget of a session that has one, in US dollars."""
    assert state.budget is not None
    return float(state.budget["max_list_cost"]["amount"]) / 100


def _spent_usd(state: LiveState) -> float:
    return float(state.usage.get("cost_usd", 0.0))
