"""What a session has used so far, in the wire API's shape."""

from collections.abc import Mapping
from typing import Any

COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


WEB_REQUESTS: Mapping[str, str] = {"web_search": "web_search_requests", "web_fetch": "web_fetch_requests"}
"""Built-in tools that no worker runs, and what counts their calls."""
NO_USAGE: Mapping[str, int] = dict.fromkeys(COUNTS, 0)
"""The ``model_usage`` of a request of which nothing is known."""


def add_usage(usage: Mapping[str, Any], payload: Mapping[str, Any], cost_usd: float | None = None) -> dict[str, Any]:
    """``usage`` (token counts) with those of a ``span.model_request_end`` added, and what it cost at list price.

    A request that used tokens and has no known price makes the sum of costs a lower bound: ``unpriced`` then says so.
    """
    counts = payload.get("model_usage") or {}
    added = {name: int(usage.get(name, 0)) + int(counts.get(name) or 0) for name in COUNTS}
    costs: dict[str, Any] = {
        name: usage[name] for name in ("cost_usd", "unpriced", *WEB_REQUESTS.values()) if name in usage
    }
    if cost_usd is not None:
        costs["cost_usd"] = costs.get("cost_usd", 0.0) + cost_usd
    elif any(int(counts.get(name) or 0) for name in COUNTS):
        costs["unpriced"] = True
    return added | costs


def add_web_request(usage: Mapping[str, Any], tool: str) -> dict[str, Any]:
    """``usage`` with a call of a web tool added that was not denied; of any other tool as it is."""
    name = WEB_REQUESTS.get(tool)
    return dict(usage) if name is None else {**usage, name: usage.get(name, 0) + 1}


def list_cost(usage: Mapping[str, Any]) -> dict[str, str] | None:
    """What a session cost at list price, as a string of whole cents; None where some of it has no price."""
    if usage.get("unpriced") or "cost_usd" not in usage:
        return None
    return {"amount": str(round(usage["cost_usd"] * 100)), "currency": "USD"}


def usage_snapshot(usage: Mapping[str, Any], active_seconds: float) -> dict[str, Any]:
    """Token counts as a session's ``usage``, with the cost where it is known."""
    cost = list_cost(usage)
    return {
        "input_tokens": usage.get("input_tokens", 0),
        "output_tokens": usage.get("output_tokens", 0),
        "cache_read_input_tokens": usage.get("cache_read_input_tokens", 0),
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.get("cache_creation_input_tokens", 0),
            "ephemeral_1h_input_tokens": 0,
        },
        "active_seconds": active_seconds,
        **({"list_cost": cost} if cost is not None else {}),
        "server_tool_use": {name: usage.get(name, 0) for name in WEB_REQUESTS.values()},
    }
