"""Calls that a rule refused, as the log tells of them."""

from collections.abc import Mapping
from typing import Any

RULE = "rule:"
"""Before a rule's name: in the ``reason_code`` of a call that it decided, and in the error class of a refusal."""


def refusing_rule(payload: Mapping[str, Any]) -> str | None:
    """The rule that refused a call, from the payload of the event that tells of the call."""
    evaluation = payload.get("evaluation")
    evaluated = evaluation.get("evaluated_permission") if isinstance(evaluation, Mapping) else None
    if not isinstance(evaluated, Mapping) or evaluated.get("type") != "deny":
        return None
    reason = evaluated.get("reason_code")
    return reason.removeprefix(RULE) if isinstance(reason, str) and reason.startswith(RULE) else None
