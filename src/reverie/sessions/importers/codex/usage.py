"""Tokens of a rollout: each request of the model counted once, though several lines may tell of it."""

from collections.abc import Mapping
from typing import Any

from reverie.sessions.importers.draft import usage_payload

_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens")


class Usage:
    """What was counted so far."""

    def __init__(self) -> None:
        self._total: dict[str, int] = {}

    def counted(self, last: Any, total: Any) -> dict[str, Any] | None:
        """The ``span.model_request_end`` of a line that tells of the ``last`` request and the ``total`` so far.

        None where it tells of nothing new. Cached tokens are counted among the input's, as OpenAI does.
        """
        now = _counts(total)
        before = self._total
        if now is not None and now == before:
            return None
        self._total = now or before
        spent = _counts(last)
        if spent is None and now is not None:
            spent = {name: max(0, now[name] - before.get(name, 0)) for name in _COUNTS}
        if spent is None or not any(spent.values()):
            return None
        return usage_payload(
            {
                "prompt_tokens": spent["input_tokens"],
                "completion_tokens": spent["output_tokens"],
                "prompt_tokens_details": {"cached_tokens": spent["cached_input_tokens"]},
            }
        )


def _counts(given: Any) -> dict[str, int] | None:
    if not isinstance(given, Mapping):
        return None
    return {name: value if type(value := given.get(name)) is int and value >= 0 else 0 for name in _COUNTS}
