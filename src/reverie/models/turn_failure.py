"""What a failed exchange with a provider comes to, whichever dialect it speaks: one error, and what to do about it."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import msgspec

from reverie.errors import (
    ContextOverflow,
    ModelAccessError,
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelUnavailable,
    ThinkingRefused,
)
from reverie.models.route import KEY_VARIABLES, ModelRoute

_LONGEST_MESSAGE = 500
_BUSY_LATER = frozenset({408, 409, 425, 499})
"""Statuses below 500 that speak about the moment and not about the request."""
_DECLINED = frozenset({400, 413, 422})
_OF_THE_KEY = frozenset({401, 402, 403})
_TOO_LONG = re.compile(
    r"(prompt|input|messages?|conversation|request) (is|are) too (long|large)"
    r"|exceeds? (the )?(model'?s? )?(available |maximum )?context"
    r"|context[ _](length|size|window|limit)"
    r"|maximum context|max(imum)?[ _]model[ _]len|request_too_large|string_above_max_length",
    re.IGNORECASE,
)
_OF_THINKING = re.compile(
    r"redacted_thinking|thinking\W+(or \S+ )?blocks?\b|thinking\.(signature|thinking)\b"
    r"|(signature|data)\W+in\W+(redacted_)?thinking|cannot be modified.*thinking",
    re.IGNORECASE | re.DOTALL,
)
_NO_CREDIT = re.compile(r"insufficient_quota|credit balance|billing|exceeded your current quota", re.IGNORECASE)
_OVERLOADED = re.compile(r"overloaded|over capacity|at capacity|no available (instance|worker|server)", re.IGNORECASE)
_STATUS_OF_KIND: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 529,
}
"""For errors that come in mid-stream, when the answer's status has long been 200."""


class Failure(msgspec.Struct, frozen=True):
    """What a provider says of a request that it did not answer."""

    status: int | None
    """Of the answer; None, or 200, where the error came in mid-stream."""
    body: object
    """The error as the SDK gives it: an object with ``message``, ``type`` and ``code``, or anything else."""
    message: str
    """What the SDK makes of it, for a body that says nothing."""
    headers: Mapping[str, str] = {}


def name_turn_failure(model: str, route: ModelRoute, failure: Failure) -> ModelError:
    """The error for a provider's answer; ``model`` is how the provider calls it."""
    told = _told(failure.body)
    kinds = [str(told[name]) for name in ("type", "code") if told.get(name) is not None]
    status = failure.status if failure.status not in (None, 200) else _status_of(kinds)
    message = " ".join(str(told.get("message") or failure.message).split())[:_LONGEST_MESSAGE]
    text = f"{model}: {message}" + (f" (HTTP {status})" if failure.status == status else " (in mid-reply)")
    words = f"{message} {' '.join(kinds)}"
    if status in (*_OF_THE_KEY, 429, *_DECLINED) and _NO_CREDIT.search(words):
        return ModelAccessError(f"{text}; check the account's credit with the provider")
    if status == 429 or "rate_limit_exceeded" in kinds:
        return ModelRateLimited(text, retry_after_seconds=retry_after(failure.headers))
    if status in _OF_THE_KEY:
        wanted = route.key_variable or KEY_VARIABLES[route.provider]
        return ModelAccessError(f"{text}; check the provider's key in {wanted}")
    if status == 404:
        return ModelAccessError(
            f"{text}; check the model's name in the agent, or model and base_url in REVERIE_MODEL_ROUTES"
        )
    if _TOO_LONG.search(words) or status == 413:
        return ContextOverflow(text)
    if (
        status == 529
        or "overloaded_error" in kinds
        or ((status is None or status >= 500) and _OVERLOADED.search(words))
    ):
        return ModelOverloaded(text)
    if status in _DECLINED:
        return ThinkingRefused(text) if _OF_THINKING.search(words) else ModelRefused(text)
    if status is not None and status < 500 and status not in _BUSY_LATER:
        return ModelAccessError(f"{text}; check base_url in REVERIE_MODEL_ROUTES: nothing answers such requests there")
    return ModelUnavailable(text)


def name_lost_connection(model: str, route: ModelRoute, error: BaseException) -> ModelUnavailable:
    """The error for a connection that could not be made, broke or fell silent."""
    causes = [error, *([error.__cause__] if error.__cause__ is not None else [])]
    if any(isinstance(cause, httpx2.ReadTimeout) for cause in causes):
        return ModelUnavailable(f"{model}: nothing came for {route.stall_seconds:g} s, the route's stall_seconds")
    reason = "; ".join(dict.fromkeys(str(cause) or type(cause).__name__ for cause in causes))
    return ModelUnavailable(f"{model}: the connection failed: {reason}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which a provider wants to be asked again, in any of the forms that are in use."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers.get(name, "")) * unit)
        except ValueError:
            continue
    try:
        # The provider's own time: nothing says that this machine's clock is right.
        moments = [parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date")]
    except (TypeError, ValueError):
        return None
    return max(0.0, (moments[0] - moments[1]).total_seconds())


def timeout_of(route: ModelRoute) -> httpx2.Timeout:
    """Silence is counted between bytes, so that a slow reply is no stalled one."""
    return httpx2.Timeout(route.stall_seconds, connect=min(30.0, route.stall_seconds))


def _told(body: object) -> Mapping[str, Any]:
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    return inner if isinstance(inner, Mapping) else {"message": inner} if isinstance(inner, str) else {}


def _status_of(kinds: list[str]) -> int | None:
    for kind in kinds:
        if kind in _STATUS_OF_KIND:
            return _STATUS_OF_KIND[kind]
        if kind.isdecimal() and 400 <= int(kind) < 600:
            return int(kind)
    return None
