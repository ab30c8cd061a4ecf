"""What a failed request to a model comes to: another try, or the end of the turn with a reason that says what to do."""

from collections.abc import Mapping
from typing import Any, Literal

from reverie.errors import (
    ModelAccessError,
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelReplyInvalid,
)

MOST_ATTEMPTS = 4
"""Requests that are made for one step before the turn is given up."""
MOST_CUTS = 3
"""Replies of a turn that may be cut off one after another before it is given up."""
CUT_OFF = "the reply was cut off at the model's limit of output tokens; the agent is asked to go on"
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


def error_event(error: ModelError, *, retry: Literal["retrying", "exhausted"]) -> dict[str, Any]:
    """The ``session.error`` of a failed request."""
    described: dict[str, Any] = {"type": _error_type(error), "message": str(error), "retry_status": {"type": retry}}
    return {"type": "session.error", "error": described}


def _error_type(error: ModelError) -> str:
    if isinstance(error, ModelRateLimited):
        return "model_rate_limited_error"
    if isinstance(error, ModelOverloaded):
        return "model_overloaded_error"
    return "model_request_failed_error"


def stopped_event(type_: str, message: str) -> dict[str, Any]:
    """The ``session.error`` of a turn that is stopped though no request failed."""
    return {
        "type": "session.error",
        "error": {"type": type_, "message": message, "retry_status": {"type": "exhausted"}},
    }


def cut_off_event() -> dict[str, Any]:
    """The ``session.error`` of a reply that stopped at the limit of its length; the agent is asked to go on."""
    return {
        "type": "session.error",
        "error": {"type": "model_request_failed_error", "message": CUT_OFF, "retry_status": {"type": "retrying"}},
    }


def was_cut_off(payload: Mapping[str, Any]) -> bool:
    """Whether a ``session.error`` tells of a reply that was cut off."""
    error = payload.get("error")
    return isinstance(error, Mapping) and error.get("message") == CUT_OFF


def may_retry(error: ModelError, attempt: int) -> bool:
    """Whether the same request may do better later; ``attempt`` counts those made, from 1."""
    hopeless = isinstance(error, ModelAccessError | ModelRefused)
    return not hopeless and attempt < (2 if isinstance(error, ModelReplyInvalid) else MOST_ATTEMPTS)


def pause_seconds(error: ModelError, attempt: int, jitter: float) -> float:
    """How long to wait before the next try.

    Args:
        jitter: uniform in [0, 1).
    """
    told = getattr(error, "retry_after_seconds", None)
    if told is not None:
        return float(told) + jitter
    pause: float = min(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)
    return pause * (0.5 + jitter / 2)
