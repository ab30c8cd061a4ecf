"""What a session has used so far, in the wire API's shape."""

from collections.abc import Mapping
from typing import Any

_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def add_usage(usage: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """``usage`` (token counts) with those of a ``span.model_request_end`` added."""
    counts = payload.get("model_usage") or {}
    return {name: int(usage.get(name, 0)) + int(counts.get(name) or 0) for name in _COUNTS}


def usage_snapshot(usage: Mapping[str, Any], active_seconds: float) -> dict[str, Any]:
    """Token counts as a session's ``usage``; without a price no cost is stated."""
    return {
        "input_tokens": usage.get("input_tokens", 0),
        "output_tokens": usage.get("output_tokens", 0),
        "cache_read_input_tokens": usage.get("cache_read_input_tokens", 0),
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.get("cache_creation_input_tokens", 0),
            "ephemeral_1h_input_tokens": 0,
        },
        "active_seconds": active_seconds,
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
    }
