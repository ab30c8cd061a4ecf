"""Whether a session may spend more."""

from reverie.language_model import ModelPrice
from reverie.runtime.live_state import LiveState


def over_budget(state: LiveState, price: ModelPrice | None) -> bool:
    """Whether a session with a budget has reached it, or would ask a model whose price nobody knows."""
    if state.budget is None:
        return False
    limit_usd = float(state.budget["max_list_cost"]["amount"]) / 100
    return price is None or bool(state.usage.get("unpriced")) or state.usage.get("cost_usd", 0.0) >= limit_usd
