"""Outcomes of a live session: defined by the user, judged by a grader, one at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reverie.errors import InputError
from reverie.runtime.usage import NO_USAGE

_OPEN = ("pending", "running", "evaluating", "needs_revision")
_WORTH = {"satisfied": 1.0, "max_iterations_reached": 0.0, "failed": 0.0}
"""What a final verdict counts for as a score; an interrupted one says nothing."""

Outcomes = Sequence[Mapping[str, Any]]


def open_outcome(outcome_id: str, description: str) -> dict[str, Any]:
    """The record of an outcome that has just been defined."""
    return {
        "type": "outcome_evaluation",
        "outcome_id": outcome_id,
        "description": description,
        "iteration": 0,
        "result": "pending",
        "explanation": None,
        "completed_at": None,
    }


def has_open_outcome(outcomes: Outcomes) -> bool:
    """Whether the latest outcome has no final verdict yet."""
    return bool(outcomes) and outcomes[-1]["result"] in _OPEN


def follow_outcome(
    outcomes: Outcomes, type_: str, payload: Mapping[str, Any], now: datetime
) -> tuple[tuple[Mapping[str, Any], ...], float | None]:
    """The outcomes after an evaluation event, and the score of a final verdict.

    Raises:
        InputError: no such outcome is open.
    """
    if not has_open_outcome(outcomes) or payload.get("outcome_id") != outcomes[-1]["outcome_id"]:
        raise InputError(f"outcome_id: no outcome {payload.get('outcome_id')!r} is open")
    changed = {**outcomes[-1], "iteration": payload.get("iteration", outcomes[-1]["iteration"])}
    if type_ != "span.outcome_evaluation_end":
        return (*outcomes[:-1], {**changed, "result": "evaluating"}), None
    result = payload["result"]
    changed |= {"result": result, "explanation": payload.get("explanation")}
    if result not in _OPEN:
        changed["completed_at"] = now.isoformat().replace("+00:00", "Z")
    return (*outcomes[:-1], changed), _WORTH.get(result)


def close_outcome(
    outcomes: Outcomes, result: str, now: datetime
) -> tuple[tuple[Mapping[str, Any], ...], dict[str, Any] | None]:
    """The outcomes with the open one ended by ``result``, and the event that says so; None where none is open."""
    if not has_open_outcome(outcomes):
        return tuple(outcomes), None
    last = outcomes[-1]
    explanation = "The user interrupted before a verdict."
    completed = now.isoformat().replace("+00:00", "Z")
    closed = {**last, "result": result, "explanation": explanation, "completed_at": completed}
    event = {
        "outcome_id": last["outcome_id"],
        "outcome_evaluation_start_id": "",
        "iteration": last["iteration"],
        "result": result,
        "explanation": explanation,
        "usage": dict(NO_USAGE),
    }
    return (*outcomes[:-1], closed), event
